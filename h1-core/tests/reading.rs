//! What a server reads when calls and bytes come in an unusual order, or limits are unusual.
#![allow(clippy::unwrap_used)]

use h1_core::{
    Awaiting, Body, ErrorKind, Event, Limits, NO_FIELDS, RecvBuf, SendError, SendQueue,
    ServerConnection, State, Status,
};

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const CHUNKED: &[u8] = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const UPGRADE: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n";
const EXPECT: &[u8] = b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n";

struct Server {
    conn: ServerConnection,
    rx: RecvBuf,
    tx: SendQueue,
}

impl Server {
    fn new(limits: Limits) -> Self {
        Self {
            conn: ServerConnection::new(limits),
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
        }
    }

    /// A connection with default limits that has read `parts`.
    fn fed(parts: &[&[u8]]) -> Self {
        let mut server = Self::new(Limits::default());
        assert_eq!(server.feed(&parts.concat()), None);
        server
    }

    /// Receives all of `bytes`, reading as often as there is no room, and then once more.
    fn feed(&mut self, mut bytes: &[u8]) -> Option<ErrorKind> {
        while !bytes.is_empty() {
            let n = self.rx.receive(bytes);
            bytes = &bytes[n..];
            let error = self.read();
            if error.is_some() {
                return error;
            }
            assert!(n > 0, "no room, and no progress");
        }
        None
    }

    fn read(&mut self) -> Option<ErrorKind> {
        loop {
            match self.conn.next_event(&mut self.rx) {
                Ok(Event::NeedData | Event::Paused | Event::Closed) => return None,
                Ok(_) => {}
                Err(error) => return Some(error.kind),
            }
        }
    }

    fn respond(&mut self, status: Status, body: Body) -> Result<(), SendError> {
        self.conn
            .send_response(&mut self.tx, status, NO_FIELDS, body)
    }

    fn switch(&mut self, fields: &[(&str, &str)]) -> Result<(), SendError> {
        let fields = fields.iter().copied();
        self.conn
            .send_informational(&mut self.tx, Status::SWITCHING_PROTOCOLS, fields)
    }

    fn sent(&self) -> String {
        let bytes: Vec<u8> = self.tx.slices().flatten().copied().collect();
        String::from_utf8(bytes).unwrap()
    }
}

#[test]
fn after_a_response_that_nobody_asked_for_no_request_is_read() {
    let mut server = Server::fed(&[&GET[..9]]);
    server
        .respond(Status::SERVICE_UNAVAILABLE, Body::Chunked)
        .unwrap();
    server
        .conn
        .send_data(&mut server.tx, "busy".into())
        .unwrap();
    server.feed(&GET[9..]);
    assert_eq!(server.conn.peer_state(), State::MustClose);
    assert!(server.respond(Status::OK, Body::None).is_err());
    server.conn.send_end(&mut server.tx).unwrap();
    assert!(server.conn.wants_close());
    assert!(server.sent().ends_with("4\r\nbusy\r\n0\r\n\r\n"));
}

#[test]
fn end_of_stream_behind_a_chunked_request_is_no_error() {
    let mut server = Server::new(Limits::default());
    server.rx.receive(&[CHUNKED, b"0\r\n\r\n"].concat());
    while !matches!(
        server.conn.next_event(&mut server.rx).unwrap(),
        Event::EndOfMessage(_)
    ) {}
    server.respond(Status::OK, Body::None).unwrap();
    server.conn.next_cycle().unwrap();
    server.rx.close();
    for _ in 0..2 {
        let event = server.conn.next_event(&mut server.rx);
        assert!(matches!(event, Ok(Event::Closed)));
    }
}

#[test]
fn empty_line_before_a_request_does_not_count_against_its_line() {
    let limits = Limits {
        request_line: "GET / HTTP/1.1\r\n".len() as u32,
        ..Limits::default()
    };
    let input = [b"\r\n", GET].concat();
    for cut in 0..input.len() {
        let mut server = Server::new(limits);
        assert_eq!(server.feed(&input[..cut]), None);
        assert_eq!(server.feed(&input[cut..]), None, "cut at {cut}");
        assert_eq!(server.conn.state(), State::SendResponse);
    }
}

