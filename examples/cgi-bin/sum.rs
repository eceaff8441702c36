//! Adds the numbers of its query: `rustc -O sum.rs -o site/cgi-bin/sum`, then `/cgi-bin/sum?n=1&n=2`.

use std::env;

fn main() {
    let query = env::var("QUERY_STRING").unwrap_or_default();
    let numbers = query.split('&').filter_map(|pair| pair.strip_prefix("n="));
    let sum: Option<i64> = numbers
        .map(|n| n.parse().ok())
        .try_fold(0, |sum: i64, n: Option<i64>| sum.checked_add(n?));
    match sum {
        Some(sum) => println!("Content-Type: text/plain\n\n{sum}"),
        None => println!("Status: 400 Bad Request\nContent-Type: text/plain\n\nThese are no numbers."),
    }
}
