//! `cargo bench -p benches --bench matching [-- FILTER]`: how long a configuration of 1000 servers and 5000
//! locations takes to load, and a request to find its place in it. What a request takes beyond the
//! one to a single server is the matching. With `--test` everything is done once.

use benches::matching::{Connection, File, REQUESTS, large, small};
use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().configure_from_args().sample_size(10);
    let [large, small] = [large(), small()].map(|text| File::new(&text).expect("a file"));
    criterion.bench_function("matching/load 1000 servers", |bencher| {
        bencher.iter(|| large.load());
    });
    let server = small.load();
    let mut connection = Connection::new(server, "localhost", "/plain");
    criterion.bench_function("matching/one server", |bencher| {
        bencher.iter(|| connection.exchange());
    });
    let server = large.load();
    for (what, host, target) in REQUESTS {
        let mut connection = Connection::new(server.clone(), host, target);
        criterion.bench_function(&format!("matching/{what}"), |bencher| {
            bencher.iter(|| connection.exchange());
        });
    }
    criterion.final_summary();
}
