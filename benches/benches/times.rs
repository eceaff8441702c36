//! `cargo bench -p benches --bench times [-- FILTER]`: criterion's statistics for each contender.

use criterion::{Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for mut contest in benches::contests() {
        let mut group = criterion.benchmark_group(contest.name);
        group.throughput(Throughput::Bytes(contest.bytes as u64));
        for (name, work) in contest.contenders() {
            group.bench_function(name, |bencher| bencher.iter(&mut *work));
        }
        group.finish();
    }
    criterion.final_summary();
}
