//! What the tests share: a log of events, and every way of cutting an input.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::fmt::Write;

use h1_core::{
    Awaiting, Body, ClientConnection, ClientEvent, Error, Event, Fields, Limits, NO_FIELDS,
    RecvBuf, RequestHead, ResponseHead, SendQueue, ServerConnection, State, Status,
};

/// A pseudo-random sequence that is the same in every run (xorshift64).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    /// `input` in pieces, none empty: long ones, short ones, single bytes.
    pub fn pieces<'i>(&mut self, mut input: &'i [u8]) -> Vec<&'i [u8]> {
        let longest = [1, 3, 16, 100, 1000][self.below(5)];
        let mut pieces = Vec::new();
        while !input.is_empty() {
            let n = (1 + self.below(longest)).min(input.len());
            let (piece, rest) = input.split_at(n);
            pieces.push(piece);
            input = rest;
        }
        pieces
    }
}

/// Who reads an input.
#[derive(Clone, Copy)]
pub enum Role<'r> {
    /// A server that answers every request at once, so that the next one can be read.
    Server,
    /// A client that asks with this method as long as it can, or once.
    Client { method: &'r str, once: bool },
}

/// A connection of either role.
enum Conn {
    Server(ServerConnection),
    Client(ClientConnection),
}

/// What is seen of an input, one line an event; content is joined, as where it is cut says nothing.
pub struct Log<'r> {
    role: Role<'r>,
    limits: Limits,
    text: String,
    content: Vec<u8>,
    pub error: Option<Error>,
}

impl<'r> Log<'r> {
    pub fn of<'i>(
        role: Role<'r>,
        limits: Limits,
        pieces: impl IntoIterator<Item = &'i [u8]>,
        eof: bool,
    ) -> Self {
        let mut log = Self {
            role,
            limits,
            text: String::new(),
            content: Vec::new(),
            error: None,
        };
        log.run(pieces, eof);
        log
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    fn run<'i>(&mut self, pieces: impl IntoIterator<Item = &'i [u8]>, eof: bool) {
        let mut conn = match self.role {
            Role::Server => Conn::Server(ServerConnection::new(self.limits)),
            Role::Client { method, .. } => {
                let mut conn = ClientConnection::new(self.limits);
                ask(&mut conn, method);
                Conn::Client(conn)
            }
        };
        let mut rx = RecvBuf::new(&self.limits);
        for mut piece in pieces {
            while !piece.is_empty() {
                let n = rx.receive(piece);
                piece = &piece[n..];
                if self.read(&mut conn, &mut rx) {
                    return;
                }
                assert!(n > 0, "no room and no progress");
            }
        }
        if eof {
            rx.close();
            if self.read(&mut conn, &mut rx) {
                return;
            }
        }
        self.flush();
        let waiting = match conn.awaiting(&rx) {
            Awaiting::Nothing => "waiting for nothing",
            Awaiting::Message => "waiting for a message",
            Awaiting::Head => "waiting for the rest of a head",
            Awaiting::Body => "waiting for content",
        };
        self.line(waiting);
    }

    /// Reads until more bytes are needed; returns whether nothing more is to be read at all.
    fn read(&mut self, conn: &mut Conn, rx: &mut RecvBuf) -> bool {
        match conn {
            Conn::Server(conn) => self.read_requests(conn, rx),
            Conn::Client(conn) => self.read_responses(conn, rx),
        }
    }

    fn read_requests(&mut self, conn: &mut ServerConnection, rx: &mut RecvBuf) -> bool {
        loop {
            match conn.next_event(rx) {
                Ok(Event::Request(request)) => self.request(&request),
                Ok(Event::Data(bytes)) => self.data(bytes),
                Ok(Event::EndOfMessage(trailers)) => {
                    self.end(trailers);
                    let mut tx = SendQueue::new();
                    conn.send_response(&mut tx, Status::NOT_FOUND, NO_FIELDS, Body::None)
                        .unwrap();
                    if conn.next_cycle().is_err() {
                        assert_eq!(conn.state(), State::MustClose);
                        self.line("to be closed");
                        return true;
                    }
                }
                Ok(Event::NeedData) => return false,
                Ok(Event::Paused) => panic!("paused although every request was answered"),
                Ok(Event::Closed) => {
                    self.line("closed");
                    return true;
                }
                Err(error) => {
                    self.error(error);
                    assert_eq!(conn.next_event(rx).unwrap_err(), error, "the error stays");
                    return true;
                }
            }
        }
    }

    fn read_responses(&mut self, conn: &mut ClientConnection, rx: &mut RecvBuf) -> bool {
        loop {
            match conn.next_event(rx) {
                Ok(ClientEvent::Informational(response)) => {
                    self.response("informational", &response)
                }
                Ok(ClientEvent::Response(response)) => self.response("response", &response),
                Ok(ClientEvent::Data(bytes)) => self.data(bytes),
                Ok(ClientEvent::EndOfMessage(trailers)) => {
                    self.end(trailers);
                    if conn.next_cycle().is_err() {
                        assert_eq!(conn.state(), State::MustClose);
                        self.line("to be closed");
                        return true;
                    }
                    if let Role::Client {
                        method,
                        once: false,
                    } = self.role
                    {
                        ask(conn, method);
                    }
                }
                Ok(ClientEvent::NeedData) => return false,
                // How much of the other protocol has come by now says nothing.
                Ok(ClientEvent::Paused) => return false,
                Ok(ClientEvent::Closed) => {
                    self.line("closed");
                    return true;
                }
                Err(error) => {
                    self.error(error);
                    assert_eq!(conn.next_event(rx).unwrap_err(), error, "the error stays");
                    return true;
                }
            }
        }
    }

    fn data(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        self.content.extend_from_slice(bytes);
    }

    fn end(&mut self, trailers: Fields<'_>) {
        self.flush();
        self.line("end");
        self.fields(trailers);
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn flush(&mut self) {
        let content = std::mem::take(&mut self.content);
        if content.is_empty() {
            return;
        }
        let shown = &content[..content.len().min(48)];
        let cut = if shown.len() < content.len() {
            "…"
        } else {
            ""
        };
        let line = format!("data {} \"{}\"{cut}", content.len(), shown.escape_ascii());
        self.line(&line);
    }

    fn response(&mut self, what: &str, response: &ResponseHead<'_>) {
        let reason = response.reason().escape_ascii().to_string();
        let status = response.status();
        let mut line = format!("{what} {} {status} {}", response.version(), cut(&reason));
        line.truncate(line.trim_end().len());
        match response.body() {
            Body::None => {}
            Body::Length(n) => write!(line, " length={n}").unwrap(),
            Body::Chunked => line.push_str(" chunked"),
            Body::UntilClose => line.push_str(" until-close"),
        }
        line.push_str(if response.keep_alive() { "" } else { " close" });
        self.line(&line);
        self.fields(response.fields());
    }

    fn request(&mut self, request: &RequestHead<'_>) {
        let mut line = format!(
            "request {} {} {}",
            request.method(),
            cut(request.target()),
            request.version()
        );
        match request.body() {
            Body::None => {}
            Body::Length(n) => write!(line, " length={n}").unwrap(),
            Body::Chunked => line.push_str(" chunked"),
            Body::UntilClose => unreachable!(),
        }
        for (flag, set) in [
            (" close", !request.keep_alive()),
            (" expects-continue", request.expects_continue()),
        ] {
            line.push_str(if set { flag } else { "" });
        }
        if let Some(protocols) = request.upgrade() {
            write!(line, " upgrade={protocols}").unwrap();
        }
        if request.host()
            != request
                .fields()
                .get("host")
                .map(|h| str::from_utf8(h).unwrap())
        {
            write!(line, " host={}", request.host().unwrap()).unwrap();
        }
        self.line(&line);
        self.fields(request.fields());
    }

    fn fields(&mut self, fields: Fields<'_>) {
        for (name, value) in fields.iter() {
            let value = cut(&value.escape_ascii().to_string());
            let space = if value.is_empty() { "" } else { " " };
            self.line(&format!("  {name}:{space}{value}"));
        }
    }

    fn error(&mut self, error: Error) {
        self.flush();
        self.error = Some(error);
        let field = match error.field {
            Error::NO_FIELD => String::new(),
            field => format!(" in field {field}"),
        };
        let line = format!(
            "error {:?} at {}{field}: {} {}",
            error.kind,
            error.at,
            error.kind.status(),
            error.kind.status().reason()
        );
        self.line(&line);
    }
}

