//! How a session goes from one request to the next, and how it ends.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use host_core::Wait;
use world::{Seen, World, file, get, pattern, server};

const PUT: &str = "PUT / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED: &str = "Transfer-Encoding: chunked\r\n\r\n";
const CLOSE: &str = "\r\nConnection: close\r\n";

fn world() -> World {
    World::new([("/f", file("hello")), ("/big", file(pattern(1_000_000)))])
}

/// Whether the session waits for its client, and no longer than this.
fn waits(world: &World, seen: Seen, seconds: u64) -> bool {
    let until = Some(world.at(Duration::from_secs(seconds)));
    let (read, write) = (true, false);
    seen == Seen::Wait(Wait {
        read,
        write,
        backend: false,
        until,
    })
}

/// Checks that the session has answered for the last time and waits for the client to read that.
fn lingers(world: &mut World) {
    let seen = world.run();
    assert!(waits(world, seen, 5), "{seen:?}");
    assert!(world.done().contains(&Seen::ShutdownWrite));
    world.sent.clear();
    let seen = world.send(get("/f").repeat(1000));
    assert!(waits(world, seen, 5), "{seen:?}");
    assert_eq!(world.hang_up(), Seen::Close);
    assert_eq!(world.sent, b"");
    assert_eq!(world.done(), [Seen::Close]);
}

/// Checks that the connection can be used for more.
fn goes_on(world: &mut World) {
    let seen = world.send(get("/f"));
    assert!(waits(world, seen, 75), "{seen:?}");
    let text = world.received();
    assert!(text.ends_with("hello") && !text.contains(CLOSE), "{text}");
    assert!(!world.done().contains(&Seen::ShutdownWrite));
}

#[test]
fn unread_content_up_to_64_kib_is_thrown_away() {
    for method in ["GET", "POST", "BREW"] {
        for (framing, content) in [
            ("Content-Length: 65536\r\n\r\n", "x".repeat(65_536)),
            (
                CHUNKED,
                format!("10000\r\n{}\r\n0\r\n\r\n", "x".repeat(65_536)),
            ),
            (CHUNKED, "1;a=b\r\nx\r\n".repeat(5000) + "0\r\nX: y\r\n\r\n"),
        ] {
            let mut world = world();
            world.send(format!("{method} / HTTP/1.1\r\nHost: a\r\n{framing}"));
            assert_eq!(world.statuses().len(), 1, "the answer does not wait");
            world.send(content);
            goes_on(&mut world);
        }
    }
}

#[test]
fn more_unread_content_ends_the_connection() {
    for method in ["GET", "POST", "BREW"] {
        let mut world = world();
        world.send(format!(
            "{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 65537\r\n\r\n"
        ));
        assert!(world.received().contains(CLOSE));
        lingers(&mut world);
    }
    // Of chunks it is known later.
    let mut world = world();
    world.send(format!("{PUT}{CHUNKED}10001\r\n") + &"x".repeat(65_536));
    assert!(!world.received().contains(CLOSE));
    assert!(!world.done().contains(&Seen::ShutdownWrite));
    world.send("x");
    lingers(&mut world);
}

#[test]
fn an_expectation_is_answered_finally_and_with_a_close() {
    for (method, status) in [("PUT", "405"), ("GET", "404")] {
        for content in ["", "hello"] {
            let mut world = world();
            let fields = "Expect: 100-continue\r\nContent-Length: 5";
            world.send(format!(
                "{method} / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n{content}"
            ));
            let text = world.received();
            assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
            assert!(text.contains(CLOSE) && text.matches("HTTP/").count() == 1);
            if content.is_empty() {
                lingers(&mut world);
            }
        }
    }
}

