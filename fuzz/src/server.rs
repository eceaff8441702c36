//! Arbitrary bytes for a server.

use h1_core::{
    Awaiting, Body, Event, Fields, Limits, NO_FIELDS, RecvBuf, SendQueue, ServerConnection, State,
    Status, raw,
};

use crate::input::{self, Cuts, LIMITS};
use crate::log::{self, Flow, Log, Reader};

/// Reads limits, choices and cuts from the first bytes, and the rest as what a server receives.
///
/// # Panics
///
/// If the events depend on where the input is cut, if limits do more than refuse, if an event does
/// not hold the bytes that were sent, or if an error does not stay.
pub fn server(data: &[u8]) {
    let Some((first, rest)) = data.split_first_chunk::<LIMITS>() else {
        return;
    };
    let Some((&[choices, low, high], input)) = rest.split_first_chunk() else {
        return;
    };
    let limits = input::limits(first);
    let choices = Choices(choices);
    let run = |limits, pieces: &[&[u8]]| {
        let mut reader = Server::new(limits, choices);
        let log = Log::of(&mut reader, limits, input, pieces, choices.eof());
        (log, reader.sent)
    };
    let (whole, sent) = run(limits, &[input]);
    let bytes: Vec<_> = input.chunks(1).collect();
    let cuts = Cuts::new(u16::from_le_bytes([low, high])).pieces(input);
    for pieces in [bytes, cuts] {
        let (log, sent_too) = run(limits, &pieces);
        assert_eq!(log.seen, whole.seen, "in {pieces:?}");
        assert_eq!(sent_too, sent, "in {pieces:?}");
    }
    if limits != Limits::default() {
        let (large, _) = run(Limits::default(), &[input]);
        log::check_limits(&whole, &large);
    }
}

/// How requests are answered.
#[derive(Clone, Copy, Debug)]
struct Choices(u8);

impl Choices {
    fn eof(self) -> bool {
        self.0 & 1 != 0
    }

    /// Before the content is read.
    fn early(self) -> bool {
        self.0 & 2 != 0
    }

    /// With the other protocol, where one is asked for.
    fn switch(self) -> bool {
        self.0 & 4 != 0
    }

    fn send_continue(self) -> bool {
        self.0 & 8 != 0
    }

    fn never(self) -> bool {
        self.0 & 16 != 0
    }

    fn body(self) -> Body {
        match self.0 >> 6 {
            0 => Body::None,
            1 => Body::Length(4),
            2 => Body::Chunked,
            _ => Body::UntilClose,
        }
    }
}

struct Server {
    conn: ServerConnection,
    limits: Limits,
    choices: Choices,
    tx: SendQueue,
    sent: Vec<u8>,
    /// Content of the present request.
    received: u64,
    /// Whether the present request asks for another protocol.
    upgrade: bool,
    /// Whether it was answered while its peer waited for 100: nobody knows whether content comes.
    unasked: bool,
}

impl Server {
    fn new(limits: Limits, choices: Choices) -> Self {
        Self {
            conn: ServerConnection::new(limits),
            limits,
            choices,
            tx: SendQueue::new(),
            sent: Vec::new(),
            received: 0,
            upgrade: false,
            unasked: false,
        }
    }

    fn request(&mut self, rx: &RecvBuf, log: &mut Log) {
        let request = self.conn.request(rx).unwrap();
        let limits = &self.limits;
        let raw = request.raw();
        let first = raw.iter().position(|&b| b == b'\n').unwrap() + 1;
        assert!(request.method().as_str().len() <= limits.method.into());
        assert!(first <= limits.request_line as usize && raw.len() <= limits.head as usize);
        assert!(request.fields().len() <= limits.fields.into());
        assert!(!matches!(request.body(), Body::Length(n) if n == 0 || n > limits.body));
        assert_ne!(request.body(), Body::UntilClose);
        let (line, fields) = (log::request_line(&request), log::lines(request.fields()));
        let mut index = raw::Index::new();
        let (again, len) = raw::request_head(raw, limits, &mut index).unwrap().unwrap();
        assert_eq!((log::request_line(&again), len), (line.clone(), raw.len()));
        log.head(line, fields, raw.to_vec(), rx);
        self.upgrade = request.upgrade().is_some();
        self.received = 0;
        self.unasked = false;
        if self.choices.early() {
            self.answer();
        }
    }

