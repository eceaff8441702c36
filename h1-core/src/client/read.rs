//! Responses in.

use super::ClientConnection;
use crate::head::fields::Fields;
use crate::head::framing::Asked;
use crate::head::response::{ResponseHead, ResponseMeta};
use crate::incoming::{Content, more_needed};
use crate::state::{Input, Side};
use crate::{ClientEvent, Error, ErrorKind, RecvBuf, State, Status};

/// An event whose bytes are still only marked in the buffer.
enum Next {
    Informational(ResponseMeta),
    Response(ResponseMeta),
    Data,
    EndOfMessage,
    NeedData,
    Paused,
    Closed,
}

impl ClientConnection {
    /// The next event. Drops the bytes that the one before has lent.
    ///
    /// # Errors
    ///
    /// [`Error`] when the server breaks the protocol or a limit: the connection is to be closed. Nothing
    /// more is read: every later call returns the same error.
    ///
    /// ```
    /// # use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendQueue};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// conn.send_request(&mut tx, "GET", "/", [("Host", "a")], Body::None)?;
    /// rx.receive(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.0 200 OK\r\n\r\nhi");
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::Informational(_)));
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::Response(_)));
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::Data(b"hi")));
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::NeedData));
    /// rx.close();
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::EndOfMessage(_)));
    /// assert!(conn.wants_close());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_event<'b>(&mut self, rx: &'b mut RecvBuf) -> Result<ClientEvent<'b>, Error> {
        rx.discard(0);
        if let Some(error) = self.error {
            return Err(error);
        }
        if self.head_lent && self.exchange.server == State::SendResponse {
            // That head was an informational one.
            self.expect_message();
        }
        self.head_lent = false;
        let next = match self.next(rx) {
            Ok(next) => next,
            Err(error) => return Err(self.fail(error.after(self.incoming.consumed))),
        };
        let head = |meta| ResponseHead::new(rx.lent(), &rx.index, meta);
        Ok(match next {
            Next::Informational(meta) => ClientEvent::Informational(head(meta)),
            Next::Response(meta) => ClientEvent::Response(head(meta)),
            Next::Data => ClientEvent::Data(rx.lent()),
            Next::EndOfMessage => ClientEvent::EndOfMessage(Fields::new(rx.lent(), &rx.index)),
            Next::NeedData => ClientEvent::NeedData,
            Next::Paused => ClientEvent::Paused,
            Next::Closed => ClientEvent::Closed,
        })
    }

    fn next(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        match self.exchange.server {
            State::SendResponse => self.next_head(rx),
            State::SendBody => self.next_content(rx),
            State::Switched if !rx.pending().is_empty() => Ok(Next::Paused),
            State::Switched => Ok(Next::NeedData),
            _ if !rx.pending().is_empty() => Err(Error::new(ErrorKind::UnsolicitedBytes, 0)),
            _ if rx.is_closed() => {
                let closed = self.exchange.step(Side::Server, Input::Close);
                debug_assert_eq!(closed, Ok(()));
                Ok(Next::Closed)
            }
            _ => Ok(Next::NeedData),
        }
    }

    fn next_head(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        let (pending, index) = rx.parts();
        if self.parser.is_new() {
            index.clear();
        }
        let limits = self.incoming.limits;
        match self.parser.parse(pending, index, &limits)? {
            Some(len) => self.whole_head(rx, len),
            None => {
                more_needed(rx, limits.head as usize)?;
                Ok(Next::NeedData)
            }
        }
    }

    fn whole_head(&mut self, rx: &mut RecvBuf, len: usize) -> Result<Next, Error> {
        let head = &rx.pending()[..len];
        let meta = ResponseMeta::new(&self.parser, self.asked, head, &rx.index)?;
        let input = self.input(&meta)?;
        self.incoming.begin(rx, len, meta.framing.body)?;
        self.meta = Some(meta);
        self.head_lent = true;
        self.continue_awaited &= input == Input::Informational && meta.status != Status::CONTINUE;
        if input == Input::Response {
            self.exchange.keep_alive &= meta.framing.keep_alive;
        }
        let answered = self.exchange.step(Side::Server, input);
        debug_assert_eq!(answered, Ok(()));
        Ok(match meta.status.is_informational() {
            true => Next::Informational(meta),
            false => Next::Response(meta),
        })
    }

    /// What a response head does to the exchange.
    fn input(&mut self, meta: &ResponseMeta) -> Result<Input, Error> {
        // Where the status stands.
        let wrong = |kind| Error::new(kind, b"HTTP/1.1 ".len());
        let tunnel = self.asked == Asked::Connect;
        match meta.status.code() {
            101 if tunnel || !self.exchange.switch_proposed => {
                Err(wrong(ErrorKind::UnsolicitedSwitch))
            }
            101 => Ok(Input::Switch),
            200..=299 if tunnel => Ok(Input::Switch),
            100..=199 if self.informational == self.incoming.limits.informational => {
                Err(wrong(ErrorKind::TooManyInformational))
            }
            100..=199 => {
                self.informational += 1;
                Ok(Input::Informational)
            }
            _ => Ok(Input::Response),
        }
    }

    fn next_content(&mut self, rx: &mut RecvBuf) -> Result<Next, Error> {
        Ok(match self.incoming.read(rx)? {
            Content::Data => Next::Data,
            Content::End => {
                let ended = self.exchange.step(Side::Server, Input::EndOfMessage);
                debug_assert_eq!(ended, Ok(()));
                Next::EndOfMessage
            }
            Content::NeedData => Next::NeedData,
        })
    }
}
