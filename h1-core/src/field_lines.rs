//! Field lines that are checked once.

use alloc::vec::Vec;
use core::fmt;

use crate::SendError;
use crate::encode::{self, Noted};

/// Field lines that are checked once and sent with many responses, as
/// [`send_response_with`](crate::ServerConnection::send_response_with) does: those that change once
/// in a second or never, such as `Date` and `Server`.
///
/// ```
/// # use h1_core::{Body, FieldLines, Limits, RecvBuf, SendError, SendQueue, ServerConnection, Status};
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// # let mut tx = SendQueue::new();
/// # rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// # conn.next_event(&mut rx)?;
/// let mut lines = FieldLines::default();
/// lines.push("Server", "x")?;
/// assert_eq!(lines.push("X", "a\r\nY: b"), Err(SendError::BadField));
/// conn.send_response_with(&mut tx, Status::OK, &lines, [("X", "y")], Body::None)?;
/// # let sent: Vec<u8> = tx.slices().flatten().copied().collect();
/// assert_eq!(sent, b"HTTP/1.1 200 OK\r\nServer: x\r\nX: y\r\nContent-Length: 0\r\n\r\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct FieldLines {
    bytes: Vec<u8>,
    pub(crate) noted: Noted,
}

impl FieldLines {
    /// No lines.
    pub(crate) const NONE: Self = Self {
        bytes: Vec::new(),
        noted: Noted::NONE,
    };

    /// Adds a line.
    ///
    /// # Errors
    ///
    /// [`SendError::BadField`] and [`SendError::FramingField`], as when a response is sent; nothing is
    /// added then.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), SendError> {
        encode::field_line(&mut self.bytes, name, value.as_ref())?;
        self.noted.note_hop(name);
        Ok(())
    }

    /// Takes all lines away. Their storage is kept.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.noted = Noted::NONE;
    }

    /// The lines, each with its CRLF.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for FieldLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = alloc::string::String::from_utf8_lossy(&self.bytes);
        f.debug_tuple("FieldLines").field(&text).finish()
    }
}