#[test]
fn odd_limits_end_in_an_error_and_never_in_a_stall() {
    let line = [b"GET /".as_slice(), &[b'x'; 20_000]].concat();
    let small = Limits {
        head: 4096,
        buffer: 2048,
        trailers: 1024,
        ..Limits::default()
    };
    let too_long = Some(ErrorKind::RequestLineTooLong);
    assert_eq!(Server::new(small).feed(&line), too_long);
    // A buffer that was made for another connection.
    let mut server = Server::new(Limits::default());
    server.rx = RecvBuf::new(&Limits { buffer: 1, ..small });
    assert_eq!(server.feed(&line), too_long);

    let mut server = Server::new(Limits {
        chunk_line: u16::MAX,
        ..Limits::default()
    });
    server.feed(&[CHUNKED, b"1;"].concat());
    let error = server.feed(&[b'x'; 70_000]);
    assert_eq!(error, Some(ErrorKind::ChunkLineTooLong));
}

#[test]
fn continue_goes_before_a_switch() {
    let mut server = Server::fed(&[UPGRADE, EXPECT]);
    assert_eq!(server.switch(&[]), Err(SendError::NoUpgrade));
    assert!(server.tx.is_empty());
    server.switch(&[("Upgrade", "x")]).unwrap();
    let both = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 ";
    assert!(server.sent().starts_with(both));
    server.feed(b"hi\x01");
    assert_eq!(server.conn.peer_state(), State::Switched);
    assert_eq!(server.rx.pending(), b"\x01");
}

#[test]
fn broken_request_is_not_switched() {
    let coding: &[u8] = b"Transfer-Encoding: chunked\r\n\r\n";
    let mut server = Server::fed(&[UPGRADE, coding]);
    assert_eq!(server.feed(b"x"), Some(ErrorKind::BadChunk));
    assert!(server.switch(&[("Upgrade", "x")]).is_err());
    server.respond(Status::BAD_REQUEST, Body::None).unwrap();
    assert!(server.conn.wants_close());
}

#[test]
fn broken_head_request_gets_no_content() {
    for head in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD / HTTP/9.9\r\n",
        "HEAD / HTTP/1.1\r\n :",
    ] {
        let mut server = Server::new(Limits::default());
        assert!(server.feed(head.as_bytes()).is_some());
        server
            .respond(Status::BAD_REQUEST, Body::Length(4))
            .unwrap();
        server
            .conn
            .send_data(&mut server.tx, "oops".into())
            .unwrap();
        assert!(server.sent().ends_with("\r\n\r\n"), "{head}");
    }
    let mut late = Server::fed(&[b"HEAD / HT"]);
    let error = late.conn.refuse(ErrorKind::Timeout);
    let second = late.conn.refuse(ErrorKind::BodyTooLarge);
    assert_eq!(second, error, "the first one stays");
    late.respond(error.kind.status(), Body::Length(4)).unwrap();
    assert_eq!(late.conn.state(), State::MustClose);
}

#[test]
fn upgrade_is_named_in_connection() {
    let mut server = Server::fed(&[GET]);
    server.conn.disable_keep_alive();
    let (fields, status) = ([("Upgrade", "h2c")], Status::UPGRADE_REQUIRED);
    let Server { conn, tx, .. } = &mut server;
    conn.send_response(tx, status, fields, Body::None).unwrap();
    assert!(server.sent().contains("\r\nConnection: close, upgrade\r\n"));
}

#[test]
fn empty_line_alone_is_no_half_head() {
    let mut server = Server::new(Limits::default());
    for bytes in ["\r", "\n"] {
        server.feed(bytes.as_bytes());
        assert_eq!(server.conn.awaiting(&server.rx), Awaiting::Message);
    }
    server.feed(b"G");
    assert_eq!(server.conn.awaiting(&server.rx), Awaiting::Head);
}

