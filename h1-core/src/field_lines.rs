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
/// use h1_core::{FieldLines, SendError};
///
/// let mut lines = FieldLines::default();
/// lines.push("Server", "x")?;
/// assert_eq!(lines.as_bytes(), b"Server: x\r\n");
/// assert_eq!(lines.push("X", "a\r\nY: b"), Err(SendError::BadField));
/// # Ok::<(), SendError>(())
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
