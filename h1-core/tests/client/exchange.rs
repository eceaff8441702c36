//! Exchanges: how they end, early or late, and what may follow.

use h1_core::{
    Awaiting, Body, ClientConnection, ClientEvent, ErrorKind, Limits, SendError, SendQueue, State,
};

use crate::{CONTINUE, Client, HOST, OK};

const EXPECT: (&str, &str) = ("Expect", "100-continue");
const EMPTY: &str = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
const TOO_LARGE: &str =
    "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

fn expecting() -> Client {
    Client::asked_with("PUT", &[HOST, EXPECT], Body::Length(2))
}

#[test]
fn content_goes_out_once_the_server_says_so() {
    let mut client = expecting();
    assert!(client.conn.continue_awaited());
    // Other informational responses say nothing about the content.
    assert_eq!(client.receive("HTTP/1.1 103 Early Hints\r\n\r\n"), "103");
    assert!(client.conn.continue_awaited());
    assert_eq!(client.receive(CONTINUE), "100");
    assert!(!client.conn.continue_awaited());
    client.data("hi").unwrap();
    assert_eq!(client.receive(EMPTY), "200 end");
    client.goes_on();
}

#[test]
fn a_caller_need_not_wait_for_100() {
    let mut client = expecting();
    client.data("hi").unwrap();
    assert!(client.sent().ends_with("\r\n\r\nhi"));
    assert_eq!(client.receive(CONTINUE), "100");
    assert_eq!(client.receive(EMPTY), "200 end");
    client.goes_on();
}

#[test]
fn a_final_status_instead_of_100() {
    // The server closes, as it cannot know whether the content comes: do not send it.
    let mut client = expecting();
    assert_eq!(client.receive(TOO_LARGE), "413 end");
    assert!(!client.conn.continue_awaited());
    client.conn.send_failed();
    assert!(client.conn.wants_close());

    // It stays and so must read the content: that is owed before anything else goes out.
    let mut client = expecting();
    assert_eq!(
        client.receive("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"),
        "401 end"
    );
    assert!(!client.conn.continue_awaited());
    let owed = Err(SendError::WrongState(State::SendBody));
    assert_eq!(client.conn.next_cycle(), owed);
    client.data("hi").unwrap();
    client.goes_on();
}

#[test]
fn only_an_expectation_is_awaited() {
    for (fields, body, awaited) in [
        (vec![HOST], Body::Length(2), false),
        (vec![HOST, EXPECT], Body::Chunked, true),
        (
            vec![HOST, ("expect", "100-Continue")],
            Body::Length(2),
            true,
        ),
    ] {
        let client = Client::asked_with("PUT", &fields, body);
        assert_eq!(
            client.conn.continue_awaited(),
            awaited,
            "{fields:?} {body:?}"
        );
    }
}

/// RFC 9110, section 10.1.1.
#[test]
fn nothing_to_continue_with_is_not_expected() {
    for body in [Body::None, Body::Length(0)] {
        let mut conn = ClientConnection::new(Limits::default());
        let mut tx = SendQueue::new();
        let sent = conn.send_request(&mut tx, "PUT", "/", [HOST, EXPECT], body);
        assert_eq!(sent, Err(SendError::ExpectWithoutContent));
        assert!(tx.is_empty());
    }
}

#[test]
fn an_early_answer_with_close_ends_the_connection() {
    let mut client = Client::asked("POST", Body::Length(4));
    client.data("hi").unwrap();
    assert_eq!(client.receive(TOO_LARGE), "413 end");
    assert_eq!(client.states(), (State::SendBody, State::MustClose));
    // RFC 9112, section 9.6: the client closes when it has read a response with `close`.
    assert!(client.conn.wants_close());
    assert!(client.conn.next_cycle().is_err());
}

#[test]
fn an_early_answer_lets_the_request_end() {
    for body in [Body::Length(4), Body::Chunked] {
        let mut client = Client::asked("POST", body);
        client.data("hi").unwrap();
        assert_eq!(client.receive(OK), "200 'hi' end");
        assert_eq!(client.states(), (State::SendBody, State::Done));
        assert_eq!(client.conn.awaiting(&client.rx), Awaiting::Nothing);
        let early = client.ask("GET", &[HOST], Body::None);
        assert_eq!(early, Err(SendError::WrongState(State::SendBody)));
        client.data("hi").unwrap();
        client.end().unwrap();
        client.goes_on();
    }
}

