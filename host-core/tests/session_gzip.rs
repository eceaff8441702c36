//! Content that is compressed on its way: `gzip`.
#![allow(clippy::unwrap_used)]

mod world;

use allocation_counter::measure;
use host_core::Entry;
use world::answer::{Answer, accepting, ask, configured, gunzip, request};
use world::{Node, Seen, World, file, open, pattern};

/// What compresses well, and in which no two places look alike.
fn text(len: usize) -> Vec<u8> {
    let mut text = String::new();
    while text.len() < len {
        text.push_str(&format!("line {} of a long text\n", text.len()));
    }
    text.truncate(len);
    text.into_bytes()
}

#[test]
fn content_of_any_length_is_compressed_part_by_part() {
    for len in [20, 300, 65_535, 65_536, 65_537, 1_000_000] {
        for content in [text(len), pattern(len)] {
            for level in [1, 6, 9] {
                let config = format!("gzip on; gzip_comp_level {level};");
                let mut world = configured(&config, [("/f.html", file(&content))]);
                let answer = ask(&mut world, "GET", "/f.html", &accepting("gzip"));
                assert_eq!(answer.get("Content-Encoding"), Some("gzip"), "{len}");
                assert_eq!(answer.get("Transfer-Encoding"), Some("chunked"), "{len}");
                assert_eq!(answer.get("Content-Length"), None, "{len}");
                assert_eq!(answer.get("Accept-Ranges"), None, "{len}");
                assert!(answer.get("ETag").unwrap().starts_with("W/\""), "{len}");
                assert!(gunzip(answer.content()) == content, "{len} {level}");
                assert!(answer.rest.is_empty(), "{len}");
                // The connection goes on.
                let again = ask(&mut world, "GET", "/f.html", "");
                assert!(again.content() == content, "{len}");
            }
        }
    }
}

#[test]
fn what_is_compressed() {
    let long = "x".repeat(100);
    let listing = (0..50).map(|n| Entry {
        name: format!("file-{n}").into_bytes(),
        folder: false,
        len: n,
        modified: None,
    });
    let listing: Vec<_> = listing.collect();
    for (directives, request, fields, compressed) in [
        ("", "GET /f.html", "", true),
        ("", "GET /f.html", "Range: bytes=1-50\r\n", false),
        ("", "GET /f.txt", "", false),
        ("", "GET /f.png", "", false),
        ("gzip_types text/plain;", "GET /f.txt", "", true),
        ("gzip_types text/plain;", "GET /f.html", "", true),
        ("gzip_types *;", "GET /f.png", "", true),
        ("charset utf-8;", "GET /f.html", "", true),
        ("gzip_min_length 101;", "GET /f.html", "", false),
        ("gzip_min_length 100;", "GET /f.html", "", true),
        ("", "GET /short.html", "", false),
        ("gzip_min_length 0;", "GET /empty.html", "", true),
        ("", "GET /d/", "", true),
        ("", "GET /none", "", true),
        ("error_page 404 /f.html;", "GET /none", "", true),
        ("", "GET /moved", "", false),
        ("", "GET /text", "", true),
        ("", "GET /fails", "", false),
        ("", "POST /text", "", true),
        ("error_page 404 =200 /f.html;", "GET /none", "", true),
        (
            "gzip_disable Mo[xz]illa;",
            "GET /f.html",
            "User-Agent: mozilla/4\r\n",
            false,
        ),
        (
            "gzip_disable Mo[xz]illa;",
            "GET /f.html",
            "User-Agent: curl\r\n",
            true,
        ),
        (
            "gzip_disable msie6;",
            "GET /f.html",
            "User-Agent: MSIE 6.0\r\n",
            false,
        ),
        ("", "GET /f.html", "Via: 1.1 a\r\n", false),
        ("gzip_proxied any;", "GET /f.html", "Via: 1.1 a\r\n", true),
        (
            "gzip_proxied no_etag;",
            "GET /f.html",
            "Via: 1.1 a\r\n",
            false,
        ),
        (
            "gzip_proxied auth;",
            "GET /f.html",
            "Via: 1.1 a\r\nAuthorization: x\r\n",
            true,
        ),
        (
            "gzip_proxied no_etag; etag off;",
            "GET /f.html",
            "Via: 1.1 a\r\n",
            true,
        ),
        (
            "gzip_proxied expired; expires epoch;",
            "GET /f.html",
            "Via: 1.1 a\r\n",
            true,
        ),
        (
            "gzip_proxied expired; expires max;",
            "GET /f.html",
            "Via: 1.1 a\r\n",
            false,
        ),
        ("gzip_static on;", "GET /s.html", "", true),
    ] {
        let mut world = configured(
            &format!(
                "gzip on; gzip_vary on; autoindex on; {directives}
                 location = /text {{ default_type text/html; return 200 {long}; }}
                 location = /fails {{ default_type text/html; return 500 {long}; }}
                 location = /moved {{ return 301 /{long}; }}"
            ),
            [
                ("/f.html", file(&long)),
                ("/f.txt", file(&long)),
                ("/f.png", file(&long)),
                ("/s.html", file(&long)),
                ("/s.html.gz", file("a sibling is not compressed again")),
                ("/short.html", file("short")),
                ("/empty.html", file("")),
                ("/d/", Node::Listing(listing.clone())),
            ],
        );
        let (method, target) = request.split_once(' ').unwrap();
        let case = format!("{directives} {request} {fields}");
        let fields = accepting("gzip") + fields;
        let answer = ask(&mut world, method, target, &fields);
        let coding = compressed.then_some("gzip");
        assert_eq!(answer.get("Content-Encoding"), coding, "{case}");
        if target == "/s.html" {
            assert!(answer.content().starts_with(b"a sibling"));
            continue;
        }
        if ["/f.html", "/text"].contains(&target) && answer.status == 200 {
            assert_eq!(answer.plain(), long.as_bytes(), "{case}");
        }
        let varies = answer.fields.iter().filter(|(name, _)| name == "Vary");
        let wanted = compressed
            || directives.contains("disable")
            || fields.contains("Via")
            || fields.contains("Range");
        assert_eq!(varies.count(), usize::from(wanted), "{case}");
        // HEAD has the same fields.
        if method == "GET" && !fields.contains("Range") {
            let head = ask(&mut world, "HEAD", target, &fields);
            assert_eq!(head.fields, answer.fields, "{case}");
            assert!(head.rest.is_empty(), "{case}");
        }
    }
}

