//! What a server sends: heads, framing, and what it refuses to send.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use h1_core::{
    Body, Event, Limits, NO_FIELDS, RecvBuf, SendError, SendQueue, ServerConnection, State, Status,
};

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const GET_10: &str = "GET / HTTP/1.0\r\n\r\n";
const GET_10_KEEP_ALIVE: &str = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n";
const GET_CLOSE: &str = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

struct Server {
    conn: ServerConnection,
    rx: RecvBuf,
    tx: SendQueue,
}

impl Server {
    /// A connection that has read `request` as far as it goes.
    fn asked(request: &str) -> Self {
        let limits = Limits::default();
        let mut server = Self {
            conn: ServerConnection::new(limits),
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
        };
        server.rx.receive(request.as_bytes());
        server.read();
        server
    }

    fn read(&mut self) {
        while !matches!(
            self.conn.next_event(&mut self.rx),
            Ok(Event::NeedData | Event::Paused | Event::Closed) | Err(_)
        ) {}
    }

    fn respond(&mut self, code: u16, body: Body) -> Result<(), SendError> {
        let status = Status::new(code).unwrap();
        self.conn
            .send_response(&mut self.tx, status, NO_FIELDS, body)
    }

    fn data(&mut self, data: &'static [u8]) -> Result<(), SendError> {
        self.conn.send_data(&mut self.tx, Bytes::from_static(data))
    }

    fn sent(&self) -> String {
        let bytes: Vec<u8> = self.tx.slices().flatten().copied().collect();
        String::from_utf8(bytes).unwrap()
    }
}

/// The answer to `request` without its status line and its empty line.
fn answer(request: &str, code: u16, body: Body) -> String {
    let mut server = Server::asked(request);
    server.respond(code, body).unwrap();
    let sent = server.sent();
    let (_, fields) = sent
        .strip_suffix("\r\n")
        .unwrap()
        .split_once("\r\n")
        .unwrap();
    fields.replace("\r\n", "|")
}

#[test]
fn framing_follows_from_body_status_method_and_version() {
    let long = Body::Length(7);
    for (request, code, body, fields) in [
        (GET, 200, Body::None, "Content-Length: 0|"),
        (GET, 200, long, "Content-Length: 7|"),
        (GET, 200, Body::Chunked, "Transfer-Encoding: chunked|"),
        (GET, 200, Body::UntilClose, "Connection: close|"),
        (GET, 404, long, "Content-Length: 7|"),
        (GET, 204, Body::None, ""),
        (GET, 205, Body::None, "Content-Length: 0|"),
        (GET, 304, Body::None, ""),
        (GET, 304, long, "Content-Length: 7|"),
        (HEAD, 200, Body::None, "Content-Length: 0|"),
        (HEAD, 200, long, "Content-Length: 7|"),
        (HEAD, 200, Body::Chunked, "Transfer-Encoding: chunked|"),
        (GET_CLOSE, 200, long, "Content-Length: 7|Connection: close|"),
        (GET_10, 200, long, "Content-Length: 7|Connection: close|"),
        (GET_10, 200, Body::Chunked, "Connection: close|"),
        (
            GET_10_KEEP_ALIVE,
            200,
            long,
            "Content-Length: 7|Connection: keep-alive|",
        ),
        (GET_10_KEEP_ALIVE, 200, Body::Chunked, "Connection: close|"),
    ] {
        assert_eq!(
            answer(request, code, body),
            fields,
            "{request} {code} {body:?}"
        );
    }
}

#[test]
fn statuses_without_content_take_none() {
    for (code, body) in [
        (204, Body::Length(1)),
        (204, Body::Chunked),
        (205, Body::Length(1)),
    ] {
        let status = Status::new(code).unwrap();
        let error = Server::asked(GET).respond(code, body).unwrap_err();
        assert_eq!(error, SendError::NoContent(status));
    }
}

#[test]
fn a_response_is_whole_as_soon_as_its_framing_says_so() {
    for (request, code, body) in [
        (GET, 200, Body::None),
        (GET, 200, Body::Length(0)),
        (GET, 204, Body::None),
        (GET, 304, Body::Length(9)),
        (HEAD, 200, Body::Length(9)),
        (HEAD, 200, Body::Chunked),
    ] {
        let mut server = Server::asked(request);
        server.respond(code, body).unwrap();
        assert_eq!(
            server.conn.state(),
            State::Done,
            "{request} {code} {body:?}"
        );
        server.conn.send_end(&mut server.tx).unwrap();
    }
    let mut server = Server::asked(GET);
    server.respond(200, Body::Length(5)).unwrap();
    server.data(b"hel").unwrap();
    assert_eq!(server.conn.state(), State::SendBody);
    server.data(b"lo").unwrap();
    assert_eq!(server.conn.state(), State::Done);
    let mut server = Server::asked(GET);
    server.respond(200, Body::UntilClose).unwrap();
    server.data(b"hello").unwrap();
    assert_eq!(server.conn.state(), State::SendBody);
    server.conn.send_end(&mut server.tx).unwrap();
    assert_eq!(server.conn.state(), State::MustClose);
    assert!(server.sent().ends_with("\r\n\r\nhello"));
}

