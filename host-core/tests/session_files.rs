//! What a session answers for files and folders, byte by byte.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{self, ErrorKind};
use std::time::{Duration, UNIX_EPOCH};

use host_core::{Entry, Session, Step};
use world::{
    ETAG_5, MODIFIED, Node, Seen, World, file, get, head, offered, open, pattern, set_modified,
};

const KIB_64: usize = 64 * 1024;

/// A request of this method with more field lines, each ending in CRLF.
fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// The fields that describe `hello`, then `more`.
fn hello(more: &[&str]) -> Vec<String> {
    let mut fields = vec![
        "Content-Type: text/plain; charset=utf-8".to_string(),
        "Accept-Ranges: bytes".to_string(),
    ];
    fields.extend(validators());
    fields.extend(more.iter().map(|field| field.to_string()));
    fields
}

fn validators() -> [String; 2] {
    [
        format!("Last-Modified: {MODIFIED}"),
        format!("ETag: {ETAG_5}"),
    ]
}

fn head_of(status: &str, fields: &[String]) -> String {
    let fields: Vec<_> = fields.iter().map(String::as_str).collect();
    head(status, &fields)
}

/// A sparse file of so many zeros.
fn sparse(len: u64) -> Node {
    let file = open("");
    file.set_len(len).unwrap();
    set_modified(&file);
    Node::File(file)
}

#[test]
fn a_file_is_answered_whole_in_part_or_not_at_all() {
    let length = |n: usize| format!("Content-Length: {n}");
    let whole = head_of("200 OK", &hello(&[&length(5)]));
    let part = |range: &str, body: &str| {
        let fields = hello(&[&format!("Content-Range: {range}"), &length(body.len())]);
        head_of("206 Partial Content", &fields) + body
    };
    let not_modified = head_of("304 Not Modified", &validators());
    let cases = [
        ("GET", "", format!("{whole}hello")),
        ("HEAD", "", whole.clone()),
        ("GET", "Range: bytes=0-0\r\n", part("bytes 0-0/5", "h")),
        ("GET", "Range: bytes=1-3\r\n", part("bytes 1-3/5", "ell")),
        ("GET", "Range: bytes=3-\r\n", part("bytes 3-4/5", "lo")),
        ("GET", "Range: bytes=-2\r\n", part("bytes 3-4/5", "lo")),
        ("GET", "Range: bytes=0-9\r\n", part("bytes 0-4/5", "hello")),
        ("GET", "Range: bytes=0-1,3-4\r\n", format!("{whole}hello")),
        ("GET", "Range: lines=0-1\r\n", format!("{whole}hello")),
        // Range is defined for GET alone.
        ("HEAD", "Range: bytes=1-3\r\n", whole.clone()),
        ("HEAD", "Range: bytes=9-\r\n", whole.clone()),
        ("GET", "If-None-Match: *\r\n", not_modified.clone()),
        ("HEAD", "If-None-Match: *\r\n", not_modified.clone()),
        (
            "GET",
            "If-None-Match: *\r\nRange: bytes=9-\r\n",
            not_modified.clone(),
        ),
        ("GET", "If-None-Match: \"x\"\r\n", format!("{whole}hello")),
        (
            "GET",
            "If-Range: \"x\"\r\nRange: bytes=1-3\r\n",
            format!("{whole}hello"),
        ),
        (
            "GET",
            &format!("If-Range: {ETAG_5}\r\nRange: bytes=1-3\r\n"),
            part("bytes 1-3/5", "ell"),
        ),
        (
            "GET",
            &format!("If-Modified-Since: {MODIFIED}\r\n"),
            not_modified,
        ),
    ];
    let world = World::new([("/f.txt", file("hello"))]);
    for (method, fields, expected) in cases {
        let mut world = world.again();
        world.send(request(method, "/f.txt", fields));
        assert_eq!(world.received(), expected, "{method} {fields}");
    }
}

#[test]
fn what_cannot_be_given_is_an_error_page() {
    let cases = [
        ("GET", "If-Match: \"x\"\r\n", "412 Precondition Failed", ""),
        ("HEAD", "If-Match: \"x\"\r\n", "412 Precondition Failed", ""),
        (
            "GET",
            "If-Match: \"x\"\r\nRange: bytes=9-\r\n",
            "412 Precondition Failed",
            "",
        ),
        (
            "GET",
            "Range: bytes=5-\r\n",
            "416 Range Not Satisfiable",
            "Content-Range: bytes */5",
        ),
    ];
    let world = World::new([("/f.txt", file("hello"))]);
    for (method, fields, status, more) in cases {
        let mut world = world.again();
        world.send(request(method, "/f.txt", fields));
        is_page(&world.received(), status, more, method == "GET");
    }
}