#[test]
fn what_is_no_request_is_answered_once_and_nothing_after_it_is_read() {
    let cases = [
        ("\x01", "400"),
        ("\n", "400"),
        ("GET\r\n", "400"),
        ("GET /f\r\n", "400"),
        ("GET f HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
        ("GET /f HTTP/1.1\n", "400"),
        ("GET /f HTTP/1.1\r\n\r\n", "400"),
        ("GET /f HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400"),
        ("GET /f HTTP/1.1\r\nHost: a b\r\n\r\n", "400"),
        ("GET /f HTTP/1.1\r\nHost : a\r\n\r\n", "400"),
        ("GET /f HTTP/1.1\r\n Host: a\r\n\r\n", "400"),
        ("GET /f HTTP/2.0\r\n", "505"),
        ("METHODMETHODMETHODMETHODMETHODMETHOD", "501"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
            "400",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "501",
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            "400",
        ),
        ("POST / HTTP/1.1\r\nHost: a\r\nExpect: rain\r\n\r\n", "417"),
        (&format!("GET /{:09000}", 0), "414"),
        (&format!("GET / HTTP/1.1\r\nX: {:033000}", 0), "431"),
        (
            &format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(101)),
            "431",
        ),
    ];
    for (bytes, status) in cases {
        for before in ["", &get("/f")] {
            let mut world = world();
            world.send(before.to_string() + bytes + &get("/f"));
            let text = world.received();
            let (good, bad) = text.split_at(text.rfind("HTTP/1.1").unwrap());
            assert_eq!(good.is_empty(), before.is_empty(), "{bytes}");
            assert!(bad.starts_with(&format!("HTTP/1.1 {status} ")), "{bad}");
            assert!(bad.contains(CLOSE) && !good.contains(CLOSE), "{text}");
            lingers(&mut world);
        }
    }
}

#[test]
fn content_that_is_broken_ends_the_connection_without_a_second_answer() {
    for content in [
        "zz\r\n",
        "5\r\nhelloX",
        "5\r\nhello\r\n0\r\nHost: a\r\n\r\n",
    ] {
        let mut world = world();
        world.send(format!("{PUT}{CHUNKED}{content}{}", get("/f")));
        assert_eq!(world.statuses(), ["405"]);
        lingers(&mut world);
    }
}

#[test]
fn a_client_that_wants_to_close_is_obeyed() {
    let cases = [
        "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        "GET /f HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n",
        "GET /f HTTP/1.0\r\n\r\n",
    ];
    for request in cases {
        let mut polite = world();
        assert_eq!(polite.send(request), Seen::Close);
        assert!(polite.received().contains(CLOSE));
        // A plain close could destroy the answer while more is on its way.
        let mut pushing = polite.again();
        pushing.send(request.to_string() + &get("/f"));
        assert_eq!(pushing.statuses(), ["200"]);
        lingers(&mut pushing);
    }
}

#[test]
fn http_1_0_goes_on_if_asked_to() {
    let mut world = world();
    let request = "GET /f HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
    let seen = world.send(request.repeat(2));
    assert!(waits(&world, seen, 75));
    let text = world.received();
    assert_eq!(text.matches("\r\nConnection: keep-alive\r\n").count(), 2);
}

#[test]
fn the_last_allowed_request_closes_the_connection() {
    let mut server = server();
    server.keepalive_requests = 3;
    let world = World::with(server, [("/f", file("hello"))]);
    for pipelined in [false, true] {
        let mut world = world.again();
        let pieces = if pipelined { vec![4] } else { vec![1; 3] };
        for requests in pieces {
            world.send(get("/f").repeat(requests));
        }
        let text = world.received();
        assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3);
        assert_eq!(text.matches(CLOSE).count(), 1);
        assert!(text.rfind(CLOSE) > text.rfind("HTTP/1.1"), "{text}");
        // Another request may be on its way in either case.
        lingers(&mut world);
    }
}

#[test]
fn a_client_that_has_sent_all_gets_all() {
    let mut world = world();
    world.room = 5000;
    world.send(get("/f") + &get("/big") + &get("/f"));
    world.hang_up();
    assert_eq!(world.make_room(usize::MAX), Seen::Close);
    assert_eq!(world.statuses(), ["200", "200", "200"]);
    assert!(!world.done().contains(&Seen::ShutdownWrite));
}

#[test]
fn a_stream_that_ends_between_requests_is_closed_without_a_word() {
    for before in [String::new(), "\r\n".into(), get("/f"), get("/f") + "\r\n"] {
        let mut world = world();
        world.send(&before);
        world.sent.clear();
        assert_eq!(world.hang_up(), Seen::Close);
        assert_eq!(world.sent, b"", "{before}");
    }
}

#[test]
fn a_stream_that_ends_in_a_head_is_a_bad_request() {
    let mut world = world();
    world.send("GET /f HTTP/1.1\r\nHo");
    assert_eq!(world.hang_up(), Seen::Close);
    assert!(world.received().starts_with("HTTP/1.1 400 "));
}
