//! How a session ends when it is told to, or when its socket fails.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{Error, ErrorKind};
use std::time::Duration;

use host_core::{Now, Session, Step, Wait};
use world::{Node, Seen, World, file, get, open, pattern};

const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\n";
const CLOSE: &str = "\r\nConnection: close\r\n";

fn world() -> World {
    World::new([("/f", file("hello")), ("/big", file(pattern(1_000_000)))])
}

#[test]
fn at_a_stop_an_idle_connection_is_read_once_more_and_closed() {
    for before in [get("/f"), get("/big"), get("/f") + "\r\n"] {
        let mut world = world();
        world.send(&before);
        world.done();
        world.sent.clear();
        world.session.drain();
        assert_eq!(world.run(), Seen::Close, "{before}");
        assert_eq!(world.done(), [Seen::Read, Seen::Close], "{before}");
        assert_eq!(world.sent, b"", "{before}");
    }
    let mut ended = world();
    ended.session.drain();
    assert_eq!(ended.hang_up(), Seen::Close);
    assert_eq!(ended.sent, b"");
}

#[test]
fn at_a_stop_a_new_connection_has_two_seconds() {
    for before in ["", "\r\n"] {
        let mut world = world();
        world.send(before);
        world.session.drain();
        let (read, write) = (true, false);
        let until = Some(world.at(Duration::from_secs(2)));
        let waiting = Seen::Wait(Wait {
            read,
            write,
            backend: false,
            until,
        });
        assert_eq!(world.run(), waiting);
        world.session.on_read_blocked(world.now);
        assert_eq!(world.run(), waiting);
        assert_eq!(world.turn(Duration::from_secs(2)), Seen::Close);
        assert_eq!(world.sent, b"");
    }
}

#[test]
fn at_a_stop_a_request_on_its_way_is_answered() {
    for before in [String::new(), get("/f")] {
        let mut world = world();
        world.send(before);
        world.sent.clear();
        world.session.drain();
        assert_eq!(world.send(get("/f")), world.run());
        assert_eq!(world.end(), Seen::Close);
        assert!(world.received().contains(CLOSE));
    }
}

#[test]
fn at_a_stop_half_a_request_has_its_time() {
    let mut world = world();
    world.session.drain();
    let (read, write) = (true, false);
    let until = Some(world.at(Duration::from_secs(60)));
    let waiting = Seen::Wait(Wait {
        read,
        write,
        backend: false,
        until,
    });
    assert_eq!(world.send(&get("/f")[..9]), waiting);
    world.send(&get("/f")[9..]);
    assert_eq!(world.end(), Seen::Close);
    assert!(world.received().contains(CLOSE));
}

#[test]
fn nothing_to_read_is_no_end_without_a_stop() {
    let mut world = world();
    let waiting = world.send(get("/f"));
    world.session.on_read_blocked(world.now);
    assert_eq!(world.run(), waiting);
}

#[test]
fn a_stop_between_two_answers_is_told_with_the_second() {
    let mut world = world();
    world.feed(get("/f").repeat(3));
    while world.step() != Seen::Lookup {}
    world.step();
    world.session.drain();
    world.run();
    let text = world.received();
    assert_eq!(text.matches("HTTP/1.1 200").count(), 2);
    assert!(text.rfind(CLOSE) > text.rfind("HTTP/1.1"), "{text}");
    assert!(world.done().contains(&Seen::ShutdownWrite));
}

#[test]
fn a_stop_while_a_request_is_looked_up_is_told_with_its_answer() {
    let mut world = world();
    world.feed(get("/none"));
    assert!(matches!(world.session.step(world.now), Step::Lookup(_)));
    world.session.drain();
    let none = Err(ErrorKind::NotFound.into());
    world.session.on_found(none, world.now);
    world.run();
    assert!(world.received().contains(CLOSE));
}

#[test]
fn a_stop_during_a_large_answer_does_not_cut_it() {
    let mut world = world();
    world.room = 70_000;
    world.send(get("/big"));
    world.session.drain();
    world.make_room(usize::MAX);
    assert!(world.sent.ends_with(&pattern(1_000_000)));
    assert_eq!(world.run(), Seen::Close);
}

#[test]
fn idle_is_who_neither_asks_nor_is_answered() {
    let is_idle = |bytes: &str, room| {
        let mut world = world();
        world.room = room;
        world.send(bytes);
        world.session.is_idle()
    };
    let content = format!("{POST}Content-Length: 2\r\n\r\n");
    for (bytes, room, idle) in [
        ("", usize::MAX, true),
        ("G", usize::MAX, false),
        (&get("/f"), usize::MAX, true),
        (&get("/big"), usize::MAX, true),
        (&(get("/f") + "G"), usize::MAX, false),
        (&get("/f"), 0, false),
        (&get("/f"), 9, false),
        (&get("/big"), 99_999, false),
        (&content, usize::MAX, false),
        (&(content.clone() + "x"), usize::MAX, false),
        (&(content.clone() + "xy"), usize::MAX, true),
        ("\x01", usize::MAX, false),
        ("GET /f HTTP/1.0\r\n\r\n", usize::MAX, false),
    ] {
        assert_eq!(is_idle(bytes, room), idle, "{bytes} with room for {room}");
    }
    let mut world = world();
    world.feed(get("/f"));
    for _ in 0..3 {
        assert!(!world.session.is_idle());
        assert!(!matches!(world.step(), Seen::Wait(_)));
    }
}

