//! How a session sends files, and what it holds in memory meanwhile.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{self, ErrorKind};

use host_core::Step;
use world::{Node, Seen, World, file, get, offered, open, pattern};

const KIB_16: usize = 16 * 1024;

#[test]
fn bodies_of_every_size_arrive_whole_whatever_each_write_takes() {
    let small = [0, 1, 256, 257].map(|size| (size, (1..=300).collect()));
    let middle = [16_383, 16_384, 16_385, 65_536].map(|size| (size, (1..=16).collect()));
    let large = (
        1_000_000,
        vec![5, 1000, 65_535, 65_536, 262_144, usize::MAX],
    );
    for (size, writes) in small.into_iter().chain(middle).chain([large]) {
        let content = pattern(size);
        let world = World::new([("/f", file(&content))]);
        for per_write in writes {
            let mut world = world.again();
            world.per_write = per_write;
            world.send(get("/f"));
            let head = world.sent.len() - size;
            assert!(world.sent[..head].ends_with(b"\r\n\r\n"));
            assert!(world.sent[head..] == content, "{size} by {per_write}");
            let length = format!("\r\nContent-Length: {size}\r\n");
            assert!(world.received().contains(&length));
        }
    }
}

#[test]
fn a_short_file_leaves_together_with_its_head() {
    for size in [1, 256, 257, KIB_16 - 1, KIB_16] {
        let mut world = World::new([("/f", file(pattern(size)))]);
        world.send(get("/f"));
        let write = Seen::Write(world.sent.len());
        let steps = [Seen::Lookup, Seen::ReadFile(0, size), write, Seen::Log];
        assert_eq!(world.done(), steps);
    }
}

/// It is not read, and its head waits for its first bytes.
#[test]
fn a_longer_file_is_sent_as_it_is() {
    for size in [KIB_16 + 1, 256 * 1024, 1_000_000] {
        let mut world = World::new([("/f", file(pattern(size)))]);
        world.send(get("/f"));
        let head = world.sent.len() - size;
        let steps = world.done();
        assert_eq!(steps[..2], [Seen::Lookup, Seen::WriteMore(head)]);
        assert_eq!(*steps.last().unwrap(), Seen::Log);
        let parts = (0..size).step_by(256 * 1024);
        let parts = parts.map(|at| Seen::SendFile(at as u64, (size - at).min(256 * 1024)));
        assert!(
            steps[2..steps.len() - 1].iter().copied().eq(parts),
            "{size}"
        );
    }
}

#[test]
fn an_empty_file_is_not_read() {
    let mut world = World::new([("/f", file(""))]);
    world.send(get("/f"));
    let head = world.sent.len();
    let steps = [Seen::Lookup, Seen::Write(head), Seen::Log];
    assert_eq!(world.done(), steps);
    assert!(world.received().contains("\r\nContent-Length: 0\r\n"));
}

#[test]
fn a_head_request_does_not_read_the_file() {
    let mut world = World::new([("/f", file(pattern(100_000)))]);
    world.send("HEAD /f HTTP/1.1\r\nHost: a\r\n\r\n");
    let head = world.sent.len();
    let steps = [Seen::Lookup, Seen::Write(head), Seen::Log];
    assert_eq!(world.done(), steps);
}

#[test]
fn a_range_is_sent_from_its_place() {
    let content = pattern(1_000_000);
    let mut world = World::new([("/f", file(&content))]);
    world.per_write = 100_000;
    world.send("GET /f HTTP/1.1\r\nHost: a\r\nRange: bytes=100000-299999\r\n\r\n");
    assert!(world.sent.ends_with(&content[100_000..300_000]));
    let moved = |step: &Seen| matches!(step, Seen::ReadFile(..) | Seen::SendFile(..));
    let steps: Vec<_> = world.done().into_iter().filter(moved).collect();
    let expected = [
        Seen::SendFile(100_000, 200_000),
        Seen::SendFile(200_000, 100_000),
    ];
    assert_eq!(steps, expected);
}

