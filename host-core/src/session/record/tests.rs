use std::time::{Duration, SystemTime, UNIX_EPOCH};

use h1_core::{Event, Limits, RecvBuf, ServerConnection, Status};

use super::{Record, escape};

const TIME: &str = "20/Nov/2026:08:44:33 +0000";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_164_273)
}

fn record() -> Record {
    Record::new([192, 0, 2, 7].into(), true)
}

fn begin(record: &mut Record, head: &str) {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    rx.receive(head.as_bytes());
    match conn.next_event(&mut rx) {
        Ok(Event::Request(request)) => record.begin(&request),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_line_is_nginx_combined() {
    for (address, text) in [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::1"),
        ("2001:0db8:0:0:0:0:0:1", "2001:db8::1"),
    ] {
        let mut record = Record::new(address.parse().unwrap(), true);
        begin(
            &mut record,
            "GET /a?b HTTP/1.0\r\nreferer: http://c/\r\nUSER-AGENT: d/1 (e)\r\n\r\n",
        );
        record.answer(Status::PARTIAL_CONTENT, u64::MAX);
        record.finish(0, now());
        let expected = format!(
            "{text} - - [{TIME}] \"GET /a?b HTTP/1.0\" 206 18446744073709551615 \
             \"http://c/\" \"d/1 (e)\"\n"
        );
        assert_eq!(record.lines(), expected);
    }
}

#[test]
fn nothing_of_one_request_is_in_the_line_of_the_next() {
    let mut record = record();
    let fields = "Host: a\r\nReferer: b\r\nUser-Agent: c\r\n";
    begin(&mut record, &format!("GET /long HTTP/1.1\r\n{fields}\r\n"));
    record.answer(Status::OK, 1);
    record.finish(0, now());
    record.clear_lines();
    begin(&mut record, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    record.answer(Status::OK, 2);
    record.finish(0, now());
    record.begin_broken(b"x y");
    record.answer(Status::BAD_REQUEST, 3);
    record.finish(0, now());
    let line = |rest: &str| format!("192.0.2.7 - - [{TIME}] {rest} \"-\" \"-\"\n");
    let expected = line("\"GET / HTTP/1.1\" 200 2") + &line("\"x y\" 400 3");
    assert_eq!(record.lines(), expected);
}

#[test]
fn what_was_not_sent_is_not_counted() {
    for (len, unsent, logged) in [(5, 0, 5), (5, 2, 3), (5, 5, 0), (5, 99, 0), (0, 99, 0)] {
        let mut record = record();
        begin(&mut record, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        record.answer(Status::OK, len);
        record.finish(unsent, now());
        let answer = format!("\" 200 {logged} \"");
        assert!(record.lines().contains(&answer), "{}", record.lines());
    }
}

#[test]
fn an_answer_has_one_line_and_no_answer_none() {
    let mut record = record();
    record.finish(0, now());
    begin(&mut record, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    record.finish(0, now());
    assert_eq!(record.lines(), "");
    record.answer(Status::OK, 0);
    record.finish(0, now());
    record.finish(0, now());
    assert_eq!(record.lines().lines().count(), 1);
}

#[test]
fn without_a_log_there_are_no_lines() {
    let mut record = Record::new([192, 0, 2, 7].into(), false);
    begin(&mut record, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    record.answer(Status::OK, 0);
    record.finish(0, now());
    assert_eq!(record.lines(), "");
}

#[test]
fn of_a_broken_request_one_line_is_kept_and_no_more_than_256_bytes() {
    let long = [b'x'; 300];
    for (received, kept) in [
        (&b""[..], ""),
        (b"GET", "GET"),
        (b"GET /\r\nHost: a", "GET /"),
        (b"GET /\nHost: a", "GET /"),
        (b"a\rb", "a"),
        (&long[..256], str::from_utf8(&long[..256]).unwrap()),
        (&long, str::from_utf8(&long[..256]).unwrap()),
    ] {
        let mut record = record();
        record.begin_broken(received);
        assert_eq!(record.request, kept);
    }
}

#[test]
fn every_byte_stays_in_its_quotes() {
    for byte in 0..=u8::MAX {
        let mut out = String::new();
        escape(&mut out, &[byte]);
        let expected = match byte {
            b'"' | b'\\' => format!("\\x{byte:02X}"),
            b' '..=b'~' => char::from(byte).to_string(),
            _ => format!("\\x{byte:02X}"),
        };
        assert_eq!(out, expected);
    }
}
