//! To the types of the `http` crate and back.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used)]

use h1_core::interop::{self, ConvertError, OriginalFields};
use h1_core::{Limits, Method, Status, Version, raw};
use http::header::{HeaderMap, HeaderValue};

fn request_within(limits: &Limits, head: &str) -> Result<http::Request<()>, ConvertError> {
    let mut index = raw::Index::new();
    let (head, _) = raw::request_head(head.as_bytes(), limits, &mut index)
        .unwrap()
        .unwrap();
    head.try_into()
}

fn request(head: &str) -> http::Request<()> {
    request_within(&Limits::default(), head).unwrap()
}

/// `fields` as text, one after the other.
fn text(headers: &HeaderMap, original: Option<&OriginalFields>) -> String {
    let fields = interop::fields(headers, original);
    let lines = fields.map(|(name, value)| format!("{name}: {}|", value.escape_ascii()));
    lines.collect()
}

#[test]
fn a_request_keeps_its_line() {
    for (line, host) in [
        ("GET /a%20b?c=d HTTP/1.1", None),
        ("POST / HTTP/1.0", None),
        ("get //a HTTP/1.1", None),
        ("M-SEARCH http://b.org:80/c?d HTTP/1.1", Some("b.org")),
        ("OPTIONS * HTTP/1.1", None),
        ("CONNECT b.org:443 HTTP/1.1", Some("b.org")),
        ("CONNECT [::1]:443 HTTP/1.1", Some("[::1]")),
    ] {
        let host_field = if line.contains("http:") { "b.org" } else { "a" };
        let request = request(&format!("{line}\r\nHost: {host_field}\r\n\r\n"));
        let (method, uri, version) = (request.method(), request.uri(), request.version());
        assert_eq!(format!("{method} {uri} {version:?}"), line);
        assert_eq!(uri.host(), host);
    }
}

#[test]
fn a_response_keeps_status_version_and_fields() {
    let mut head = *b"HTTP/1.0 299 Odd\r\nX-A: \xe9\r\nx-a: 2\r\n\r\n";
    let mut index = raw::Index::new();
    let head = raw::response_head(&mut head, Method::Get, &Limits::default(), &mut index);
    let response = http::Response::try_from(head.unwrap().unwrap().0).unwrap();
    assert_eq!(response.status().as_u16(), 299);
    assert_eq!(response.version(), http::Version::HTTP_10);
    let values: Vec<_> = response.headers().get_all("x-a").iter().collect();
    assert_eq!(values, [&b"\xe9"[..], b"2"]);
    let original = response.extensions().get::<OriginalFields>().unwrap();
    assert!(original.iter().eq([("X-A", &b"\xe9"[..]), ("x-a", b"2")]));
    assert_eq!(
        text(response.headers(), Some(original)),
        "X-A: \\xe9|x-a: 2|"
    );
}

#[test]
fn fields_go_out_as_they_came() {
    let head = "HOST: a\r\nX-B: 1\r\nx-C: 2\r\nX-b: 3\r\nX-Empty:\r\nAccept: x, y\r\n";
    let request = request(&format!("GET / HTTP/1.1\r\n{head}\r\n"));
    let same = head.replace("\r\n", "|").replace("Empty:", "Empty: ");
    assert_eq!(text(request.headers(), request.extensions().get()), same);
    let sorted = "host: a|x-b: 1|x-b: 3|x-c: 2|x-empty: |accept: x, y|";
    assert_eq!(text(request.headers(), None), sorted);
}

#[test]
fn the_map_decides_and_the_original_lends_case_and_order() {
    type Edit = fn(&mut HeaderMap) -> bool;
    const VALUE: HeaderValue = HeaderValue::from_static("9");
    let edits: [(Edit, &str); 5] = [
        (|_| true, "Host: a|X-B: 1|X-A: 2|x-b: 3|"),
        (|map| map.remove("x-b").is_some(), "Host: a|X-A: 2|"),
        (
            |map| map.insert("x-b", VALUE).is_some(),
            "Host: a|X-B: 9|X-A: 2|",
        ),
        (
            |map| map.append("x-b", VALUE),
            "Host: a|X-B: 1|X-A: 2|x-b: 3|x-b: 9|",
        ),
        (
            |map| map.insert("via", VALUE).is_none(),
            "Host: a|X-B: 1|X-A: 2|x-b: 3|via: 9|",
        ),
    ];
    for (edit, fields) in edits {
        let mut request =
            request("GET / HTTP/1.1\r\nHost: a\r\nX-B: 1\r\nX-A: 2\r\nx-b: 3\r\n\r\n");
        assert!(edit(request.headers_mut()));
        assert_eq!(text(request.headers(), request.extensions().get()), fields);
    }
}

#[test]
fn framing_is_left_to_the_connection() {
    let head =
        "POST / HTTP/1.1\r\nHost: a\r\nCONTENT-LENGTH: 1\r\nConnection: close\r\nX: y\r\n\r\n";
    let closing = request(head);
    assert_eq!(
        text(closing.headers(), closing.extensions().get()),
        "Host: a|X: y|"
    );
    assert_eq!(text(closing.headers(), None), "host: a|x: y|");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = request(head);
    assert_eq!(
        text(chunked.headers(), chunked.extensions().get()),
        "Host: a|"
    );
}

#[test]
fn words_of_the_start_line_there_and_back() {
    for code in 100..=999 {
        let status = Status::new(code).unwrap();
        let there = http::StatusCode::from(status);
        assert_eq!((there.as_u16(), Status::from(there)), (code, status));
    }
    for version in [Version::Http10, Version::Http11] {
        assert_eq!(Version::try_from(http::Version::from(version)), Ok(version));
    }
    for other in [
        http::Version::HTTP_09,
        http::Version::HTTP_2,
        http::Version::HTTP_3,
    ] {
        assert_eq!(Version::try_from(other), Err(ConvertError::Version));
    }
    for name in [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "get",
        "PURGE",
    ] {
        let there = http::Method::try_from(Method::from(name)).unwrap();
        assert_eq!(Method::from(&there), Method::from(name));
    }
    let bad = http::Method::try_from(Method::Other("GE T"));
    assert_eq!(bad.unwrap_err(), ConvertError::Method);
}

#[test]
fn what_the_other_types_cannot_hold_is_an_error() {
    let limits = Limits {
        request_line: 1 << 20,
        head: 1 << 20,
        fields: u16::MAX,
        ..Limits::default()
    };
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(1 << 16));
    assert_eq!(
        request_within(&limits, &long).unwrap_err(),
        ConvertError::Target
    );
    let name = "a".repeat(1 << 16);
    let long = format!("GET / HTTP/1.1\r\nHost: a\r\n{name}: b\r\n\r\n");
    assert_eq!(
        request_within(&limits, &long).unwrap_err(),
        ConvertError::Field
    );
    let lines: String = (0..40_000).map(|n| format!("x{n}:\r\n")).collect();
    let many = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    assert_eq!(
        request_within(&limits, &many).unwrap_err(),
        ConvertError::TooManyFields
    );
}
