//! Several ranges in one answer: `multipart/byteranges` (RFC 9110, section 14.6).
#![allow(clippy::unwrap_used)]

mod world;

use std::ops::Range;

use world::answer::Answer;
use world::{ETAG_5, Node, Seen, World, file, get, open, pattern};

fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// The Range field of these ranges.
fn field(ranges: &[Range<u64>]) -> String {
    let ranges = ranges
        .iter()
        .map(|it| format!("{}-{}", it.start, it.end - 1));
    format!("Range: bytes={}\r\n", ranges.collect::<Vec<_>>().join(","))
}

/// The whole answer, but for its head.
fn multipart(boundary: &str, kind: &str, content: &[u8], ranges: &[Range<u64>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (n, range) in ranges.iter().enumerate() {
        let (first, last, len) = (range.start, range.end - 1, content.len());
        let line = if n > 0 { "\r\n" } else { "" };
        body.extend_from_slice(
            format!(
                "{line}--{boundary}\r\nContent-Type: {kind}\r\n\
                 Content-Range: bytes {first}-{last}/{len}\r\n\r\n"
            )
            .as_bytes(),
        );
        body.extend_from_slice(&content[first as usize..=last as usize]);
    }
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    body
}

fn boundary(answer: &Answer) -> String {
    let kind = answer.get("Content-Type").unwrap();
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=");
    boundary.unwrap_or_else(|| panic!("{kind}")).to_owned()
}

fn expect_parts(answer: &Answer, content: &[u8], ranges: &[Range<u64>]) {
    assert_eq!(answer.status, 206);
    assert_eq!(answer.get("Content-Range"), None);
    let body = multipart(
        &boundary(answer),
        "application/octet-stream",
        content,
        ranges,
    );
    assert!(answer.content() == body, "{ranges:?}");
    assert!(answer.rest.is_empty());
}

const LEN: u64 = 1_000_000;

/// With parts that are read, parts that are sent from the file, and both.
fn cases() -> Vec<Vec<Range<u64>>> {
    vec![
        vec![0..1, 5..6],
        vec![LEN - 5..LEN, 0..5],
        vec![0..65_536, 100_000..165_537],
        vec![500_000..900_000, 10..400_000],
        vec![7..8, 100..300_000, 400_000..400_001, 500_000..LEN],
        (0..64).map(|n| 10 * n..10 * n + 9).collect(),
        (0..64).map(|n| 12_000 * n..12_000 * n + 11_000).collect(),
    ]
}

#[test]
fn parts_come_whole_and_in_order() {
    let content = pattern(LEN as usize);
    for ranges in cases() {
        for (room, per_write) in [(usize::MAX, usize::MAX), (0, usize::MAX), (1 << 20, 997)] {
            let mut world = World::new([("/f", file(&content))]);
            (world.room, world.per_write) = (room, per_write);
            world.send(request("GET", "/f", &field(&ranges)));
            world.make_room(usize::MAX);
            expect_parts(&Answer::parse(&world.sent, false), &content, &ranges);
            // The connection goes on.
            world.sent.clear();
            world.send(get("/f"));
            assert!(Answer::parse(&world.sent, false).content() == content);
        }
    }
}

#[test]
fn many_small_parts_are_one_write() {
    let mut world = World::new([("/f", file(pattern(1000)))]);
    let ranges: Vec<_> = (0..64).map(|n| 10 * n..10 * n + 1).collect();
    world.send(request("GET", "/f", &field(&ranges)));
    let done = world.done();
    let writes = done.iter().filter(|it| matches!(it, Seen::Write(_)));
    assert_eq!(writes.count(), 1, "{done:?}");
}

#[test]
fn large_parts_do_not_pass_through_memory() {
    let mut world = World::new([("/f", file(pattern(LEN as usize)))]);
    world.send(request(
        "GET",
        "/f",
        &field(&[0..400_000, 500_000..900_000]),
    ));
    let done = world.done();
    let reads = |it: &Seen| matches!(it, Seen::ReadFile(..));
    assert!(!done.iter().any(reads), "{done:?}");
    let heads = done.iter().filter(|it| matches!(it, Seen::WriteMore(_)));
    assert_eq!(heads.count(), 2, "each in the packet of its part: {done:?}");
}

#[test]
fn fields_of_an_answer_with_parts() {
    let mut world = World::new([("/a.txt", file("hello"))]);
    world.send(request("GET", "/a.txt", &field(&[0..1, 2..3])));
    let answer = Answer::parse(&world.sent, false);
    assert_eq!(answer.get("ETag"), Some(ETAG_5));
    assert_eq!(answer.get("Accept-Ranges"), Some("bytes"));
    let body = multipart(
        &boundary(&answer),
        "text/plain; charset=utf-8",
        b"hello",
        &[0..1, 2..3],
    );
    assert_eq!(answer.content(), body);
    assert!(
        world.log.contains(&format!(" 206 {} ", body.len())),
        "{}",
        world.log
    );
}

#[test]
fn nobody_can_know_the_boundary() {
    let mut world = World::new([("/f", file("hello"))]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..100 {
        world.sent.clear();
        world.send(request("GET", "/f", &field(&[0..1, 2..3])));
        let boundary = boundary(&Answer::parse(&world.sent, false));
        assert_eq!(boundary.len(), 32);
        assert!(seen.insert(boundary));
    }
}

#[test]
fn if_range_decides_about_all_of_them() {
    for (tag, status) in [(ETAG_5, 206), ("\"other\"", 200)] {
        let mut world = World::new([("/f", file("hello"))]);
        let fields = field(&[0..1, 2..3]) + &format!("If-Range: {tag}\r\n");
        world.send(request("GET", "/f", &fields));
        let answer = Answer::parse(&world.sent, false);
        assert_eq!(answer.status, status, "{tag}");
        if status == 200 {
            assert_eq!(answer.content(), b"hello");
        }
    }
}

#[test]
fn a_batch_of_them_is_answered_in_order() {
    let content = pattern(LEN as usize);
    let mut world = World::new([("/f", file(&content))]);
    let batch = cases()
        .into_iter()
        .map(|it| request("GET", "/f", &field(&it)));
    world.send(batch.collect::<String>());
    let mut rest = std::mem::take(&mut world.sent);
    for ranges in cases() {
        let mut answer = Answer::parse(&rest, false);
        rest = std::mem::take(&mut answer.rest);
        expect_parts(&answer, &content, &ranges);
    }
    assert!(rest.is_empty());
}

/// The client sees that something is missing.
#[test]
fn a_file_that_shrinks_ends_the_connection() {
    for ranges in [&[0..10, 90_000..90_010][..], &[0..10, 20_000..LEN, 5..6]] {
        let content = open(pattern(LEN as usize));
        let handle = content.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(content))]);
        world.room = 0;
        world.feed(request("GET", "/f", &field(ranges)));
        while world.step() != Seen::Lookup {}
        world.step();
        handle.set_len(80_000).unwrap();
        world.make_room(usize::MAX);
        assert_eq!(world.end(), Seen::Close);
        assert!(Answer::parse(&world.sent, false).body.is_none());
    }
}
