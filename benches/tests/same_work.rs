//! Both sides of a contest do the same: they decide alike, find the same content, and send answers
//! that mean the same.

use std::collections::BTreeSet;

use benches::exchange::{CONTENT, Server};
use benches::rivals::chunks::Chunks;
use benches::rivals::framing::Framing;
use benches::rivals::hyper::Hyper;
use benches::{body, head, input, serialize};
use bytes::Bytes;
use h1_core::Body;

/// What h1-core and the rival decide on a head.
fn decisions(input: &[u8]) -> [Option<String>; 2] {
    let (mut ours, mut theirs) = (None, None);
    head::Reader::new().read([input], |request| {
        let framing = Framing {
            body: request.body(),
            keep_alive: request.keep_alive(),
            expects_continue: request.expects_continue(),
            host: request.host().map(str::as_bytes),
        };
        ours = Some(format!("{framing:?}"));
    });
    head::framed(input, |framing| theirs = Some(format!("{framing:?}")));
    [ours, theirs]
}

#[test]
fn heads_are_decided_alike() {
    let mut inputs = input::browsers();
    inputs.extend([input::browser(), input::curl(), input::proxied()]);
    for input in inputs {
        let [ours, theirs] = decisions(&input);
        assert!(ours.is_some() && ours == theirs, "{ours:?} {theirs:?}");
    }
    for (version, fields, accepted) in [
        ("1.1", "Host: a", true),
        ("1.1", "Host: a\r\nConnection: x, Close", true),
        ("1.1", "Host: a\r\nContent-Length: 0", true),
        (
            "1.1",
            "Host: a\r\nContent-Length: 12\r\nExpect: 100-continue",
            true,
        ),
        ("1.1", "Host: a\r\nExpect: 100-continue", true),
        ("1.1", "Host: a\r\nTransfer-Encoding: Chunked", true),
        ("1.0", "Accept: a", true),
        ("1.0", "Connection: keep-alive\r\nContent-Length: 7", true),
        ("1.1", "Accept: a", false),
        ("1.1", "Host: a\r\nHost: a", false),
        (
            "1.1",
            "Host: a\r\nContent-Length: 1\r\nContent-Length: 1",
            false,
        ),
        ("1.1", "Host: a\r\nContent-Length: +1", false),
        ("1.1", "Host: a\r\nContent-Length: ", false),
        (
            "1.1",
            "Host: a\r\nContent-Length: 18446744073709551616",
            false,
        ),
        (
            "1.1",
            "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked",
            false,
        ),
        (
            "1.1",
            "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            false,
        ),
        ("1.1", "Host: a\r\nTransfer-Encoding: gzip", false),
        ("1.0", "Transfer-Encoding: chunked", false),
    ] {
        let [ours, theirs] =
            decisions(format!("POST / HTTP/{version}\r\n{fields}\r\n\r\n").as_bytes());
        assert_eq!(ours, theirs, "{fields}");
        assert_eq!(ours.is_some(), accepted, "{fields}");
    }
}

#[test]
fn chunks_hold_the_same_content() {
    for (count, len) in [(64, 1024), (1024, 4), (1, 1), (3, 20_000)] {
        let content = input::chunks(count, len);
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let mut reader = body::Reader::new("Transfer-Encoding: chunked");
        reader.read(&content, |data| ours.extend_from_slice(data));
        Chunks::new().read(&content, |data| theirs.extend_from_slice(data));
        assert_eq!(ours, vec![b'x'; count * len]);
        assert_eq!(ours, theirs);
    }
}

#[test]
fn written_chunks_are_those_that_are_read() {
    let mut out = Vec::new();
    body::Writer::new().write(&Bytes::from(vec![b'x'; 1024]), 64, &mut out);
    assert_eq!(out, input::chunks(64, 1024));
}

#[test]
fn response_heads_are_the_same() {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    let fields = [("Server", "a"), ("ETag", "\"b\"")];
    serialize::Writer::new().write(&fields, &mut ours);
    serialize::formatted(200, &fields, 5, &mut theirs);
    assert_eq!(
        ours.escape_ascii().to_string(),
        theirs.escape_ascii().to_string()
    );
}

/// The answers one after another: the lines of their heads, without regard to case and order.
fn answers(bytes: &[u8]) -> Vec<BTreeSet<String>> {
    let text = std::str::from_utf8(bytes).unwrap().to_lowercase();
    let end = format!("\r\n\r\n{}", std::str::from_utf8(CONTENT).unwrap());
    let heads = text.split_terminator(end.as_str());
    heads
        .map(|head| head.split("\r\n").map(timeless).collect())
        .collect()
}

/// The second in which an answer was made is not part of the contest.
fn timeless(line: &str) -> String {
    match line.split_once(": ") {
        Some(("date", value)) => format!("date: {} bytes", value.len()),
        _ => line.to_owned(),
    }
}

#[test]
fn exchanges_have_the_same_answers() {
    for (requests, count) in [(input::browser(), 1), (input::curl().repeat(16), 16)] {
        let mut server = Server::new(Body::Length(CONTENT.len() as u64));
        let mut hyper = Hyper::new();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            server.serve(&requests, &mut ours);
            hyper.serve(requests.clone().into(), &mut theirs);
            assert_eq!(answers(&ours), answers(&theirs));
            assert_eq!(answers(&ours).len(), count);
            assert_eq!(answers(&ours)[0].len(), 7, "{:?}", answers(&ours)[0]);
        }
    }
}
