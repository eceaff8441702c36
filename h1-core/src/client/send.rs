//! Requests out.

use bytes::Bytes;

use super::ClientConnection;
use crate::encode;
use crate::head::framing::Asked;
use crate::outgoing::Outgoing;
use crate::state::{Input, Side};
use crate::{Body, NO_FIELDS, SendError, SendQueue, State};

impl ClientConnection {
    /// Sends the head of a request. The caller gives `Host` and all other fields;
    /// `Content-Length`, `Transfer-Encoding` and `Connection` are added as `body` and the state ask
    /// for: Connection names `Upgrade` and `TE` where those are sent, and says `close` after
    /// [`disable_keep_alive`](ClientConnection::disable_keep_alive).
    ///
    /// `target` has one of the forms of RFC 9112, section 3.2: `/path?query` to an origin server,
    /// `http://host/path` to a proxy, `host:port` with CONNECT, `*` with OPTIONS.
    ///
    /// # Errors
    ///
    /// [`SendError`]; nothing is queued then. [`SendError::WrongState`] while an exchange is under
    /// way: call [`next_cycle`](ClientConnection::next_cycle) behind it.
    ///
    /// ```
    /// # use h1_core::{Body, ClientConnection, Limits, SendQueue};
    /// # let mut conn = ClientConnection::new(Limits::default());
    /// # let mut tx = SendQueue::new();
    /// conn.send_request(&mut tx, "POST", "/form", [("Host", "a")], Body::Length(3))?;
    /// conn.send_data(&mut tx, "x=1".into())?;
    /// # let sent: Vec<u8> = tx.slices().flatten().copied().collect();
    /// assert_eq!(sent, b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nx=1");
    /// # Ok::<(), h1_core::SendError>(())
    /// ```
    pub fn send_request<N, V>(
        &mut self,
        tx: &mut SendQueue,
        method: &str,
        target: &str,
        fields: impl IntoIterator<Item = (N, V)>,
        body: Body,
    ) -> Result<(), SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        if self.exchange.client != State::Idle || self.error.is_some() {
            return Err(SendError::WrongState(self.exchange.client));
        }
        let (framing, outgoing) = Outgoing::request(method, body)?;
        let keep_alive = self.exchange.keep_alive;
        let noted = tx.write(|out| {
            let noted = encode::request_head(out, method, target, fields)?;
            if noted.expects_continue && outgoing.is_whole() {
                return Err(SendError::ExpectWithoutContent);
            }
            framing.write(out);
            noted.connection(out, if keep_alive { "" } else { "close" });
            out.extend_from_slice(b"\r\n");
            Ok(noted)
        })?;
        self.asked = match method {
            "HEAD" => Asked::Head,
            "CONNECT" => Asked::Connect,
            _ => Asked::Other,
        };
        self.exchange.switch_proposed = noted.upgrade || self.asked == Asked::Connect;
        self.continue_awaited = noted.expects_continue;
        self.outgoing = outgoing;
        self.sent(Input::Request);
        if outgoing.is_whole() {
            self.sent(Input::EndOfMessage);
        }
        Ok(())
    }

    /// Sends content, as [`ServerConnection::send_data`](crate::ServerConnection::send_data) does.
    ///
    /// # Errors
    ///
    /// [`SendError::TooMuchBody`], [`SendError::WrongState`].
    pub fn send_data(&mut self, tx: &mut SendQueue, data: Bytes) -> Result<(), SendError> {
        let len = data.len() as u64;
        self.send_content(tx, len, |tx| tx.push(data))
    }

    /// Sends a copy of `data`, as
    /// [`ServerConnection::send_slice`](crate::ServerConnection::send_slice) does.
    ///
    /// # Errors
    ///
    /// As [`send_data`](ClientConnection::send_data).
    pub fn send_slice(&mut self, tx: &mut SendQueue, data: &[u8]) -> Result<(), SendError> {
        self.send_content(tx, data.len() as u64, |tx| tx.push_slice(data))
    }

    /// Sends `len` bytes of content that the caller writes itself, as
    /// [`ServerConnection::send_external`](crate::ServerConnection::send_external) does.
    ///
    /// # Errors
    ///
    /// As [`send_data`](ClientConnection::send_data).
    pub fn send_external(&mut self, tx: &mut SendQueue, len: u64) -> Result<(), SendError> {
        self.send_content(tx, len, |tx| tx.push_external(len))
    }

    fn send_content(
        &mut self,
        tx: &mut SendQueue,
        len: u64,
        push: impl FnOnce(&mut SendQueue),
    ) -> Result<(), SendError> {
        let state = self.exchange.client;
        if let Some(input) = self.outgoing.content(tx, state, len, push)? {
            self.sent(input);
        }
        Ok(())
    }

    /// The request is whole. Needed after chunked content; harmless after a request that was whole
    /// without it.
    ///
    /// # Errors
    ///
    /// [`SendError::TooLittleBody`], [`SendError::WrongState`].
    pub fn send_end(&mut self, tx: &mut SendQueue) -> Result<(), SendError> {
        self.send_trailers(tx, NO_FIELDS)
    }

    /// The request is whole, with these fields after its chunked content.
    ///
    /// # Errors
    ///
    /// As [`send_end`](ClientConnection::send_end); [`SendError::NoTrailers`] for fields with
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
        if let Some(input) = self.outgoing.end(tx, self.exchange.client, fields)? {
            self.sent(input);
        }
        Ok(())
    }

    /// The request cannot be finished, as its source has failed, or is not wanted any more: nothing
    /// more is sent, and the connection is to be closed.
    pub fn send_failed(&mut self) {
        self.exchange.keep_alive = false;
        self.exchange.fail(Side::Client);
    }

    fn sent(&mut self, input: Input) {
        let sent = self.exchange.step(Side::Client, input);
        debug_assert_eq!(sent, Ok(()));
    }
}