/// The byte counts are those of the content that was written before the socket failed.
#[test]
fn a_socket_that_fails_is_closed_and_the_answer_logged_as_far_as_it_went() {
    let none: [u64; 0] = [];
    let head_len = |target: &str| {
        let mut world = world();
        world.send(format!("HEAD {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        world.sent.len()
    };
    let (f, big) = (head_len("/f"), head_len("/big"));
    for (bytes, room, logged) in [
        (String::new(), usize::MAX, none.to_vec()),
        ("GET /".into(), usize::MAX, none.to_vec()),
        (get("/f"), usize::MAX, vec![5]),
        (get("/f") + "GET /", usize::MAX, vec![5]),
        (get("/big"), 0, vec![0]),
        (get("/big"), 9, vec![0]),
        (get("/big"), big, vec![0]),
        (get("/big"), big + 1, vec![1]),
        (get("/big"), big + 65_536, vec![65_536]),
        (get("/big"), big + 65_537, vec![65_537]),
        (get("/big"), big + 999_999, vec![999_999]),
        (get("/big"), big + 1_000_000, vec![1_000_000]),
        (get("/f") + &get("/big"), f + 5 + big + 7, vec![5, 7]),
        (get("/f") + &get("/big"), f + 5, vec![5, 0]),
    ] {
        assert_eq!(fail(&bytes, room), logged, "{bytes} with room for {room}");
    }
}

/// As above, where the whole answer is in the queue already.
#[test]
fn a_small_answer_is_logged_as_far_as_it_went() {
    let mut whole = world();
    whole.send(get("/f"));
    let all = whole.sent.len();
    for written in 0..=5 {
        assert_eq!(fail(&get("/f"), all - 5 + written), [written as u64]);
    }
}

#[test]
fn a_socket_that_fails_is_the_end_in_any_state() {
    let post = |len: usize| format!("{POST}Content-Length: {len}\r\n\r\nx");
    for bytes in [post(9), post(99_999), "\x01".into(), get("/f") + "\r\n"] {
        for room in [0, 100, usize::MAX] {
            assert_eq!(fail(&bytes, room).len(), 1, "{bytes} with room for {room}");
        }
    }
}

/// Lets the socket fail when it has taken `room` bytes; returns the byte counts in the log.
fn fail(bytes: &str, room: usize) -> Vec<u64> {
    let mut world = world();
    world.room = room;
    world.send(bytes);
    let sent = world.sent.len();
    let error = Error::from(ErrorKind::ConnectionReset);
    world.session.on_socket_error(&error, world.now);
    assert_eq!(world.run(), Seen::Close);
    assert_eq!(world.sent.len(), sent);
    counts(&world.log)
}

fn counts(log: &str) -> Vec<u64> {
    let count = |line: &str| line.split(' ').rev().nth(2).unwrap().parse().unwrap();
    log.lines().map(count).collect()
}

#[test]
fn a_socket_may_fail_before_the_answer_is_written() {
    for (steps, logged) in [(0, vec![]), (1, vec![0]), (2, vec![0])] {
        let mut world = world();
        world.room = 0;
        world.feed(get("/big"));
        for _ in 0..steps {
            world.step();
        }
        let error = Error::from(ErrorKind::ConnectionReset);
        world.session.on_socket_error(&error, world.now);
        assert_eq!(world.run(), Seen::Close);
        assert_eq!(counts(&world.log), logged, "after {steps} steps");
    }
}

#[test]
fn a_file_that_shrinks_is_logged_as_far_as_it_was_sent() {
    for (left, logged) in [(0, 0), (1, 1), (99_999, 99_999)] {
        let node = open(pattern(100_000));
        let handle = node.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(node))]);
        world.feed(get("/f"));
        assert_eq!(world.step(), Seen::Lookup);
        handle.set_len(left).unwrap();
        assert_eq!(world.end(), Seen::Close);
        assert_eq!(counts(&world.log), [logged], "{left} bytes left");
    }
}

/// A session that has said so is not heard of again.
#[test]
fn what_is_over_stays_over() {
    let pesters: [fn(&mut Session, Now); 6] = [
        |session, now| session.on_timeout(now),
        |session, now| session.on_writable(now),
        |session, now| session.on_written(0, now),
        |session, now| session.on_read(0, now),
        |session, now| session.on_found(Err(ErrorKind::NotFound.into()), now),
        |session, now| session.on_file_read(Ok(0), now),
    ];
    for bytes in ["", "GET /f", &get("/f"), &get("/big"), &(get("/f") + "G")] {
        for pester in pesters {
            let mut world = world();
            world.room = 70_000;
            world.send(bytes);
            let error = Error::from(ErrorKind::ConnectionReset);
            world.session.on_socket_error(&error, world.now);
            assert_eq!(world.run(), Seen::Close);
            let sent = world.sent.len();
            world.now.monotonic = world.at(Duration::from_secs(99));
            pester(&mut world.session, world.now);
            assert_eq!(world.run(), Seen::Close, "{bytes}");
            assert_eq!(world.sent.len(), sent, "{bytes}");
        }
    }
}
