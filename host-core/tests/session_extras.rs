//! What a configuration adds to answers and connections: counters, hints, trailers, a pace, and how
//! connections end.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use std::time::Duration;

use configured::{ms, server};
use host_core::Pool;
use world::{Seen, World, file, get, pattern};

fn world(directives: &str) -> World {
    World::with(
        server(directives),
        [
            ("/a", file("a")),
            ("/empty", file("")),
            ("/large", file(pattern(300_000))),
        ],
    )
}

fn content(text: &str) -> &str {
    text.split_once("\r\n\r\n").unwrap().1
}

#[test]
fn counters() {
    const STATUS: &str = "location = /status { stub_status; }";
    let mut first = world(STATUS);
    let mut pool = Pool::new(2);
    let mut status = |active, accepted, requests, reading, writing, waiting| {
        first.send(get("/status"));
        let text = first.received();
        assert!(text.contains("Content-Type: text/plain\r\n"), "{text}");
        let expected = format!(
            "Active connections: {active} \nserver accepts handled requests\n \
             {accepted} {accepted} {requests} \n\
             Reading: {reading} Writing: {writing} Waiting: {waiting} \n"
        );
        assert_eq!(content(&text), expected);
    };
    status(1, 1, 1, 0, 1, 0);
    let outer = world(STATUS);
    drop(outer);
    status(1, 1, 2, 0, 1, 0);
    first.send("POST /status HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(first.statuses(), ["405"]);
    let mut idle = first.again();
    let mut reads = first.again();
    let mut writes = first.again();
    idle.send(get("/a"));
    reads.send("GET /a HT");
    writes.room = 1000;
    writes.send(get("/large"));
    let mut status = |expected: [u64; 6]| {
        first.send(get("/status"));
        let text = first.received();
        let numbers: Vec<u64> = content(&text)
            .split(|char: char| !char.is_ascii_digit())
            .filter_map(|word| word.parse().ok())
            .collect();
        let [active, accepted, requests, reading, writing, waiting] = expected;
        let expected = [
            active, accepted, accepted, requests, reading, writing, waiting,
        ];
        assert_eq!(numbers, expected);
    };
    status([4, 4, 6, 1, 2, 1]);
    idle.park(&mut pool);
    reads.send("TP/1.1\r\nHost: a\r\n\r\n");
    writes.leave(&mut pool);
    // Two more were made by the world, to park and leave.
    status([3, 6, 8, 0, 1, 2]);
    drop((idle, reads));
    status([1, 6, 9, 0, 1, 0]);
}

#[test]
fn trailers_follow_the_content() {
    for (target, status, end) in [
        (
            "/a",
            "200",
            "\r\n1\r\na\r\n0\r\nX-End: /a\r\nX-All: 200\r\n\r\n",
        ),
        (
            "/empty",
            "200",
            "\r\n\r\n0\r\nX-End: /empty\r\nX-All: 200\r\n\r\n",
        ),
        (
            "/text",
            "200",
            "\r\n2\r\nhi\r\n0\r\nX-End: /text\r\nX-All: 200\r\n\r\n",
        ),
        ("/none", "404", "\r\n0\r\nX-All: 404\r\n\r\n"),
    ] {
        let mut world = world(
            "add_trailer X-End $uri; add_trailer X-All $status always; add_trailer X-None $arg_x; \
             location = /text { return 200 hi; }",
        );
        world.send(get(target).repeat(2));
        let text = world.received();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert!(
            text.contains("\r\nTransfer-Encoding: chunked\r\n"),
            "{text}"
        );
        assert!(!text.contains("Content-Length"), "{text}");
        assert!(text.ends_with(end), "{target}: {text}");
        assert_eq!(text.matches(end).count(), 2, "{text}");
    }
}

#[test]
fn a_large_file_with_trailers() {
    let mut world = world("add_trailer X-End yes;");
    world.send(get("/large"));
    let sent = String::from_utf8_lossy(&world.sent).into_owned();
    assert!(sent.ends_with("\r\n0\r\nX-End: yes\r\n\r\n"));
    assert!(world.sent.len() > 300_000);
    world.sent.clear();
    world.send(get("/a"));
    assert_eq!(world.statuses(), ["200"]);
}

#[test]
fn trailers_may_tell_how_long_the_content_is() {
    for (target, length) in [("/a", 1), ("/empty", 0), ("/large", 300_000), ("/text", 2)] {
        let mut world = world(
            "add_trailer X-Length $body_bytes_sent; add_trailer X-All $bytes_sent; \
             location = /text { return 200 hi; }",
        );
        world.send(get(target));
        let sent = String::from_utf8_lossy(&world.sent).into_owned();
        let all = sent.find("\r\n\r\n").unwrap() + 4 + length;
        let end = format!("\r\n0\r\nX-Length: {length}\r\nX-All: {all}\r\n\r\n");
        assert!(sent.ends_with(&end), "{target}: {all}");
    }
}

#[test]
fn where_nothing_can_follow_nothing_does() {
    for (request, status) in [
        ("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n", "200"),
        ("GET /a HTTP/1.0\r\n\r\n", "200"),
        (
            "GET /a HTTP/1.1\r\nHost: a\r\nIf-Modified-Since: Sun, 09 Sep 2001 01:46:40 GMT\r\n\r\n",
            "304",
        ),
        ("GET /gone HTTP/1.1\r\nHost: a\r\n\r\n", "204"),
    ] {
        let mut world = world("add_trailer X-End yes; location = /gone { return 204; }");
        world.send(request);
        let text = world.received();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert!(!text.contains("X-End"), "{text}");
    }
}

/// RFC 8297.
#[test]
fn hints_go_ahead() {
    const HINTS: &str = "early_hints '</a.css>; rel=preload' '<$uri.js>; rel=preload';";
    let mut world = world(HINTS);
    world.send(get("/a"));
    let text = world.received();
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\
                 Link: </a.js>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n";
    assert!(text.starts_with(hints), "{text}");
    for request in [
        "GET /a HTTP/1.0\r\n\r\n",
        "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /none HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        world = self::world(HINTS);
        world.send(request);
        assert!(!world.received().contains(" 103 "), "{request}");
    }
}

/// Seconds of 1000 bytes, the head among them, and the first 500 for nothing.
#[test]
fn a_pace_is_kept() {
    let mut world = world("limit_rate 1000; limit_rate_after 500; send_timeout 2s;");
    world.send(get("/large") + &get("/a"));
    assert_eq!(world.sent.len(), 1500);
    for second in 1..100u64 {
        let at = Duration::from_secs(second);
        assert!(
            matches!(world.turn(at - ms(1)), Seen::Wait(wait) if wait.until == Some(world.at(at)))
        );
        assert_eq!(world.sent.len() as u64, 500 + 1000 * second);
        world.turn(at);
        assert_eq!(world.sent.len() as u64, 1500 + 1000 * second);
    }
    // One that was not looked at for long catches up.
    world.turn(Duration::from_secs(400));
    assert!(
        world.sent.ends_with(b"\r\n\r\na"),
        "each answer has a pace of its own"
    );
    let all = String::from_utf8_lossy(&world.sent).into_owned();
    assert_eq!(all.matches("HTTP/1.1 200 OK\r\n").count(), 2);
}

#[test]
fn an_answer_without_a_pace_after_one_with() {
    let mut world = world("location /slow/ { limit_rate 100; alias /; }");
    world.send(get("/slow/a") + &get("/large"));
    assert_eq!(world.sent.len(), 100);
    for second in 1..5 {
        world.turn(Duration::from_secs(second));
    }
    assert!(world.sent.len() > 300_000);
}

#[test]
fn the_time_that_a_connection_is_kept_is_told() {
    const FIELD: &str = "\r\nKeep-Alive: timeout=9\r\n";
    for (directives, request, told) in [
        ("keepalive_timeout 10s 9s;", get("/a"), true),
        ("keepalive_timeout 10s;", get("/a"), false),
        ("keepalive_timeout 0 9s;", get("/a"), false),
        (
            "keepalive_timeout 10s 9s; keepalive_requests 1;",
            get("/a"),
            false,
        ),
        (
            "keepalive_timeout 10s 9s;",
            "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".into(),
            false,
        ),
        (
            "keepalive_timeout 10s 9s;",
            "GET /a HTTP/1.0\r\n\r\n".into(),
            false,
        ),
        ("keepalive_timeout 10s 9s;", "broken\r\n\r\n".into(), false),
    ] {
        let mut world = world(directives);
        world.send(&request);
        let text = world.received();
        assert_eq!(text.contains(FIELD), told, "{directives} {request}: {text}");
        assert_eq!(text.contains("Keep-Alive"), told, "{text}");
    }
}

#[test]
fn lingering() {
    const CLOSE: &str = "GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    const MORE: &str =
        "POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\n1";
    for (directive, request, lingers) in [
        ("lingering_close on;", CLOSE, false),
        ("lingering_close on;", MORE, true),
        ("lingering_close always;", CLOSE, true),
        ("lingering_close off;", MORE, false),
    ] {
        let mut world = world(directive);
        let seen = world.send(request);
        assert_eq!(seen != Seen::Close, lingers, "{directive} {request}");
    }
}

#[test]
fn lingering_ends_although_bytes_come() {
    let mut world = world("lingering_time 10s; lingering_timeout 4s;");
    world.send("POST /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 999\r\n\r\n");
    for second in [3, 6, 9] {
        assert!(matches!(
            world.turn(Duration::from_secs(second)),
            Seen::Wait(_)
        ));
        world.send("x");
    }
    assert_eq!(world.turn(Duration::from_secs(10)), Seen::Close);
}

#[test]
fn late_requests_are_reset_where_that_is_wanted() {
    for (directive, end) in [
        ("reset_timedout_connection on;", Seen::Reset),
        ("reset_timedout_connection off;", Seen::ShutdownWrite),
    ] {
        let mut world = world(&format!("{directive} client_header_timeout 1s;"));
        world.send("GET / HT");
        world.turn(Duration::from_secs(2));
        assert!(world.steps.contains(&end), "{directive} {:?}", world.steps);
        assert_eq!(world.received().contains(" 408 "), end != Seen::Reset);
        assert!(world.log.contains(" 408 "), "{}", world.log);
    }
}
