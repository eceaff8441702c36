//! `limit_req`, `limit_conn`, and for whom a proxy speaks.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use configured::{http, ms};
use host_core::Pool;
use world::{Seen, World, file, get};

/// 10 requests a second for each address.
fn world(limits: &str) -> World {
    let directives = format!(
        "limit_req_zone $binary_remote_addr zone=r:32k rate=10r/s; \
         limit_req_zone $arg_k zone=k:32k rate=1r/s; \
         limit_conn_zone $binary_remote_addr zone=c:32k; \
         limit_conn_zone $server_name$remote_addr zone=d:32k; \
         limit_conn_zone $arg_k zone=e:32k; \
         server {{ root /; {limits} }}"
    );
    World::with(
        http(&directives),
        [("/a", file("a")), ("/large", file(vec![b'x'; 300_000]))],
    )
}

#[test]
fn a_burst_waits_for_its_turn() {
    let mut world = world("limit_req zone=r burst=2;");
    for _ in 0..4 {
        world.send(get("/a"));
    }
    assert_eq!(world.statuses(), ["200"], "the second one waits");
    for (at, statuses) in [
        (99, &[][..]),
        (100, &["200"]),
        // The others have come behind it, at 100 and 200 milliseconds.
        (199, &[]),
        (200, &["200"]),
        (300, &["200"]),
    ] {
        world.turn(ms(at));
        assert_eq!(world.statuses(), statuses, "{at}");
    }
}

#[test]
fn what_exceeds_the_burst_is_refused() {
    for (limit, statuses, later) in [
        ("limit_req zone=r;", &["200", "503", "503", "503"][..], 0),
        (
            "limit_req zone=r burst=2 nodelay;",
            &["200", "200", "200", "503"],
            0,
        ),
        (
            "limit_req zone=r; limit_req_status 429;",
            &["200", "429", "429", "429"],
            0,
        ),
        ("limit_req zone=r; limit_req_dry_run on;", &["200"; 4], 0),
        (
            "limit_req zone=r burst=2 delay=1;",
            &["200", "200", "503"],
            1,
        ),
        ("limit_req zone=r burst=2;", &["200", "503"], 2),
        (
            "limit_req zone=r burst=9 nodelay; limit_req zone=k;",
            &["200"; 4],
            0,
        ),
    ] {
        let first = world(limit);
        let (mut seen, mut waits) = (Vec::new(), 0);
        for _ in 0..4 {
            let mut world = first.again();
            world.now = first.now;
            world.send(get("/a"));
            match world.statuses() {
                none if none.is_empty() => waits += 1,
                statuses => seen.extend(statuses),
            }
        }
        assert_eq!(
            (&seen[..], waits),
            (
                &statuses
                    .iter()
                    .map(|it| (*it).to_owned())
                    .collect::<Vec<_>>()[..],
                later
            ),
            "{limit}"
        );
    }
}

/// Each has to let it in, and one that is refused counts nowhere.
#[test]
fn several_limits() {
    let mut world = world("limit_req zone=r burst=1 nodelay; limit_req zone=k;");
    for target in ["/a?k=1", "/a?k=1", "/a?k=1", "/a?k=2", "/a?k=3"] {
        world.send(get(target));
    }
    assert_eq!(world.statuses(), ["200", "503", "503", "200", "503"]);
}

#[test]
fn internal_redirects_do_not_count() {
    let mut world =
        world("limit_req zone=r; error_page 503 /a; location = /x { try_files /none /a; }");
    world.send(get("/x"));
    world.send(get("/x"));
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 200 ") && text.ends_with("\r\n\r\na"),
        "{text}"
    );
    assert!(text.contains("HTTP/1.1 503 "), "{text}");
}

/// Nothing is read or written meanwhile, whatever comes.
#[test]
fn a_wait_is_for_time_alone() {
    let mut world = world("limit_req zone=r burst=5;");
    world.send(get("/a"));
    let seen = world.send(get("/a").repeat(3));
    let Seen::Wait(wait) = seen else {
        panic!("{seen:?}");
    };
    assert_eq!(
        (wait.read, wait.write, wait.until),
        (false, false, Some(world.at(ms(100))))
    );
    assert_eq!(world.session.deadline(), wait.until);
    assert!(!world.session.is_idle());
    assert_eq!(world.turn(ms(50)), seen, "asked too early");
    world.session.drain();
    world.turn(ms(100));
    assert_eq!(world.statuses(), ["200", "200"]);
    assert_eq!(world.end(), Seen::Close, "the last one of a stop");
}

