//! What one role sends, the other reads.

mod sent;
mod side;

use arbitrary::Arbitrary;
use h1_core::{
    Body, ClientConnection, ErrorKind, Limits, NO_FIELDS, ServerConnection, State, Status,
};

use self::sent::{Sent, informational_head, normal};
use self::side::Side;
use crate::input::Cuts;
use crate::log::Lines;
use crate::peer::{Got, Head, Peer};
use crate::script::{self, Code, Field, Framing, Line, Piece};

/// Exchanges on one server connection.
#[derive(Arbitrary, Debug)]
pub struct Roundtrip<'a> {
    /// All requests are sent before the first response; otherwise one connection of a client asks
    /// again and again.
    pipelined: bool,
    cuts: u16,
    exchanges: Vec<Exchange<'a>>,
}

#[derive(Arbitrary, Debug)]
struct Exchange<'a> {
    request: Request<'a>,
    /// Answer before the content is read.
    early: bool,
    send_continue: bool,
    informational: Vec<(Code, Vec<Field<'a>>)>,
    /// Take up the other protocol that is asked for.
    switch: bool,
    response: Response<'a>,
}

#[derive(Arbitrary, Debug)]
struct Request<'a> {
    line: Line<'a>,
    without_host: bool,
    close: bool,
    fields: Vec<Field<'a>>,
    content: Content<'a>,
}

#[derive(Arbitrary, Debug)]
struct Response<'a> {
    status: Code,
    close: bool,
    fields: Vec<Field<'a>>,
    content: Content<'a>,
}

#[derive(Arbitrary, Debug)]
struct Content<'a> {
    framing: Framing,
    pieces: Vec<Piece>,
    trailers: Vec<Field<'a>>,
}

/// What follows an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Exchange,
    Close,
    /// Another protocol.
    Switch,
}

/// All that answers a request.
struct Answer {
    informational: Vec<Head>,
    response: Option<Sent>,
    next: Next,
}

/// Bytes of another protocol.
const OTHER: &[u8] = b"\x00other\r\n";

/// No limits to speak of, and a receive buffer that begins small. No content at all has framing of
/// 5 bytes.
const LIMITS: Limits = Limits {
    method: u16::MAX,
    request_line: 1 << 20,
    head: 1 << 20,
    fields: u16::MAX,
    chunk_line: 256,
    chunk_overhead: 5,
    trailers: 1 << 20,
    body: u64::MAX,
    informational: u16::MAX,
    buffer: 64,
};

/// Plays the exchanges.
///
/// # Panics
///
/// If what was sent is not what is read, or if both sides do not agree on what follows.
pub fn roundtrip(script: Roundtrip) {
    let mut cuts = Cuts::new(script.cuts);
    let mut server = Side::new(ServerConnection::new(LIMITS), &LIMITS, &mut cuts);
    let mut new = || Side::new(ClientConnection::new(LIMITS), &LIMITS, &mut cuts);
    if script.pipelined {
        let mut asked = Vec::new();
        for exchange in &script.exchanges {
            let mut client = new();
            let sent = ask(&mut client, &exchange.request);
            server.input.append(&mut client.output);
            asked.push((client, sent, exchange));
        }
        let mut input = Vec::new();
        for (mut client, sent, exchange) in asked {
            let answer = serve(&mut server, &sent, exchange);
            client.input = input;
            if deliver(&mut server, &mut client, &answer) != Next::Exchange {
                return;
            }
            input = client.unread();
        }
    } else {
        let mut client = new();
        for exchange in &script.exchanges {
            let sent = ask(&mut client, &exchange.request);
            server.input.append(&mut client.output);
            let answer = serve(&mut server, &sent, exchange);
            if deliver(&mut server, &mut client, &answer) != Next::Exchange {
                return;
            }
            client.conn.next_cycle().unwrap();
        }
    }
}

/// Sends a request; a plain one where that of the script is not allowed.
fn ask(client: &mut Side<ClientConnection>, script: &Request<'_>) -> Sent {
    if script.close {
        client.conn.disable_keep_alive();
    }
    let (method, target) = script.line.parts();
    let mut given = script::given(&script.fields);
    if !script.without_host {
        given.insert(0, ("Host", b"a"));
    }
    let body = script.content.framing.body(&script.content.pieces);
    let (conn, tx) = (&mut client.conn, &mut client.tx);
    let sent = conn.send_request(tx, method, target, given.iter().copied(), body);
    if sent.is_err() {
        assert!(tx.is_empty());
        let host = [("Host", "a")];
        conn.send_request(tx, "GET", "/", host, Body::None).unwrap();
        client.write_all();
        return Sent::plain("GET", "/", script::read(&[("Host", b"a")]));
    }
    let Content {
        pieces, trailers, ..
    } = &script.content;
    let (content, trailers) = client.send_content(body, pieces, trailers);
    let mut sent = Sent::plain(method, target, script::read(&given));
    sent.head.body = normal(body);
    sent.content = content;
    sent.trailers = trailers;
    sent
}

/// Reads a request and answers it.
fn serve(server: &mut Side<ServerConnection>, sent: &Sent, script: &Exchange<'_>) -> Answer {
    let head = match server.pull() {
        Got::Head(head) => head,
        // The one thing that can be sent and not be accepted.
        Got::Error(error) if sent.head.expects_unknown() => {
            assert_eq!(error.kind, ErrorKind::UnknownExpectation);
            return refuse(server, error);
        }
        other => panic!("{other:?} instead of {sent:?}"),
    };
    sent.head.check(&head);
    let early = script.early.then(|| answer(server, &head, script));
    assert_eq!(
        server.pull_content(),
        (sent.content.clone(), sent.trailers.clone())
    );
    let mut answer = early.unwrap_or_else(|| answer(server, &head, script));
    if answer.next != Next::Switch && server.conn.next_cycle().is_err() {
        assert!(server.conn.wants_close());
        answer.next = Next::Close;
    }
    answer
}

