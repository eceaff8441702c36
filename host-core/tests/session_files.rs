//! What a session answers for files and folders, byte by byte.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::ErrorKind;
use std::time::{Duration, UNIX_EPOCH};

use host_core::Entry;
use world::{ETAG_5, MODIFIED, Node, Seen, World, file, get, head, open};

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
        (
            "GET",
            "Range: bytes=3-,1-2\r\n",
            part("bytes 1-4/5", "ello"),
        ),
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
        (ErrorKind::ResourceBusy, "503 Service Unavailable"),
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
        ("/d?", "/d", "/d/"),
        ("//d", "/d", "/d/"),
        ("/./e/../d", "/d", "/d/"),
        ("/caf%C3%A9", "/café", "/caf%C3%A9/"),
        ("/%5Ca%3f%0D%0A", "/\\a?\r\n", "/%5Ca%3F%0D%0A/"),
        ("http://a/d?q", "/d", "/d/?q"),
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

/// A batch of requests for listings cannot keep a thread busy without a look at the socket.
#[test]
fn a_listing_is_written_before_the_next_request_is_looked_at() {
    let mut world = World::new([("/", Node::Listing(Vec::new())), ("/f", file("hello"))]);
    world.send(get("/").repeat(2) + &get("/f").repeat(2));
    let writes = |seen: &Seen| matches!(seen, Seen::Lookup | Seen::Write(_));
    let steps: Vec<bool> = world
        .done()
        .iter()
        .filter(|s| writes(s))
        .map(|s| *s == Seen::Lookup)
        .collect();
    assert_eq!(steps, [true, false, true, false, true, true, false]);
}
