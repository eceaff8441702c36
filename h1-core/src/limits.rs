//! The bounds on what a peer may send.

/// The bounds on what a peer may send. Each is a number of bytes unless it says otherwise, and
/// inclusive: a message that reaches a bound is accepted, one that passes it is refused.
///
/// # Memory
///
/// A connection holds at most
///
/// ```text
/// size_of::<ServerConnection>() + size_of::<RecvBuf>() + size_of::<SendQueue>()
///     + max(buffer, head + 2, trailers)           bytes of input
///     + 16 × fields, rounded up to a power of two  bytes of index
///     + twice the heads, chunk lines and short pieces of content that were ever queued at a time
///     + the longer pieces of content that are queued
/// ```
///
/// and, between two messages, `buffer` bytes of input and 16 KiB of output. No length of a body
/// enters the formula.
///
/// ```
/// let limits = h1_core::Limits { fields: 50, ..Default::default() };
/// assert_eq!(limits.head, 32 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The method of a request; a longer one is answered with 501 (RFC 9112, section 3).
    /// Default 32.
    pub method: u16,
    /// The request line with its CRLF, and never more than `head`; a longer one is answered with 414.
    /// Default 8 KiB.
    pub request_line: u32,
    /// The whole head, from the first byte of the request line to the empty line at its end; a
    /// longer one is answered with 431. Default 32 KiB.
    pub head: u32,
    /// Field lines in a head, and again in a trailer section; more are answered with 431.
    /// Default 100.
    pub fields: u16,
    /// The line with the size and the extensions of a chunk, and its CRLF; a longer one is
    /// answered with 400. Default 256.
    pub chunk_line: u16,
    /// Framing bytes of a chunked body beyond eight for each byte of data. Chunks of one byte pass,
    /// long extensions without end do not; more are answered with 400. Default 16 KiB.
    pub chunk_overhead: u32,
    /// The trailer section with the empty line at its end; a longer one is answered with 431.
    /// Default 8 KiB.
    pub trailers: u32,
    /// The content of a request; a longer one is answered with 413.
    /// [`ServerConnection::set_body_limit`](crate::ServerConnection::set_body_limit) changes it
    /// for one request. Default: no bound, as content is handed on piece by piece.
    pub body: u64,
    /// Informational responses before a final one, in the client role. Default 100.
    pub informational: u16,
    /// The receive buffer. It grows beyond this only while a head or a trailer section does not
    /// fit, and never beyond what those may have. Default 16 KiB.
    pub buffer: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            method: 32,
            request_line: 8 * 1024,
            head: 32 * 1024,
            fields: 100,
            chunk_line: 256,
            chunk_overhead: 16 * 1024,
            trailers: 8 * 1024,
            body: u64::MAX,
            informational: 100,
            buffer: 16 * 1024,
        }
    }
}