impl Conn {
    fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
        match self {
            Self::Server(conn) => conn.awaiting(rx),
            Self::Client(conn) => conn.awaiting(rx),
        }
    }
}

/// Sends a request that may switch protocols.
fn ask(conn: &mut ClientConnection, method: &str) {
    let mut tx = SendQueue::new();
    let target = if method == "CONNECT" { "a:443" } else { "/" };
    let fields = [("Host", "a"), ("Upgrade", "other")];
    let fields = &fields[..if method == "UPGRADE" { 2 } else { 1 }];
    let fields = fields.iter().copied();
    conn.send_request(&mut tx, method, target, fields, Body::None)
        .unwrap();
}

fn cut(text: &str) -> String {
    match text.len() {
        0..=60 => text.to_owned(),
        len => format!("{}… ({len} bytes)", &text[..40]),
    }
}

/// The log of `input`, after making sure that it is the same whole, byte by byte, at each single
/// cut and in 64 random partitions.
pub fn log_of_every_split<'r>(
    name: &str,
    role: Role<'r>,
    limits: Limits,
    input: &[u8],
    eof: bool,
) -> Log<'r> {
    let whole = Log::of(role, limits, [input], eof);
    let same = |pieces: &[&[u8]], how: &str| {
        let log = Log::of(role, limits, pieces.iter().copied(), eof);
        assert_eq!(log.text, whole.text, "{name}: {how}");
    };
    same(&input.chunks(1).collect::<Vec<_>>(), "byte by byte");
    for at in 1..input.len() {
        let (left, right) = input.split_at(at);
        same(&[left, right], &format!("cut at {at}"));
    }
    for seed in 1..=64_u64 {
        let pieces = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed)).pieces(input);
        same(&pieces, &format!("partition {seed}"));
    }
    whole
}
