//! The content of requests on its way to scripts: in memory, in a file, as it comes.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

use configured::{http, ms};
use world::{Node, Seen, World, open};

fn world(directives: &str) -> World {
    let file = open("#!/bin/sh\n");
    file.set_permissions(Permissions::from_mode(0o755)).unwrap();
    let text = format!(
        "server {{ root /srv; cgi_timeout 5s; {directives} location / {{ cgi_pass exec; }} }}"
    );
    let mut world = World::with(http(&text), [("/run", Node::File(file))]);
    world.script.ask(&["CONTENT_LENGTH", "CONTENT_TYPE"]);
    world
}

fn post(fields: &str, body: &str) -> String {
    format!("POST /run HTTP/1.1\r\nHost: a\r\nContent-Type: a/b\r\n{fields}\r\n{body}")
}

fn answer(world: &mut World) -> Vec<String> {
    world.script.say("Content-Type: a/b\n\n");
    world.script.end();
    world.run();
    world.statuses()
}

#[test]
fn a_script_starts_when_all_has_come() {
    let mut world = world("");
    world.send(post("Content-Length: 5\r\n", "he"));
    assert_eq!(world.script.started, 0, "whoever is slow holds no process");
    world.send("llo");
    assert_eq!(
        (world.script.started, world.script.input()),
        (1, "hello".into())
    );
    let vars = &world.script.variables;
    assert_eq!(vars["CONTENT_LENGTH"].as_deref(), Some("5"));
    assert_eq!(vars["CONTENT_TYPE"].as_deref(), Some("a/b"));
    assert_eq!(answer(&mut world), ["200"]);
}

#[test]
fn chunked_content_gets_a_length() {
    let mut world = world("cgi_body_buffering off;");
    world.send(post(
        "Transfer-Encoding: chunked\r\n",
        "2\r\nhe\r\n3\r\nllo\r\n",
    ));
    assert_eq!(world.script.started, 0);
    world.send("0\r\n\r\n");
    assert_eq!(world.script.input(), "hello");
    assert_eq!(
        world.script.variables["CONTENT_LENGTH"].as_deref(),
        Some("5")
    );
    assert_eq!(answer(&mut world), ["200"]);
}

#[test]
fn no_content_is_no_length() {
    for fields in ["", "Content-Length: 0\r\n"] {
        let mut world = world("");
        world.send(post(fields, ""));
        assert_eq!(world.script.started, 1);
        for variable in ["CONTENT_LENGTH", "CONTENT_TYPE"] {
            assert_eq!(world.script.variables[variable], None, "{fields}");
        }
    }
}

#[test]
fn what_is_too_long_for_memory_goes_to_a_file() {
    let mut world = world("client_body_buffer_size 1000;");
    let body = "x".repeat(2500);
    world.send(post("Content-Length: 2500\r\n", ""));
    for part in body.as_bytes().chunks(600) {
        world.send(part);
    }
    let spooled: Vec<_> = world
        .done()
        .into_iter()
        .filter_map(|step| match step {
            Seen::Spool(n) => Some(n),
            _ => None,
        })
        .collect();
    assert_eq!(spooled.iter().sum::<usize>(), 2500);
    assert!(spooled.iter().all(|n| *n < 2000), "{spooled:?}");
    assert_eq!(world.script.input, vec![b'f'; 2500], "all of the file");
    assert_eq!(
        world.script.variables["CONTENT_LENGTH"].as_deref(),
        Some("2500")
    );
    assert_eq!(answer(&mut world), ["200"]);
}

#[test]
fn too_much_is_refused_before_anything_runs() {
    let mut world = world("client_max_body_size 4;");
    world.send(post("Content-Length: 5\r\n", "hello"));
    assert_eq!(world.statuses(), ["413"]);
    let mut world = world.again();
    world.send(post(
        "Transfer-Encoding: chunked\r\n",
        "5\r\nhello\r\n0\r\n\r\n",
    ));
    assert_eq!(world.statuses(), ["413"]);
    assert_eq!(world.script.started, 0);
}

