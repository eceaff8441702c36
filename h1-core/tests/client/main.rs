//! A client: what it sends, what it refuses to send, and where an exchange leaves both sides.
#![allow(clippy::unwrap_used)]

mod conversation;
mod exchange;
mod sending;
mod switch;

use bytes::Bytes;
use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendError, SendQueue, State};

const HOST: (&str, &str) = ("Host", "a");
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";

struct Client {
    conn: ClientConnection,
    rx: RecvBuf,
    tx: SendQueue,
}

impl Client {
    fn new() -> Self {
        Self::with(Limits::default())
    }

    fn with(limits: Limits) -> Self {
        Self {
            conn: ClientConnection::new(limits),
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
        }
    }

    /// A client that has sent the head of a request.
    fn asked(method: &str, body: Body) -> Self {
        Self::asked_with(method, &[HOST], body)
    }

    fn asked_with(method: &str, fields: &[(&str, &str)], body: Body) -> Self {
        let mut client = Self::new();
        client.ask(method, fields, body).unwrap();
        client
    }

    fn ask(&mut self, method: &str, fields: &[(&str, &str)], body: Body) -> Result<(), SendError> {
        let target = if method == "CONNECT" { "a:443" } else { "/" };
        let fields = fields.iter().copied();
        self.conn
            .send_request(&mut self.tx, method, target, fields, body)
    }

    fn data(&mut self, data: &'static str) -> Result<(), SendError> {
        self.conn
            .send_data(&mut self.tx, Bytes::from_static(data.as_bytes()))
    }

    fn end(&mut self) -> Result<(), SendError> {
        self.conn.send_end(&mut self.tx)
    }

    /// What has been queued since the last call.
    fn sent(&mut self) -> String {
        let bytes: Vec<u8> = self.tx.slices().flatten().copied().collect();
        self.tx.clear();
        String::from_utf8(bytes).unwrap()
    }

    /// The events of `bytes` in short: statuses, content in quotes, and what stopped the reading.
    fn receive(&mut self, bytes: &str) -> String {
        assert_eq!(self.rx.receive(bytes.as_bytes()), bytes.len());
        let mut log = Vec::new();
        loop {
            match self.conn.next_event(&mut self.rx) {
                Ok(ClientEvent::Informational(head)) => log.push(head.status().to_string()),
                Ok(ClientEvent::Response(head)) => log.push(head.status().to_string()),
                Ok(ClientEvent::Data(data)) => log.push(format!("'{}'", data.escape_ascii())),
                Ok(ClientEvent::EndOfMessage(_)) => log.push("end".into()),
                Ok(ClientEvent::NeedData) => break,
                Ok(ClientEvent::Paused) => break log.push("paused".into()),
                Ok(ClientEvent::Closed) => break log.push("closed".into()),
                Err(error) => break log.push(format!("{:?}", error.kind)),
            }
        }
        log.join(" ")
    }

    /// The same where nothing more comes behind `bytes`.
    fn receive_last(&mut self, bytes: &str) -> String {
        self.rx.close();
        self.receive(bytes)
    }

    fn states(&self) -> (State, State) {
        (self.conn.state(), self.conn.peer_state())
    }

    /// The next request can go out, and does.
    fn goes_on(&mut self) {
        assert_eq!(self.states(), (State::Done, State::Done));
        assert!(!self.conn.wants_close());
        self.conn.next_cycle().unwrap();
        assert_eq!(self.states(), (State::Idle, State::Idle));
        self.ask("GET", &[HOST], Body::None).unwrap();
        assert_eq!(self.receive(OK), "200 'hi' end");
    }
}