#[test]
fn content_for_head_is_thrown_away() {
    let mut server = Server::asked(HEAD);
    server.respond(200, Body::Length(5)).unwrap();
    server.data(b"hello").unwrap();
    server.conn.send_external(&mut server.tx, 7).unwrap();
    assert_eq!(
        server.sent(),
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
    );
    server.conn.next_cycle().unwrap();
}

#[test]
fn chunks_and_trailers() {
    let mut server = Server::asked(GET);
    server.respond(200, Body::Chunked).unwrap();
    let head = server.sent().len();
    server.data(b"hello").unwrap();
    server.data(b"").unwrap();
    server.data(&[b'x'; 300]).unwrap();
    let trailers = [("X-Sum", "1")];
    server.conn.send_trailers(&mut server.tx, trailers).unwrap();
    let body = format!(
        "5\r\nhello\r\n12c\r\n{}\r\n0\r\nX-Sum: 1\r\n\r\n",
        "x".repeat(300)
    );
    assert_eq!(&server.sent()[head..], body);
}

#[test]
fn external_bytes_are_holes_between_slices() {
    let mut server = Server::asked(GET);
    server.respond(200, Body::Chunked).unwrap();
    server
        .conn
        .send_external(&mut server.tx, 0x1_0000_0000)
        .unwrap();
    server.conn.send_end(&mut server.tx).unwrap();
    assert!(server.sent().ends_with("\r\n\r\n100000000\r\n"));
    let before = server.sent().len() as u64;
    server.tx.advance(before);
    assert_eq!(server.tx.external(), Some(0x1_0000_0000));
    assert_eq!(server.sent(), "");
    server.tx.advance(0x1_0000_0000);
    assert_eq!(server.sent(), "\r\n0\r\n\r\n");
}

#[test]
fn lengths_are_kept() {
    let mut server = Server::asked(GET);
    server.respond(200, Body::Length(5)).unwrap();
    assert_eq!(server.data(b"toolong").unwrap_err(), SendError::TooMuchBody);
    server.data(b"hel").unwrap();
    let early = server.conn.send_end(&mut server.tx).unwrap_err();
    assert_eq!(early, SendError::TooLittleBody);
    server.data(b"lo").unwrap();
    assert_eq!(server.data(b"!").unwrap_err(), SendError::TooMuchBody);
    let trailers = [("X-Sum", "1")];
    let late = server.conn.send_trailers(&mut server.tx, trailers);
    assert_eq!(late, Err(SendError::WrongState(State::Done)));
    assert!(server.sent().ends_with("\r\n\r\nhello"));
}

#[test]
fn what_could_begin_another_message_is_refused_and_nothing_is_queued() {
    let (bad, framing) = (SendError::BadField, SendError::FramingField);
    for (name, value, error) in [
        ("X", "a\r\nSet-Cookie: b", bad),
        ("X", "a\nb", bad),
        ("X", "a\rb", bad),
        ("X", "a\0b", bad),
        // Of the length of a word.
        ("X", "abc\r\ndef", bad),
        ("Xbc\r\ndef", "a", bad),
        ("X", "\u{7f}", bad),
        ("", "a", bad),
        ("X Y", "a", bad),
        ("X:", "a", bad),
        ("X\r\nY", "a", bad),
        ("content-length", "5", framing),
        ("Transfer-Encoding", "chunked", framing),
        ("CONNECTION", "close", framing),
    ] {
        let mut server = Server::asked(GET);
        let fields = [("Ok", "1"), (name, value)];
        let result = server
            .conn
            .send_response(&mut server.tx, Status::OK, fields, Body::None);
        assert_eq!(result, Err(error), "{name:?}: {value:?}");
        assert!(server.tx.is_empty() && server.tx.slices().next().is_none());
        assert_eq!(server.conn.state(), State::SendResponse);
        server.respond(500, Body::None).unwrap();
    }
}

#[test]
fn trailers_obey_the_same_rules() {
    let mut server = Server::asked(GET);
    server.respond(200, Body::Chunked).unwrap();
    let before = server.tx.queued();
    for field in [("Content-Length", "5"), ("Set-Cookie", "a"), ("X", "a\r\n")] {
        let error = server
            .conn
            .send_trailers(&mut server.tx, [field])
            .unwrap_err();
        assert!(matches!(error, SendError::BadField), "{field:?}");
    }
    assert_eq!(
        (server.tx.queued(), server.conn.state()),
        (before, State::SendBody)
    );
    let mut server = Server::asked(GET);
    server.respond(200, Body::UntilClose).unwrap();
    let error = server
        .conn
        .send_trailers(&mut server.tx, [("X", "a")])
        .unwrap_err();
    assert_eq!(error, SendError::NoTrailers);
}

