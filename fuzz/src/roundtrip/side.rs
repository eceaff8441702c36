//! One end of a connection: it sends in parts and receives in pieces.

use std::io::IoSlice;

use h1_core::{Body, Limits, RecvBuf, SendError, SendQueue, State, Transmit};

use crate::input::Cuts;
use crate::log::Lines;
use crate::peer::{Got, Peer};
use crate::script::{self, Field, Piece};

/// What the caller writes into the holes of a queue.
const EXTERNAL: u8 = b'e';

pub(super) struct Side<C> {
    pub(super) conn: C,
    pub(super) rx: RecvBuf,
    /// What has come, and how much of it was received.
    pub(super) input: Vec<u8>,
    received: usize,
    /// Whether the stream ends behind the input.
    pub(super) eof: bool,
    pub(super) tx: SendQueue,
    /// What has been sent.
    pub(super) output: Vec<u8>,
    cuts: Cuts,
}

impl<C: Peer> Side<C> {
    pub(super) fn new(conn: C, limits: &Limits, cuts: &mut Cuts) -> Self {
        Self {
            conn,
            rx: RecvBuf::new(limits),
            input: Vec::new(),
            received: 0,
            eof: false,
            tx: SendQueue::new(),
            output: Vec::new(),
            cuts: Cuts::new(cuts.len(u64::MAX) as u16),
        }
    }

    /// The next event, with as much input as it needs.
    pub(super) fn pull(&mut self) -> Got {
        loop {
            let got = self.conn.event(&mut self.rx);
            let rest = &self.input[self.received..];
            match got {
                Got::NeedData if !rest.is_empty() => {
                    let n = self.cuts.len(rest.len() as u64) as usize;
                    let n = self.rx.receive(&rest[..n]);
                    assert!(n > 0, "no room and no progress");
                    self.received += n;
                }
                Got::NeedData if self.eof && !self.rx.is_closed() => self.rx.close(),
                got => return got,
            }
        }
    }

    /// Content and trailer fields up to the end of the message.
    pub(super) fn pull_content(&mut self) -> (Vec<u8>, Lines) {
        let mut content = Vec::new();
        loop {
            match self.pull() {
                Got::Data(bytes) => content.extend(bytes),
                Got::End(trailers) => return (content, trailers),
                other => panic!("{other:?} inside content"),
            }
        }
    }

    /// The bytes that no event has lent.
    pub(super) fn unread(&self) -> Vec<u8> {
        [self.rx.pending(), &self.input[self.received..]].concat()
    }

    /// Sends `pieces` framed as `body`, and `trailers`. What is not allowed is left out; what is
    /// missing is filled up. Returns what is to be read of it.
    pub(super) fn send_content(
        &mut self,
        body: Body,
        pieces: &[Piece],
        trailers: &[Field<'_>],
    ) -> (Vec<u8>, Lines) {
        let mut content = Vec::new();
        for piece in pieces {
            let (queued, len) = (self.tx.queued(), piece.len());
            let sent = match piece {
                Piece::Data(_) => self.conn.send_data(&mut self.tx, script::content(len)),
                Piece::External(_) => self.conn.send_external(&mut self.tx, len),
            };
            match (sent, piece) {
                (Ok(()), Piece::Data(_)) => content.extend(script::content(len)),
                (Ok(()), Piece::External(_)) => {
                    content.resize(content.len() + len as usize, EXTERNAL)
                }
                (Err(_), _) => assert_eq!(self.tx.queued(), queued),
            }
            self.write_some();
        }
        let given = script::given(trailers);
        let mut sent = self.conn.send_trailers(&mut self.tx, &given);
        if let (Err(SendError::TooLittleBody), Body::Length(len)) = (sent, body) {
            let missing = len - content.len() as u64;
            let fill = script::content(missing);
            content.extend(&fill);
            self.conn.send_data(&mut self.tx, fill).unwrap();
            sent = Err(SendError::NoTrailers);
        }
        if sent.is_err() {
            self.conn.send_end(&mut self.tx).unwrap();
        }
        self.write_all();
        let (own, _) = self.conn.states();
        assert_ne!(own, State::SendBody, "the message is whole");
        match sent {
            Ok(()) => (content, script::read(&given)),
            Err(_) => (content, Lines::new()),
        }
    }

    pub(super) fn write_all(&mut self) {
        while self.write() {}
        assert!(self.tx.is_empty());
    }

    fn write_some(&mut self) {
        if self.cuts.flip() {
            self.write();
        }
    }

    /// Writes a part of what is queued; returns whether there was something.
    fn write(&mut self) -> bool {
        let queued = self.tx.queued();
        let mut iov = [IoSlice::new(&[]); 3];
        let slots = self.cuts.len(3) as usize;
        let written = match self.tx.transmit(&mut iov[..slots]) {
            Transmit::Idle => return false,
            Transmit::External(len) => {
                let n = self.cuts.len(len);
                self.output.resize(self.output.len() + n as usize, EXTERNAL);
                n
            }
            Transmit::Slices(n) => {
                let slices = &iov[..n];
                let n = self
                    .cuts
                    .len(slices.iter().map(|slice| slice.len() as u64).sum());
                let bytes = slices.iter().flat_map(|slice| slice.iter());
                self.output.extend(bytes.take(n as usize));
                n
            }
        };
        self.tx.advance(written);
        assert_eq!(self.tx.queued(), queued - written);
        true
    }
}