#[test]
fn client_that_waits_for_a_switch_can_go() {
    let mut server = Server::fed(&[UPGRADE, b"\r\n"]);
    assert_eq!(server.conn.peer_state(), State::MightSwitch);
    assert_eq!(Server::fed(&[GET]).conn.peer_state(), State::Done);
    let event = server.conn.next_event(&mut server.rx);
    assert!(matches!(event, Ok(Event::NeedData)));
    server.rx.close();
    let gone = |server: &mut Server| server.conn.next_event(&mut server.rx).is_ok_and(is_closed);
    assert!(gone(&mut server));
    server.respond(Status::OK, Body::None).unwrap();
    assert!(gone(&mut server));
    assert!(server.conn.wants_close());
}

fn is_closed(event: Event<'_>) -> bool {
    matches!(event, Event::Closed)
}

#[test]
fn cleared_buffer_lends_nothing() {
    let mut server = Server::new(Limits::default());
    server.rx.receive(GET);
    let event = server.conn.next_event(&mut server.rx);
    assert!(matches!(event, Ok(Event::Request(_))));
    server.rx.clear();
    let request = server.conn.request(&server.rx).unwrap();
    assert_eq!((request.target(), request.fields().raw()), ("", &b""[..]));
}

/// A mistake of the caller; what is read then is wrong, but there is no panic.
#[test]
fn buffer_cleared_in_the_middle_of_a_message_does_no_more_harm_than_that() {
    let message = [CHUNKED, b"5\r\nhello\r\n0\r\nX: y\r\n\r\n"].concat();
    for cut in 1..message.len() {
        for again in 0..message.len() {
            let mut server = Server::new(Limits::default());
            server.feed(&message[..cut]);
            server.rx.clear();
            server.feed(&message[again..]);
            server.feed(&message[again..]);
        }
    }
}

#[test]
fn what_is_lent_is_no_longer_pending() {
    let mut server = Server::new(Limits::default());
    let chunks: &[u8] = b"1\r\na\r\n1\r\nb\r\n02\r\ncd\r\n0\r\n\r\n";
    server.rx.receive(&[CHUNKED, chunks].concat());
    let event = server.conn.next_event(&mut server.rx);
    assert!(matches!(event, Ok(Event::Request(_))));
    assert_eq!(server.rx.pending(), chunks);
    let event = server.conn.next_event(&mut server.rx);
    assert!(matches!(event, Ok(Event::Data(b"abcd"))), "all at once");
    assert_eq!(server.rx.pending(), b"\r\n0\r\n\r\n");
    assert_eq!(server.conn.body_received(), 4);
}

#[test]
#[cfg(debug_assertions)]
#[should_panic(expected = "filled")]
fn more_than_the_room_cannot_be_filled() {
    let mut rx = RecvBuf::new(&Limits::default());
    rx.receive(b"GET");
    let room = rx.unfilled().len();
    rx.filled(room + 1);
}

#[test]
fn buffer_makes_room_before_it_is_full_and_moves_no_more_than_is_read() {
    let limits = Limits {
        buffer: 256,
        ..Limits::default()
    };
    let mut server = Server::new(limits);
    let stream = GET.repeat(200);
    let (mut received, mut read, mut moved) = (0, 0, 0);
    while read < stream.len() {
        let before = server.rx.pending().as_ptr();
        let room = server.rx.unfilled().len();
        let pending = server.rx.pending();
        let stayed = pending.as_ptr() == before;
        moved += if stayed { 0 } else { pending.len() };
        assert!(pending.len() >= 64 || room >= 128, "{pending:?} {room}");
        received += server.rx.receive(&stream[received..]);
        while !matches!(
            server.conn.next_event(&mut server.rx).unwrap(),
            Event::EndOfMessage(_) | Event::NeedData
        ) {}
        if server.conn.state() == State::SendResponse {
            server.respond(Status::OK, Body::None).unwrap();
            server.conn.next_cycle().unwrap();
            read += GET.len();
        }
    }
    assert!(moved <= read, "{moved} bytes moved, {read} read");
}

#[test]
fn buffer_grows_for_a_long_head_alone_and_shrinks_behind_it() {
    let limits = Limits {
        buffer: 64,
        ..Limits::default()
    };
    let mut server = Server::new(limits);
    let head = [UPGRADE, b"X: ", &[b'x'; 200], b"\r\n\r\n"].concat();
    server.feed(&head[..8]);
    assert_eq!(server.rx.unfilled().len(), 64 - 8);
    server.feed(&head[8..64]);
    assert_eq!(server.rx.unfilled().len(), 64, "twice as much");
    server.feed(&head[64..]);
    assert_eq!(server.conn.state(), State::SendResponse);
    assert_eq!(server.rx.unfilled().len(), 64);
}