#[test]
fn trailers_are_dropped_for_a_peer_that_knows_no_chunks() {
    let mut server = Server::asked("GET / HTTP/1.0\r\n\r\n");
    server.respond(200, Body::Chunked).unwrap();
    let before = server.tx.queued();
    let sent = server.conn.send_trailers(&mut server.tx, [("X", "a")]);
    assert_eq!((sent, server.tx.queued()), (Ok(()), before));
    assert_eq!(server.conn.state(), State::MustClose);
}

#[test]
fn calls_out_of_order_change_nothing() {
    let limits = Limits::default();
    let (mut conn, mut tx) = (ServerConnection::new(limits), SendQueue::new());
    let idle = SendError::WrongState(State::Idle);
    let hint = conn.send_informational(&mut tx, Status::EARLY_HINTS, NO_FIELDS);
    assert_eq!(hint, Err(idle));
    assert_eq!(conn.send_data(&mut tx, Bytes::from_static(b"x")), Err(idle));
    assert_eq!(conn.send_end(&mut tx), Err(idle));
    assert_eq!(conn.next_cycle(), Err(idle));
    assert!(tx.is_empty());

    let mut server = Server::asked(GET);
    server.respond(200, Body::None).unwrap();
    let done = SendError::WrongState(State::Done);
    assert_eq!(server.respond(200, Body::None), Err(done));
    assert_eq!(server.respond(100, Body::None), Err(done));
}

#[test]
fn expecting_peer_gets_one_continue() {
    let expecting =
        "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    let mut server = Server::asked(expecting);
    assert!(server.conn.continue_wanted());
    server.conn.send_continue(&mut server.tx).unwrap();
    assert!(!server.conn.continue_wanted());
    server.conn.send_continue(&mut server.tx).unwrap();
    assert_eq!(server.sent(), "HTTP/1.1 100 Continue\r\n\r\n");
    server.rx.receive(b"hi");
    server.read();
    server.respond(200, Body::None).unwrap();
    server.conn.next_cycle().unwrap();

    let mut refused = Server::asked(expecting);
    refused.respond(413, Body::None).unwrap();
    assert!(refused.sent().contains("\r\nConnection: close\r\n"));
    assert!(refused.conn.wants_close());

    let mut eager = Server::asked(&format!("{expecting}hi"));
    eager.conn.send_continue(&mut eager.tx).unwrap();
    assert!(eager.tx.is_empty(), "the content is here already");
}

#[test]
fn informational_responses() {
    let mut server = Server::asked(GET);
    for _ in 0..2 {
        let link = [("Link", "</a.css>; rel=preload")];
        server
            .conn
            .send_informational(&mut server.tx, Status::EARLY_HINTS, link)
            .unwrap();
    }
    let hint = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
    assert_eq!(server.sent(), hint.repeat(2));
    let final_status = server
        .conn
        .send_informational(&mut server.tx, Status::OK, NO_FIELDS);
    assert_eq!(final_status, Err(SendError::BadStatus(Status::OK)));

    let mut old = Server::asked(GET_10);
    let hint = old
        .conn
        .send_informational(&mut old.tx, Status::EARLY_HINTS, NO_FIELDS);
    assert_eq!(hint, Err(SendError::NoInformational));
}

#[test]
fn switching_protocols_hands_the_rest_over() {
    let upgrade = "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    let mut server = Server::asked(&format!("{upgrade}\x01\x02other"));
    assert_eq!(server.conn.peer_state(), State::MightSwitch);
    let fields = [("Upgrade", "echo")];
    let switching = Status::SWITCHING_PROTOCOLS;
    server
        .conn
        .send_informational(&mut server.tx, switching, fields)
        .unwrap();
    assert_eq!(
        server.sent(),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: upgrade\r\n\r\n"
    );
    assert_eq!(
        (server.conn.state(), server.conn.peer_state()),
        (State::Switched, State::Switched)
    );
    assert_eq!(server.rx.pending(), b"\x01\x02other");
    assert!(!server.conn.wants_close());

    let mut unasked = Server::asked(GET);
    let error = unasked
        .conn
        .send_informational(&mut unasked.tx, switching, NO_FIELDS);
    assert_eq!(error, Err(SendError::NoUpgrade));
}

#[test]
fn connect_opens_a_tunnel_or_is_refused() {
    let connect = "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\nrest";
    let mut server = Server::asked(connect);
    server.respond(200, Body::None).unwrap();
    assert_eq!(server.sent(), "HTTP/1.1 200 OK\r\n\r\n");
    assert_eq!(
        (server.conn.peer_state(), server.rx.pending()),
        (State::Switched, &b"rest"[..])
    );

    let mut refused = Server::asked(connect);
    refused.respond(405, Body::None).unwrap();
    assert_eq!(
        (refused.conn.state(), refused.conn.peer_state()),
        (State::Done, State::Done)
    );
}

#[test]
fn failed_response_ends_without_its_end() {
    let mut server = Server::asked(GET);
    server.respond(200, Body::Chunked).unwrap();
    server.data(b"hello").unwrap();
    server.conn.send_failed();
    assert!(server.conn.wants_close());
    assert!(server.conn.send_end(&mut server.tx).is_err());
    assert!(server.sent().ends_with("5\r\nhello\r\n"));
}