/// Nothing is looked for and nothing sent for it; the log has nginx's status.
#[test]
fn a_client_that_goes_while_it_waits() {
    let mut world = world("limit_req zone=r burst=5;");
    world.send(get("/a").repeat(2));
    assert_eq!(world.statuses(), ["200"]);
    world.done();
    world.hang_up();
    world.turn(ms(100));
    assert_eq!(world.end(), Seen::Close);
    assert!(!world.done().contains(&Seen::Lookup));
    assert!(
        world.log.contains(" \"GET /a HTTP/1.1\" 499 0 "),
        "{}",
        world.log
    );
}

#[test]
fn a_client_that_sends_more_while_it_waits() {
    let mut world = world("limit_req zone=r burst=5;");
    world.send(get("/a").repeat(2));
    world.send(get("/a"));
    world.turn(ms(100));
    assert_eq!(world.statuses(), ["200", "200"]);
    world.turn(ms(200));
    assert_eq!(world.statuses(), ["200"]);
}

#[test]
fn connections_at_a_time() {
    let mut first = world("limit_conn c 1; limit_conn_status 429;");
    let mut second = first.again();
    first.room = 1000;
    first.send(get("/large"));
    second.send(get("/a"));
    assert_eq!(second.statuses(), ["429"], "the first is being answered");
    first.make_room(1_000_000);
    second.send(get("/a"));
    assert_eq!(second.statuses(), ["200"]);
    first.send(get("/a"));
    assert_eq!(
        first.statuses(),
        ["200", "200"],
        "a connection that only waits does not count"
    );
    first.send("GET /a HTTP/1.1\r\n");
    second.send(get("/a"));
    assert_eq!(second.statuses(), ["200"], "nor does a part of a head");
}

#[test]
fn connections_that_break_do_not_count() {
    let mut first = world("limit_conn c 1;");
    let mut pool = Pool::new(1);
    for _ in 0..3 {
        let mut broken = first.again();
        broken.room = 1000;
        broken.send(get("/large"));
        broken.leave(&mut pool);
        let mut dropped = first.again();
        dropped.room = 1000;
        dropped.send(get("/large"));
    }
    first.send(get("/a"));
    assert_eq!(first.statuses(), ["200"]);
}

#[test]
fn a_dry_run_refuses_nobody() {
    let mut first = world("limit_conn c 1; limit_conn_dry_run on;");
    first.room = 1000;
    first.send(get("/large"));
    let mut second = first.again();
    second.send(get("/a"));
    assert_eq!(second.statuses(), ["200"]);
}

/// The client of the world is 192.0.2.7.
#[test]
fn proxies_tell_whom_they_speak_for() {
    const TRUST: &str = "set_real_ip_from 192.0.2.0/24; set_real_ip_from 10.0.0.0/8;";
    const LIST: &str = "real_ip_header X-Forwarded-For;";
    for (directives, fields, address) in [
        (TRUST, "X-Real-IP: 203.0.113.1", "203.0.113.1"),
        (TRUST, "X-Real-IP: 203.0.113.1:99", "203.0.113.1"),
        (TRUST, "X-Real-IP: [2001:db8::1]:99", "2001:db8::1"),
        (TRUST, "X-Real-IP: 2001:db8::1", "2001:db8::1"),
        (TRUST, "X-Real-IP: me", "192.0.2.7"),
        (TRUST, "X-Forwarded-For: 203.0.113.1", "192.0.2.7"),
        (TRUST, "A: b", "192.0.2.7"),
        (
            "set_real_ip_from 10.0.0.0/8;",
            "X-Real-IP: 203.0.113.1",
            "192.0.2.7",
        ),
        (
            "real_ip_header X-Real-IP;",
            "X-Real-IP: 203.0.113.1",
            "192.0.2.7",
        ),
        (
            "real_ip_header Client; set_real_ip_from 192.0.2.7;",
            "Client: 203.0.113.1",
            "203.0.113.1",
        ),
        (
            &format!("{TRUST}{LIST}"),
            "X-Forwarded-For: 203.0.113.1, 10.0.0.1",
            "10.0.0.1",
        ),
        (
            &format!("{TRUST}{LIST} real_ip_recursive on;"),
            "X-Forwarded-For: 1.2.3.4, 203.0.113.1,10.0.0.1",
            "203.0.113.1",
        ),
        (
            &format!("{TRUST}{LIST} real_ip_recursive on;"),
            "X-Forwarded-For: 1.2.3.4, 203.0.113.1\r\nX-Forwarded-For: 10.0.0.1",
            "203.0.113.1",
        ),
        (
            &format!("{TRUST}{LIST} real_ip_recursive on;"),
            "X-Forwarded-For: 10.0.0.2, 10.0.0.1",
            "10.0.0.2",
        ),
        (
            &format!("{TRUST}{LIST} real_ip_recursive on;"),
            "X-Forwarded-For: nobody, 10.0.0.1",
            "10.0.0.1",
        ),
    ] {
        let mut world = world(&format!(
            "{directives} location / {{ return 200 $remote_addr; }}"
        ));
        world.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n"));
        let text = world.received();
        assert!(
            text.ends_with(&format!("\r\n\r\n{address}")),
            "{directives} {fields}: {text}"
        );
        assert!(
            world.log.starts_with(&format!("{address} ")),
            "{}",
            world.log
        );
    }
}

