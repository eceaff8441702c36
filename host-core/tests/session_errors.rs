//! The error log: what it is told of requests, from which level on, and which log it is.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use configured::{http, ms};
use host_core::os::LogWriter;
use std::io::ErrorKind;
use world::{Node, Seen, World, file, get};

/// A world that keeps its error log alone; `directives` stand in `server`.
fn world(directives: &str) -> World {
    let text = format!(
        "access_log off; limit_req_zone $binary_remote_addr zone=r:32k rate=1r/s; \
         limit_conn_zone $binary_remote_addr zone=c:32k; \
         server {{ server_name a.example; root /srv; {directives} }}"
    );
    let mut server = http(&text);
    server.error_log = Some(LogWriter::new(std::io::sink()));
    let large = file(vec![b'x'; 300_000]);
    World::with(
        server,
        [
            ("/a", file("a")),
            ("/large", large),
            ("/secret", Node::Error(ErrorKind::PermissionDenied)),
        ],
    )
}

/// A line of the world's first second.
fn line(level: &str, text: &str, request: &str) -> String {
    format!(
        "2026/11/20 08:44:33 [{level}] 0#0: *N {text}, client: 192.0.2.7, server: a.example, \
         request: \"{request}\", host: \"a\"\n"
    )
}

/// The log, but for the numbers of connections.
fn log(world: &World) -> String {
    let lines = world.log.lines().map(|line| {
        let (front, rest) = line.split_once(": *").unwrap();
        let (_, rest) = rest.split_once(' ').unwrap();
        format!("{front}: *N {rest}\n")
    });
    lines.collect()
}

#[test]
fn what_goes_wrong_with_a_file() {
    for (target, text) in [
        (
            "/none",
            "open() \"/srv/none\" failed (2: No such file or directory)",
        ),
        (
            "/n%22%0A",
            "open() \"/srv/n\\\"\\n\" failed (2: No such file or directory)",
        ),
        (
            "/secret",
            "open() \"/srv/secret\" failed (13: Permission denied)",
        ),
        (
            "/loop",
            "rewrite or internal redirection cycle while processing \"/loop\"",
        ),
        ("/deny/a", "access forbidden by rule"),
        ("/rate", "invalid $limit_rate \"fast\""),
    ] {
        let mut world = world(
            "location = /loop { rewrite ^ /loop last; } location /deny/ { deny all; } \
             location = /rate { set $limit_rate fast; return 200; }",
        );
        world.send(get(target));
        let request = format!("GET {target} HTTP/1.1");
        assert_eq!(log(&world), line("error", text, &request), "{target}");
    }
}

#[test]
fn a_body_that_is_too_large() {
    let mut world = world("client_max_body_size 3;");
    world.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n");
    let text = "client intended to send too large body: 4 bytes";
    assert_eq!(log(&world), line("error", text, "POST /a HTTP/1.1"));
}

#[test]
fn what_is_refused_and_what_waits() {
    for (directives, expected) in [
        (
            "limit_req zone=r;",
            "error limiting requests, excess: 1.000 by zone \"r\"",
        ),
        ("limit_req zone=r burst=1;", ""),
        (
            "limit_req zone=r burst=1; error_log stderr warn;",
            "warn delaying request, excess: 1.000, by zone \"r\"",
        ),
        (
            "limit_req zone=r burst=1 nodelay; error_log stderr info;",
            "",
        ),
        ("limit_req zone=r; limit_req_log_level warn;", ""),
        (
            "limit_req zone=r; limit_req_log_level info; error_log stderr debug;",
            "info limiting requests, excess: 1.000 by zone \"r\"",
        ),
        (
            "limit_req zone=r; limit_req_dry_run on;",
            "error limiting requests, dry run, excess: 1.000 by zone \"r\"",
        ),
    ] {
        let mut world = world(directives);
        world.send(get("/a").repeat(2));
        let expected = expected.split_once(' ');
        let expected = expected.map(|(level, text)| line(level, text, "GET /a HTTP/1.1"));
        assert_eq!(log(&world), expected.unwrap_or_default(), "{directives}");
    }
    for (directives, expected) in [
        ("", "error limiting connections by zone \"c\""),
        (
            "limit_conn_dry_run on;",
            "error limiting connections, dry run, by zone \"c\"",
        ),
        ("limit_conn_log_level notice;", ""),
    ] {
        let mut first = world(&format!("limit_conn c 1; {directives}"));
        first.room = 1000;
        first.send(get("/large"));
        let mut second = first.again();
        second.send(get("/a"));
        let expected = expected.split_once(' ');
        let expected = expected.map(|(level, text)| line(level, text, "GET /a HTTP/1.1"));
        assert_eq!(log(&second), expected.unwrap_or_default(), "{directives}");
    }
}

