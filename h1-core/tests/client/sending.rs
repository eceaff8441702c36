//! Requests: their heads, their framing, and what is refused.

use h1_core::{Body, SendError, State};

use crate::{Client, HOST};

/// The head of a request without its request line and its Host, with `|` for the ends of lines.
fn lines(client: &mut Client) -> String {
    let sent = client.sent();
    let (_, fields) = sent.split_once("\r\nHost: a\r\n").unwrap();
    fields.strip_suffix("\r\n").unwrap().replace("\r\n", "|")
}

#[test]
fn a_request_is_its_line_its_fields_and_its_framing() {
    let mut client = Client::new();
    let fields = [("Host", "x.org:80"), ("accept", "*/*"), ("X-Empty", "")];
    let (conn, tx) = (&mut client.conn, &mut client.tx);
    conn.send_request(tx, "PUT", "/a?b", fields, Body::Length(2))
        .unwrap();
    client.data("h").unwrap();
    client.conn.send_slice(&mut client.tx, b"i").unwrap();
    let head = "PUT /a?b HTTP/1.1\r\nHost: x.org:80\r\naccept: */*\r\nX-Empty: \r\n";
    assert_eq!(client.sent(), format!("{head}Content-Length: 2\r\n\r\nhi"));
}

#[test]
fn framing_follows_from_method_and_body() {
    let (none, zero) = (Body::None, "Content-Length: 0|");
    let chunked = "Transfer-Encoding: chunked|";
    for (method, body, fields, state) in [
        ("GET", none, "", State::Done),
        ("HEAD", none, "", State::Done),
        ("DELETE", none, "", State::Done),
        ("OPTIONS", none, "", State::Done),
        ("PURGE", none, "", State::Done),
        ("CONNECT", none, "", State::MightSwitch),
        // RFC 9110, section 8.6: these usually bring content.
        ("POST", none, zero, State::Done),
        ("PUT", none, zero, State::Done),
        ("PATCH", none, zero, State::Done),
        ("POST", Body::Length(0), zero, State::Done),
        ("GET", Body::Length(0), zero, State::Done),
        (
            "POST",
            Body::Length(7),
            "Content-Length: 7|",
            State::SendBody,
        ),
        (
            "GET",
            Body::Length(7),
            "Content-Length: 7|",
            State::SendBody,
        ),
        ("POST", Body::Chunked, chunked, State::SendBody),
        ("DELETE", Body::Chunked, chunked, State::SendBody),
    ] {
        let mut client = Client::asked(method, body);
        let found = (lines(&mut client), client.conn.state());
        assert_eq!(found, (fields.to_owned(), state), "{method} {body:?}");
        assert_eq!(client.conn.peer_state(), State::SendResponse);
    }
}

#[test]
fn every_form_of_target_goes_out_as_it_is() {
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/a%20b/../c;d=e?f=g&h"),
        ("GET", "//a"),
        ("GET", "http://a.org:80/b?c"),
        ("OPTIONS", "*"),
        ("OPTIONS", "/a"),
        ("CONNECT", "a.org:443"),
        ("CONNECT", "[::1]:443"),
    ] {
        let mut client = Client::new();
        let (conn, tx) = (&mut client.conn, &mut client.tx);
        let host = match target.starts_with("http:") {
            true => ("Host", "A.org"),
            false => HOST,
        };
        conn.send_request(tx, method, target, [host], Body::None)
            .unwrap();
        let line = format!("{method} {target} HTTP/1.1\r\n");
        assert!(client.sent().starts_with(&line), "{line}");
    }
}

/// RFC 9112, section 3.2.
#[test]
fn host_is_that_of_an_absolute_target() {
    let mut client = Client::new();
    let (conn, tx) = (&mut client.conn, &mut client.tx);
    let sent = conn.send_request(tx, "GET", "http://a.org/", [("Host", "b.org")], Body::None);
    assert_eq!(sent, Err(SendError::BadHost));
    assert!(tx.is_empty());
}

#[test]
fn connection_names_what_is_for_the_next_hop() {
    let (upgrade, te) = (("Upgrade", "echo"), ("TE", "trailers"));
    for (close, extra, line) in [
        (false, vec![], ""),
        (true, vec![], "Connection: close"),
        (false, vec![upgrade], "Connection: upgrade"),
        (true, vec![upgrade], "Connection: close, upgrade"),
        (false, vec![te], "Connection: TE"),
        (true, vec![te, upgrade], "Connection: close, upgrade, TE"),
    ] {
        let mut client = Client::new();
        if close {
            client.conn.disable_keep_alive();
        }
        let fields = [vec![HOST], extra].concat();
        client.ask("GET", &fields, Body::None).unwrap();
        let sent = client.sent();
        let found = sent.lines().find(|line| line.starts_with("Connection"));
        assert_eq!(found.unwrap_or_default(), line, "{fields:?}");
    }
}

