//! Heads: how they are parsed, what they decide, how they are lent.

pub(crate) mod fields;
pub(crate) mod framing;
pub(crate) mod lines;
pub(crate) mod request;
pub(crate) mod request_line;
pub(crate) mod response;
pub(crate) mod scan;
pub(crate) mod status_line;
pub(crate) mod target;

/// How the content of a message is framed (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No content. In a response this is written as `Content-Length: 0` where the status allows
    /// content.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks, as many as come. A response to an HTTP/1.0 peer, which knows no chunks, is framed
    /// as [`UntilClose`](Body::UntilClose) instead.
    Chunked,
    /// All that comes before the end of the stream; responses alone.
    UntilClose,
}

/// A part of the head that was checked to be ASCII.
fn text(head: &[u8], start: u32, end: u32) -> &str {
    let bytes = head.get(start as usize..end as usize).unwrap_or_default();
    str::from_utf8(bytes).unwrap_or_default()
}
