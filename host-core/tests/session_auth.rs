//! Names and passwords: `auth_basic`, and `satisfy` with addresses.
#![allow(clippy::unwrap_used)]

#[path = "world/configured.rs"]
mod configured;
mod world;

use std::io::ErrorKind;

use configured::{ms, server};
use world::{Node, Seen, World, file};

/// `admin:secret`, `bob:x`; made by `openssl passwd -apr1`.
const USERS: &str = "admin:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\nbob:{PLAIN}x\n";
const ADMIN: &str = "YWRtaW46c2VjcmV0";
const BOB: &str = "Ym9iOng=";
const WRONG: &str = "YWRtaW46d3Jvbmc=";

const AUTH: &str = "auth_basic Staff; auth_basic_user_file /users;";

fn world(directives: &str) -> World {
    World::with(
        server(directives),
        [
            ("/a", file("welcome")),
            ("/sorry", file("sorry")),
            ("/users", file(USERS)),
            ("/empty", file("")),
            ("/secret", Node::Error(ErrorKind::PermissionDenied)),
        ],
    )
}

/// GET with these credentials.
fn get(target: &str, credentials: &str) -> String {
    let field = match credentials {
        "" => String::new(),
        text => format!("Authorization: Basic {text}\r\n"),
    };
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{field}\r\n")
}

#[test]
fn only_those_with_the_password_come_in() {
    for (credentials, status) in [
        (ADMIN, "200"),
        (BOB, "200"),
        (WRONG, "401"),
        ("", "401"),
        ("YWRtaW4=", "401"),
        ("*", "401"),
    ] {
        let mut world = world(AUTH);
        world.send(get("/a", credentials));
        let text = world.received();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{text}");
        let challenge =
            text.contains("\r\nWWW-Authenticate: Basic realm=\"Staff\", charset=\"UTF-8\"\r\n");
        assert_eq!(challenge, status == "401", "{text}");
        assert_eq!(text.ends_with("welcome"), status == "200", "{text}");
    }
}

#[test]
fn two_fields_are_none() {
    let mut world = world(AUTH);
    for pair in [[ADMIN, WRONG], [WRONG, ADMIN], [ADMIN, ADMIN]] {
        let fields = pair
            .map(|it| format!("Authorization: Basic {it}\r\n"))
            .concat();
        world.send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    }
    assert_eq!(world.statuses(), ["401"; 3]);
}

#[test]
fn address_and_password() {
    const IN: &str = "allow 192.0.2.0/24; deny all;";
    const OUT: &str = "deny 192.0.2.7;";
    const NONE: &str = "allow 198.51.100.1;";
    for (rules, satisfy, credentials, status) in [
        (IN, "all", ADMIN, "200"),
        (IN, "all", WRONG, "401"),
        (OUT, "all", ADMIN, "403"),
        (OUT, "all", "", "403"),
        (NONE, "all", ADMIN, "200"),
        (NONE, "all", "", "401"),
        (IN, "any", "", "200"),
        (IN, "any", WRONG, "200"),
        (OUT, "any", ADMIN, "200"),
        (OUT, "any", WRONG, "401"),
        (OUT, "any", "", "401"),
        (NONE, "any", "", "401"),
        (NONE, "any", ADMIN, "200"),
    ] {
        let mut world = world(&format!("{AUTH} {rules} satisfy {satisfy};"));
        world.send(get("/a", credentials));
        let seen = world.statuses();
        assert_eq!(seen, [status], "{rules} {satisfy} {credentials}");
    }
}

#[test]
fn files_of_passwords_that_are_none() {
    for (path, status) in [
        ("/missing", "403"),
        ("/secret", "500"),
        ("/empty", "401"),
        ("/users", "200"),
        ("/$arg_f", "200"),
    ] {
        let mut world = world(&format!("auth_basic x; auth_basic_user_file {path};"));
        world.send(get("/a?f=users", ADMIN));
        assert_eq!(world.statuses(), [status], "{path}");
    }
}

#[test]
fn realms() {
    for (realm, field) in [
        ("\"a b\"", "realm=\"a b\""),
        ("'say \"hi\" \\\\'", "realm=\"say \\\"hi\\\" \\\\\""),
        ("\"for $host\"", "realm=\"for a\""),
    ] {
        let mut world = world(&format!("auth_basic {realm}; auth_basic_user_file /users;"));
        world.send(get("/a", ""));
        let text = world.received();
        assert!(
            text.contains(&format!("WWW-Authenticate: Basic {field}, ")),
            "{text}"
        );
    }
    for open in ["auth_basic off;", "set $r off; auth_basic $r;"] {
        let mut world = world(&format!("{open} auth_basic_user_file /users;"));
        world.send(get("/a", ""));
        assert_eq!(world.statuses(), ["200"], "{open}");
    }
}

#[test]
fn the_page_of_an_error_keeps_the_challenge() {
    let mut world = world(&format!(
        "{AUTH} error_page 401 /sorry; location = /sorry {{ auth_basic off; }}"
    ));
    world.send(get("/a", WRONG));
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 401 ") && text.ends_with("sorry"),
        "{text}"
    );
    assert!(text.contains("WWW-Authenticate: "), "{text}");
}

/// nginx's `limit_except`: reading is free.
#[test]
fn other_methods_may_need_a_password() {
    let mut world = world(&format!("location / {{ limit_except GET {{ {AUTH} }} }}"));
    world.send(get("/a", ""));
    world.send("DELETE /a HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(world.statuses(), ["200", "401"]);
}

#[test]
fn the_log_has_the_name_and_no_password() {
    let mut world = world(AUTH);
    for credentials in [ADMIN, WRONG, ""] {
        world.send(get("/a", credentials));
        world.turn(ms(10));
    }
    let names: Vec<_> = world
        .log
        .lines()
        .map(|line| line.split(' ').nth(2).unwrap())
        .collect();
    assert_eq!(names, ["admin", "admin", "-"]);
    for secret in ["secret", "wrong", ADMIN, WRONG] {
        assert!(!world.log.contains(secret), "{}", world.log);
    }
}

#[test]
fn the_file_is_read_once() {
    let mut world = world(AUTH);
    let reads = |world: &mut World| {
        let steps = world.done();
        steps
            .iter()
            .filter(|step| matches!(step, Seen::ReadFile(0, len) if *len == USERS.len()))
            .count()
    };
    world.send(get("/a", BOB));
    assert_eq!(reads(&mut world), 1);
    world.send(get("/a", ADMIN));
    assert_eq!(reads(&mut world), 0);
    let mut again = world.again();
    again.send(get("/a", WRONG));
    assert_eq!(reads(&mut again), 0);
}

/// So that guesses cannot keep a worker busy: apr1 takes about half a millisecond, and gets a quarter
/// of the time.
#[test]
fn guesses_wait() {
    let mut world = world(AUTH);
    world.send(get("/a", ADMIN).repeat(2) + &get("/a", WRONG));
    assert_eq!(world.statuses(), ["200", "200"]);
    world.turn(ms(1));
    assert_eq!(world.statuses(), [""; 0]);
    world.turn(ms(2));
    assert_eq!(world.statuses(), ["401"]);
}