#[test]
fn some_responses_have_no_content_whatever_they_declare() {
    let length = "Content-Length: 5\r\n";
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (method, code, fields) in [
        ("HEAD", 200, length),
        ("HEAD", 200, chunked),
        ("HEAD", 200, ""),
        ("HEAD", 404, length),
        ("GET", 204, ""),
        ("GET", 204, length),
        ("GET", 304, ""),
        ("GET", 304, length),
        ("GET", 304, chunked),
    ] {
        let mut client = Client::asked(method, Body::None);
        let log = client.receive(&format!("HTTP/1.1 {code} X\r\n{fields}\r\n"));
        assert_eq!(log, format!("{code} end"), "{method} {fields}");
        client.goes_on();
    }
}

#[test]
fn the_response_decides_whether_another_exchange_follows() {
    let length = "Content-Length: 2\r\n";
    for (start, fields, keep_alive) in [
        ("HTTP/1.1 200 OK", length, true),
        (
            "HTTP/1.1 200 OK",
            "Content-Length: 2\r\nConnection: x, CLOSE\r\n",
            false,
        ),
        ("HTTP/1.1 200 OK", "", false),
        ("HTTP/1.2 200 OK", length, true),
        ("HTTP/1.0 200 OK", length, false),
        ("HTTP/1.0 200 OK", "", false),
        (
            "HTTP/1.0 200 OK",
            "Content-Length: 2\r\nConnection: Keep-Alive\r\n",
            true,
        ),
        ("HTTP/1.0 200 OK", "Connection: keep-alive\r\n", false),
        (
            "HTTP/1.0 200 OK",
            "Content-Length: 2\r\nConnection: keep-alive, close\r\n",
            false,
        ),
    ] {
        let mut client = Client::asked("GET", Body::None);
        let mut log = client.receive(&format!("{start}\r\n{fields}\r\nhi"));
        if !fields.contains("Length") {
            assert_eq!(client.conn.awaiting(&client.rx), Awaiting::Body);
            let last = client.receive_last("");
            log = format!("{log} {}", last.trim_end_matches(" closed"));
        }
        assert_eq!(log, "200 'hi' end", "{start} {fields}");
        match keep_alive {
            true => client.goes_on(),
            false => {
                assert_eq!(client.conn.state(), State::MustClose);
                assert!(client.conn.wants_close() && client.conn.next_cycle().is_err());
            }
        }
    }
}

#[test]
fn a_client_that_says_close_closes() {
    let mut client = Client::new();
    client.conn.disable_keep_alive();
    client.ask("GET", &[HOST], Body::None).unwrap();
    assert!(client.sent().contains("\r\nConnection: close\r\n"));
    assert!(!client.conn.wants_close(), "an answer is owed");
    assert_eq!(client.receive(OK), "200 'hi' end");
    assert_eq!(client.states(), (State::MustClose, State::MustClose));
    assert!(client.conn.wants_close());
}

#[test]
fn next_cycle_needs_both_messages_whole() {
    let wrong = |state| Err(SendError::WrongState(state));
    let mut client = Client::new();
    assert_eq!(client.conn.next_cycle(), wrong(State::Idle));
    client.ask("POST", &[HOST], Body::Length(2)).unwrap();
    assert_eq!(client.conn.next_cycle(), wrong(State::SendBody));
    client.data("hi").unwrap();
    assert_eq!(client.conn.next_cycle(), wrong(State::SendResponse));
    assert_eq!(client.ask("GET", &[HOST], Body::None), wrong(State::Done));
    assert_eq!(
        client.receive("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nh"),
        "200 'h'"
    );
    assert_eq!(client.conn.next_cycle(), wrong(State::SendBody));
    assert_eq!(client.receive("i"), "'i' end");
    assert_eq!(client.ask("GET", &[HOST], Body::None), wrong(State::Done));
    client.goes_on();
}

