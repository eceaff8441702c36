use h1_core::{Event, Limits, RecvBuf, ServerConnection};

use super::Accepted;
use crate::config::model::Precompressed::{Br, Gzip, Zstd};

/// The codings that are accepted, with their weights.
fn accepted(lines: &[&str]) -> String {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut head = String::from("GET / HTTP/1.1\r\nHost: a\r\n");
    for line in lines {
        head.push_str(&format!("Accept-Encoding: {line}\r\n"));
    }
    rx.receive((head + "\r\n").as_bytes());
    let Ok(Event::Request(request)) = conn.next_event(&mut rx) else {
        panic!("{lines:?}");
    };
    let accepted = Accepted::of(&request.fields());
    let mut text = String::new();
    for coding in [Gzip, Br, Zstd] {
        if let Some(weight) = accepted.weight(coding) {
            text.push_str(&format!("{} {weight} ", coding.name()));
        }
    }
    text.trim_end().to_owned()
}

#[test]
fn weights_say_what_is_acceptable() {
    for (value, expected) in [
        ("gzip", "gzip 1000"),
        ("GZip, deflate, br", "gzip 1000 br 1000"),
        ("x-gzip", "gzip 1000"),
        (
            "gzip;q=0.5, br ; q=0.75,zstd;Q=1.000",
            "gzip 500 br 750 zstd 1000",
        ),
        ("gzip;q=0", ""),
        ("gzip;q=0.000, br;q=0.001", "br 1"),
        ("*", "gzip 1000 br 1000 zstd 1000"),
        ("*;q=0.2, gzip;q=0", "br 200 zstd 200"),
        ("br, *;q=0", "br 1000"),
        ("identity", ""),
        ("identity;q=0", ""),
        ("identity;q=0, *", "gzip 1000 br 1000 zstd 1000"),
        ("identity;q=0.5, gzip;q=0.2, br;q=0.5", "br 500"),
        ("identity, gzip;q=0.9", ""),
        // `*` is identity as well.
        ("gzip;q=0.5, *", "br 1000 zstd 1000"),
        ("deflate, compress", ""),
        ("", ""),
        (",, gzip ,", "gzip 1000"),
        // The first one counts.
        ("gzip;q=0, gzip", ""),
        // What is no weight accepts nothing.
        ("gzip;q=2", ""),
        ("gzip;q=1.1", ""),
        ("gzip;q=0.1234", ""),
        ("gzip;q=-1", ""),
        ("gzip;q=", ""),
        ("gzip;level=9", ""),
        ("gzipped, agzip", ""),
    ] {
        assert_eq!(accepted(&[value]), expected, "{value}");
    }
    assert_eq!(accepted(&[]), "");
    assert_eq!(accepted(&["gzip;q=0.1", "br"]), "gzip 100 br 1000");
}
