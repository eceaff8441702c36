//! Compressed siblings of files: `gzip_static` and `precompressed`.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::ErrorKind;

use world::answer::{accepting, ask, configured};
use world::{MODIFIED, Node, Seen, World, file, open};

fn with_siblings(directives: &str) -> World {
    configured(
        directives,
        [
            ("/a.txt", file("plain")),
            ("/a.txt.gz", file("gzipped")),
            ("/a.txt.br", file("brotli")),
            ("/a.txt.zst", file("zstandard")),
            ("/b.txt", file("plain")),
            ("/b.txt.gz", Node::Folder),
            ("/c.txt", file("plain")),
            ("/c.txt.gz", Node::Error(ErrorKind::PermissionDenied)),
            ("/only.txt.gz", file("gzipped")),
            ("/d/", Node::Index(open("index"))),
            ("/d/index.html", file("index")),
            ("/d/index.html.gz", file("gzipped")),
        ],
    )
}

#[test]
fn the_sibling_that_is_wanted_most_is_sent() {
    for (directive, target, accept, body) in [
        ("", "/a.txt", "gzip, br", "plain"),
        ("gzip_static on;", "/a.txt", "gzip, br", "gzipped"),
        ("gzip_static on;", "/a.txt", "br", "plain"),
        ("gzip_static on;", "/a.txt", "", "plain"),
        ("gzip_static on;", "/a.txt", "gzip;q=0", "plain"),
        ("gzip_static on;", "/a.txt", "*", "gzipped"),
        ("gzip_static on;", "/a.txt", "identity, gzip;q=0.5", "plain"),
        ("gzip_static on;", "/a.txt", "identity;q=0, *", "gzipped"),
        // What nobody has is sent as it is.
        (
            "gzip_static on;",
            "/a.txt",
            "identity;q=0, compress",
            "plain",
        ),
        ("gzip_static on;", "/b.txt", "gzip", "plain"),
        ("gzip_static on;", "/c.txt", "gzip", "plain"),
        ("gzip_static on;", "/only.txt", "gzip", "gzipped"),
        ("gzip_static on;", "/d/", "gzip", "gzipped"),
        ("gzip_static on;", "/d/", "br", "index"),
        ("gzip_static on;", "/d/index.html", "gzip", "gzipped"),
        ("gzip_static always;", "/a.txt", "", "gzipped"),
        ("gzip_static always;", "/only.txt", "br", "gzipped"),
        ("gzip_static always;", "/b.txt", "", "plain"),
        ("precompressed br gzip;", "/a.txt", "gzip, br", "brotli"),
        (
            "precompressed br gzip;",
            "/a.txt",
            "gzip, br;q=0.9",
            "gzipped",
        ),
        (
            "precompressed zstd br gzip;",
            "/a.txt",
            "gzip, br, zstd",
            "zstandard",
        ),
        ("precompressed zstd br;", "/a.txt", "gzip", "plain"),
        ("precompressed zstd br;", "/only.txt.gz", "br", "gzipped"),
        (
            "precompressed br; gzip_static on;",
            "/a.txt",
            "gzip, br",
            "brotli",
        ),
        (
            "precompressed br; gzip_static on;",
            "/d/",
            "gzip, br",
            "gzipped",
        ),
        (
            "precompressed br; gzip_static always;",
            "/a.txt",
            "zstd",
            "gzipped",
        ),
        (
            "try_files $uri =404; gzip_static on;",
            "/a.txt",
            "gzip",
            "gzipped",
        ),
        (
            "try_files $uri =404; gzip_static on;",
            "/a.txt",
            "br",
            "plain",
        ),
    ] {
        let mut world = with_siblings(directive);
        let answer = ask(&mut world, "GET", target, &accepting(accept));
        let case = format!("{directive} {target} {accept}");
        assert_eq!(answer.status, 200, "{case}");
        assert_eq!(String::from_utf8_lossy(answer.content()), body, "{case}");
        let coding = match body {
            "gzipped" if !target.ends_with(".gz") => Some("gzip"),
            "brotli" => Some("br"),
            "zstandard" => Some("zstd"),
            _ => None,
        };
        assert_eq!(answer.get("Content-Encoding"), coding, "{case}");
        let kind = match target {
            "/d/" | "/d/index.html" => "text/html",
            _ => "text/plain",
        };
        assert_eq!(answer.get("Content-Type"), Some(kind), "{case}");
        let varies = directive.contains("static on") || directive.contains("pre");
        let vary = varies.then_some("Accept-Encoding");
        assert_eq!(answer.get("Vary"), vary, "{case}");
    }
}

