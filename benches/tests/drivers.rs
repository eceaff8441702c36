//! The client tells right answers from wrong ones, and each server of ours gives right ones to all work.

use benches::drivers::Bench;
use benches::drivers::contenders::contenders;
use benches::drivers::load::{Load, Until};
use benches::drivers::work::WORKS;

fn bench() -> Bench {
    Bench::new(env!("CARGO_BIN_EXE_server"), contenders()).expect("files")
}

#[test]
fn every_server_does_its_work() {
    let bench = bench();
    for work in &WORKS {
        for contender in bench.takers(work) {
            let started = contender.start(work, &bench.site, bench.server, &[]);
            let server = started.expect(contender.name);
            let job = work.job(&server).expect(contender.name);
            let mut load = Load::open(job).expect(contender.name);
            let requests = 2 * (work.connections * work.depth) as u64 + 1;
            let answered = load.run(Until::Requests(requests));
            let what = format!("{}: {}", work.name, contender.name);
            assert_eq!(answered.expect(&what), requests, "{what}");
            assert_eq!(load.take_latency().len(), requests, "{what}");
        }
    }
}

#[test]
fn an_answer_of_another_length_is_noticed() {
    let bench = bench();
    let work = &WORKS[0];
    let contender = bench.takers(work).next().expect("a driver");
    let started = contender.start(work, &bench.site, bench.server, &[]);
    let server = started.expect(contender.name);
    let mut job = work.job(&server).expect(contender.name);
    job.expected.len += 1;
    assert!(Load::open(job).is_err());
}
