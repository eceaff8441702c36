//! Variables that lines of a log name.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use configured::{http, ms};
use world::{Seen, World, file, get};

/// A world whose log has one variable; `directives` stand in `server`.
fn world(variable: &str, directives: &str) -> World {
    let text = format!(
        "log_format one '{variable}'; access_log /dev/null one; gzip_types *; \
         limit_req_zone $binary_remote_addr zone=r:32k rate=1r/s; \
         limit_conn_zone $binary_remote_addr zone=c:32k; \
         server {{ root /; {directives} }}"
    );
    let large = vec![b'x'; 300_000];
    World::with(http(&text), [("/a", file("a")), ("/large", file(large))])
}

#[test]
fn one_request() {
    for (variable, directives, value) in [
        ("$request_completion", "", "OK"),
        ("$pipe", "", "."),
        ("[$https]", "", "[]"),
        (
            "$ssl_protocol $upstream_addr $request_body_file",
            "",
            "- - -",
        ),
        ("$gzip_ratio", "", "-"),
        ("$gzip_ratio", "gzip on; gzip_min_length 0;", "0.05"),
        ("$limit_rate", "", "0"),
        ("$limit_rate", "limit_rate 4k;", "4096"),
        ("$limit_rate", "limit_rate $arg_r;", "2048"),
        ("$limit_rate", "limit_rate $arg_none;", "0"),
        (
            "$limit_rate",
            "limit_rate 4k; set $limit_rate 1m;",
            "1048576",
        ),
        (
            "$limit_rate",
            "limit_rate 4k; set $limit_rate fast;",
            "4096",
        ),
        (
            "$limit_rate",
            "if ($arg_r) { set $limit_rate $arg_r; }",
            "2048",
        ),
        ("$limit_req_status $limit_conn_status", "", "- -"),
        ("$limit_req_status", "limit_req zone=r;", "PASSED"),
        ("$limit_conn_status", "limit_conn c 1;", "PASSED"),
        (
            "$connections_active $connections_reading $connections_writing $connections_waiting",
            "",
            "1 0 1 0",
        ),
        ("$request_length", "", "56"),
        ("$document_uri $uri $args", "", "/a /a r=2k"),
    ] {
        let mut world = world(variable, directives);
        world.send("GET /a?r=2k HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
        assert_eq!(world.log, format!("{value}\n"), "{variable} {directives}");
    }
}

#[test]
fn requests_that_come_together() {
    let mut world = world("$pipe", "");
    world.send(get("/a").repeat(3));
    world.send(get("/a"));
    assert_eq!(world.log, ".\np\np\n.\n");
}

#[test]
fn an_answer_that_is_not_whole() {
    let mut world = world("$status $request_completion", "");
    world.room = 1000;
    world.send(get("/large"));
    world.turn(ms(60_000));
    assert_eq!(world.log, "200 -\n");

    let mut silent = self::world("$status $request_completion", "return 444;");
    silent.send(get("/a"));
    assert_eq!(silent.log, "444 -\n");
}

#[test]
fn how_much_smaller() {
    let mut world = world("$gzip_ratio", "gzip on;");
    world.send("GET /large HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\n\r\n");
    let ratio: f64 = world.log.trim().parse().unwrap();
    assert!(ratio > 100.0, "{ratio}");
}

#[test]
fn what_the_limits_said() {
    for (directives, statuses) in [
        ("limit_req zone=r;", "PASSED\nREJECTED\n"),
        ("limit_req zone=r burst=1;", "PASSED\nDELAYED\n"),
        ("limit_req zone=r burst=1 nodelay;", "PASSED\nPASSED\n"),
        (
            "limit_req zone=r; limit_req_dry_run on;",
            "PASSED\nREJECTED_DRY_RUN\n",
        ),
        (
            "limit_req zone=r burst=1; limit_req_dry_run on;",
            "PASSED\nDELAYED_DRY_RUN\n",
        ),
    ] {
        let mut world = world("$limit_req_status", directives);
        world.send(get("/a").repeat(2));
        world.turn(ms(1000));
        assert_eq!(world.log, statuses, "{directives}");
    }
    for (dry_run, status) in [("off", "REJECTED"), ("on", "REJECTED_DRY_RUN")] {
        let directives = format!("limit_conn c 1; limit_conn_dry_run {dry_run};");
        let mut first = world("$limit_conn_status", &directives);
        first.room = 1000;
        first.send(get("/large"));
        let mut second = first.again();
        second.send(get("/a"));
        assert_eq!(second.log, format!("{status}\n"));
    }
}

/// What `set` says holds for this request and no other.
#[test]
fn a_rate_that_is_set() {
    let mut world = world("$limit_rate", "if ($arg_r) { set $limit_rate $arg_r; }");
    let seen = world.send(get("/large?r=1k"));
    let Seen::Wait(wait) = seen else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (world.sent.len(), wait.until),
        (1024, Some(world.at(ms(1000))))
    );
    let mut other = world.again();
    other.send(get("/large"));
    assert!(other.sent.len() > 300_000);
}