#[test]
fn content_has_a_limit_for_all_responses_and_for_one() {
    let limits = Limits {
        body: 2,
        ..Limits::default()
    };
    for (response, log) in [
        (OK, "200 'hi' end"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
            "BodyTooLarge",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nhi", "200 'hi'"),
        ("HTTP/1.1 200 OK\r\n\r\nhi!", "200 'hi' BodyTooLarge"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!",
            "200 'hi' BodyTooLarge",
        ),
    ] {
        let mut client = Client::with(limits);
        client.ask("GET", &[HOST], Body::None).unwrap();
        assert_eq!(client.receive(response), log, "{response}");
    }
    let mut client = Client::asked("GET", Body::None);
    assert_eq!(
        client.receive("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        "200"
    );
    client.conn.set_body_limit(5).unwrap();
    let error = client.conn.set_body_limit(4).unwrap_err();
    assert_eq!(error.kind, ErrorKind::BodyTooLarge);
    assert_eq!(client.receive("hello"), "BodyTooLarge");
    assert!(client.conn.wants_close());
}

#[test]
fn a_caller_whose_clock_has_run_out_reads_no_more() {
    for (before, awaiting) in [
        ("", Awaiting::Message),
        ("HTTP/1.1 2", Awaiting::Head),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
            Awaiting::Body,
        ),
    ] {
        let mut client = Client::asked("GET", Body::None);
        client.receive(before);
        assert_eq!(client.conn.awaiting(&client.rx), awaiting, "{before}");
        assert_eq!(
            client.conn.refuse(ErrorKind::Timeout).kind,
            ErrorKind::Timeout
        );
        assert!(client.conn.wants_close());
        assert_eq!(client.conn.awaiting(&client.rx), Awaiting::Nothing);
        assert_eq!(client.receive(OK), "Timeout");
    }
}

#[test]
fn nothing_is_awaited_behind_a_head_without_content() {
    let mut client = Client::asked("GET", Body::None);
    client.rx.receive(EMPTY.as_bytes());
    let head = client.conn.next_event(&mut client.rx);
    assert!(matches!(head, Ok(ClientEvent::Response(_))), "{head:?}");
    assert_eq!(client.conn.awaiting(&client.rx), Awaiting::Nothing);
}

#[test]
fn a_request_that_cannot_be_finished_ends_without_its_end() {
    let mut client = Client::asked("POST", Body::Chunked);
    client.data("hi").unwrap();
    client.conn.send_failed();
    assert!(client.conn.wants_close());
    let failed = Err(SendError::WrongState(State::Error));
    assert_eq!(client.data("!"), failed);
    assert_eq!(client.end(), failed);
    assert!(client.sent().ends_with("\r\n\r\n2\r\nhi\r\n"));
    // What the server says about it can still be read.
    assert_eq!(client.receive(OK), "200 'hi' end");
    assert_eq!(client.states(), (State::Error, State::MustClose));
}

#[test]
fn bytes_that_answer_nothing_end_the_connection() {
    // RFC 9112, section 9.2.
    let mut idle = Client::new();
    assert_eq!(
        idle.receive("HTTP/1.1 408 Too late\r\n\r\n"),
        "UnsolicitedBytes"
    );
    assert!(idle.conn.wants_close());
    assert!(idle.ask("GET", &[HOST], Body::None).is_err());
    assert!(idle.tx.is_empty());

    let mut client = Client::asked("GET", Body::None);
    assert_eq!(
        client.receive(&format!("{OK}{OK}")),
        "200 'hi' end UnsolicitedBytes"
    );
    assert!(client.conn.wants_close() && client.conn.next_cycle().is_err());

    let mut client = Client::asked("HEAD", Body::None);
    assert_eq!(client.receive(OK), "200 end UnsolicitedBytes");
}

#[test]
fn the_end_of_the_stream_is_an_error_inside_a_message_alone() {
    let head = "HTTP/1.1 200 OK\r\n";
    for (response, log) in [
        ("", "UnexpectedEof"),
        ("HTTP/1.1 200", "UnexpectedEof"),
        (CONTINUE, "100 UnexpectedEof"),
        ("Content-Length: 3\r\n\r\nhi", "200 'hi' UnexpectedEof"),
        (
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
            "200 'hi' UnexpectedEof",
        ),
        (
            "Transfer-Encoding: chunked\r\n\r\n0\r\n",
            "200 UnexpectedEof",
        ),
        ("Content-Length: 2\r\n\r\nhi", "200 'hi' end closed"),
        ("\r\nhi", "200 'hi' end closed"),
    ] {
        let head = if log.starts_with("200") { head } else { "" };
        let mut client = Client::asked("GET", Body::None);
        assert_eq!(
            client.receive_last(&format!("{head}{response}")),
            log,
            "{response}"
        );
        assert!(client.conn.wants_close(), "{response}");
    }
    let mut idle = Client::new();
    assert_eq!(idle.receive_last(""), "closed");
    assert_eq!(idle.states(), (State::MustClose, State::Closed));
    assert!(idle.conn.wants_close());
}

#[test]
fn a_response_can_be_looked_at_again_until_the_next_event() {
    let mut client = Client::asked("GET", Body::None);
    let head = "HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 5\r\n\r\n";
    client.rx.receive(format!("{head}hel").as_bytes());
    client.conn.next_event(&mut client.rx).unwrap();
    let response = client.conn.response(&client.rx).unwrap();
    assert_eq!(response.raw(), head.as_bytes());
    assert!(!response.fields().is_empty());
    assert_eq!(client.conn.body_received(), 0);
    client.conn.next_event(&mut client.rx).unwrap();
    assert!(client.conn.response(&client.rx).is_none());
    assert_eq!(client.conn.body_received(), 3);
}
