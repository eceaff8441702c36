//! Methods and statuses that a configuration treats in a way of their own.
#![allow(clippy::unwrap_used)]

mod world;

use host_core::Server;
use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;
use world::{Node, World, file};

/// A world with these directives in its `server` block.
fn world(server: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    let text = format!("events {{ }} http {{ server {{ {server} }} }}");
    std::fs::write(&path, text).unwrap();
    let loaded = Config::load(&path, &Overrides::default());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    let mut server = Server::configured(config);
    server.access_log = Some(LogWriter::new(std::io::sink()));
    let files = [
        ("/f", file("hello")),
        ("/d", Node::Folder),
        ("/l/", Node::Listing(Vec::new())),
    ];
    World::with(server, files)
}

/// The answer to a request with `content`.
fn ask(config: &str, request: &str, content: &str) -> String {
    let mut world = world(config);
    let len = content.len();
    world.send(format!(
        "{request} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n{content}"
    ));
    world.received()
}

#[test]
fn limit_except_comes_before_the_script() {
    for (config, request, status) in [
        ("return 200 ran;", "POST /f", "403"),
        ("return 200 ran;", "GET /f", "200"),
        ("return 200 ran;", "HEAD /f", "200"),
        ("return 200 ran;", "X /f", "403"),
        ("rewrite ^ /else last;", "POST /f", "403"),
        ("if ($arg_b) { add_header X 1; }", "POST /f?b=1", "403"),
        ("if ($arg_b) { add_header X 1; }", "GET /f?b=1", "200"),
        // Locations within do not inherit it.
        ("location /f { return 200; }", "POST /f", "200"),
    ] {
        let config = format!(
            "location / {{ limit_except GET {{ deny all; }} {config} }} location /else {{ return 200; }}"
        );
        let answer = ask(&config, request, "");
        assert_eq!(answer[9..12], *status, "{config} {request}");
    }
}

#[test]
fn limit_except_holds_in_named_locations() {
    let config = "location / { error_page 402 = @n; return 402; }
         location @n { limit_except GET { deny all; } return 200; }";
    for (request, status) in [("GET /", "200"), ("POST /", "403")] {
        assert_eq!(ask(config, request, "")[9..12], *status, "{request}");
    }
}
