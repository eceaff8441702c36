//! One connection with its buffers, and what holds after every call.

use h1_core::{Error, ErrorKind, Limits, RecvBuf, SendError, SendQueue, State};

use super::queue::Expected;
use crate::peer::{Got, Head, Peer};

pub(super) struct Side<C> {
    conn: C,
    pub(super) rx: RecvBuf,
    pub(super) tx: SendQueue,
    expected: Expected,
    /// What every read returns from now on.
    error: Option<Error>,
    /// The head that was lent and not dropped.
    lent: Option<Head>,
    part: Part,
    /// Content of the present message, and the most that it may have.
    received: u64,
    bound: u64,
    limits: Limits,
}

/// What comes next of the present message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Head,
    Content,
    Nothing,
}

impl<C: Peer> Side<C> {
    pub(super) fn new(conn: C, limits: Limits) -> Self {
        Self {
            conn,
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
            expected: Expected::default(),
            error: None,
            lent: None,
            part: Part::Head,
            received: 0,
            bound: limits.body,
            limits,
        }
    }

    /// Receives as much as fits; returns how much.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> usize {
        let pending = self.rx.pending().len();
        let n = self.rx.receive(bytes);
        assert!(n <= bytes.len());
        assert!(self.rx.pending().ends_with(&bytes[..n]));
        assert_eq!(self.rx.pending().len(), pending + n);
        n
    }

    /// Receives through the room in the buffer.
    pub(super) fn fill(&mut self, bytes: &[u8]) {
        let room = self.rx.unfilled();
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.rx.filled(n);
        assert!(self.rx.pending().ends_with(&bytes[..n]));
    }

    pub(super) fn clear_input(&mut self) {
        self.rx.clear();
        self.lent = None;
        assert!(self.rx.pending().is_empty());
    }

    pub(super) fn next_event(&mut self) {
        let got = self.conn.event(&mut self.rx);
        self.lent = None;
        if let Some(error) = self.error {
            assert_eq!(got, Got::Error(error), "the error stays");
        }
        let (_, peer) = self.conn.states();
        match got {
            Got::Informational(head) => {
                assert_eq!(self.part, Part::Head);
                self.lent = Some(head);
            }
            Got::Head(head) => {
                assert_eq!(self.part, Part::Head);
                assert!(head.fields.len() <= self.limits.fields.into());
                self.lent = Some(head);
                self.part = Part::Content;
                self.received = 0;
            }
            Got::Data(bytes) => {
                assert_eq!((self.part, bytes.is_empty()), (Part::Content, false));
                self.received += bytes.len() as u64;
                assert_eq!(self.received, self.conn.body_received());
                assert!(self.received <= self.bound);
            }
            Got::End(trailers) => {
                assert_eq!(self.part, Part::Content);
                assert!(trailers.len() <= self.limits.fields.into());
                self.part = Part::Nothing;
            }
            Got::NeedData => {}
            Got::Paused => assert!(!matches!(peer, State::Idle | State::SendBody)),
            Got::Closed => assert_ne!((self.part, peer), (Part::Content, State::Closed)),
            Got::Error(error) => {
                self.error = Some(error);
                assert_eq!(peer, State::Error);
            }
        }
    }

    pub(super) fn next_cycle(&mut self) {
        let before = self.conn.clone();
        let both = self.conn.states();
        let result = self.conn.next_cycle();
        assert_eq!(result.is_ok(), both == (State::Done, State::Done));
        match result {
            Ok(()) => {
                assert_eq!((self.part, self.error), (Part::Nothing, None));
                assert_eq!(self.conn.states(), (State::Idle, State::Idle));
                self.lent = None;
                self.part = Part::Head;
                self.bound = self.limits.body;
            }
            Err(_) => self.check_unchanged(&before),
        }
    }

    pub(super) fn set_body_limit(&mut self, max: u64) {
        match (self.conn.set_body_limit(max), self.part) {
            (Ok(()), Part::Content) => self.bound = max,
            // For the next message, or for none.
            (Ok(()), _) => self.bound = self.bound.max(max),
            (Err(error), _) => {
                assert_eq!(self.error.unwrap_or(error), error, "the first error stays");
                self.error = Some(error);
            }
        }
    }

    pub(super) fn refuse(&mut self, kind: ErrorKind) {
        let error = self.conn.refuse(kind);
        assert_eq!(self.error.unwrap_or(error), error, "the first error stays");
        self.error = Some(error);
    }

    /// Sends something, twice: what comes into an empty queue must come into the full one, too.
    pub(super) fn send(&mut self, send: impl Fn(&mut C, &mut SendQueue) -> Result<(), SendError>) {
        let before = self.conn.clone();
        if self.give_up(send).is_err() {
            self.check_unchanged(&before);
        }
    }

    /// The same, where a refusal has a meaning of its own.
    pub(super) fn give_up(
        &mut self,
        send: impl Fn(&mut C, &mut SendQueue) -> Result<(), SendError>,
    ) -> Result<(), SendError> {
        let before = self.conn.clone();
        let mut fresh = SendQueue::new();
        let sent = send(&mut before.clone(), &mut fresh);
        assert_eq!(send(&mut self.conn, &mut self.tx), sent);
        let none = self.expected.append(&mut fresh);
        let (own, _) = before.states();
        let may_send = matches!(own, State::Idle | State::SendResponse | State::SendBody);
        assert!(none || (may_send && sent.is_ok()), "{own:?}: {sent:?}");
        sent
    }

    pub(super) fn advance(&mut self, n: u64) {
        let n = n.min(self.tx.queued());
        self.tx.advance(n);
        self.expected.advance(n);
    }

    pub(super) fn clear_queue(&mut self) {
        self.tx.clear();
        self.expected.clear();
    }

    /// Does `call`, and checks what holds after every call.
    pub(super) fn checked(&mut self, call: impl FnOnce(&mut Self)) {
        let (own, peer) = self.conn.states();
        let wants_close = self.conn.wants_close();
        call(self);
        let (own_now, peer_now) = self.conn.states();
        for (before, now) in [(own, own_now), (peer, peer_now)] {
            let stays = match before {
                State::Error => now == State::Error,
                State::Closed | State::Switched => now == before || now == State::Error,
                State::MustClose => {
                    matches!(now, State::MustClose | State::Closed | State::Error)
                }
                _ => true,
            };
            assert!(stays, "{before:?} became {now:?}");
        }
        assert!(self.conn.wants_close() || !wants_close);
        assert_eq!(self.error.is_some(), peer_now == State::Error);
        if self.lent.is_some() {
            assert_eq!(self.conn.head(&self.rx), self.lent);
        }
        self.conn.awaiting(&self.rx);
        self.expected.check(&self.tx);
    }

    pub(super) fn conn(&mut self) -> &mut C {
        &mut self.conn
    }

    fn check_unchanged(&self, before: &C) {
        assert_eq!(format!("{:?}", self.conn), format!("{before:?}"));
    }
}
