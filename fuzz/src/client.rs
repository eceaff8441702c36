//! Arbitrary bytes for a client.

use h1_core::{
    Awaiting, Body, ClientConnection, ClientEvent, Limits, Method, RecvBuf, SendQueue, State,
    Status, raw,
};

use crate::input::{self, Cuts, LIMITS};
use crate::log::{self, Flow, Log, Reader, Seen};
use crate::server::own;

/// Reads limits, cuts and up to four requests from the first bytes, and the rest as what a client
/// receives that sends those requests one after the other.
///
/// # Panics
///
/// If the events depend on where the input is cut, if limits do more than refuse, if an event does
/// not hold the bytes that were sent, or if an error does not stay.
pub fn client(data: &[u8]) {
    let Some((first, rest)) = data.split_first_chunk::<LIMITS>() else {
        return;
    };
    let Some((&[asked, more, low, high], input)) = rest.split_first_chunk() else {
        return;
    };
    let limits = input::limits(first);
    let eof = asked & 0x80 != 0;
    let asked = [asked & 7, asked >> 3 & 7, more & 7, more >> 3 & 7];
    let run = |limits, pieces: &[&[u8]]| {
        let mut reader = Client::new(limits, asked);
        Log::of(&mut reader, limits, input, pieces, eof)
    };
    let whole = run(limits, &[input]);
    let bytes: Vec<_> = input.chunks(1).collect();
    let cuts = Cuts::new(u16::from_le_bytes([low, high])).pieces(input);
    for pieces in [bytes, cuts] {
        assert_eq!(run(limits, &pieces).seen, whole.seen, "in {pieces:?}");
    }
    if limits != Limits::default() {
        log::check_limits(&whole, &run(Limits::default(), &[input]));
    }
}

struct Client {
    conn: ClientConnection,
    limits: Limits,
    /// The requests to come, the next one last.
    asked: Vec<u8>,
    /// The method of the present one.
    method: &'static str,
    tx: SendQueue,
    received: u64,
    informational: u16,
}

impl Client {
    fn new(limits: Limits, mut asked: [u8; 4]) -> Self {
        asked.reverse();
        let mut client = Self {
            conn: ClientConnection::new(limits),
            limits,
            asked: asked.to_vec(),
            method: "",
            tx: SendQueue::new(),
            received: 0,
            informational: 0,
        };
        client.ask();
        client
    }

    /// Sends the next request, if there is one.
    fn ask(&mut self) {
        let (method, target, fields, body) = match self.asked.pop() {
            None => return,
            Some(0) => ("GET", "/", "", Body::None),
            Some(1) => ("HEAD", "/", "", Body::None),
            Some(2) => ("POST", "/", "", Body::Length(4)),
            Some(3) => ("CONNECT", "a:443", "", Body::None),
            Some(4) => ("GET", "/", "Upgrade", Body::None),
            Some(5) => ("PUT", "/", "Expect", Body::Chunked),
            Some(6) => ("OPTIONS", "*", "", Body::None),
            Some(_) => {
                self.conn.disable_keep_alive();
                ("PUT", "/", "Upgrade", Body::Length(4))
            }
        };
        let extra = (!fields.is_empty()).then_some((fields, "100-continue"));
        let fields = [("Host", "a")].into_iter().chain(extra);
        let (conn, tx) = (&mut self.conn, &mut self.tx);
        conn.send_request(tx, method, target, fields, body).unwrap();
        self.method = method;
        self.received = 0;
        self.informational = 0;
    }

    /// Sends the content that is owed.
    fn finish(&mut self) {
        if self.conn.state() == State::SendBody {
            let (conn, tx) = (&mut self.conn, &mut self.tx);
            conn.send_data(tx, "text".into()).unwrap();
            conn.send_end(tx).unwrap();
        }
        self.tx.clear();
    }

    fn head(&mut self, rx: &RecvBuf, log: &mut Log) -> Status {
        let response = self.conn.response(rx).unwrap();
        let raw = response.raw();
        assert!(raw.len() <= self.limits.head as usize);
        assert!(response.fields().len() <= self.limits.fields.into());
        let (line, fields) = (log::status_line(&response), log::lines(response.fields()));
        let (mut again, mut index) = (raw.to_vec(), raw::Index::new());
        let method = Method::from(self.method);
        let parsed = raw::response_head(&mut again, method, &self.limits, &mut index);
        let (parsed, len) = parsed.unwrap().unwrap();
        assert_eq!((log::status_line(&parsed), len), (line.clone(), raw.len()));
        log.head(line, fields, raw.to_vec(), rx);
        response.status()
    }

    fn informational(&mut self, rx: &RecvBuf, log: &mut Log) {
        let status = self.head(rx, log);
        assert!(status.is_informational());
        if status != Status::SWITCHING_PROTOCOLS {
            self.informational += 1;
            assert!(self.informational <= self.limits.informational);
        }
        log.begin_message(rx);
        if !self.conn.continue_awaited() {
            self.finish();
        }
    }

    fn end_of_message(&mut self, trailers: log::Lines, raw: Vec<u8>, rx: &RecvBuf, log: &mut Log) {
        assert!(trailers.len() <= self.limits.fields.into());
        assert!(raw.is_empty() || raw.len() + 2 <= self.limits.trailers as usize);
        log.end_of_message(trailers, raw, rx);
        self.finish();
        let whole = (self.conn.state(), self.conn.peer_state()) == (State::Done, State::Done);
        assert_eq!(self.conn.next_cycle().is_ok(), whole);
        if whole {
            log.begin_message(rx);
            self.ask();
        }
    }
}

impl Reader for Client {
    fn read(&mut self, rx: &mut RecvBuf, log: &mut Log) -> Flow {
        match self.conn.next_event(rx) {
            Ok(ClientEvent::Informational(response)) => {
                let head = format!("{response:?}");
                assert_eq!(format!("{:?}", self.conn.response(rx).unwrap()), head);
                self.informational(rx, log);
                return Flow::Event;
            }
            Ok(ClientEvent::Response(response)) => {
                let head = format!("{response:?}");
                assert_eq!(format!("{:?}", self.conn.response(rx).unwrap()), head);
                assert!(!self.head(rx, log).is_informational());
                return Flow::Event;
            }
            Ok(ClientEvent::Data(bytes)) => {
                let bytes = bytes.to_vec();
                self.received += bytes.len() as u64;
                assert_eq!(self.conn.body_received(), self.received);
                assert!(self.received <= self.limits.body);
                log.data(bytes, rx);
            }
            Ok(ClientEvent::EndOfMessage(trailers)) => {
                let (lines, raw) = own(trailers);
                self.end_of_message(lines, raw, rx, log);
            }
            Ok(ClientEvent::NeedData) => return Flow::NeedData,
            Ok(ClientEvent::Paused) => {
                log.seen.push(Seen::Paused);
                return Flow::Stop;
            }
            Ok(ClientEvent::Closed) => {
                log.seen.push(Seen::Closed);
                return Flow::Stop;
            }
            Err(error) => {
                log.error(error);
                assert_eq!(self.conn.next_event(rx).unwrap_err(), error);
                assert_eq!(self.conn.peer_state(), State::Error);
                assert!(self.conn.wants_close());
                return Flow::Stop;
            }
        }
        assert!(self.conn.response(rx).is_none());
        Flow::Event
    }

    fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
        self.conn.awaiting(rx)
    }
}