#[test]
fn without_the_directive_nothing_else_is_looked_for() {
    for (directive, target, lookups) in [
        ("", "/a.txt", 1),
        ("gzip_static on;", "/a.txt", 1),
        ("gzip_static on;", "/b.txt", 2),
        ("precompressed br zstd gzip;", "/b.txt", 4),
    ] {
        let mut world = with_siblings(directive);
        ask(&mut world, "GET", target, &accepting("gzip, br, zstd"));
        let done = world.done();
        let seen = done.iter().filter(|it| **it == Seen::Lookup).count();
        assert_eq!(seen, lookups, "{directive} {target}");
    }
}

#[test]
fn conditions_and_ranges_are_those_of_the_sibling() {
    let mut world = with_siblings("gzip_static on;");
    let gzip = accepting("gzip");
    let whole = ask(&mut world, "GET", "/a.txt", &gzip);
    let plain = ask(&mut world, "GET", "/a.txt", "");
    let (tag, other) = (whole.get("ETag").unwrap(), plain.get("ETag").unwrap());
    assert!(tag.starts_with('"') && tag != other, "{tag} {other}");
    for (fields, status, body) in [
        (format!("If-None-Match: {tag}\r\n"), 304, ""),
        (format!("If-None-Match: {other}\r\n"), 200, "gzipped"),
        (format!("If-Modified-Since: {MODIFIED}\r\n"), 304, ""),
        (format!("If-Match: {other}\r\n"), 412, "-"),
        ("Range: bytes=1-2\r\n".into(), 206, "zi"),
        (
            format!("Range: bytes=1-2\r\nIf-Range: {tag}\r\n"),
            206,
            "zi",
        ),
        (
            format!("Range: bytes=1-2\r\nIf-Range: {other}\r\n"),
            200,
            "gzipped",
        ),
        ("Range: bytes=0-0,3-3\r\n".into(), 200, "gzipped"),
        ("Range: bytes=7-\r\n".into(), 416, "-"),
    ] {
        let answer = ask(&mut world, "GET", "/a.txt", &(gzip.clone() + &fields));
        assert_eq!(answer.status, status, "{fields}");
        if body != "-" {
            assert_eq!(answer.content(), body.as_bytes(), "{fields}");
            assert_eq!(answer.get("ETag"), Some(tag), "{fields}");
            assert_eq!(answer.get("Vary"), Some("Accept-Encoding"), "{fields}");
            let coding = (status != 304).then_some("gzip");
            assert_eq!(answer.get("Content-Encoding"), coding, "{fields}");
        }
    }
    let mut head = ask(&mut world, "HEAD", "/a.txt", &gzip).fields;
    head.retain(|field| whole.fields.contains(field));
    assert_eq!(head, whole.fields);
}

#[test]
fn an_error_page_has_siblings_too() {
    let mut world = configured(
        "gzip_static on; error_page 404 /404.html;",
        [
            ("/404.html", file("plain")),
            ("/404.html.gz", file("gzipped")),
        ],
    );
    let answer = ask(&mut world, "GET", "/none", &accepting("gzip"));
    assert_eq!((answer.status, answer.content()), (404, &b"gzipped"[..]));
    assert_eq!(answer.get("Content-Encoding"), Some("gzip"));
}