/// Files that are compressed already, as `add_header` says.
#[test]
fn what_says_that_it_is_encoded_is_left_alone() {
    let content = text(100);
    let config = "gzip on; add_header Content-Encoding br;";
    let mut world = configured(config, [("/f.html", file(&content))]);
    let answer = ask(&mut world, "GET", "/f.html", &accepting("gzip"));
    assert_eq!(answer.get("Content-Encoding"), Some("br"));
    assert_eq!(answer.content(), content);
}

/// nginx's `expires modified`.
#[test]
fn head_and_304_expire_like_get() {
    let mut world = configured("expires modified 1h;", [("/f.html", file("hello"))]);
    let get = ask(&mut world, "GET", "/f.html", "");
    for (method, fields) in [("HEAD", ""), ("GET", "If-None-Match: *\r\n")] {
        let answer = ask(&mut world, method, "/f.html", fields);
        assert_eq!(answer.get("Expires"), get.get("Expires"), "{method}");
    }
    assert!(get.get("Expires").unwrap().starts_with("Sun, 09 Sep 2001"));
}

#[test]
fn nobody_gets_what_was_not_asked_for() {
    for accept in [
        "",
        "Accept-Encoding: br\r\n",
        "Accept-Encoding: gzip;q=0\r\n",
    ] {
        let content = text(100);
        let mut world = configured("gzip on; gzip_vary on;", [("/f.html", file(&content))]);
        let answer = ask(&mut world, "GET", "/f.html", accept);
        assert_eq!(answer.get("Content-Encoding"), None);
        assert_eq!(answer.get("Vary"), Some("Accept-Encoding"));
        assert!(answer.get("ETag").unwrap().starts_with('"'));
        assert_eq!(answer.content(), content);
    }
}

#[test]
fn a_weak_tag_finds_its_file_unchanged() {
    let mut world = configured("gzip on;", [("/f.html", file(text(100)))]);
    let gzip = accepting("gzip");
    let tag = ask(&mut world, "GET", "/f.html", &gzip);
    let tag = tag.get("ETag").unwrap().to_owned();
    let fields = format!("{gzip}If-None-Match: {tag}\r\n");
    let answer = ask(&mut world, "GET", "/f.html", &fields);
    assert_eq!((answer.status, answer.get("ETag")), (304, Some(&*tag)));
    // It is not strong enough for a range.
    let fields = format!("{gzip}Range: bytes=0-9\r\nIf-Range: {tag}\r\n");
    let answer = ask(&mut world, "GET", "/f.html", &fields);
    assert_eq!((answer.status, answer.plain()), (200, text(100)));
}