/// Checks the head of a page, and that its content is there or not.
fn is_page(answer: &str, status: &str, more: &str, content: bool) {
    let (_, page) = answer.split_once("\r\n\r\n").unwrap();
    let mut fields = vec!["Content-Type: text/html; charset=utf-8"];
    fields.extend((!more.is_empty()).then_some(more));
    let expected = head(status, &fields);
    let expected = expected.trim_end();
    assert!(answer.starts_with(expected), "{answer}\n{expected}");
    let length = answer.split("Content-Length: ").nth(1).unwrap();
    let length: usize = length.split("\r\n").next().unwrap().parse().unwrap();
    assert!(length > 0);
    assert_eq!(page.len(), if content { length } else { 0 }, "{answer}");
    assert!(!content || page.contains(&format!("<h1>{status}</h1>")));
}

#[test]
fn errors_of_the_file_system_have_their_status() {
    let cases = [
        (ErrorKind::NotFound, "404 Not Found"),
        (ErrorKind::PermissionDenied, "403 Forbidden"),
        (ErrorKind::Other, "500 Internal Server Error"),
        (ErrorKind::OutOfMemory, "500 Internal Server Error"),
    ];
    for (kind, status) in cases {
        for method in ["GET", "HEAD"] {
            let mut world = World::new([("/x", Node::Error(kind))]);
            world.send(request(method, "/x", ""));
            is_page(&world.received(), status, "", method == "GET");
        }
    }
}

#[test]
fn these_are_answered_without_a_look_at_the_files() {
    let allow = "Allow: GET, HEAD, OPTIONS";
    let cases = [
        ("POST", "/", "405 Method Not Allowed", allow),
        ("PUT", "/", "405 Method Not Allowed", allow),
        ("TRACE", "/", "405 Method Not Allowed", allow),
        ("CONNECT", "a:80", "405 Method Not Allowed", allow),
        ("BREW", "/", "501 Not Implemented", ""),
        ("get", "/", "501 Not Implemented", ""),
        ("GET", "/.git/config", "404 Not Found", ""),
        ("GET", "/a%2Fb", "404 Not Found", ""),
        ("GET", "/a%00b", "400 Bad Request", ""),
        ("GET", "/a%zz", "400 Bad Request", ""),
        ("GET", "/a/../../b", "400 Bad Request", ""),
    ];
    for (method, target, status, more) in cases {
        let mut world = World::new([]);
        world.send(request(method, target, ""));
        assert!(!world.done().contains(&Seen::Lookup), "{method} {target}");
        is_page(&world.received(), status, more, true);
    }
    for target in ["*", "/", "/.git"] {
        let mut world = World::new([]);
        world.send(request("OPTIONS", target, ""));
        assert_eq!(world.received(), head("204 No Content", &[allow]));
    }
}

#[test]
fn a_folder_without_its_slash_is_redirected() {
    let cases = [
        ("/d", "/d", "/d/"),
        ("/d?a=b&c", "/d", "/d/?a=b&c"),
        ("/d?", "/d", "/d/?"),
        ("//d", "/d", "/d/"),
        ("/./e/../d", "/d", "/d/"),
        ("/caf%C3%A9", "/café", "/caf%C3%A9/"),
        ("/%5Ca%3f%0D%0A", "/\\a?\r\n", "/%5Ca%3F%0D%0A/"),
        ("http://b/d?q", "/d", "/d/?q"),
    ];
    for (target, path, location) in cases {
        let mut world = World::new([(path, Node::Folder)]);
        world.send(get(target));
        let location = format!("Location: {location}");
        let status = "301 Moved Permanently";
        is_page(&world.received(), status, &location, true);
    }
}

#[test]
fn an_index_file_has_its_own_type() {
    let mut world = World::new([("/", Node::Index(open("<p>")))]);
    world.send(get("/"));
    let text = world.received();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    let kind = "\r\nContent-Type: text/html; charset=utf-8\r\n";
    assert!(text.contains(kind), "{text}");
    assert!(text.ends_with("\r\n\r\n<p>"), "{text}");
}

#[test]
fn a_listing_names_the_entries() {
    let entry = Entry {
        name: b"a<b.txt".to_vec(),
        folder: false,
        len: 5,
        modified: Some(UNIX_EPOCH + Duration::from_secs(1)),
    };
    let mut world = World::new([("/d/", Node::Listing(vec![entry]))]);
    world.send(get("/d/"));
    let text = world.received();
    assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
    let (_, page) = text.split_once("\r\n\r\n").unwrap();
    let length = format!("\r\nContent-Length: {}\r\n", page.len());
    assert!(text.contains(&length) && page.contains("a&lt;b.txt"));
    assert!(!text.contains("Last-Modified"), "{text}");
}

