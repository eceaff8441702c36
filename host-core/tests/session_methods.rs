//! Methods and statuses that a configuration treats in a way of their own.
#![allow(clippy::unwrap_used)]

mod world;

use host_core::Server;
use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;
use world::{Node, Seen, World, file};

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
        ("/d/", Node::Folder),
        ("/e/", Node::Folder),
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

#[test]
fn statuses_without_content_bring_none() {
    for (config, status) in [
        ("try_files /none =204;", "204"),
        ("return 204 x;", "204"),
        ("return 204 $uri;", "204"),
        ("error_page 404 =204 /f;", "204"),
        ("return 205 x;", "205"),
        ("error_page 404 =205 /f;", "205"),
        ("error_page 404 =204 @n;", "204"),
    ] {
        let config = format!(
            "location /none {{ {config} }} location @n {{ return 200 x; }} location /f {{ }}"
        );
        let answer = ask(&config, "GET /none", "");
        assert_eq!(answer[9..12], *status, "{config}");
        assert!(answer.ends_with("\r\n\r\n"), "{config}: {answer}");
        assert!(!answer.contains("Content-Type"), "{config}: {answer}");
        assert_eq!(answer.contains("Content-Length: 0"), status == "205");
    }
}

#[test]
fn too_much_content_has_its_page() {
    for (page, status) in [
        ("error_page 413 /e;", "413"),
        ("error_page 413 =200 /e;", "200"),
        ("error_page 413 @e;", "413"),
    ] {
        let config = format!(
            "client_max_body_size 5; {page} location = /e {{ return 200 page; }}
             location @e {{ return 200 page; }}"
        );
        let answer = ask(&config, "POST /f", "123456");
        assert_eq!(answer[9..12], *status, "{page}");
        assert!(answer.ends_with("\r\n\r\npage"), "{page}: {answer}");
        assert!(answer.contains("\r\nConnection: close\r\n"), "{page}");
    }
}

#[test]
fn the_method_is_judged_by_what_is_there() {
    let config = "location / { } location /app/ { error_page 404 = @app; }
         location /try/ { try_files $uri /d/ =404; } location @app { return 200 app; }";
    for (request, status) in [
        ("POST /f", "405"),
        ("POST /none", "404"),
        ("POST /d", "301"),
        ("POST /e/", "403"),
        ("POST /app/none", "200"),
        ("POST /try/none", "301"),
        ("PUT /none", "405"),
        ("PUT /try/none", "405"),
        ("X /none", "501"),
        ("OPTIONS /try/none", "204"),
    ] {
        assert_eq!(ask(config, request, "")[9..12], *status, "{request}");
    }
}

#[test]
fn what_is_no_request_has_its_page() {
    let error_page = "error_page 400 414 /f; location / { }";
    let fixed = "error_page 400 414 /e; location /e { return 200 hello; }";
    let other = "error_page 400 414 =200 @e; location @e { return 200 hello; }";
    let long = format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000));
    for request in [
        "GET /a b HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
        &long,
    ] {
        for config in [error_page, fixed, other] {
            let mut world = world(config);
            world.send(request);
            assert_eq!(world.end(), Seen::Close);
            let answer = world.received();
            assert_eq!(
                answer.starts_with("HTTP/1.1 4"),
                config != other,
                "{answer}"
            );
            assert!(answer.ends_with("\r\n\r\nhello"), "{config}: {answer}");
            assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        }
    }
}

#[test]
fn add_header_replaces_what_no_answer_has_twice() {
    for (value, lines) in [("own", 1), ("\"\"", 0)] {
        for name in ["Last-Modified", "ETag", "etag"] {
            let answer = ask(&format!("add_header {name} {value};"), "GET /f", "");
            let field = format!("\r\n{}:", name.to_lowercase());
            assert_eq!(
                answer.to_lowercase().matches(&field).count(),
                lines,
                "{answer}"
            );
            assert_eq!(answer.contains(": own\r\n"), lines == 1, "{answer}");
        }
    }
}

#[test]
fn errors_without_text_have_their_page() {
    for (config, page) in [
        ("return 404 \"\";", true),
        ("return 503 '';", true),
        ("return 404 $arg_none;", false),
        ("return 200 \"\";", false),
    ] {
        let answer = ask(&format!("location / {{ {config} }}"), "GET /f", "");
        assert_eq!(answer.contains("<h1>"), page, "{config}: {answer}");
    }
}

#[test]
fn an_empty_query_is_none() {
    let answer = ask("absolute_redirect off;", "GET /d?", "");
    assert!(answer.contains("\r\nLocation: /d/\r\n"), "{answer}");
}

#[test]
fn lines_of_a_field_are_one_list() {
    let config = "expires 1h; add_header Cache-Control public;
         add_header X-All $sent_http_cache_control;";
    let answer = ask(config, "GET /f", "");
    assert!(
        answer.contains("\r\nX-All: max-age=3600, public\r\n"),
        "{answer}"
    );
}
