//! The least that a CGI script can be.

fn main() {
    println!("Content-Type: text/plain\nContent-Length: 6\n\nhello");
}
