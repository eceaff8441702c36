//! A connection that is kept allocates nothing, once its buffers have been made.

use allocation_counter::measure;
use benches::exchange::Server;
use benches::{body, head, input};
use bytes::Bytes;
use h1_core::Body;

/// Allocations of doing this a hundred times, when it has been done before.
fn allocations(mut work: impl FnMut()) -> u64 {
    (0..3).for_each(|_| work());
    measure(|| (0..100).for_each(|_| work())).count_total
}

#[test]
fn the_counter_counts() {
    let boxed = || drop(std::hint::black_box(Box::new(1)));
    assert_eq!(allocations(boxed), 100);
}

#[test]
fn exchanges_allocate_nothing() {
    let post = |framing: &str, content: &[u8]| [&input::post(framing), content].concat();
    let length = post("Content-Length: 5", b"hello");
    let chunked = post("Transfer-Encoding: chunked", &input::chunks(8, 100));
    let large = post("Content-Length: 100000", &[b'x'; 100_000]);
    for (what, requests, framing) in [
        ("GET", input::browser(), Body::Length(5)),
        ("GET, 40 fields", input::proxied(), Body::Length(5)),
        ("POST with a length", length.clone(), Body::Length(5)),
        ("POST of 100 kB", large, Body::Length(5)),
        (
            "POST in chunks, answer in chunks",
            chunked.clone(),
            Body::Chunked,
        ),
        (
            "16 pipelined GETs",
            input::curl().repeat(16),
            Body::Length(5),
        ),
        ("pipelined POSTs", [length, chunked].concat(), Body::Chunked),
    ] {
        let (mut server, mut answers) = (Server::new(framing), Vec::new());
        let count = allocations(|| server.serve(&requests, &mut answers));
        assert_eq!(count, 0, "{what}");
        assert!(answers.starts_with(b"HTTP/1.1 200 "), "{what}");
    }
}

#[test]
fn a_head_byte_by_byte_allocates_nothing() {
    let (head, mut reader) = (input::browser(), head::Reader::new());
    let count = allocations(|| assert!(reader.read(head.chunks(1), |_| {})));
    assert_eq!(count, 0);
}

#[test]
fn shared_content_allocates_nothing() {
    let (mut writer, mut out) = (body::Writer::new(), Vec::new());
    let chunk = Bytes::from_static(&[b'x'; 1024]);
    assert_eq!(allocations(|| writer.write(&chunk, 64, &mut out)), 0);
}
