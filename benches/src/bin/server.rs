//! A server for the benchmarks.

fn main() {}
