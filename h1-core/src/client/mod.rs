//! The client's side of a connection.

mod read;
mod send;

use crate::head::framing::Asked;
use crate::head::response::ResponseMeta;
use crate::head::status_line::ResponseParser;
use crate::incoming::Incoming;
use crate::outgoing::Outgoing;
use crate::state::{Exchange, Side};
use crate::{Awaiting, Error, ErrorKind, Limits, RecvBuf, ResponseHead, SendError, State};

/// The client's side of a connection: requests out, responses in. One exchange at a time.
///
/// It holds no byte of either. Its calls mirror those of
/// [`ServerConnection`](crate::ServerConnection).
///
/// ```
/// use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendQueue};
///
/// let limits = Limits::default();
/// let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
/// let mut tx = SendQueue::new();
/// conn.send_request(&mut tx, "GET", "/", [("Host", "example.org")], Body::None)?;
/// let sent: Vec<u8> = tx.slices().flatten().copied().collect();
/// assert_eq!(sent, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
///
/// rx.receive(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
/// let mut content = Vec::new();
/// loop {
///     match conn.next_event(&mut rx)? {
///         ClientEvent::Response(response) => assert_eq!(response.status().code(), 200),
///         ClientEvent::Data(bytes) => content.extend_from_slice(bytes),
///         ClientEvent::EndOfMessage(_) => break,
///         other => panic!("{other:?}"),
///     }
/// }
/// assert_eq!(content, b"hello");
/// conn.next_cycle()?; // the next request may go out
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct ClientConnection {
    exchange: Exchange,
    parser: ResponseParser,
    /// The response whose head has been read.
    meta: Option<ResponseMeta>,
    /// Whether its head is still in the receive buffer.
    head_lent: bool,
    incoming: Incoming,
    /// Informational responses to the present request.
    informational: u16,
    /// What the present request asks for.
    asked: Asked,
    /// The request expects `100 Continue`, and nothing was answered yet.
    continue_awaited: bool,
    outgoing: Outgoing,
    /// Why nothing more is read.
    error: Option<Error>,
}

impl ClientConnection {
    /// A new connection.
    pub fn new(limits: Limits) -> Self {
        Self {
            exchange: Exchange::new(),
            parser: ResponseParser::new(),
            meta: None,
            head_lent: false,
            incoming: Incoming::new(limits),
            informational: 0,
            asked: Asked::Other,
            continue_awaited: false,
            outgoing: Outgoing::None,
            error: None,
        }
    }

    /// Where this side stands.
    pub fn state(&self) -> State {
        self.exchange.client
    }

    /// Where the server stands.
    pub fn peer_state(&self) -> State {
        self.exchange.server
    }

    /// What the server is expected to send.
    pub fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
        match self.exchange.server {
            State::SendResponse if rx.pending().is_empty() => Awaiting::Message,
            State::SendResponse => Awaiting::Head,
            State::SendBody if self.incoming.is_empty() => Awaiting::Nothing,
            State::SendBody => Awaiting::Body,
            _ => Awaiting::Nothing,
        }
    }

    /// The last response head once more, informational ones included, from the buffer that it was
    /// read from; until the next call of [`next_event`](ClientConnection::next_event), which drops
    /// it.
    pub fn response<'b>(&self, rx: &'b RecvBuf) -> Option<ResponseHead<'b>> {
        match self.meta {
            Some(meta) if self.head_lent => Some(ResponseHead::new(rx.lent(), &rx.index, meta)),
            _ => None,
        }
    }

    /// Bytes of content of the present response that were read so far.
    pub fn body_received(&self) -> u64 {
        self.incoming.received
    }

    /// Whether the request expects `100 Continue`, and the server has answered nothing yet. Send the
    /// content once this is false and no final response has come; or sooner, when you have waited
    /// long enough: a server need not answer (RFC 9110, section 10.1.1).
    ///
    /// ```
    /// # use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendQueue};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// let fields = [("Host", "a"), ("Expect", "100-continue")];
    /// conn.send_request(&mut tx, "PUT", "/file", fields, Body::Length(3))?;
    /// assert!(conn.continue_awaited());
    /// rx.receive(b"HTTP/1.1 100 Continue\r\n\r\n");
    /// assert!(matches!(conn.next_event(&mut rx)?, ClientEvent::Informational(_)));
    /// assert!(!conn.continue_awaited());
    /// conn.send_data(&mut tx, "abc".into())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn continue_awaited(&self) -> bool {
        self.continue_awaited
    }

    /// Whether no further request can go out on this connection, and no response is left to be read: it
    /// is to be closed, even if the request is not whole (RFC 9112, section 9.5).
    pub fn wants_close(&self) -> bool {
        let own = self.exchange.client;
        match self.exchange.server {
            State::MustClose | State::Closed | State::Error => true,
            State::SendResponse | State::SendBody => own == State::Error,
            _ => matches!(own, State::MustClose | State::Closed | State::Error),
        }
    }

    /// Bounds the content of the present response, whose head was seen as an event.
    /// [`Limits::body`] holds for responses without this call.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BodyTooLarge`] when the announced length is above `max` bytes; other content has
    /// that error as soon as it passes `max`.
    pub fn set_body_limit(&mut self, max: u64) -> Result<(), Error> {
        match self.incoming.set_limit(max) {
            true => Ok(()),
            false => Err(self.refuse(ErrorKind::BodyTooLarge)),
        }
    }

    /// The connection closes after the present exchange; a request that is still to be sent says so.
    pub fn disable_keep_alive(&mut self) {
        self.exchange.keep_alive = false;
        self.exchange.settle();
    }

    /// Reads nothing more from the server, for a reason that the caller knows, such as its clock
    /// ([`ErrorKind::Timeout`]).
    pub fn refuse(&mut self, kind: ErrorKind) -> Error {
        match self.error {
            Some(first) => first,
            None => self.fail(Error::new(kind, 0).after(self.incoming.consumed)),
        }
    }

    fn fail(&mut self, error: Error) -> Error {
        self.error = Some(error);
        self.exchange.keep_alive = false;
        self.exchange.fail(Side::Server);
        error
    }

    /// Both messages are whole: the next request can be sent.
    ///
    /// # Errors
    ///
    /// [`SendError::WrongState`] with the state of the side that is not [`State::Done`].
    pub fn next_cycle(&mut self) -> Result<(), SendError> {
        self.exchange.next_cycle().map_err(SendError::WrongState)?;
        self.expect_message();
        self.meta = None;
        self.informational = 0;
        self.asked = Asked::Other;
        self.continue_awaited = false;
        self.outgoing = Outgoing::None;
        Ok(())
    }

    /// The next bytes begin another head.
    fn expect_message(&mut self) {
        self.parser = ResponseParser::new();
        self.head_lent = false;
        self.incoming.reset();
    }
}
