//! Field lines that are checked once and sent with many responses.
#![allow(clippy::unwrap_used)]

use h1_core::{Body, FieldLines, Limits, RecvBuf, SendError, SendQueue, ServerConnection, Status};

/// The answer with these lines and one field, without its status line.
fn answer(lines: &FieldLines) -> String {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    conn.next_event(&mut rx).unwrap();
    conn.send_response_with(&mut tx, Status::OK, lines, [("Age", "1")], Body::None)
        .unwrap();
    let sent: Vec<u8> = tx.slices().flatten().copied().collect();
    let sent = String::from_utf8(sent).unwrap();
    sent.split_once("\r\n").unwrap().1.replace("\r\n", "|")
}

#[test]
fn lines_stand_before_the_fields_of_the_response() {
    let mut lines = FieldLines::default();
    assert_eq!(answer(&lines), "Age: 1|Content-Length: 0||");
    lines.push("Server", "x").unwrap();
    lines.push("Date", b"now").unwrap();
    assert_eq!(lines.as_bytes(), b"Server: x\r\nDate: now\r\n");
    let sent = "Server: x|Date: now|Age: 1|Content-Length: 0||";
    assert_eq!(answer(&lines), sent);
    assert_eq!(answer(&lines), sent, "once more");
}

#[test]
fn what_no_response_may_have_is_not_taken() {
    let mut lines = FieldLines::default();
    for (name, value, error) in [
        ("", "x", SendError::BadField),
        ("a b", "x", SendError::BadField),
        ("a:", "x", SendError::BadField),
        ("a", "\n", SendError::BadField),
        ("a", "x\ry", SendError::BadField),
        ("a", "1234567\0", SendError::BadField),
        ("a", "\x7f23456789", SendError::BadField),
        ("a", "12345678\n0123456789012345", SendError::BadField),
        ("Content-Length", "1", SendError::FramingField),
        ("transfer-encoding", "chunked", SendError::FramingField),
        ("Connection", "close", SendError::FramingField),
    ] {
        assert_eq!(lines.push(name, value), Err(error), "{name:?}: {value:?}");
        assert_eq!(lines.as_bytes(), b"");
    }
    for value in ["", "\t", "a\tb56789", "a\tb5678901234567", "\u{e4}"] {
        assert_eq!(lines.push("a", value), Ok(()), "{value:?}");
    }
}

#[test]
fn upgrade_is_named_in_connection_until_the_lines_are_cleared() {
    let mut lines = FieldLines::default();
    lines.push("Upgrade", "echo").unwrap();
    let sent = "Upgrade: echo|Age: 1|Content-Length: 0|Connection: upgrade||";
    assert_eq!(answer(&lines), sent);
    lines.clear();
    assert_eq!(answer(&lines), "Age: 1|Content-Length: 0||");
}

#[test]
fn debug_shows_the_lines() {
    let mut lines = FieldLines::default();
    lines.push("Server", "x").unwrap();
    assert!(format!("{lines:?}").contains("Server: x"));
}