#[test]
fn body_limit_can_be_set_for_each_request() {
    let mut server = Server::new(Limits::default());
    server
        .rx
        .receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    let event = server.conn.next_event(&mut server.rx);
    assert!(matches!(event, Ok(Event::Request(_))));
    server.conn.set_body_limit(10).unwrap();
    let error = server.conn.set_body_limit(9).unwrap_err();
    assert_eq!(error.kind.status(), Status::CONTENT_TOO_LARGE);
    assert_eq!(server.conn.next_event(&mut server.rx).unwrap_err(), error);
}

#[test]
fn error_in_the_middle_of_an_answer_breaks_it_off() {
    let head = b"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut server = Server::fed(&[head]);
    server.respond(Status::OK, Body::Chunked).unwrap();
    server.rx.receive(b"x");
    let error = server.conn.next_event(&mut server.rx).unwrap_err();
    assert!(!server.conn.wants_close());
    let queued = server.tx.queued();
    let refused = server.conn.send_error(&mut server.tx, error);
    assert_eq!(refused, Err(SendError::WrongState(State::SendBody)));
    assert!(server.conn.wants_close());
    assert_eq!(server.tx.queued(), queued);
}

#[test]
fn error_behind_a_whole_answer_only_closes() {
    let mut server = Server::fed(&[GET]);
    server.respond(Status::OK, Body::None).unwrap();
    let queued = server.tx.queued();
    let error = server.conn.refuse(ErrorKind::Timeout);
    let refused = server.conn.send_error(&mut server.tx, error);
    assert_eq!(refused, Err(SendError::WrongState(State::MustClose)));
    assert!(server.conn.wants_close());
    assert_eq!(server.tx.queued(), queued);
}

#[test]
fn a_request_without_content_is_not_waited_for() {
    let asked = |head: &[u8]| {
        let mut server = Server::new(Limits::default());
        server.rx.receive(head);
        server.conn.next_event(&mut server.rx).unwrap();
        server
    };
    let server = asked(GET);
    assert_eq!(server.conn.awaiting(&server.rx), Awaiting::Nothing);
    let mut server = asked(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n");
    assert_eq!(server.conn.awaiting(&server.rx), Awaiting::Body);
    server.rx.receive(b"x");
    server.conn.next_event(&mut server.rx).unwrap();
    assert_eq!(server.conn.awaiting(&server.rx), Awaiting::Nothing);
}

#[test]
fn debug_shows_the_values_of_fields() {
    let mut server = Server::new(Limits::default());
    server
        .rx
        .receive(b"GET / HTTP/1.1\r\nHost: a\r\nX: \xff\"\r\n\r\n");
    server.conn.next_event(&mut server.rx).unwrap();
    let request = server.conn.request(&server.rx).unwrap();
    let owned = request.to_owned();
    assert_eq!(format!("{owned:?}"), format!("{request:?}"));
    let shown = format!("{:?}", request.fields());
    assert_eq!(shown, r#"{"Host": "a", "X": "\xff\""}"#);
}

#[test]
fn path_and_query_of_every_form_of_target() {
    for (line, path, query) in [
        ("GET /a/b?c?d", "/a/b", Some("c?d")),
        ("GET /?", "/", Some("")),
        ("GET //a", "//a", None),
        ("GET http://a/b?c", "/b", Some("c")),
        ("GET http://a?c/d", "/", Some("c/d")),
        ("GET http://a", "/", None),
        ("OPTIONS *", "", None),
        ("CONNECT a:1", "", None),
    ] {
        let mut server = Server::new(Limits::default());
        let head = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
        server.rx.receive(head.as_bytes());
        server.conn.next_event(&mut server.rx).unwrap();
        let request = server.conn.request(&server.rx).unwrap();
        assert_eq!((request.path(), request.query()), (path, query), "{line}");
    }
}
