//! Responses out.

use bytes::Bytes;

use super::ServerConnection;
use crate::encode;
use crate::outgoing::Outgoing;
use crate::state::{Input, Side};
use crate::{Body, Error, FieldLines, NO_FIELDS, SendError, SendQueue, State, Status};

impl ServerConnection {
    /// Tells the peer to send its content: `100 Continue` (RFC 9110, section 15.2.1). Does nothing
    /// unless the peer waits for it, and so nothing once a final response was sent.
    ///
    /// # Errors
    ///
    /// None today.
    pub fn send_continue(&mut self, tx: &mut SendQueue) -> Result<(), SendError> {
        match self.continue_wanted {
            true => self.send_informational(tx, Status::CONTINUE, NO_FIELDS),
            false => Ok(()),
        }
    }

    /// Sends an informational response, as many as you like before the final one. `101 Switching
    /// Protocols` ends HTTP on this connection: what follows, in [`RecvBuf::pending`] and on the
    /// socket, is the other protocol's (RFC 9110, section 7.8).
    ///
    /// [`RecvBuf::pending`]: crate::RecvBuf::pending
    ///
    /// # Errors
    ///
    /// [`SendError`], among others `NoInformational` to an HTTP/1.0 peer and `NoUpgrade` for a 101
    /// that was not asked for.
    ///
    /// ```
    /// # use h1_core::{Limits, RecvBuf, SendQueue, ServerConnection, Status};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// # rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    /// # conn.next_event(&mut rx)?;
    /// let link = [("Link", "</style.css>; rel=preload")];
    /// conn.send_informational(&mut tx, Status::EARLY_HINTS, link)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_informational<N, V>(
        &mut self,
        tx: &mut SendQueue,
        status: Status,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        self.expect_state(State::SendResponse)?;
        let switch = status == Status::SWITCHING_PROTOCOLS;
        if !status.is_informational() {
            return Err(SendError::BadStatus(status));
        }
        if self.peer_is_http10() {
            return Err(SendError::NoInformational);
        }
        if switch && !self.upgrade_proposed() {
            return Err(SendError::NoUpgrade);
        }
        let continue_first = switch && self.continue_wanted;
        tx.write(|out| {
            if continue_first {
                // RFC 9110, section 7.8.
                encode::response_head(out, Status::CONTINUE, &FieldLines::NONE, NO_FIELDS)?;
                out.extend_from_slice(b"\r\n");
            }
            let noted = encode::response_head(out, status, &FieldLines::NONE, fields)?;
            if switch && !noted.upgrade {
                return Err(SendError::NoUpgrade);
            }
            noted.connection(out, "");
            out.extend_from_slice(b"\r\n");
            Ok(())
        })?;
        if switch || status == Status::CONTINUE {
            self.continue_wanted = false;
        }
        self.sent(match switch {
            true => Input::Switch,
            false => Input::Informational,
        });
        Ok(())
    }

    /// Sends the head of the final response. `Content-Length`, `Transfer-Encoding` and
    /// `Connection` are added as `body` and the state ask for, and Connection names `Upgrade` where
    /// that is sent; all other fields are the caller's, `Date` and `Server` included.
    ///
    /// The response is whole at once where it has no content: for [`Body::None`], `Length(0)`,
    /// the statuses 204 and 304, and in answer to HEAD, whatever `body` declares then. A 2xx to
    /// CONNECT ends HTTP on this connection.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing is queued then.
    ///
    /// ```
    /// # use h1_core::{Body, Limits, RecvBuf, SendQueue, ServerConnection, Status};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// # rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    /// # conn.next_event(&mut rx)?;
    /// conn.send_response(&mut tx, Status::OK, [("Server", "x")], Body::Chunked)?;
    /// conn.send_data(&mut tx, "hello".into())?;
    /// conn.send_end(&mut tx)?;
    /// # let sent: Vec<u8> = tx.slices().flatten().copied().collect();
    /// assert_eq!(
    ///     sent,
    ///     b"HTTP/1.1 200 OK\r\nServer: x\r\nTransfer-Encoding: chunked\r\n\r\n\
    ///       5\r\nhello\r\n0\r\n\r\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_response<N, V>(
        &mut self,
        tx: &mut SendQueue,
        status: Status,
        fields: impl IntoIterator<Item = (N, V)>,
        body: Body,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        self.send_response_with(tx, status, &FieldLines::NONE, fields, body)
    }

    /// [`send_response`](ServerConnection::send_response), with `lines` before `fields`; the same errors.
    pub fn send_response_with<N, V>(
        &mut self,
        tx: &mut SendQueue,
        status: Status,
        lines: &FieldLines,
        fields: impl IntoIterator<Item = (N, V)>,
        body: Body,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        if !matches!(self.exchange.server, State::Idle | State::SendResponse) {
            return Err(SendError::WrongState(self.exchange.server));
        }
        if status.is_informational() {
            return Err(SendError::BadStatus(status));
        }
        if self.is_tunnel(status) {
            return self.open_tunnel(tx, status, lines, fields);
        }
        let http10 = self.peer_is_http10();
        let (framing, outgoing) = self.outgoing.response(status, body, http10)?;
        let keep_alive = self.exchange.keep_alive
            && !self.continue_wanted
            && outgoing != Outgoing::UntilClose
            && self.meta.is_some();
        let persistence = match (keep_alive, http10) {
            (false, _) => "close",
            (true, true) => "keep-alive",
            (true, false) => "",
        };
        tx.write(|out| {
            let noted = encode::response_head(out, status, lines, fields)?;
            framing.write(out);
            noted.connection(out, persistence);
            out.extend_from_slice(b"\r\n");
            Ok(())
        })?;
        self.exchange.keep_alive = keep_alive;
        self.continue_wanted = false;
        self.outgoing = outgoing;
        self.sent(Input::Response);
        if outgoing.is_whole() {
            self.sent(Input::EndOfMessage);
        }
        Ok(())
    }

    /// Sends content, as [`bytes::Bytes`]. Up to 256 bytes are copied, more are shared. Empty `data` sends nothing; where
    /// the response has no content (in answer to HEAD, 204, 304) nothing is sent either, so that GET
    /// and HEAD can share their code.
    ///
    /// A response of a known length is whole once that many bytes were given.
    ///
    /// # Errors
    ///
    /// [`SendError::TooMuchBody`], [`SendError::WrongState`].
    pub fn send_data(&mut self, tx: &mut SendQueue, data: Bytes) -> Result<(), SendError> {
        let len = data.len() as u64;
        self.send_content(tx, len, |tx| tx.push(data))
    }

    /// Sends a copy of `data`: for content that is only lent, such as that of an
    /// [`Event::Data`](crate::Event::Data). Works like
    /// [`send_data`](ServerConnection::send_data) otherwise, and allocates nothing in the long run.
    ///
    /// # Errors
    ///
    /// As [`send_data`](ServerConnection::send_data).
    ///
    /// ```
    /// # use h1_core::{Body, Event, Limits, NO_FIELDS, RecvBuf, SendQueue, ServerConnection, Status};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// # rx.receive(b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
    /// # conn.next_event(&mut rx)?;
    /// conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::Chunked)?;
    /// while let Event::Data(content) = conn.next_event(&mut rx)? {
    ///     conn.send_slice(&mut tx, content)?;
    /// }
    /// conn.send_end(&mut tx)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_slice(&mut self, tx: &mut SendQueue, data: &[u8]) -> Result<(), SendError> {
        self.send_content(tx, data.len() as u64, |tx| tx.push_slice(data))
    }

    /// Sends `len` bytes of content that the caller writes itself when
    /// [`SendQueue::transmit`](crate::SendQueue::transmit) asks for them: those of a file, by
    /// `sendfile` or by a copy of its own. Works like [`send_data`](ServerConnection::send_data)
    /// otherwise; with chunked framing it becomes one chunk.
    ///
    /// Holes come in the order of these calls and are never joined. None is left where there is no
    /// content (in answer to HEAD, for 204 and 304, and for 0 bytes): whether one was, shows in
    /// [`SendQueue::queued`](crate::SendQueue::queued).
    ///
    /// # Errors
    ///
    /// As [`send_data`](ServerConnection::send_data).
    ///
    /// ```
    /// # use h1_core::{Body, Limits, RecvBuf, SendQueue, ServerConnection, Status, NO_FIELDS};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// # rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    /// # conn.next_event(&mut rx)?;
    /// conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::Length(1 << 30))?;
    /// conn.send_external(&mut tx, 1 << 30)?;
    /// let head = tx.slices().next().unwrap().len() as u64;
    /// tx.advance(head);
    /// assert_eq!(tx.external(), Some(1 << 30));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn send_external(&mut self, tx: &mut SendQueue, len: u64) -> Result<(), SendError> {
        self.send_content(tx, len, |tx| tx.push_external(len))
    }

    fn send_content(
        &mut self,
        tx: &mut SendQueue,
        len: u64,
        push: impl FnOnce(&mut SendQueue),
    ) -> Result<(), SendError> {
        let state = self.exchange.server;
        if let Some(input) = self.outgoing.content(tx, state, len, push)? {
            self.sent(input);
        }
        Ok(())
    }

    /// The response is whole. Needed after chunked content and content until the close; harmless
    /// after a response that was whole without it.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLittleBody`], [`SendError::WrongState`].
    pub fn send_end(&mut self, tx: &mut SendQueue) -> Result<(), SendError> {
        self.send_trailers(tx, NO_FIELDS)
    }

    /// The response is whole, with these fields after its chunked content. Whoever needs them must
    /// have asked with `TE: trailers` (RFC 9110, section 6.5.1). They are dropped where the content
    /// is: in answer to HEAD, and for 204 and 304; and by an HTTP/1.0 peer, which knows no chunks.
    ///
    /// # Errors
    ///
    /// As [`send_end`](ServerConnection::send_end); [`SendError::NoTrailers`] for fields with
    /// another framing, [`SendError::BadField`] for one that no trailer section may have.
    pub fn send_trailers<N, V>(
        &mut self,
        tx: &mut SendQueue,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let state = self.exchange.server;
        let ended = match self.outgoing {
            Outgoing::UntilClose if self.peer_is_http10() => {
                self.outgoing.end(tx, state, NO_FIELDS)
            }
            _ => self.outgoing.end(tx, state, fields),
        };
        if let Some(input) = ended? {
            self.sent(input);
        }
        Ok(())
    }

    /// Gives the connection up for `error`: answers with its bare status, or, where a response has
    /// been begun and is not whole, breaks that off as [`send_failed`](Self::send_failed) does. In
    /// any case [`wants_close`](Self::wants_close) holds from then on. For an answer with fields or a
    /// page use [`send_response`](Self::send_response) and the status of
    /// [`ErrorKind::status`](crate::ErrorKind::status).
    ///
    /// # Errors
    ///
    /// [`SendError::WrongState`] with the state in which no response could be sent any more: that of
    /// one that is broken off now, or of one that was whole.
    ///
    /// ```
    /// # use h1_core::{Limits, RecvBuf, SendQueue, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// # let mut tx = SendQueue::new();
    /// rx.receive(b"GET /\r\n");
    /// let error = conn.next_event(&mut rx).unwrap_err();
    /// conn.send_error(&mut tx, error)?;
    /// assert_eq!(
    ///     tx.slices().next().unwrap(),
    ///     b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    /// );
    /// assert!(conn.wants_close());
    /// # Ok::<(), h1_core::SendError>(())
    /// ```
    pub fn send_error(&mut self, tx: &mut SendQueue, error: Error) -> Result<(), SendError> {
        self.disable_keep_alive();
        let sent = self.send_response(tx, error.kind.status(), NO_FIELDS, Body::None);
        if self.exchange.server == State::SendBody {
            self.send_failed();
        }
        sent
    }

    /// The response cannot be finished, as its source has failed. The peer must see that: nothing
    /// more is sent, and the connection is to be closed without the end of the message. Content that
    /// goes until the close ends with a close: only a reset (`SO_LINGER` of zero) tells its reader
    /// that something is missing.
    pub fn send_failed(&mut self) {
        self.exchange.keep_alive = false;
        self.exchange.fail(Side::Server);
    }

    fn open_tunnel<N, V>(
        &mut self,
        tx: &mut SendQueue,
        status: Status,
        lines: &FieldLines,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        tx.write(|out| {
            encode::response_head(out, status, lines, fields)?;
            out.extend_from_slice(b"\r\n");
            Ok(())
        })?;
        self.sent(Input::Switch);
        Ok(())
    }

    fn expect_state(&self, state: State) -> Result<(), SendError> {
        match self.exchange.server == state {
            true => Ok(()),
            false => Err(SendError::WrongState(self.exchange.server)),
        }
    }

    fn sent(&mut self, input: Input) {
        let sent = self.exchange.step(Side::Server, input);
        debug_assert_eq!(sent, Ok(()));
    }
}
