//! Requests in.

use super::ServerConnection;
use super::framing::Outgoing;
use crate::body::BodyReader;
use crate::chunked::Decoded;
use crate::encode::is_forbidden_trailer;
use crate::head::RequestMeta;
use crate::head::fields::Fields;
use crate::head::parse::FieldParser;
use crate::state::{Input, Side};
use crate::{Error, ErrorKind, Event, RecvBuf, RequestHead, State};

/// An event whose bytes are still only marked in the buffer.
enum Next {
    Request(RequestMeta),
    Data,
    EndOfMessage,
    NeedData,
    Paused,
    Closed,
}

impl ServerConnection {
    /// The next event. Drops the bytes that the one before has lent.
    ///
    /// Never call it twice without new input after [`Event::NeedData`]: nothing changes.
    ///
    /// # Errors
    ///
    /// [`Error`] when the peer breaks the protocol or a limit. Answer with
    /// [`send_error`](ServerConnection::send_error), or a response of your own with the
    /// status of [`ErrorKind::status`], if the state still allows a response; then close. Nothing
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
        self.discard(rx, 0);
        self.head_lent = false;
        if let Some(error) = self.error {
            return Err(error);
        }
        let next = match self.next(rx) {
            Ok(next) => next,
            Err(error) => return Err(self.fail(error.after(self.consumed))),
        };
        Ok(match next {
            Next::Request(meta) => Event::Request(RequestHead::new(rx.lent(), &rx.index, meta)),
            Next::Data => Event::Data(rx.lent()),
            Next::EndOfMessage => Event::EndOfMessage(Fields::new(rx.lent(), &rx.index)),
            Next::NeedData => Event::NeedData,
            Next::Paused => Event::Paused,
            Next::Closed => Event::Closed,
        })
    }

    fn discard(&mut self, rx: &mut RecvBuf, more: usize) {
        self.consumed += rx.discard(more);
    }

    fn next(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        match self.exchange.client {
            State::Idle => self.next_head(rx),
            State::SendBody => self.next_content(rx),
            State::Closed => Ok(Next::Closed),
            _ if !rx.pending().is_empty() => Ok(Next::Paused),
            State::Done | State::MustClose => Ok(self.end_or_more(rx)),
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
        if self.consumed == 0 && rx.pending().is_empty() {
            return Ok(self.end_or_more(rx));
        }
        let mut index = core::mem::take(&mut rx.index);
        if self.parser.is_new() {
            index.clear();
        }
        let parsed = self.parser.parse(rx.pending(), &mut index, &self.limits);
        rx.index = index;
        match parsed? {
            Some(len) => self.whole_head(rx, len),
            None if rx.is_closed() && rx.pending() == b"\r\n" => {
                rx.clear();
                Ok(self.end_or_more(rx))
            }
            None => unfinished(rx),
        }
    }

    fn whole_head(&mut self, rx: &mut RecvBuf, len: usize) -> Result<Next, Error> {
        let meta = RequestMeta::new(&self.parser, &rx.pending()[..len], &rx.index)?;
        let body = BodyReader::new(meta.framing.body, &self.limits);
        if let BodyReader::Length(length) = body
            && length > self.body_limit
        {
            return Err(Error::new(ErrorKind::BodyTooLarge, len));
        }
        rx.lend(len);
        self.body = body;
        self.outgoing = Outgoing::new(meta.method(rx.lent()));
        self.continue_wanted = meta.framing.expects_continue;
        self.exchange.keep_alive &= meta.framing.keep_alive;
        self.exchange.switch_proposed = Self::proposes_switch(&meta);
        let requested = self.exchange.step(Side::Client, Input::Request);
        debug_assert_eq!(requested, Ok(()));
        self.meta = Some(meta);
        self.head_lent = true;
        Ok(Next::Request(meta))
    }

    fn next_content(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        match &mut self.body {
            BodyReader::None | BodyReader::Length(0) => {
                rx.index.clear();
                Ok(self.end_of_message())
            }
            BodyReader::Length(left) => {
                let n = (rx.pending().len() as u64).min(*left);
                *left -= n;
                self.data(rx, n)
            }
            BodyReader::Chunked(decoder) => match decoder.decode(rx.pending(), &self.limits)? {
                Decoded::Data(range) => {
                    self.discard(rx, range.start);
                    self.data(rx, range.len() as u64)
                }
                Decoded::NeedData(framing) => {
                    self.discard(rx, framing);
                    unfinished(rx)
                }
                Decoded::End(framing) => {
                    self.discard(rx, framing);
                    rx.index.clear();
                    self.body = BodyReader::Trailers(FieldParser::new(0));
                    self.next_trailers(rx)
                }
            },
            BodyReader::Trailers(_) => self.next_trailers(rx),
            BodyReader::OverLimit => Err(Error::new(ErrorKind::BodyTooLarge, 0)),
        }
    }

    /// Lends `n` bytes of content, or as many of them as the limit allows.
    fn data(&mut self, rx: &mut RecvBuf, n: u64) -> Result<Next, Error> {
        if n == 0 {
            return unfinished(rx);
        }
        let room = self.body_limit.saturating_sub(self.body_bytes);
        if n > room {
            self.body = BodyReader::OverLimit;
        }
        if room == 0 {
            return Err(Error::new(ErrorKind::BodyTooLarge, 0));
        }
        let n = n.min(room);
        self.continue_wanted = false;
        self.body_bytes += n;
        rx.lend(n as usize);
        Ok(Next::Data)
    }

    fn next_trailers(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        let BodyReader::Trailers(parser) = &mut self.body else {
            return Ok(self.end_of_message());
        };
        let mut index = core::mem::take(&mut rx.index);
        let limit = self.limits.trailers as usize;
        let section = rx.pending().get(..limit).unwrap_or(rx.pending());
        let full = section.len() == limit;
        let parsed = parser.parse(section, &mut index, self.limits.fields);
        rx.index = index;
        match parsed? {
            Some(len) => {
                check_trailers(rx)?;
                rx.lend(len);
                Ok(self.end_of_message())
            }
            None if full => Err(Error::new(ErrorKind::TrailersTooLarge, limit)),
            None => unfinished(rx),
        }
    }

    fn end_of_message(&mut self) -> Next {
        self.continue_wanted = false;
        let ended = self.exchange.step(Side::Client, Input::EndOfMessage);
        debug_assert_eq!(ended, Ok(()));
        Next::EndOfMessage
    }
}

fn check_trailers(rx: &RecvBuf) -> Result<(), Error> {
    for (n, field) in rx.index.iter().enumerate() {
        if is_forbidden_trailer(field.name(rx.pending())) {
            return Err(Error::in_field(
                ErrorKind::ForbiddenTrailer,
                field.name as usize,
                n,
            ));
        }
    }
    Ok(())
}

/// A message needs more bytes, and room for them.
fn unfinished(rx: &mut RecvBuf) -> Result<Next, Error> {
    if rx.is_closed() {
        return Err(Error::new(ErrorKind::UnexpectedEof, rx.pending().len()));
    }
    rx.make_room();
    Ok(Next::NeedData)
}
