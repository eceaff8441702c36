//! The access log: nginx's `combined` format, one line for each answer.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::ErrorKind;
use std::time::Duration;

use world::{Node, Seen, World, file, get, pattern, server};

fn world() -> World {
    World::new([
        ("/f", file("hello")),
        ("/big", file(pattern(1_000_000))),
        ("/d", Node::Folder),
        ("/x", Node::Error(ErrorKind::PermissionDenied)),
    ])
}

/// A line of the first second.
fn line(request: &str, answer: &str, rest: &str) -> String {
    format!("192.0.2.7 - - [20/Nov/2026:08:44:33 +0000] \"{request}\" {answer} {rest}\n")
}

/// The bytes after the last head.
fn content(sent: &[u8]) -> usize {
    let head = sent.windows(4).rposition(|end| end == b"\r\n\r\n");
    sent.len() - head.unwrap() - 4
}

#[test]
fn a_line_names_all_that_matters() {
    let mut world = world();
    let fields = "Host: a\r\nReferer: http://b/?c=d e\r\nUser-Agent: Mozilla/5.0 (X11)\r\n";
    world.send(format!("GET /f?q HTTP/1.1\r\n{fields}\r\n"));
    let rest = "\"http://b/?c=d e\" \"Mozilla/5.0 (X11)\"";
    assert_eq!(world.log, line("GET /f?q HTTP/1.1", "200 5", rest));
}

#[test]
fn an_answer_is_logged_with_the_bytes_of_its_content() {
    for (request, fields, status) in [
        ("GET /f", "", 200),
        ("GET /big", "", 200),
        ("GET /f", "Range: bytes=1-3\r\n", 206),
        ("GET /big", "Range: bytes=100-\r\n", 206),
        ("GET /f", "Range: bytes=9-\r\n", 416),
        ("GET /f", "If-Match: \"x\"\r\n", 412),
        ("GET /f", "If-None-Match: *\r\n", 304),
        ("GET /d", "", 301),
        ("GET /x", "", 403),
        ("GET /none", "", 404),
        ("HEAD /f", "", 200),
        ("HEAD /big", "", 200),
        ("HEAD /none", "", 404),
        ("HEAD /f", "If-None-Match: *\r\n", 304),
        ("OPTIONS *", "", 204),
        ("POST /f", "Content-Length: 1\r\n", 405),
        ("BREW /f", "", 501),
    ] {
        let mut world = world();
        world.send(format!("{request} HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        let answer = format!("{status} {}", content(&world.sent));
        let expected = line(&format!("{request} HTTP/1.1"), &answer, "\"-\" \"-\"");
        assert_eq!(world.log, expected, "{fields}");
    }
}

#[test]
fn no_client_can_end_a_line_or_a_quoted_part() {
    let mut world = world();
    let fields = b"Host: a\r\nReferer: \"\\ \t\" 404 0\r\nUser-Agent: \x80\xc3\xa9\xff\r\n\r\n";
    world.send([b"HEAD /a\\b'c%0A HTTP/1.1\r\n", &fields[..]].concat());
    let request = "HEAD /a\\x5Cb'c%0A HTTP/1.1";
    let rest = "\"\\x22\\x5C \\x09\\x22 404 0\" \"\\x80\\xC3\\xA9\\xFF\"";
    assert_eq!(world.log, line(request, "404 0", rest));
}

#[test]
fn what_is_no_request_is_logged_as_far_as_its_line_has_come() {
    let long = "x".repeat(300);
    for (bytes, request, status) in [
        ("GET /\r\n\r\n", "GET /", 400),
        ("GET / FTP/1.1\r\nHost: a", "GET / FTP/1.1", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/2.0", 505),
        ("GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1", 400),
        ("GET / HTTP/1.1\r\nHost : \"\r\n\r\n", "GET / HTTP/1.1", 400),
        ("\"\\\x16\x7f\t\n", "\\x22\\x5C\\x16\\x7F\\x09", 400),
        (&long, &long[..256], 501),
    ] {
        let mut world = world();
        world.send(bytes);
        let answer = format!("{status} {}", content(&world.sent));
        let expected = line(request, &answer, "\"-\" \"-\"");
        assert_eq!(world.log, expected);
    }
}

/// RFC 9112, section 2.2: an empty line before a request is passed over.
#[test]
fn an_empty_line_before_a_broken_request_is_not_its_line() {
    let mut world = world();
    world.send("\r\nGET / HTTP/1.1\r\n\r\n");
    assert!(
        world.log.contains(" \"GET / HTTP/1.1\" 400 "),
        "{}",
        world.log
    );
}

#[test]
fn half_a_head_that_comes_too_late_is_logged() {
    let mut world = world();
    world.send("GET /f HTTP/1.1\r\nHo");
    world.turn(Duration::from_secs(60));
    let expected = "[20/Nov/2026:08:45:33 +0000] \"GET /f HTTP/1.1\" 408 ";
    assert!(world.log.contains(expected), "{}", world.log);
}

#[test]
fn a_connection_without_a_request_leaves_no_line() {
    let mut silent = world();
    silent.run();
    assert_eq!(silent.turn(Duration::from_secs(60)), Seen::Close);
    let mut gone = silent.again();
    assert_eq!(gone.hang_up(), Seen::Close);
    assert_eq!([silent.log, gone.log], [""; 2]);
}

#[test]
fn a_large_answer_is_logged_when_it_is_over() {
    let mut world = world();
    world.room = 1000;
    world.send(get("/big"));
    assert_eq!(world.log, "");
    world.turn(Duration::from_secs(7));
    world.make_room(usize::MAX);
    let expected = "[20/Nov/2026:08:44:40 +0000] \"GET /big HTTP/1.1\" 200 1000000 ";
    assert!(world.log.contains(expected), "{}", world.log);
}

#[test]
fn an_answer_that_is_cut_is_logged_with_what_was_written_of_it() {
    let mut whole = world();
    whole.send("HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n");
    for written in [0, 1, 65_536, 65_537, 999_999] {
        let mut world = whole.again();
        world.room = whole.sent.len() + written;
        world.send(get("/big"));
        assert_eq!(world.turn(Duration::from_secs(60)), Seen::Reset);
        let text = "[20/Nov/2026:08:45:33 +0000] \"GET /big HTTP/1.1\" 200";
        let expected = format!("192.0.2.7 - - {text} {written} \"-\" \"-\"\n");
        assert_eq!(world.log, expected);
    }
}

/// Lines are not kept for longer than a few thousand bytes of them, whatever else is to be done.
#[test]
fn lines_do_not_pile_up() {
    let mut world = world();
    world.send(format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1000)).repeat(12));
    let steps = world.done();
    let first = |wanted: fn(&Seen) -> bool| steps.iter().position(wanted);
    let log = first(|step| *step == Seen::Log);
    assert!(
        log < first(|step| matches!(step, Seen::Write(_))),
        "{steps:?}"
    );
    assert_eq!(world.log.lines().count(), 12);
}

#[test]
fn without_a_log_there_is_nothing_to_write() {
    let mut server = server();
    server.access_log = None;
    let mut world = World::with(server, []);
    world.send(get("/f") + "\x01");
    world.hang_up();
    assert!(!world.done().contains(&Seen::Log));
}