fn refuse(server: &mut Side<ServerConnection>, error: h1_core::Error) -> Answer {
    server.conn.send_error(&mut server.tx, error).unwrap();
    server.write_all();
    let status = error.kind.status();
    Answer {
        informational: Vec::new(),
        response: Some(Sent::plain(
            &status.to_string(),
            status.reason(),
            Lines::new(),
        )),
        next: Next::Close,
    }
}

fn answer(server: &mut Side<ServerConnection>, request: &Head, script: &Exchange<'_>) -> Answer {
    let mut informational = Vec::new();
    let go_on = informational_head(Status::CONTINUE, &[]);
    if script.send_continue {
        informational.extend(server.conn.continue_wanted().then(|| go_on.clone()));
        server.conn.send_continue(&mut server.tx).unwrap();
    }
    let switch = (Code::Known(9), vec![]);
    for (code, fields) in script
        .informational
        .iter()
        .chain(script.switch.then_some(&switch))
    {
        let (status, mut given) = (code.status(), script::given(fields));
        if status == Status::SWITCHING_PROTOCOLS {
            given.push(("Upgrade", b"other"));
        }
        let (wanted, queued) = (server.conn.continue_wanted(), server.tx.queued());
        let fields = given.iter().copied();
        match server
            .conn
            .send_informational(&mut server.tx, status, fields)
        {
            Err(_) => assert_eq!(server.tx.queued(), queued),
            Ok(()) => {
                let switched = status == Status::SWITCHING_PROTOCOLS;
                informational.extend((switched && wanted).then(|| go_on.clone()));
                informational.push(informational_head(status, &given));
                if switched {
                    server.write_all();
                    return Answer {
                        informational,
                        response: None,
                        next: Next::Switch,
                    };
                }
            }
        }
    }
    let (response, next) = respond(server, request, &script.response);
    Answer {
        informational,
        response: Some(response),
        next,
    }
}

/// Sends the final response; a plain one where that of the script is not allowed.
fn respond(
    server: &mut Side<ServerConnection>,
    request: &Head,
    script: &Response<'_>,
) -> (Sent, Next) {
    if script.close {
        server.conn.disable_keep_alive();
    }
    let given = script::given(&script.fields);
    let body = script.content.framing.body(&script.content.pieces);
    let (mut status, mut fields) = (script.status.status(), script::read(&given));
    let (conn, tx) = (&mut server.conn, &mut server.tx);
    let queued = tx.queued();
    let sent = conn.send_response(tx, status, given.iter().copied(), body);
    if sent.is_err() {
        assert_eq!(tx.queued(), queued);
        (status, fields) = (Status::OK, Lines::new());
        conn.send_response(tx, status, NO_FIELDS, Body::None)
            .unwrap();
    }
    let method = &*request.start.0;
    let mut response = Sent::plain(&status.to_string(), status.reason(), fields);
    if method == "CONNECT" && matches!(status.code(), 200..=299) {
        server.write_all();
        return (response, Next::Switch);
    }
    if sent.is_ok() {
        let Content {
            pieces, trailers, ..
        } = &script.content;
        let (content, trailers) = server.send_content(body, pieces, trailers);
        let empty = matches!(status, Status::NO_CONTENT | Status::NOT_MODIFIED);
        if !empty && method != "HEAD" {
            response.head.body = normal(body);
            response.content = content;
            response.trailers = trailers;
        }
    }
    server.write_all();
    (response, Next::Exchange)
}

/// Hands what the server has sent to the client, which reads the answer.
fn deliver(
    server: &mut Side<ServerConnection>,
    client: &mut Side<ClientConnection>,
    answer: &Answer,
) -> Next {
    client.input.append(&mut server.output);
    client.eof = answer.next == Next::Close;
    for head in &answer.informational {
        match client.pull() {
            Got::Informational(got) => head.check(&got),
            other => panic!("{other:?} instead of {head:?}"),
        }
    }
    if let Some(sent) = &answer.response {
        match client.pull() {
            Got::Head(got) => sent.head.check(&got),
            other => panic!("{other:?} instead of {sent:?}"),
        }
        if answer.next != Next::Switch {
            let expected = (sent.content.clone(), sent.trailers.clone());
            assert_eq!(client.pull_content(), expected);
        }
    }
    match answer.next {
        Next::Exchange => assert_eq!(client.conn.states(), (State::Done, State::Done)),
        Next::Close => {
            assert!(client.conn.wants_close());
            assert_eq!(client.pull(), Got::Closed);
        }
        Next::Switch => {
            assert_eq!(client.conn.states(), (State::Switched, State::Switched));
            assert_eq!(server.conn.states(), (State::Switched, State::Switched));
            client.input.extend(OTHER);
            assert_eq!(client.pull(), Got::Paused);
            assert_eq!(client.unread(), OTHER);
            let unread = server.unread();
            server.input.extend(OTHER);
            assert_eq!(server.pull(), Got::Paused);
            assert_eq!(server.unread(), [&unread, OTHER].concat());
        }
    }
    answer.next
}
