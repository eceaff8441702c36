//! A client and a server that talk to each other in memory.

use bytes::Bytes;
use h1_core::{
    Body, ClientConnection, ClientEvent, Event, Fields, Limits, NO_FIELDS, RecvBuf, SendQueue,
    ServerConnection, State, Status,
};

/// Content, its framing and the trailer field behind it.
#[derive(Clone, Copy)]
struct Message {
    body: Body,
    content: &'static [u8],
    trailer: Option<&'static str>,
}

/// One exchange, and how it takes place.
#[derive(Clone, Copy)]
struct Exchange {
    method: &'static str,
    request: Message,
    code: u16,
    response: Message,
    /// The request expects `100 Continue`.
    expecting: bool,
    /// The server answers before it has read the content.
    early: bool,
    /// Informational responses before the final one.
    hints: usize,
}

const NONE: Message = message(Body::None, b"", None);
const BIG: &[u8] = &[b'x'; 20_000];

const fn message(body: Body, content: &'static [u8], trailer: Option<&'static str>) -> Message {
    Message {
        body,
        content,
        trailer,
    }
}

const fn plain(content: &'static [u8]) -> Message {
    message(Body::Length(content.len() as u64), content, None)
}

const fn chunked(content: &'static [u8]) -> Message {
    message(Body::Chunked, content, None)
}

const fn ended(content: &'static [u8], trailer: &'static str) -> Message {
    message(Body::Chunked, content, Some(trailer))
}

const fn ask(method: &'static str, request: Message, code: u16, response: Message) -> Exchange {
    Exchange {
        method,
        request,
        code,
        response,
        expecting: false,
        early: false,
        hints: 0,
    }
}

impl Exchange {
    const fn expecting(self) -> Self {
        let expecting = true;
        Self { expecting, ..self }
    }

    const fn early(self) -> Self {
        let early = true;
        Self { early, ..self }
    }

    const fn hinted(self, hints: usize) -> Self {
        Self { hints, ..self }
    }
}

const CONVERSATION: [Exchange; 20] = [
    ask("GET", NONE, 200, plain(b"hello")),
    ask("GET", NONE, 200, NONE),
    ask("GET", NONE, 200, chunked(b"hello")),
    ask("GET", NONE, 200, ended(b"hello", "1")),
    ask("GET", NONE, 200, chunked(b"")),
    ask("GET", NONE, 200, plain(BIG)),
    ask("HEAD", NONE, 200, plain(b"hello")),
    ask("HEAD", NONE, 404, chunked(b"hello")),
    ask("GET", NONE, 204, NONE),
    ask("GET", NONE, 304, plain(b"hello")),
    ask("GET", NONE, 200, plain(b"hello")).hinted(3),
    ask("POST", plain(b"content"), 201, plain(b"made")),
    ask("POST", NONE, 200, NONE),
    ask("PUT", chunked(BIG), 200, chunked(BIG)),
    ask("PUT", ended(b"content", "2"), 200, ended(b"hello", "3")),
    ask("PUT", plain(b"content"), 200, plain(b"hello")).expecting(),
    ask("PUT", chunked(BIG), 204, NONE).expecting().hinted(2),
    ask("POST", plain(BIG), 200, plain(BIG)).early(),
    ask("CONNECT", NONE, 405, plain(b"no")),
    ask("DELETE", chunked(b""), 200, plain(b"gone")),
];

/// What one side has seen of a message.
#[derive(Default)]
struct Seen {
    informational: usize,
    code: u16,
    content: Vec<u8>,
    trailer: Option<String>,
    whole: bool,
}

impl Seen {
    fn end(&mut self, trailers: Fields<'_>) {
        let sum = trailers.get("Sum").map(<[u8]>::to_vec);
        self.trailer = sum.map(|sum| String::from_utf8(sum).unwrap());
        self.whole = true;
    }

    fn is(&self, message: &Message, has_content: bool) -> bool {
        let content = if has_content { message.content } else { b"" };
        let trailer = message.trailer.filter(|_| has_content);
        self.whole && self.content == content && self.trailer.as_deref() == trailer
    }
}

struct Pair {
    client: (ClientConnection, RecvBuf, SendQueue),
    server: (ServerConnection, RecvBuf, SendQueue),
    /// How many bytes are carried at a time.
    piece: usize,
}

impl Pair {
    fn new(piece: usize) -> Self {
        let limits = Limits::default();
        let buffers = || (RecvBuf::new(&limits), SendQueue::new());
        let ((client_rx, client_tx), (server_rx, server_tx)) = (buffers(), buffers());
        Self {
            client: (ClientConnection::new(limits), client_rx, client_tx),
            server: (ServerConnection::new(limits), server_rx, server_tx),
            piece,
        }
    }

