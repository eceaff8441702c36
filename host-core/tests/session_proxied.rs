//! `listen … proxy_protocol`: what a proxy says in front of the first request.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use configured::{http, ms};
use host_core::Pool;
use world::{Seen, World, file, get};

const V1: &[u8] = b"PROXY TCP4 203.0.113.9 198.51.100.2 56324 443\r\n";
const V2: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x09\xc6\x33\x64\x02\xdc\x04\x01\xbb";
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

const TOLD: &str = "203.0.113.9:56324 198.51.100.2:443 192.0.2.7:50000";
const NOT_TOLD: &str = ": : 192.0.2.7:50000";

fn world(directives: &str) -> World {
    let directives = format!(
        "server {{ listen 127.0.0.1:80 proxy_protocol; root /; {directives}\n\
         location /who {{ return 200 \"$proxy_protocol_addr:$proxy_protocol_port \
         $proxy_protocol_server_addr:$proxy_protocol_server_port $remote_addr:$remote_port\"; }} }}"
    );
    World::with(http(&directives), [("/a", file("hello"))])
}

#[test]
fn a_header_is_read_in_every_split() {
    let unknown: &[u8] = b"PROXY UNKNOWN\r\n";
    for (header, told) in [
        (V1, TOLD),
        (V2, TOLD),
        (LOCAL, NOT_TOLD),
        (unknown, NOT_TOLD),
    ] {
        let bytes = [header, get("/who").as_bytes(), get("/who").as_bytes()].concat();
        let world = world("");
        let check = |pieces: Vec<&[u8]>| {
            let mut world = world.again();
            world.send_pieces(pieces);
            let text = world.received();
            assert_eq!(
                text.matches(&format!("\r\n\r\n{told}")).count(),
                2,
                "{text}"
            );
        };
        for cut in 1..bytes.len() {
            check(vec![&bytes[..cut], &bytes[cut..]]);
        }
        check(bytes.chunks(1).collect());
        check(vec![&bytes]);
    }
}

#[test]
fn what_is_no_header_is_closed_and_logged() {
    let long = [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff"[..], &[0; 100]].concat();
    for (bytes, line) in [
        (get("/a").as_bytes(), "\"GET /a HTTP/1.1\" 400 0 "),
        (b"PROXY TCP4 1.2.3.4\r\n", "\"PROXY TCP4 1.2.3.4\" 400 0 "),
        (&long, "400 0 "),
    ] {
        let mut world = world("");
        world.send_pieces([bytes]);
        assert_eq!(world.steps.last(), Some(&Seen::Close));
        assert_eq!(world.received(), "");
        assert!(world.log.contains(line), "{}", world.log);
        assert_eq!(world.log.lines().count(), 1);
    }
}

#[test]
fn a_look_at_the_port_is_not_logged() {
    let mut world = world("");
    assert_eq!(world.hang_up(), Seen::Close);
    assert_eq!(world.log, "");
}

#[test]
fn a_header_that_ends_early_is_logged() {
    let mut world = world("");
    world.send_pieces([&V1[..20]]);
    assert_eq!(world.hang_up(), Seen::Close);
    assert_eq!(
        (world.received().as_str(), world.log.lines().count()),
        ("", 1)
    );
}

#[test]
fn a_header_has_the_time_of_a_head() {
    for part in [&b""[..], &V1[..20], V1] {
        let mut world = world("client_header_timeout 5s;");
        world.turn(ms(3000));
        world.send_pieces([part]);
        world.turn(ms(4999));
        assert!(matches!(world.steps.last(), Some(Seen::Wait(_))));
        world.turn(ms(5000));
        assert_eq!(
            world.steps.last(),
            Some(&Seen::Close),
            "{}",
            part.escape_ascii()
        );
        assert_eq!(world.received(), "");
    }
}

#[test]
fn it_holds_for_a_connection_that_was_parked() {
    for header in [V1, LOCAL] {
        let mut world = world("");
        world.send_pieces([header]);
        let mut pool = Pool::new(1);
        world.park(&mut pool);
        world.send(get("/who"));
        let told = if header == V1 { TOLD } else { NOT_TOLD };
        assert!(world.received().ends_with(told), "{}", world.received());
    }
}

#[test]
fn rules_are_for_whom_the_header_names() {
    for (directives, header, expected) in [
        (
            "set_real_ip_from 192.0.2.7; real_ip_header proxy_protocol;",
            V1,
            "203.0.113.9:56324",
        ),
        (
            "set_real_ip_from 192.0.2.7; real_ip_header proxy_protocol;",
            LOCAL,
            "192.0.2.7:50000",
        ),
        (
            "set_real_ip_from 192.0.2.8; real_ip_header proxy_protocol;",
            V1,
            "192.0.2.7:50000",
        ),
        ("real_ip_header proxy_protocol;", V1, "192.0.2.7:50000"),
        ("set_real_ip_from 192.0.2.7;", V1, "192.0.2.7:50000"),
    ] {
        let mut world = world(directives);
        world.send_pieces([header, get("/who").as_bytes()]);
        assert!(
            world.received().ends_with(expected),
            "{directives}: {}",
            world.received()
        );
    }
    let deny = "set_real_ip_from 192.0.2.7; real_ip_header proxy_protocol; deny 203.0.113.9;";
    let mut world = world(deny);
    world.send_pieces([V1, get("/a").as_bytes()]);
    assert_eq!(world.statuses(), ["403"]);
}