#[test]
fn names_as_long_as_those_that_matter_are_other_names() {
    let (from, cookie) = (("From", "b/c"), ("Cookie", "100-continue"));
    let fields = [HOST, from, cookie, ("DT", "a"), ("Referer", "a")];
    let mut client = Client::asked_with("PUT", &fields, Body::Length(2));
    assert!(!client.conn.continue_awaited());
    assert!(!client.sent().contains("Connection"));
}

#[test]
fn what_is_no_request_is_refused_and_nothing_is_queued() {
    let (line, host, bad) = (
        SendError::BadRequestLine,
        SendError::BadHost,
        SendError::BadField,
    );
    let framing = SendError::FramingField;
    let good = ("GET", "/");
    for ((method, target), fields, error) in [
        (("", "/"), vec![HOST], line),
        (("GE T", "/"), vec![HOST], line),
        (("GET\r\n", "/"), vec![HOST], line),
        (("GET", ""), vec![HOST], line),
        (("GET", "a"), vec![HOST], line),
        (("GET", "*"), vec![HOST], line),
        (("GET", "a:443"), vec![HOST], line),
        (("GET", "http:///a"), vec![HOST], line),
        (("GET", "/a b"), vec![HOST], line),
        (("GET", "/a#b"), vec![HOST], line),
        (("GET", "/\u{e9}"), vec![HOST], line),
        (("GET", "/ HTTP/1.1\r\nX: y"), vec![HOST], line),
        (("CONNECT", "/"), vec![HOST], line),
        (("CONNECT", "a"), vec![HOST], line),
        (("CONNECT", "a:"), vec![HOST], line),
        (good, vec![], host),
        (good, vec![HOST, HOST], host),
        (good, vec![HOST, ("host", "b")], host),
        (good, vec![("Host", "a/b")], host),
        (good, vec![("Host", "a b")], host),
        (good, vec![HOST, ("X", "a\r\nY: b")], bad),
        (good, vec![HOST, ("X", "a\r\n\r\nGET /b HTTP/1.1")], bad),
        (good, vec![HOST, ("X", "a\nb")], bad),
        (good, vec![HOST, ("X", "a\0")], bad),
        (good, vec![HOST, ("X\r\nY", "a")], bad),
        (good, vec![HOST, ("X:", "a")], bad),
        (good, vec![HOST, ("", "a")], bad),
        (good, vec![HOST, ("content-length", "1")], framing),
        (good, vec![HOST, ("Transfer-Encoding", "chunked")], framing),
        (good, vec![HOST, ("Connection", "close")], framing),
    ] {
        let mut client = Client::new();
        let (conn, tx) = (&mut client.conn, &mut client.tx);
        let name = format!("{method:?} {target:?} {fields:?}");
        let result = conn.send_request(tx, method, target, fields, Body::None);
        assert_eq!(result, Err(error), "{name}");
        assert!(tx.is_empty() && conn.state() == State::Idle, "{name}");
        client.ask("GET", &[HOST], Body::None).unwrap();
    }
    let unframed = Client::new().ask("POST", &[HOST], Body::UntilClose);
    assert_eq!(unframed, Err(SendError::UnframedRequest));
    // RFC 9112, section 3.2: empty where the target has no authority.
    Client::new()
        .ask("GET", &[("Host", "")], Body::None)
        .unwrap();
}

#[test]
fn content_keeps_to_its_framing() {
    let mut client = Client::asked("PUT", Body::Length(5));
    assert_eq!(client.data("toolong"), Err(SendError::TooMuchBody));
    client.data("hel").unwrap();
    assert_eq!(client.end(), Err(SendError::TooLittleBody));
    let trailers = client.conn.send_trailers(&mut client.tx, [("X", "y")]);
    assert!(trailers.is_err());
    client.data("lo").unwrap();
    assert_eq!(client.conn.state(), State::Done);
    assert_eq!(client.data("!"), Err(SendError::TooMuchBody));
    assert!(client.end().is_ok() && client.data("").is_ok());
    assert!(client.sent().ends_with("\r\n\r\nhello"));

    let mut client = Client::asked("PUT", Body::Chunked);
    client.sent();
    client.data("hello").unwrap();
    client.data("").unwrap();
    let forbidden = client.conn.send_trailers(&mut client.tx, [("Host", "b")]);
    assert_eq!(forbidden, Err(SendError::BadField));
    client
        .conn
        .send_trailers(&mut client.tx, [("Sum", "1")])
        .unwrap();
    assert_eq!(client.sent(), "5\r\nhello\r\n0\r\nSum: 1\r\n\r\n");
    assert_eq!(client.data("!"), Err(SendError::WrongState(State::Done)));

    let mut client = Client::asked("PUT", Body::Length(1 << 40));
    client.sent();
    client.conn.send_external(&mut client.tx, 1 << 40).unwrap();
    assert_eq!(client.tx.external(), Some(1 << 40));
    assert_eq!(client.conn.state(), State::Done);
}
