//! `cargo bench -p benches --bench ratios [-- FILTER...]`: how h1-core's times compare with its rivals',
//! for the work whose name contains one of the filters. With `--test` everything is done once.

use std::env;

use benches::{Contest, measure};

fn main() {
    let args: Vec<String> = env::args().skip(1).collect();
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let mut contests = benches::contests();
    contests.retain(|contest| {
        let chosen = |filter: &&String| contest.name.contains(filter.as_str());
        filters.is_empty() || filters.iter().any(chosen)
    });
    match args.iter().any(|arg| arg == "--test") {
        true => contests
            .iter_mut()
            .flat_map(Contest::contenders)
            .for_each(|(_, work)| work()),
        false => measure::table(&mut contests),
    }
}
