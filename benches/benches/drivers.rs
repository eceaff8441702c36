//! The drivers side by side with other servers.

fn main() {}