#[test]
fn rules_are_for_whom_a_proxy_speaks() {
    let mut world = world("location / { set_real_ip_from 192.0.2.7; deny 203.0.113.1; }");
    for address in ["203.0.113.1", "203.0.113.2"] {
        world.send(format!(
            "GET /a HTTP/1.1\r\nHost: a\r\nX-Real-IP: {address}\r\n\r\n"
        ));
    }
    assert_eq!(world.statuses(), ["403", "200"]);
}

#[test]
fn the_proxy_itself_is_known_too() {
    let mut world = world(
        "set_real_ip_from 192.0.2.0/24; \
         location / { return 200 \"$remote_addr,$remote_port,$realip_remote_addr,$realip_remote_port\"; }",
    );
    for (field, seen) in [
        ("A: b", "192.0.2.7,PORT,192.0.2.7,PORT"),
        ("X-Real-IP: 203.0.113.1", "203.0.113.1,,192.0.2.7,PORT"),
        ("X-Real-IP: 203.0.113.1:99", "203.0.113.1,99,192.0.2.7,PORT"),
    ] {
        world.send(format!("GET / HTTP/1.1\r\nHost: a\r\n{field}\r\n\r\n"));
        let text = world.received();
        assert!(
            text.ends_with(&seen.replace("PORT", "50000")),
            "{field}: {text}"
        );
    }
}

/// As in nginx: a request is counted where it has a key for the first time.
#[test]
fn a_limit_without_a_key_leaves_the_next_one_its_turn() {
    for (limit, here) in [
        ("limit_req zone=k;", "limit_req zone=r;"),
        ("limit_conn e 1;", "limit_conn c 1;"),
    ] {
        let mut first = world(&format!(
            "location = /x {{ {limit} try_files /none /large; }} location = /large {{ {here} }}"
        ));
        first.room = 1000;
        first.send(get("/x"));
        let mut second = first.again();
        second.send(get("/x"));
        assert_eq!(second.statuses(), ["503"], "{limit}");
    }
}

/// As in nginx: what is let in only because nobody is refused counts nowhere.
#[test]
fn a_dry_run_that_would_refuse_does_not_count() {
    let mut first = world(
        "location = /a { limit_conn d 1; limit_conn c 1; limit_conn_dry_run on; } \
         location = /large { limit_conn c 1; } location = /b { limit_conn d 1; }",
    );
    first.room = 1000;
    first.send(get("/large"));
    let mut second = first.again();
    second.room = 10;
    second.send(get("/a"));
    let mut third = first.again();
    third.send(get("/b"));
    assert_eq!(third.statuses(), ["404"]);
}

#[test]
fn answers_in_front_of_a_slow_one_are_not_slow() {
    let mut world = world("location = /large { limit_rate 50; }");
    world.send(format!("{}{}", get("/a"), get("/large")));
    let head = "HTTP/1.1 200 OK\r\n";
    let text = String::from_utf8_lossy(&world.sent).into_owned();
    let (first, second) = text.split_once(&format!("\r\n\r\na{head}")).unwrap();
    assert!(first.starts_with(head), "{first}");
    assert_eq!(second.len(), 50 - head.len(), "{second}");
    world.turn(ms(1000));
    assert_eq!(world.sent.len(), text.len() + 50);
}