    fn run(&mut self, exchange: &Exchange) {
        let target = if exchange.method == "CONNECT" {
            "a:443"
        } else {
            "/"
        };
        let fields = [("Host", "a"), ("Expect", "100-continue")];
        let fields = &fields[..if exchange.expecting { 2 } else { 1 }];
        let (conn, _, tx) = &mut self.client;
        let request = &exchange.request;
        let fields = fields.iter().copied();
        conn.send_request(tx, exchange.method, target, fields, request.body)
            .unwrap();

        let (mut unsent, mut asked, mut answered) = (true, Seen::default(), Seen::default());
        while !asked.whole || !answered.whole {
            let (conn, _, tx) = &mut self.client;
            if unsent && !conn.continue_awaited() {
                conn.send_data(tx, Bytes::from_static(request.content))
                    .unwrap();
                conn.send_trailers(tx, request.trailer.map(|sum| ("Sum", sum)))
                    .unwrap();
                unsent = false;
            }
            let there = carry(tx, &mut self.server.1, self.piece);
            self.read_request(exchange, &mut asked);
            let back = carry(&mut self.server.2, &mut self.client.1, self.piece);
            self.read_response(&mut answered);
            assert!(there + back > 0, "nothing moves");
        }
        let bare = exchange.method == "HEAD" || matches!(exchange.code, 204 | 304);
        assert!(asked.is(request, true));
        assert!(answered.is(&exchange.response, !bare));
        let informational = exchange.hints + usize::from(exchange.expecting);
        assert_eq!(
            (answered.code, answered.informational),
            (exchange.code, informational)
        );
    }

    fn read_request(&mut self, exchange: &Exchange, seen: &mut Seen) {
        let (conn, rx, tx) = &mut self.server;
        loop {
            match conn.next_event(rx).unwrap() {
                Event::Request(head) => {
                    assert_eq!(head.method().as_str(), exchange.method);
                    conn.send_continue(tx).unwrap();
                    for _ in 0..exchange.hints {
                        let hint = Status::EARLY_HINTS;
                        conn.send_informational(tx, hint, NO_FIELDS).unwrap();
                    }
                    if exchange.early {
                        respond(conn, tx, exchange);
                    }
                }
                Event::Data(bytes) => seen.content.extend_from_slice(bytes),
                Event::EndOfMessage(trailers) => {
                    seen.end(trailers);
                    if !exchange.early {
                        respond(conn, tx, exchange);
                    }
                }
                Event::NeedData => return,
                other => panic!("{other:?}"),
            }
        }
    }

    fn read_response(&mut self, seen: &mut Seen) {
        let (conn, rx, _) = &mut self.client;
        loop {
            match conn.next_event(rx).unwrap() {
                ClientEvent::Informational(_) => seen.informational += 1,
                ClientEvent::Response(head) => seen.code = head.status().code(),
                ClientEvent::Data(bytes) => seen.content.extend_from_slice(bytes),
                ClientEvent::EndOfMessage(trailers) => seen.end(trailers),
                ClientEvent::NeedData => return,
                other => panic!("{other:?}"),
            }
        }
    }

    fn states(&self) -> [State; 4] {
        let (client, server) = (&self.client.0, &self.server.0);
        [
            client.state(),
            client.peer_state(),
            server.peer_state(),
            server.state(),
        ]
    }
}

fn respond(conn: &mut ServerConnection, tx: &mut SendQueue, exchange: &Exchange) {
    let (status, response) = (Status::new(exchange.code).unwrap(), &exchange.response);
    conn.send_response(tx, status, NO_FIELDS, response.body)
        .unwrap();
    conn.send_data(tx, Bytes::from_static(response.content))
        .unwrap();
    conn.send_trailers(tx, response.trailer.map(|sum| ("Sum", sum)))
        .unwrap();
}

/// Carries up to `piece` bytes, and returns how many those were.
fn carry(tx: &mut SendQueue, rx: &mut RecvBuf, piece: usize) -> usize {
    let bytes: Vec<u8> = tx.slices().flatten().copied().take(piece).collect();
    let n = rx.receive(&bytes);
    tx.advance(n as u64);
    n
}

#[test]
fn twenty_exchanges_of_all_shapes() {
    for piece in [1, 7, 1000, usize::MAX] {
        let mut pair = Pair::new(piece);
        for exchange in &CONVERSATION {
            pair.run(exchange);
            assert_eq!(pair.states(), [State::Done; 4]);
            pair.client.0.next_cycle().unwrap();
            pair.server.0.next_cycle().unwrap();
        }
    }
}

#[test]
fn either_side_ends_the_connection_and_both_know() {
    let last = ask("GET", NONE, 200, plain(b"bye"));
    let by_client = |pair: &mut Pair| pair.client.0.disable_keep_alive();
    let by_server = |pair: &mut Pair| pair.server.0.disable_keep_alive();
    for close in [by_client as fn(&mut Pair), by_server] {
        let mut pair = Pair::new(1);
        pair.run(&last);
        pair.client.0.next_cycle().unwrap();
        pair.server.0.next_cycle().unwrap();
        close(&mut pair);
        pair.run(&last);
        assert_eq!(pair.states(), [State::MustClose; 4]);
        assert!(pair.client.0.wants_close() && pair.server.0.wants_close());
        let (conn, rx, _) = &mut pair.server;
        rx.close();
        assert!(matches!(conn.next_event(rx), Ok(Event::Closed)));
        let (conn, rx, _) = &mut pair.client;
        rx.close();
        assert!(matches!(conn.next_event(rx), Ok(ClientEvent::Closed)));
    }
}
