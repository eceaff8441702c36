//! Response heads, lent from the receive buffer.

use core::fmt;

use super::fields::{FieldIndex, Fields};
use super::framing::{self, Asked, Framing};
use super::status_line::ResponseParser;
use crate::{Body, Error, Status, Version};

/// What is known of a response once its head is whole. Offsets count from the first byte of the
/// message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseMeta {
    pub(crate) status: Status,
    pub(crate) version: Version,
    reason: u32,
    reason_end: u32,
    pub(crate) framing: Framing,
}

impl ResponseMeta {
    pub(crate) fn new(
        parser: &ResponseParser,
        asked: Asked,
        head: &[u8],
        index: &[FieldIndex],
    ) -> Result<Self, Error> {
        Ok(Self {
            status: parser.status,
            version: parser.version,
            reason: parser.reason as u32,
            reason_end: parser.reason_end as u32,
            framing: framing::response(parser.version, parser.status, asked, head, index)?,
        })
    }
}

/// A response head, lent from the receive buffer until the next call that reads from it.
///
/// ```
/// # use h1_core::{Body, ClientConnection, ClientEvent, Limits, NO_FIELDS, RecvBuf, SendQueue};
/// # use h1_core::{Status, Version};
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
/// # let mut tx = SendQueue::new();
/// # conn.send_request(&mut tx, "GET", "/", [("Host", "x.org")], Body::None)?;
/// rx.receive(b"HTTP/1.1 404 Nothing Here\r\nContent-Length: 3\r\n\r\n");
/// let ClientEvent::Response(response) = conn.next_event(&mut rx)? else { panic!() };
/// assert_eq!(response.status(), Status::NOT_FOUND);
/// assert_eq!(response.reason(), b"Nothing Here");
/// assert_eq!(response.version(), Version::Http11);
/// assert_eq!(response.body(), Body::Length(3));
/// assert!(response.keep_alive());
/// assert_eq!(response.fields().len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct ResponseHead<'b> {
    head: &'b [u8],
    index: &'b [FieldIndex],
    meta: ResponseMeta,
}

impl<'b> ResponseHead<'b> {
    pub(crate) fn new(head: &'b [u8], index: &'b [FieldIndex], meta: ResponseMeta) -> Self {
        Self { head, index, meta }
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.meta.status
    }

    /// The reason phrase as it was sent. It means nothing (RFC 9112, section 4).
    pub fn reason(&self) -> &'b [u8] {
        let range = self.meta.reason as usize..self.meta.reason_end as usize;
        self.head.get(range).unwrap_or_default()
    }

    /// The version that the server speaks.
    pub fn version(&self) -> Version {
        self.meta.version
    }

    /// How its content is framed; `None` where it has none, whatever its fields declare: in answer
    /// to HEAD, and for the statuses 1xx, 204 and 304.
    pub fn body(&self) -> Body {
        self.meta.framing.body
    }

    /// The Content-Length that the head declares, if it does: that of the content which GET would
    /// have had, in answer to HEAD; that of the content which the client has, for 304; otherwise the
    /// same as [`body`](ResponseHead::body), but for a length beside chunks, which counts for nothing.
    pub fn declared_length(&self) -> Option<u64> {
        let value = self.fields().get("content-length")?;
        core::str::from_utf8(value).ok()?.parse().ok()
    }

    /// Whether the server lets the connection go on after this response.
    pub fn keep_alive(&self) -> bool {
        self.meta.framing.keep_alive
    }

    /// Its field lines.
    pub fn fields(&self) -> Fields<'b> {
        Fields::new(self.head, self.index)
    }

    /// The whole head byte by byte as it was sent, but that a folded line has spaces for its line
    /// break.
    pub fn raw(&self) -> &'b [u8] {
        self.head
    }
}

impl fmt::Debug for ResponseHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHead")
            .field("status", &self.status())
            .field("version", &self.version())
            .field("body", &self.body())
            .field("keep_alive", &self.keep_alive())
            .field("fields", &self.fields())
            .finish()
    }
}