    /// Answers once. What it sends is allowed in every state that it is called in.
    fn answer(&mut self) {
        if self.choices.never() || self.conn.state() != State::SendResponse {
            return;
        }
        let (conn, tx) = (&mut self.conn, &mut self.tx);
        if self.choices.send_continue() {
            let wanted = conn.continue_wanted();
            conn.send_continue(tx).unwrap();
            assert_eq!(tx.is_empty(), !wanted);
        }
        if self.upgrade && self.choices.switch() {
            let status = Status::SWITCHING_PROTOCOLS;
            let other = [("Upgrade", "other")];
            conn.send_informational(tx, status, other).unwrap();
        } else {
            let status = match self.choices.switch() {
                true => Status::OK,
                false => Status::NOT_FOUND,
            };
            let body = self.choices.body();
            self.unasked = conn.continue_wanted();
            conn.send_response(tx, status, NO_FIELDS, body).unwrap();
        }
        if conn.state() == State::SendBody {
            conn.send_data(tx, "text".into()).unwrap();
            conn.send_end(tx).unwrap();
        }
        self.take_sent();
    }

    fn take_sent(&mut self) {
        self.sent.extend(self.tx.slices().flatten());
        self.tx.advance(self.tx.queued());
    }

    fn end_of_message(&mut self, trailers: log::Lines, raw: Vec<u8>, rx: &RecvBuf, log: &mut Log) {
        assert!(trailers.len() <= self.limits.fields.into());
        assert!(raw.is_empty() || raw.len() + 2 <= self.limits.trailers as usize);
        log.end_of_message(trailers, raw, rx);
        self.answer();
        let whole = (self.conn.state(), self.conn.peer_state()) == (State::Done, State::Done);
        assert_eq!(self.conn.next_cycle().is_ok(), whole);
        assert!(!(whole && self.unasked));
        if whole {
            log.begin_message(rx);
        }
    }
}

impl Reader for Server {
    fn read(&mut self, rx: &mut RecvBuf, log: &mut Log) -> Flow {
        match self.conn.next_event(rx) {
            Ok(Event::Request(request)) => {
                let head = format!("{request:?}");
                assert_eq!(format!("{:?}", self.conn.request(rx).unwrap()), head);
                self.request(rx, log);
                return Flow::Event;
            }
            Ok(Event::Data(bytes)) => {
                let bytes = bytes.to_vec();
                self.received += bytes.len() as u64;
                assert_eq!(self.conn.body_received(), self.received);
                assert!(self.received <= self.limits.body);
                log.data(bytes, rx);
            }
            Ok(Event::EndOfMessage(trailers)) => {
                let (lines, raw) = own(trailers);
                self.end_of_message(lines, raw, rx, log);
            }
            Ok(Event::NeedData) => return Flow::NeedData,
            Ok(Event::Paused) => {
                log.seen.push(log::Seen::Paused);
                return Flow::Stop;
            }
            Ok(Event::Closed) => {
                log.seen.push(log::Seen::Closed);
                return Flow::Stop;
            }
            Err(error) => {
                log.error(error);
                assert_eq!(self.conn.next_event(rx).unwrap_err(), error);
                assert_eq!(self.conn.peer_state(), State::Error);
                let owed = matches!(self.conn.state(), State::Idle | State::SendResponse);
                assert_eq!(self.conn.send_error(&mut self.tx, error).is_ok(), owed);
                self.take_sent();
                assert_eq!(self.conn.next_event(rx).unwrap_err(), error);
                return Flow::Stop;
            }
        }
        assert!(self.conn.request(rx).is_none());
        Flow::Event
    }

    fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
        self.conn.awaiting(rx)
    }
}

/// The field lines and their bytes.
pub(crate) fn own(fields: Fields<'_>) -> (log::Lines, Vec<u8>) {
    (log::lines(fields), fields.raw().to_vec())
}