#[test]
fn old_clients_get_it_until_the_close_where_they_are_allowed_to() {
    let old = "GET /f.html HTTP/1.0\r\nAccept-Encoding: gzip\r\nConnection: keep-alive\r\n\r\n";
    let content = text(200_000);
    for (directive, compressed) in [("", false), ("gzip_http_version 1.0;", true)] {
        let config = format!("gzip on; {directive}");
        let mut world = configured(&config, [("/f.html", file(&content))]);
        world.send(old);
        let answer = Answer::parse(&world.sent, false);
        assert_eq!(answer.get("Content-Encoding").is_some(), compressed);
        assert_eq!(answer.get("Transfer-Encoding"), None);
        assert_eq!(answer.plain(), content);
        let connection = if compressed { "close" } else { "keep-alive" };
        assert_eq!(answer.get("Connection"), Some(connection));
    }
}

#[test]
fn a_slow_reader_has_one_part_compressed_at_a_time() {
    let content = pattern(10_000_000);
    let mut world = configured("gzip on;", [("/f.html", file(&content))]);
    world.room = 1000;
    world.send(request("GET", "/f.html", &accepting("gzip")));
    let reads = |world: &mut World| {
        let done = world.done();
        done.iter()
            .filter(|it| matches!(it, Seen::ReadFile(..)))
            .count()
    };
    assert_eq!(reads(&mut world), 1);
    world.make_room(100_000);
    assert_eq!(reads(&mut world), 1);
    world.per_write = 7777;
    world.make_room(usize::MAX);
    let answer = Answer::parse(&world.sent, false);
    assert!(gunzip(answer.content()) == content);
}

#[test]
fn a_batch_of_requests_is_answered_in_order() {
    let content = text(300_000);
    let mut world = configured(
        "gzip on; location = /t { default_type text/html; return 200 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; }",
        [("/f.html", file(&content)), ("/g.html", file("short"))],
    );
    let gzip = accepting("gzip");
    let batch = ["/f.html", "/t", "/g.html", "/f.html"].map(|it| request("GET", it, &gzip));
    world.send(batch.concat());
    let mut rest = std::mem::take(&mut world.sent);
    for expected in [&content[..], &[b'a'; 34], b"short", &content] {
        let answer = Answer::parse(&rest, false);
        assert!(answer.plain() == expected);
        rest = answer.rest;
    }
    assert!(rest.is_empty());
}

/// As nginx counts them: what was sent after the head.
#[test]
fn the_log_has_the_bytes_that_were_sent() {
    let mut world = configured("gzip on;", [("/f.html", file(text(500_000)))]);
    world.send(request("GET", "/f.html", &accepting("gzip")));
    let head = world.sent.windows(4).position(|it| it == b"\r\n\r\n");
    let sent = world.sent.len() - head.unwrap() - 4;
    let expected = format!(" 200 {sent} ");
    assert!(world.log.contains(&expected), "{expected}: {}", world.log);
}

#[test]
fn content_that_breaks_off_has_no_end() {
    let content = open(pattern(200_000));
    let handle = content.try_clone().unwrap();
    let mut world = configured("gzip on;", [("/f.html", Node::File(content))]);
    world.room = 100;
    world.send(request("GET", "/f.html", &accepting("gzip")));
    handle.set_len(100_000).unwrap();
    world.make_room(usize::MAX);
    assert_eq!(world.end(), Seen::Close);
    assert!(Answer::parse(&world.sent, false).body.is_none());
    assert!(world.log.contains(" 200 "), "{}", world.log);
}

#[test]
fn a_long_text_of_a_location_is_compressed_in_parts() {
    let long = "0123456789".repeat(300);
    let value = "$b$b$b$b$b$b$b$b$b$b";
    let config = format!(
        "gzip on; default_type text/html; location / {{ set $b {long}; set $c {value}; return 200 $c$c$c$c; }}"
    );
    let mut world = configured(&config, []);
    let answer = ask(&mut world, "GET", "/", &accepting("gzip"));
    assert!(answer.plain() == long.repeat(40).as_bytes());
}

#[test]
fn memory_is_bounded_and_given_back() {
    let content = text(5_000_000);
    let mut world = configured("gzip on; gzip_comp_level 9;", [("/f.html", file(&content))]);
    let gzip = accepting("gzip");
    ask(&mut world, "GET", "/f.html", &gzip);
    world.sent = Vec::with_capacity(5_000_000);
    let memory = measure(|| {
        world.send(request("GET", "/f.html", &gzip));
    });
    assert!(memory.bytes_max < 600_000, "{memory:?}");
    assert!(memory.bytes_current < 10_000, "{memory:?}");
}