/// nginx's order; what is as bad as the level, or worse, is told.
#[test]
fn from_a_level_on() {
    for (level, missing, broken) in [
        ("debug", true, true),
        ("info", true, true),
        ("notice", true, false),
        ("warn", true, false),
        ("error", true, false),
        ("crit", false, false),
        ("alert", false, false),
        ("emerg", false, false),
    ] {
        let mut first = world(&format!("error_log stderr {level};"));
        first.send(get("/none"));
        assert_eq!(!first.log.is_empty(), missing, "{level}");
        let mut second = first.again();
        second.send("GET /\x01 HTTP/1.1\r\n\r\n");
        assert_eq!(second.log.contains("[info]"), broken, "{level}");
    }
}

/// What a level does not say is that of the level around it, as for all directives.
#[test]
fn each_location_has_its_own() {
    let mut world = world(
        "error_log stderr crit; location /a/ { location /a/b/ { } } \
         location /c/ { error_log stderr; location /c/d/ { } } location /e/ { error_log stderr alert; error_log /dev/null error; }",
    );
    for (target, told) in [
        ("/none", false),
        ("/a/none", false),
        ("/a/b/none", false),
        ("/c/none", true),
        ("/c/d/none", true),
        ("/e/none", true),
    ] {
        world.log.clear();
        world.send(get(target));
        assert_eq!(!world.log.is_empty(), told, "{target}");
    }
}

#[test]
fn files_that_were_not_found() {
    for (directives, told) in [
        ("", true),
        ("log_not_found on;", true),
        ("log_not_found off;", false),
        (
            "log_not_found off; location = /none { log_not_found on; }",
            true,
        ),
        ("location = /none { log_not_found off; }", false),
        ("location = /none { return 404; }", false),
        ("location = /none { try_files $uri =404; }", false),
    ] {
        let mut world = world(directives);
        world.send(get("/none"));
        assert_eq!(!world.log.is_empty(), told, "{directives}");
        world.log.clear();
        world.send(get("/secret"));
        assert!(
            world.log.contains("[error]"),
            "that is another matter: {directives}"
        );
    }
}

#[test]
fn requests_that_come_together_have_their_own_lines() {
    let mut world = world("");
    world.send(format!("{}{}{}", get("/x"), get("/a"), get("/y")));
    let lines: Vec<_> = world
        .log
        .lines()
        .map(|it| it.contains("\"GET /x "))
        .collect();
    assert_eq!(lines, [true, false], "{}", world.log);
    world.turn(ms(1));
    assert_eq!(world.log.lines().count(), 2);
}

/// By the rules of the default server, whatever was asked for before on the connection.
#[test]
fn what_is_no_request_is_told_by_itself() {
    let mut server = http(
        "access_log off; server { listen 80; server_name a.example; error_log stderr info; } \
         server { listen 80; server_name b.example; error_log stderr emerg; set_real_ip_from 192.0.2.7; }",
    );
    server.error_log = Some(LogWriter::new(std::io::sink()));
    let mut world = World::with(server, [("/a", file("a"))]);
    world.send("GET /a HTTP/1.1\r\nHost: b.example\r\nX-Real-IP: 10.0.0.1\r\n\r\n");
    assert_eq!(world.statuses(), ["200"]);
    world.send("GET /\x01 HTTP/1.1\r\n\r\n");
    assert_eq!(world.statuses(), ["400"]);
    let log = log(&world);
    let (front, rest) = log.split_once("client sent no valid request: ").unwrap();
    assert_eq!(front, "2026/11/20 08:44:33 [info] 0#0: *N ");
    let expected = ", client: 192.0.2.7, server: a.example, request: \"GET /\\u{1} HTTP/1.1\"\n";
    assert!(rest.ends_with(expected), "{rest}");
}

/// It has come to a location by its head, whose rules hold.
#[test]
fn content_that_breaks_off_fails_its_own_request() {
    for (content, why) in [
        ("zz\r\n", "400 malformed chunk"),
        ("5\r\nhello\r\nzz\r\n", "400 malformed chunk"),
        ("14\r\n01234567890123456789", "413 content too large"),
    ] {
        let mut server = http(
            "log_format f \"$server_name $request $status\"; access_log /dev/null f; \
             error_log stderr info; \
             server { listen 80; server_name a.example; error_page 400 413 /none; } \
             server { listen 80; server_name b.example; root /; dav_methods PUT; \
             client_max_body_size 10; error_page 400 413 @page; \
             location @page { dav_methods PUT; try_files /page =500; } }",
        );
        server.error_log = Some(LogWriter::new(std::io::sink()));
        let mut world = World::with(server, [("/page", file("a page"))]);
        world.send("PUT /new HTTP/1.1\r\nHost: b.example\r\nTransfer-Encoding: chunked\r\n\r\n");
        world.done();
        world.send(content);
        let (status, why) = why.split_once(' ').unwrap();
        let text = world.received();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        assert!(text.ends_with("\r\n\r\na page"), "{text}");
        let line = format!("client sent no whole request: {why}");
        assert!(world.log.contains(&line), "{}", world.log);
        let line = format!("b.example PUT /new HTTP/1.1 {status}\n");
        assert!(world.log.ends_with(&line), "{}", world.log);
        assert!(!world.done().contains(&Seen::Change));
    }
}
