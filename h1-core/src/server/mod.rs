//! The server's side of a connection.

mod read;
mod send;

use crate::head::request::RequestMeta;
use crate::head::request_line::RequestParser;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::state::{Exchange, Side};
use crate::{
    Awaiting, Error, ErrorKind, Limits, RecvBuf, RequestHead, SendError, State, Status, TargetForm,
    Version,
};

/// The server's side of a connection: requests in, responses out.
///
/// It holds no byte of either, so it can be cloned, and a response can be sent while the request is
/// still lent from its buffer. The [crate documentation](crate) shows the loop around it.
#[derive(Clone, Debug)]
pub struct ServerConnection {
    exchange: Exchange,
    parser: RequestParser,
    /// The request whose head has been read.
    meta: Option<RequestMeta>,
    /// Whether its head is still in the receive buffer.
    head_lent: bool,
    incoming: Incoming,
    /// The peer waits for `100 Continue`, and nothing was answered yet.
    continue_wanted: bool,
    outgoing: Outgoing,
    /// Why nothing more is read.
    error: Option<Error>,
}

impl ServerConnection {
    /// A new connection.
    ///
    /// ```
    /// # use h1_core::{Limits, ServerConnection, State};
    /// let conn = ServerConnection::new(Limits::default());
    /// assert_eq!((conn.state(), conn.peer_state()), (State::Idle, State::Idle));
    /// ```
    pub fn new(limits: Limits) -> Self {
        Self {
            exchange: Exchange::new(),
            parser: RequestParser::new(),
            meta: None,
            head_lent: false,
            incoming: Incoming::new(limits),
            continue_wanted: false,
            outgoing: Outgoing::None,
            error: None,
        }
    }

    /// Where this side stands.
    pub fn state(&self) -> State {
        self.exchange.server
    }

    /// Where the peer stands.
    pub fn peer_state(&self) -> State {
        self.exchange.client
    }

    /// What the peer is expected to send. Tells a connection on which nothing happens
    /// ([`Awaiting::Message`]) from one with half a head, so that each can have its own deadline.
    ///
    /// ```
    /// # use h1_core::{Awaiting, Limits, RecvBuf, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// assert_eq!(conn.awaiting(&rx), Awaiting::Message);
    /// rx.receive(b"G");
    /// assert_eq!(conn.awaiting(&rx), Awaiting::Head);
    /// ```
    pub fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
        match self.exchange.client {
            // The empty line that may stand before a request is none of it.
            State::Idle if matches!(rx.pending(), b"" | b"\r" | b"\r\n") => Awaiting::Message,
            State::Idle => Awaiting::Head,
            State::SendBody if self.incoming.is_empty() => Awaiting::Nothing,
            State::SendBody => Awaiting::Body,
            _ => Awaiting::Nothing,
        }
    }

    /// The last request once more, from the buffer that it was read from; until the next call of
    /// [`next_event`](ServerConnection::next_event), which drops it. For callers that must do
    /// something else between reading and answering.
    ///
    /// ```
    /// # use h1_core::{Limits, RecvBuf, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// rx.receive(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n");
    /// conn.next_event(&mut rx)?;
    /// assert_eq!(conn.request(&rx).unwrap().target(), "/a");
    /// conn.next_event(&mut rx)?;
    /// assert!(conn.request(&rx).is_none());
    /// # Ok::<(), h1_core::Error>(())
    /// ```
    pub fn request<'b>(&self, rx: &'b RecvBuf) -> Option<RequestHead<'b>> {
        match self.meta {
            Some(meta) if self.head_lent => Some(RequestHead::new(rx.lent(), &rx.index, meta)),
            _ => None,
        }
    }

    /// Bytes of content of the present request that were read so far.
    pub fn body_received(&self) -> u64 {
        self.incoming.received
    }

    /// Whether the peer still waits for [`send_continue`](ServerConnection::send_continue) or a
    /// final response before it sends its content. A final response instead means that the
    /// connection closes after it, as nobody can tell whether the content will come.
    pub fn continue_wanted(&self) -> bool {
        self.continue_wanted
    }

    /// Whether this side has nothing more to send, once the queue is empty, and the connection is to
    /// be closed. `false` as long as a response that was begun is not whole, also after an
    /// [`Error`]: [`send_error`](Self::send_error) and [`send_failed`](Self::send_failed) end that.
    pub fn wants_close(&self) -> bool {
        matches!(
            self.exchange.server,
            State::MustClose | State::Closed | State::Error
        )
    }

    /// Bounds the content of the present request, which was seen as an event: to be called before
    /// its content is read. [`Limits::body`] holds for requests without this call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BodyTooLarge`] when the announced length is above `max` bytes; a chunked body
    /// has that error as soon as it passes `max`.
    pub fn set_body_limit(&mut self, max: u64) -> Result<(), Error> {
        match self.incoming.set_limit(max) {
            true => Ok(()),
            false => Err(self.refuse(ErrorKind::BodyTooLarge)),
        }
    }

    /// The connection closes after the present response, which says so.
    pub fn disable_keep_alive(&mut self) {
        self.exchange.keep_alive = false;
        self.exchange.settle();
    }

    /// Reads nothing more from the peer, for a reason that the caller knows: its clock
    /// ([`ErrorKind::Timeout`]) or its rules. Returns the error to answer with; the first one, if
    /// there was one before.
    ///
    /// ```
    /// # use h1_core::{ErrorKind, Limits, RecvBuf, SendQueue, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// rx.receive(b"GET / HT");
    /// conn.next_event(&mut rx)?;
    /// let error = conn.refuse(ErrorKind::Timeout);
    /// conn.send_error(&mut tx, error)?;
    /// assert!(tx.slices().next().unwrap().starts_with(b"HTTP/1.1 408 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse(&mut self, kind: ErrorKind) -> Error {
        match self.error {
            Some(first) => first,
            None => self.fail(Error::new(kind, 0).after(self.incoming.consumed)),
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.error = Some(error);
        self.exchange.keep_alive = false;
        self.exchange.fail(Side::Client);
        error
    }

    /// Both messages are whole: the next request can be read.
    ///
    /// # Errors
    ///
    /// [`SendError::WrongState`] with the state of the side that is not [`State::Done`].
    pub fn next_cycle(&mut self) -> Result<(), SendError> {
        self.exchange.next_cycle().map_err(SendError::WrongState)?;
        self.parser = RequestParser::new();
        self.meta = None;
        self.head_lent = false;
        self.incoming.reset();
        self.continue_wanted = false;
        self.outgoing = Outgoing::None;
        Ok(())
    }

    fn peer_is_http10(&self) -> bool {
        self.meta
            .is_some_and(|meta| meta.version == Version::Http10)
    }

    /// A 2xx to CONNECT (RFC 9110, section 9.3.6).
    pub(super) fn is_tunnel(&self, status: Status) -> bool {
        let connect = |meta: RequestMeta| meta.form == TargetForm::Authority;
        self.switch_possible()
            && self.meta.is_some_and(connect)
            && matches!(status.code(), 200..=299)
    }

    pub(super) fn upgrade_proposed(&self) -> bool {
        self.switch_possible() && self.meta.is_some_and(|meta| meta.framing.upgrade.is_some())
    }

    /// Not once the client has broken its message: nobody knows where the other protocol would begin.
    fn switch_possible(&self) -> bool {
        self.exchange.switch_proposed && self.exchange.client != State::Error
    }

    /// Whether the request asks for another protocol: CONNECT or Upgrade.
    fn proposes_switch(meta: &RequestMeta) -> bool {
        meta.form == TargetForm::Authority || meta.framing.upgrade.is_some()
    }
}