#[test]
fn sixteen_pipelined_requests_are_answered_with_one_write() {
    let content = pattern(1000);
    let mut world = World::new([("/f", file(&content)), ("/g", file("hello"))]);
    world.send((get("/f") + &get("/g")).repeat(8));
    let steps = world.done();
    let writes = steps.iter().filter(|step| matches!(step, Seen::Write(_)));
    assert_eq!(writes.count(), 1, "{steps:?}");
    assert_eq!(*steps.last().unwrap(), Seen::Log);
    let mut single = world.again();
    single.send(get("/f"));
    single.send(get("/g"));
    assert!(world.sent == single.sent.repeat(8));
    assert_eq!(world.log.lines().count(), 16);
}

/// Answers to come are held back while 128 KiB wait to be written.
#[test]
fn pipelined_answers_do_not_pile_up() {
    let mut world = World::new([("/f", file(pattern(KIB_16)))]);
    world.room = 0;
    world.send(get("/f").repeat(100));
    let (_, queued) = offered(&world.session, 0);
    assert!(queued < 128 * 1024 + KIB_16 + 1024, "{queued}");
    world.make_room(usize::MAX);
    assert!(world.sent.len() > 100 * KIB_16);
    assert_eq!(world.log.lines().count(), 100);
}

#[test]
fn a_large_file_takes_no_memory() {
    let sparse = open("");
    sparse.set_len(1 << 30).unwrap();
    let mut world = World::new([("/f", Node::File(sparse))]);
    world.room = 0;
    world.send(get("/f"));
    let (_, head) = offered(&world.session, 0);
    assert!(head < 1024, "{head}");
    for _ in 0..1000 {
        let (_, before) = offered(&world.session, 0);
        world.make_room(1000);
        let (_, after) = offered(&world.session, 0);
        assert!(after <= before);
    }
    let (_, rest) = offered(&world.session, 0);
    assert_eq!(rest, 0, "the rest is sent from the file");
}

/// The client sees that something is missing: the connection ends before the announced length.
#[test]
fn a_file_that_shrinks_before_it_is_read_ends_the_connection() {
    for (size, left) in [(1000, 999), (1000, 0), (100_000, 0)] {
        let node = open(pattern(size));
        let handle = node.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(node)), ("/g", file("hello"))]);
        world.feed(get("/g") + &get("/f") + &get("/g"));
        while world.step() != Seen::Lookup {}
        while world.step() != Seen::Lookup {}
        handle.set_len(left).unwrap();
        assert_eq!(world.end(), Seen::Close);
        let text = world.received();
        let length = format!("\r\nContent-Length: {size}\r\n");
        assert!(text.contains(&length) && text.ends_with("\r\n\r\n"));
        assert!(text.contains("\r\n\r\nhelloHTTP/1.1 200 OK\r\n"));
        assert_eq!(text.matches("HTTP/1.1").count(), 2);
        assert_eq!(*world.done().last().unwrap(), Seen::Close);
    }
}

#[test]
fn a_file_that_cannot_be_read_ends_the_connection() {
    let mut world = World::new([("/f", file("hello"))]);
    world.feed(get("/f"));
    assert_eq!(world.step(), Seen::Lookup);
    assert!(matches!(world.session.step(world.now), Step::ReadFile(_)));
    let error = io::Error::from(ErrorKind::Other);
    world.session.on_file_read(Err(error), world.now);
    assert_eq!(world.end(), Seen::Close);
    assert!(world.received().ends_with("\r\n\r\n"));
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    for (left, sent) in [(65_536, 65_536), (70_000, 70_000), (10, 1000)] {
        let node = open(pattern(1_000_000));
        let handle = node.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(node))]);
        world.per_write = 1000;
        world.feed(get("/f") + &get("/f"));
        while !matches!(world.step(), Seen::SendFile(..)) {}
        handle.set_len(left).unwrap();
        assert_eq!(world.run(), Seen::Close);
        let body = world.sent.len() - head_len(&world.sent);
        // The first thousand bytes were sent before.
        assert_eq!(body, sent);
        assert_eq!(world.sent[world.sent.len() - body..], pattern(body));
    }
}

fn head_len(sent: &[u8]) -> usize {
    sent.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4
}
