//! What a configuration changes on a connection: times, limits, logs.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;
use host_core::{Entry, Server};
use world::{Node, Seen, World, file, get, pattern};

/// A world with these directives in its `http` block.
fn world(http: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, format!("events {{ }} http {{ {http} }}")).unwrap();
    let loaded = Config::load(&path, &Overrides::default());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    let mut server = Server::configured(config);
    server.access_log = Some(LogWriter::new(std::io::sink()));
    let entry = Entry {
        name: "two".into(),
        folder: false,
        len: 2048,
        modified: None,
    };
    let files = [
        ("/f", file("hello")),
        ("/big", file(pattern(1_000_000))),
        ("/d/", Node::Folder),
        ("/list/", Node::Listing(vec![entry])),
    ];
    World::with(server, files)
}

fn until(seen: Seen, world: &World) -> u64 {
    let Seen::Wait(wait) = seen else {
        panic!("{seen:?}");
    };
    (wait.until.unwrap() - world.at(Duration::ZERO)).as_secs()
}

#[test]
fn locations_have_their_own_times() {
    let config = "server { client_header_timeout 7s; keepalive_timeout 20s;
         location /b { keepalive_timeout 30s; client_body_timeout 4s; return 200; }
         location /big { send_timeout 9s; } }";
    let mut world = world(config);
    let seen = world.run();
    assert_eq!(until(seen, &world), 7);
    let seen = world.send(get("/f"));
    assert_eq!(until(seen, &world), 20);
    let seen = world.send(get("/b"));
    assert_eq!(until(seen, &world), 30);
    let seen = world.send("POST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx");
    assert_eq!(until(seen, &world), 4);
    let mut world = world.again();
    world.room = 1000;
    let seen = world.send(get("/big"));
    assert_eq!(until(seen, &world), 9);
}

#[test]
fn a_location_ends_the_connection() {
    for (config, requests) in [
        ("keepalive_timeout 0;", 1),
        ("keepalive_requests 2;", 2),
        ("keepalive_time 0s;", 1),
    ] {
        let mut world = world(&format!(
            "server {{ location /k {{ {config} return 200; }} }}"
        ));
        for n in 1..=requests {
            world.send(get("/k"));
            let last = world.received().contains("\r\nConnection: close\r\n");
            assert_eq!(last, n == requests, "{config} {n}");
        }
    }
}

#[test]
fn too_large_a_body_is_refused_by_its_location() {
    let mut world = world(
        "server { location /s { client_max_body_size 3; return 200; } location / { return 200; } }",
    );
    world.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234");
    world.send("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n123");
    world.send("POST /s HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\n1234");
    assert_eq!(world.statuses(), ["200", "200", "413"]);
}

#[test]
fn status_444_is_no_answer_but_those_before_are_sent() {
    let mut world = world("server { location /n { return 444; } location / { return 200; } }");
    world.send(get("/") + &get("/n") + &get("/"));
    assert_eq!(world.end(), Seen::Close);
    assert_eq!(world.statuses(), ["200"]);
    assert!(
        world.log.contains("\"GET /n HTTP/1.1\" 444 0 "),
        "{}",
        world.log
    );
}

#[test]
fn an_index_file_is_opened_once() {
    let mut world = world("server { location / { try_files $uri /f; } }");
    world.send(get("/none"));
    assert!(world.received().ends_with("\r\n\r\nhello"));
    let lookups = world
        .done()
        .iter()
        .filter(|it| **it == Seen::Lookup)
        .count();
    // One for each name.
    assert_eq!(lookups, 2);
}

#[test]
fn logs_have_formats_conditions_and_escapes() {
    let config = "log_format own '$status $body_bytes_sent $request_time $uri $arg_a|$http_x|$sent_http_x_y';
         log_format js escape=json '{\"u\":\"$uri\"}';
         map $status $bad { default 0; ~^[45] 1; }
         server { add_header X-Y z; access_log /a own; access_log /b js if=$bad;
         location /off { access_log off; return 200; } location / { return 200 hello; } location /e { return 404; } }";
    for (target, log) in [
        ("/?a=1", "200 5 0.000 / 1|-|z\n"),
        ("/%22%0A", "200 5 0.000 /\\x22\\x0A -|-|z\n"),
        ("/off", ""),
    ] {
        let mut world = world(config);
        world.send(get(target));
        assert_eq!(world.log, log, "{target}");
    }
    let mut world = world(config);
    world.send(get("/e%22"));
    let lines: Vec<_> = world.log.lines().collect();
    assert!(lines[0].starts_with("404 "), "{lines:?}");
    assert_eq!(lines[1..], ["{\"u\":\"/e\\\"\"}"]);
}

#[test]
fn what_directives_say_shows() {
    for (directives, request, shown) in [
        (
            "server_tokens off;",
            "GET /f HTTP/1.1\r\nHost: a",
            "\r\nServer: h1\r\n",
        ),
        (
            "server_tokens on;",
            "GET /f HTTP/1.1\r\nHost: a",
            "\r\nServer: h1/",
        ),
        (
            "charset utf-8; default_type a/b;",
            "GET /f HTTP/1.1\r\nHost: a",
            "Content-Type: a/b\r\n",
        ),
        (
            "charset utf-8; default_type a/b; charset_types a/b;",
            "GET /f HTTP/1.1\r\nHost: a",
            "Content-Type: a/b; charset=utf-8\r\n",
        ),
        (
            "large_client_header_buffers 2 50;",
            "GET /f?0123456789012345678901234567890123456789 HTTP/1.1\r\nHost: a",
            "HTTP/1.1 414 ",
        ),
        (
            "large_client_header_buffers 2 60;",
            "GET /f?0123456789012345678901234567890123456789 HTTP/1.1\r\nHost: a",
            "HTTP/1.1 200 ",
        ),
        ("autoindex on;", "GET /list/ HTTP/1.1\r\nHost: a", ">2048<"),
        (
            "autoindex on; autoindex_exact_size off;",
            "GET /list/ HTTP/1.1\r\nHost: a",
            "2.0 K",
        ),
    ] {
        let mut world = world(&format!("{directives} server {{ root /; }}"));
        world.send(format!("{request}\r\n\r\n"));
        let text = world.received();
        assert!(text.contains(shown), "{directives}: {text}");
    }
}