#[test]
fn bodies_of_every_size_arrive_whole_whatever_each_write_takes() {
    let small = [0, 1, 256, 257].map(|size| (size, (1..=300).collect()));
    let middle = [65_535, 65_536, 65_537].map(|size| (size, (1..=16).collect()));
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
fn the_head_leaves_together_with_the_first_64_kib() {
    for size in [1, 256, 257, 65_535, 65_536, 65_537, 1_000_000] {
        let mut world = World::new([("/f", file(pattern(size)))]);
        world.send(get("/f"));
        let first = size.min(KIB_64);
        let head = world.sent.len() - size;
        let steps = world.done();
        let part = Seen::ReadFile {
            offset: 0,
            len: first,
        };
        assert_eq!(steps[..3], [Seen::Lookup, part, Seen::Write(head + first)]);
        let rest = steps[3..].iter();
        let sent = rest.filter_map(|step| match step {
            Seen::SendFile { offset, .. } => Some(*offset),
            _ => None,
        });
        let expected = (KIB_64..size).step_by(256 * 1024).map(|at| at as u64);
        assert!(sent.eq(expected), "{size}");
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
    world.send(request("HEAD", "/f", ""));
    let head = world.sent.len();
    let steps = [Seen::Lookup, Seen::Write(head), Seen::Log];
    assert_eq!(world.done(), steps);
}

#[test]
fn a_range_is_sent_from_its_place() {
    let content = pattern(1_000_000);
    let mut world = World::new([("/f", file(&content))]);
    world.per_write = 100_000;
    world.send(request("GET", "/f", "Range: bytes=100000-299999\r\n"));
    assert!(world.sent.ends_with(&content[100_000..300_000]));
    let moved = |step: &Seen| matches!(step, Seen::ReadFile { .. } | Seen::SendFile { .. });
    let steps: Vec<_> = world.done().into_iter().filter(moved).collect();
    let expected = [
        Seen::ReadFile {
            offset: 100_000,
            len: KIB_64,
        },
        Seen::SendFile {
            offset: 165_536,
            len: 134_464,
        },
        Seen::SendFile {
            offset: 265_536,
            len: 34_464,
        },
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
    let mut world = World::new([("/f", file(pattern(KIB_64)))]);
    world.room = 0;
    world.send(get("/f").repeat(100));
    let (_, queued) = offered(&world.session, 0);
    assert!(queued < 128 * 1024 + KIB_64 + 1024, "{queued}");
    world.make_room(usize::MAX);
    assert!(world.sent.len() > 100 * KIB_64);
    assert_eq!(world.log.lines().count(), 100);
}

#[test]
fn a_large_file_takes_no_memory() {
    let mut world = World::new([("/f", sparse(1 << 30))]);
    world.room = 0;
    world.send(get("/f"));
    let (_, head_and_part) = offered(&world.session, 0);
    assert!(head_and_part < KIB_64 + 1024, "{head_and_part}");
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
    for (size, left) in [(1000, 999), (1000, 0), (100_000, 65_535)] {
        let node = open(pattern(size));
        let handle = node.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(node)), ("/g", file("hello"))]);
        world.feed(get("/g") + &get("/f") + &get("/g"));
        while world.step() != Seen::Lookup {}
        while world.step() != Seen::Lookup {}
        handle.set_len(left).unwrap();
        assert_eq!(world.run(), Seen::Close);
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
    assert_eq!(world.run(), Seen::Close);
    assert!(world.received().ends_with("\r\n\r\n"));
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_ends_the_connection() {
    for (left, sent) in [(65_536, 65_536), (70_000, 70_000), (10, 66_536)] {
        let node = open(pattern(1_000_000));
        let handle = node.try_clone().unwrap();
        let mut world = World::new([("/f", Node::File(node))]);
        world.per_write = 1000;
        world.feed(get("/f") + &get("/f"));
        while !matches!(world.step(), Seen::SendFile { .. }) {}
        handle.set_len(left).unwrap();
        assert_eq!(world.run(), Seen::Close);
        let body = world.sent.len() - head_len(&world.sent);
        // The first part and the first thousand bytes were sent before.
        assert_eq!(body, sent.max(66_536));
        assert_eq!(world.sent[world.sent.len() - body..], pattern(body));
    }
}

fn head_len(sent: &[u8]) -> usize {
    sent.windows(4).position(|end| end == b"\r\n\r\n").unwrap() + 4
}

#[test]
fn answers_to_questions_that_nobody_asked_are_ignored() {
    let mut plain = World::new([("/f", file(pattern(100_000)))]);
    plain.send(get("/f"));
    let mut asked = plain.again();
    asked.per_write = 10_000;
    asked.feed(get("/f"));
    let pester = |session: &mut Session, now, found: bool| {
        if !found {
            session.on_found(Err(ErrorKind::NotFound.into()), now);
        }
        session.on_write_blocked(now);
        session.on_writable(now);
        session.on_timeout(now);
    };
    loop {
        let found = matches!(asked.session.step(asked.now), Step::Lookup(_));
        pester(&mut asked.session, asked.now, found);
        if matches!(asked.step(), Seen::Wait(_)) {
            break;
        }
    }
    assert!(asked.sent == plain.sent);
}