#[test]
fn content_is_asked_for_where_somebody_wants_it() {
    let mut world = world("location /none { cgi_pass exec; }");
    let expect = "Content-Length: 2\r\nExpect: 100-continue\r\n";
    world.send(post(expect, ""));
    assert_eq!(world.received(), "HTTP/1.1 100 Continue\r\n\r\n");
    world.send("hi");
    assert_eq!(answer(&mut world), ["200"]);
    let mut world = world.again();
    world.send(post(expect, "").replace("/run", "/none"));
    assert_eq!(world.statuses(), ["404"]);
}

#[test]
fn content_reaches_a_running_script_as_it_comes() {
    let mut world = world("cgi_body_buffering off;");
    world.send(post("Content-Length: 6\r\n", "ab"));
    assert_eq!(world.script.started, 1);
    assert_eq!(
        world.script.variables["CONTENT_LENGTH"].as_deref(),
        Some("6")
    );
    world.script.take(usize::MAX);
    world.run();
    assert_eq!(world.script.input(), "ab");
    world.script.say("Content-Type: a/b\n\nearly");
    world.run();
    world.turn(ms(3));
    assert!(
        world.received().contains("early"),
        "it may answer before it has read all"
    );
    world.send("cdef");
    assert_eq!(world.script.input(), "abcdef");
    assert!(world.script.whole, "it sees the end");
    world.script.end();
    world.run();
    assert_eq!(world.received(), "0\r\n\r\n");
}

#[test]
fn a_script_that_reads_nothing_holds_up_the_client_and_no_memory() {
    let mut world = world("cgi_body_buffering off;");
    world.send(post("Content-Length: 1000000\r\n", ""));
    let mut sent = 0;
    while sent < 1_000_000
        && let Seen::Wait(wait) = world.run()
        && wait.read
    {
        world.send("x".repeat(10_000));
        sent += 10_000;
    }
    assert!(sent < 200_000, "{sent}");
    world.script.say("Content-Type: a/b\n\nno");
    world.script.end();
    world.run();
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n\r\nno"),
        "{text}"
    );
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
}

#[test]
fn content_that_does_not_come_ends_the_request() {
    for directives in ["", "cgi_body_buffering off;"] {
        let mut world = world(&format!("client_body_timeout 2s; {directives}"));
        world.send(post("Content-Length: 6\r\n", "ab"));
        world.turn(ms(1999));
        assert!(world.sent.is_empty(), "{directives}");
        world.turn(ms(2000));
        assert_eq!(world.statuses(), ["408"], "{directives}");
    }
}

/// The script is late then, and not the client.
#[test]
fn a_client_that_may_not_send_is_not_late() {
    let mut world = world("client_body_timeout 2s; cgi_body_buffering off;");
    world.send(post("Content-Length: 1000000\r\n", &"x".repeat(100_000)));
    world.turn(ms(4999));
    assert!(world.sent.is_empty());
    world.turn(ms(5000));
    assert_eq!(world.statuses(), ["504"]);
}

/// The client is late then, and not the script.
#[test]
fn a_script_that_waits_for_content_is_not_silent() {
    let mut world = world("client_body_timeout 10s; cgi_body_buffering off;");
    world.script.take(usize::MAX);
    world.send(post("Content-Length: 6\r\n", "ab"));
    world.turn(ms(9000));
    world.send("cdef");
    assert!(world.script.whole && world.sent.is_empty());
    world.turn(ms(13_999));
    assert!(world.sent.is_empty());
    world.turn(ms(14_000));
    assert_eq!(world.statuses(), ["504"]);
}

#[test]
fn a_client_that_breaks_off_gets_no_half_answer_for_a_whole_one() {
    let mut world = world("client_body_timeout 2s; cgi_body_buffering off;");
    world.send(post("Content-Length: 6\r\n", "ab"));
    world.script.say("Content-Type: a/b\n\nearly");
    world.run();
    world.turn(ms(3));
    world.turn(ms(2000));
    let text = world.received();
    assert!(text.ends_with("5\r\nearly\r\n"), "{text}");
    assert_eq!(world.end(), Seen::Close);
    assert_eq!(world.received(), "");
}
