//! Fixed answers.
#![allow(clippy::unwrap_used)]

mod world;

use bytes::Bytes;
use h1_core::Status;
use host_core::Return;
use world::{Seen, World, file, get, head, server};

const FIELDS: [&str; 2] = ["Content-Type: text/plain", "Content-Length: 13"];

fn world() -> World {
    let mut server = server();
    for (path, status, content_type, body) in [
        ("/plaintext", Status::OK, "text/plain", "Hello, World!"),
        ("/caf\u{e9}", Status::NOT_FOUND, "text/html", "None"),
        ("/.hidden", Status::OK, "text/plain", "shown"),
        ("/broken", Status::OK, "text/plain\r\nX: y", ""),
        ("/file", Status::OK, "text/plain", "no file"),
        ("/empty", Status::NO_CONTENT, "text/plain", ""),
    ] {
        let fixed = Return {
            status,
            content_type: content_type.into(),
            body: Bytes::from_static(body.as_bytes()),
        };
        server.site.returns.insert(path.into(), fixed);
    }
    World::with(
        server,
        [("/file", file("a file")), ("/other", file("other"))],
    )
}

#[test]
fn a_fixed_answer_needs_no_file() {
    let mut world = world();
    world.send(get("/plaintext?query"));
    assert_eq!(world.received(), head("200 OK", &FIELDS) + "Hello, World!");
    assert!(matches!(world.done()[..], [Seen::Write(_), Seen::Log]));
    assert!(world.log.contains(" 200 13 "), "{}", world.log);
}

#[test]
fn head_brings_its_fields_alone() {
    let mut world = world();
    world.send("HEAD /plaintext HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(world.received(), head("200 OK", &FIELDS));
}

#[test]
fn the_path_is_exact_but_for_its_spelling() {
    for (target, status, end) in [
        ("/%70laintext", "200", "Hello, World!"),
        ("//plaintext", "200", "Hello, World!"),
        ("/x/../plaintext", "200", "Hello, World!"),
        ("/caf%C3%A9", "404", "\r\n\r\nNone"),
        ("/.hidden", "200", "shown"),
        ("/file", "200", "no file"),
        ("/other", "200", "other"),
        ("/plaintext/", "404", "\n"),
        ("/Plaintext", "404", "\n"),
        ("/empty", "204", "\r\n\r\n"),
    ] {
        let mut world = world();
        world.send(get(target));
        let text = world.received();
        assert!(
            text.starts_with(&format!("HTTP/1.1 {status} ")),
            "{target}: {text}"
        );
        assert!(text.ends_with(end), "{target}: {text}");
    }
}

#[test]
fn other_methods_are_refused_as_for_files() {
    for (method, status) in [
        ("POST", "405"),
        ("DELETE", "405"),
        ("X", "501"),
        ("OPTIONS", "204"),
    ] {
        let ask = |path: &str| {
            let mut world = world();
            world.send(format!("{method} {path} HTTP/1.1\r\nHost: a\r\n\r\n"));
            world.received()
        };
        assert_eq!(ask("/plaintext"), ask("/other"), "{method}");
        assert!(ask("/plaintext").starts_with(&format!("HTTP/1.1 {status} ")));
    }
}

#[test]
fn one_that_cannot_be_sent_is_not_sent() {
    let mut world = world();
    world.send(get("/broken"));
    assert_eq!(world.end(), Seen::Close);
    assert_eq!(world.received(), "");
}
