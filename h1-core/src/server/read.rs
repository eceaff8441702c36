//! Requests in.

use super::ServerConnection;
use crate::head::fields::Fields;
use crate::head::request::RequestMeta;
use crate::incoming::{Content, more_needed};
use crate::outgoing::Outgoing;
use crate::state::{Input, Side};
use crate::{Error, Event, RecvBuf, State};

/// The empty line that may stand before a request (RFC 9112, section 2.2).
const EMPTY_LINE: usize = 2;

/// An event whose bytes are still only marked in the buffer.
enum Next {
    Request,
    Data,
    EndOfMessage,
    NeedData,
    Paused,
    Closed,
}

impl ServerConnection {
    /// The next event. Drops the bytes that the one before has lent.
    ///
    /// After [`Event::NeedData`] only more input changes anything: another call is harmless and says
    /// the same.
    ///
    /// # Errors
    ///
    /// [`Error`] when the peer breaks the protocol or a limit. Answer with
    /// [`send_error`](ServerConnection::send_error), or a response of your own with the
    /// status of [`ErrorKind::status`](crate::ErrorKind::status), if the state still allows a response; then close. Nothing
    /// more is read: every later call returns the same error.
    ///
    /// ```
    /// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// rx.receive(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhel");
    /// assert!(matches!(conn.next_event(&mut rx)?, Event::Request(_)));
    /// assert!(matches!(conn.next_event(&mut rx)?, Event::Data(b"hel")));
    /// assert!(matches!(conn.next_event(&mut rx)?, Event::NeedData));
    /// rx.receive(b"lo");
    /// assert!(matches!(conn.next_event(&mut rx)?, Event::Data(b"lo")));
    /// assert!(matches!(conn.next_event(&mut rx)?, Event::EndOfMessage(_)));
    /// # Ok::<(), h1_core::Error>(())
    /// ```
    pub fn next_event<'b>(&mut self, rx: &'b mut RecvBuf) -> Result<Event<'b>, Error> {
        rx.discard(0);
        self.head_lent = false;
        if let Some(error) = self.error {
            return Err(error);
        }
        let next = match self.next(rx) {
            Ok(next) => next,
            Err(error) => return Err(self.fail(error.after(self.incoming.consumed))),
        };
        Ok(match next {
            Next::Request => match self.request(rx) {
                Some(request) => Event::Request(request),
                None => Event::NeedData,
            },
            Next::Data => Event::Data(rx.lent()),
            Next::EndOfMessage => Event::EndOfMessage(Fields::new(rx.lent(), &rx.index)),
            Next::NeedData => Event::NeedData,
            Next::Paused => Event::Paused,
            Next::Closed => Event::Closed,
        })
    }

    fn next(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        match self.exchange.client {
            State::Idle => self.next_head(rx),
            State::SendBody => self.next_content(rx),
            State::Closed => Ok(Next::Closed),
            _ if !rx.pending().is_empty() => Ok(Next::Paused),
            State::Done | State::MustClose => Ok(self.end_or_more(rx)),
            State::MightSwitch if rx.is_closed() => Ok(Next::Closed),
            _ => Ok(Next::NeedData),
        }
    }

    /// Between messages the stream may end.
    fn end_or_more(&mut self, rx: &RecvBuf) -> Next {
        match rx.is_closed() {
            true => {
                let closed = self.exchange.step(Side::Client, Input::Close);
                debug_assert_eq!(closed, Ok(()));
                Next::Closed
            }
            false => Next::NeedData,
        }
    }

    fn next_head(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        let (pending, index) = rx.parts();
        if pending.is_empty() {
            return Ok(self.end_or_more(rx));
        }
        if self.parser.is_new() {
            index.clear();
        }
        let parsed = self.parser.parse(pending, index, &self.incoming.limits);
        // A head that breaks off after its method is still answered as that method asks.
        self.outgoing = Outgoing::answering(self.parser.method(pending));
        match parsed? {
            Some(len) => self.whole_head(rx, len),
            None if rx.is_closed() && rx.pending() == b"\r\n" => {
                rx.clear();
                Ok(self.end_or_more(rx))
            }
            None => {
                let whole = self.incoming.limits.head as usize;
                more_needed(rx, whole.saturating_add(EMPTY_LINE))?;
                Ok(Next::NeedData)
            }
        }
    }

    fn whole_head(&mut self, rx: &mut RecvBuf, len: usize) -> Result<Next, Error> {
        let meta = RequestMeta::new(&self.parser, &rx.pending()[..len], &rx.index)?;
        self.incoming.begin(rx, len, meta.framing.body)?;
        self.continue_wanted = meta.framing.expects_continue;
        self.exchange.keep_alive &= meta.framing.keep_alive;
        self.exchange.switch_proposed = Self::proposes_switch(&meta);
        let requested = self.exchange.step(Side::Client, Input::Request);
        debug_assert_eq!(requested, Ok(()));
        self.meta = Some(meta);
        self.head_lent = true;
        Ok(Next::Request)
    }

    fn next_content(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        Ok(match self.incoming.read(rx)? {
            Content::Data => {
                self.continue_wanted = false;
                Next::Data
            }
            Content::End => {
                self.continue_wanted = false;
                let ended = self.exchange.step(Side::Client, Input::EndOfMessage);
                debug_assert_eq!(ended, Ok(()));
                Next::EndOfMessage
            }
            Content::NeedData => Next::NeedData,
        })
    }
}
