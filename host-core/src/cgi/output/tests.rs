use bytes::BytesMut;

use super::*;

/// What comes of output that arrives in these pieces: the head as text, and what follows it.
fn read<'p>(pieces: impl Iterator<Item = &'p [u8]>) -> String {
    let (mut scan, mut output, mut end) = (HeadScan::default(), BytesMut::new(), None);
    for piece in pieces {
        output.extend_from_slice(piece);
        if end.is_none() {
            match scan.end(&output) {
                Ok(found) => end = found,
                Err(error) => return error.to_string(),
            }
        }
    }
    let Some(len) = end else {
        return "no head".into();
    };
    match Head::take(&mut output, len) {
        Ok(head) => show(&head, &output),
        Err(error) => error.to_string(),
    }
}

fn show(head: &Head, rest: &[u8]) -> String {
    let mut text = match &head.answer {
        Answer::Response(status) => status.to_string(),
        Answer::LocalRedirect(target) => format!("to {target}"),
    };
    if let Some(len) = head.content_length {
        text.push_str(&format!(" {len} bytes"));
    }
    for (name, value) in head.fields() {
        text.push_str(&format!(" [{name}: {}]", value.escape_ascii()));
    }
    format!("{text} {}", rest.escape_ascii())
}

/// Whole, byte by byte, and cut at each place: it is all the same.
fn check(output: &str, expected: &str) {
    let bytes = output.as_bytes();
    assert_eq!(read([bytes].into_iter()), expected, "{output:?}");
    assert_eq!(read(bytes.chunks(1)), expected, "{output:?}");
    for cut in 0..bytes.len() {
        let (front, back) = bytes.split_at(cut);
        let is = read([front, back].into_iter());
        assert_eq!(is, expected, "{output:?} at {cut}");
    }
}

#[test]
fn documents() {
    for (output, expected) in [
        ("Content-Type: a/b\n\nhi", "200 [Content-Type: a/b] hi"),
        ("Content-Type: a/b\r\n\r\nhi", "200 [Content-Type: a/b] hi"),
        ("content-type:a/b\n\r\nhi", "200 [content-type: a/b] hi"),
        ("Content-Type:\t a/b \t\n\n", "200 [Content-Type: a/b] "),
        ("Status: 200\nContent-Type: \t\n\nhi", "200 hi"),
        (
            "Location: http://x/\nContent-Type:\n\n",
            "302 [Location: http://x/] ",
        ),
        (
            "Content-Type: a/b\n\n\n\n",
            "200 [Content-Type: a/b] \\n\\n",
        ),
        (
            "Content-Type: a/b\nContent-Length: 2\n\nhi",
            "200 2 bytes [Content-Type: a/b] hi",
        ),
        (
            "Content-Type: a/b\nSet-Cookie: a\nSet-Cookie: b\n\n",
            "200 [Content-Type: a/b] [Set-Cookie: a] [Set-Cookie: b] ",
        ),
        ("Status: 404\n\n", "404 "),
        ("Status: 404 Not Here\n\n", "404 "),
        ("status:\t599\r\n\r\n", "599 "),
        ("Status: 304 \nETag: x\n\n", "304 [ETag: x] "),
        (
            "Status: 200\nX-Latin: caf\u{e9}\n\n",
            "200 [X-Latin: caf\\xc3\\xa9] ",
        ),
    ] {
        check(output, expected);
    }
}

#[test]
fn redirects() {
    for (output, expected) in [
        ("Location: /a?b\n\n", "to /a?b [Location: /a?b] "),
        (
            "Content-Type: a/b\nLocation: /a\n\nx",
            "to /a [Content-Type: a/b] [Location: /a] x",
        ),
        ("Location: http://a/\n\n", "302 [Location: http://a/] "),
        ("Location: //a/b\n\n", "302 [Location: //a/b] "),
        ("Location: b\n\n", "302 [Location: b] "),
        ("Status: 301\nLocation: /a\n\n", "301 [Location: /a] "),
        (
            "Location: /a\nSet-Cookie: a\n\n",
            "302 [Location: /a] [Set-Cookie: a] ",
        ),
        ("Location:\n\n", "a bad Location"),
        ("Location: /a b\n\n", "a bad Location"),
        (
            "Location: /a\nLocation: /b\n\n",
            "a field that may be there once",
        ),
    ] {
        check(output, expected);
    }
}

#[test]
fn fields_of_the_connection_stay_here() {
    for line in [
        "Connection: keep-alive",
        "Keep-Alive: 5",
        "Transfer-Encoding: chunked",
        "TE: trailers",
        "Trailer: A",
        "Upgrade: websocket",
        "Proxy-Connection: close",
        "Proxy-Authenticate: Basic",
        "Date: today",
        "Server: mine",
        "X-CGI-Hint: 1",
        "Connection: X-Gone, close\nx-gone: 1",
    ] {
        check(&format!("{line}\nStatus: 200\n\nhi"), "200 hi");
    }
}

#[test]
fn no_answer() {
    for (output, expected) in [
        ("", "no head"),
        ("Content-Type: a/b\n", "no head"),
        ("\nhi", "a head without Content-Type, Location and Status"),
        (
            "X: y\n\n",
            "a head without Content-Type, Location and Status",
        ),
        ("hello\n\n", "a line that is no field"),
        (": x\n\n", "a line that is no field"),
        ("Content Type: a\n\n", "a line that is no field"),
        ("Content-Type : a\n\n", "a line that is no field"),
        ("Status: 200\n folded\n\n", "a line that is no field"),
        ("<?php echo 1; ?>\n\n", "a line that is no field"),
        (
            "Status: 200\nA: b\rX: y\n\n",
            "a field value with a control character",
        ),
        (
            "Status: 200\nA: b\0\n\n",
            "a field value with a control character",
        ),
        (
            "HTTP/1.1 200 OK\nContent-Type: a\n\n",
            "a head of HTTP, which only non-parsed-header scripts write",
        ),
        ("Status: 100\n\n", "a bad Status"),
        ("Status: 101 Switching\n\n", "a bad Status"),
        ("Status: 600\n\n", "a bad Status"),
        ("Status: 2000\n\n", "a bad Status"),
        ("Status: OK\n\n", "a bad Status"),
        ("Status:\n\n", "a bad Status"),
        (
            "Status: 200\nStatus: 404\n\n",
            "a field that may be there once",
        ),
        (
            "Status: 200\nContent-Length: -1\n\n",
            "a bad Content-Length",
        ),
        ("Status: 200\nContent-Length: \n\n", "a bad Content-Length"),
        (
            "Status: 200\nContent-Length: 1\nContent-Length: 1\n\n",
            "a field that may be there once",
        ),
        (
            "Status: 200\nContent-Length: 99999999999999999999\n\n",
            "a bad Content-Length",
        ),
    ] {
        check(output, expected);
    }
}

#[test]
fn a_head_is_bounded() {
    let fits = |len: usize| format!("Status: 200\nA: {}\n\n", "x".repeat(len - 17));
    let head = fits(HEAD_MAX - 1);
    assert_eq!(head.len(), HEAD_MAX - 1);
    assert!(read([head.as_bytes()].into_iter()).starts_with("200 "));
    let head = fits(HEAD_MAX + 1);
    for pieces in [HEAD_MAX + 1, 1000] {
        let is = read(head.as_bytes().chunks(pieces));
        assert_eq!(is, "a head above 32 KiB");
    }
}
