//! Parsers alone: heads, chunks and trailers out of any slice, without a connection and its
//! buffers. For proxies of another kind, sniffers, log readers and tests.
//!
//! They are the parsers of the connections, as strict and as complete: a head that comes out has
//! its framing decided. Each call begins anew, so give a head whole or in few pieces; a connection
//! goes on where its input ended.
//!
//! ```
//! use h1_core::{Body, Limits, Method, raw};
//!
//! let limits = Limits::default();
//! let mut index = raw::Index::new(); // kept, so that heads cost no allocation
//! let input = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
//!
//! assert!(raw::request_head(&input[..30], &limits, &mut index)?.is_none());
//! let Some((head, len)) = raw::request_head(input, &limits, &mut index)? else { panic!() };
//! assert_eq!((head.method(), head.path()), (Method::Post, "/a"));
//! assert_eq!((head.body(), head.keep_alive()), (Body::Length(2), true));
//! assert_eq!(&input[len..], b"hi");
//! # Ok::<(), h1_core::Error>(())
//! ```
//!
//! # Coming from httparse
//!
//! | httparse | here |
//! |---|---|
//! | `Request::new(&mut headers)`, `parse(buf)` | [`request_head`]`(buf, &limits, &mut index)` |
//! | `Response::new(&mut headers)`, `parse(buf)` | [`response_head`]`(buf, asked, &limits, &mut index)` |
//! | `Status::Complete(n)`, `Status::Partial` | `Some((head, n))`, `None` |
//! | `[EMPTY_HEADER; 100]` | [`Index`], of any size, and [`Limits::fields`] |
//! | `req.method.unwrap()`, `req.path` | `head.method()`, `head.target()` |
//! | `req.headers` | `head.fields()`, which also finds: `get("host")` |
//! | `parse_chunk_size(buf)` | [`Chunks`], which finds the content, too |
//! | `parse_headers(buf, &mut headers)` | [`trailers`] |
//! | `ParserConfig` | nothing: there is no lenient mode |
//!
//! What httparse leaves to its caller is done: Host, Content-Length, Transfer-Encoding, Connection,
//! Expect and Upgrade are judged, so some heads that it lets through are errors.

use alloc::vec::Vec;

use crate::chunked::{ChunkDecoder, Decoded};
use crate::encode::is_forbidden_trailer;
use crate::head::fields::FieldIndex;
use crate::head::framing::Asked;
use crate::head::lines::FieldParser;
use crate::head::request::RequestMeta;
use crate::head::request_line::RequestParser;
use crate::head::response::ResponseMeta;
use crate::head::status_line::ResponseParser;
use crate::{Error, ErrorKind, Fields, Limits, Method, RequestHead, ResponseHead};

/// Room for the places of field lines. Grows to the most that were seen, 16 bytes each.
#[derive(Clone, Debug, Default)]
pub struct Index(Vec<FieldIndex>);

impl Index {
    /// An empty one. It allocates when the first field line is seen.
    pub const fn new() -> Self {
        Self(Vec::new())
    }
}

/// The request head at the start of `bytes`, and its length; `None` while it is not whole.
///
/// # Errors
///
/// [`Error`], as a [`ServerConnection`](crate::ServerConnection) has it. Of the limits, `method`,
/// `request_line`, `head` and `fields` count.
pub fn request_head<'b>(
    bytes: &'b [u8],
    limits: &Limits,
    index: &'b mut Index,
) -> Result<Option<(RequestHead<'b>, usize)>, Error> {
    let Index(index) = index;
    index.clear();
    let mut parser = RequestParser::new();
    let Some(len) = parser.parse(bytes, index, limits)? else {
        return Ok(None);
    };
    let head = &bytes[..len];
    let meta = RequestMeta::new(&parser, head, index)?;
    Ok(Some((RequestHead::new(head, index, meta), len)))
}

/// The response head at the start of `bytes`, and its length; `None` while it is not whole.
/// `asked` is the method of the request, as it decides on the framing.
///
/// `bytes` can change: the line break of a folded line becomes spaces (RFC 9112, section 5.2).
///
/// # Errors
///
/// [`Error`], as a [`ClientConnection`](crate::ClientConnection) has it. Of the limits, `head` and
/// `fields` count.
///
/// ```
/// use h1_core::{Body, Limits, Method, raw};
///
/// let (limits, mut index) = (Limits::default(), raw::Index::new());
/// let mut input = *b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
/// for (asked, body) in [(Method::Get, Body::Length(5)), (Method::Head, Body::None)] {
///     let head = raw::response_head(&mut input, asked, &limits, &mut index)?;
///     assert_eq!(head.unwrap().0.body(), body);
/// }
/// # Ok::<(), h1_core::Error>(())
/// ```
pub fn response_head<'b>(
    bytes: &'b mut [u8],
    asked: Method<'_>,
    limits: &Limits,
    index: &'b mut Index,
) -> Result<Option<(ResponseHead<'b>, usize)>, Error> {
    let asked = match asked {
        Method::Head => Asked::Head,
        Method::Connect => Asked::Connect,
        _ => Asked::Other,
    };
    let Index(index) = index;
    index.clear();
    let mut parser = ResponseParser::new();
    let Some(len) = parser.parse(bytes, index, limits)? else {
        return Ok(None);
    };
    let head = &bytes[..len];
    let meta = ResponseMeta::new(&parser, asked, head, index)?;
    Ok(Some((ResponseHead::new(head, index, meta), len)))
}

/// Reads chunked content (RFC 9112, section 7.1). It goes on where the input ended.
///
/// ```
/// use h1_core::{Limits, raw};
///
/// let limits = Limits::default();
/// let mut chunks = raw::Chunks::new(&limits);
/// let mut input = &b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nSum: 1\r\n\r\n"[..];
/// let mut content = Vec::new();
/// loop {
///     let (chunk, len) = chunks.decode(input)?;
///     input = &input[len..];
///     match chunk {
///         raw::Chunk::Data(bytes) => content.extend_from_slice(bytes),
///         raw::Chunk::NeedData => panic!("read more"),
///         raw::Chunk::End => break,
///     }
/// }
/// assert_eq!(content, b"abcde");
/// let mut index = raw::Index::new();
/// let Some((trailers, len)) = raw::trailers(input, &limits, &mut index)? else { panic!() };
/// assert_eq!(trailers.get("sum"), Some(&b"1"[..]));
/// assert_eq!(len, input.len());
/// # Ok::<(), h1_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Chunks {
    decoder: ChunkDecoder,
    limits: Limits,
}

/// What [`Chunks::decode`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'b> {
    /// A piece of content, never empty; where it is cut says nothing.
    Data(&'b [u8]),
    /// The last chunk has ended, and the trailer section follows: see [`trailers`].
    End,
    /// More bytes must come.
    NeedData,
}

impl Chunks {
    /// The chunks behind a head. Of the limits, `chunk_line` and `chunk_overhead` count.
    pub fn new(limits: &Limits) -> Self {
        Self {
            decoder: ChunkDecoder::new(limits),
            limits: *limits,
        }
    }

    /// Reads `bytes` up to the end of the first piece of content in them, and returns how many
    /// that were. The next call is to be given what follows.
    ///
    /// # Errors
    ///
    /// [`Error`], whose offset counts from the start of `bytes`; nothing more is to be read then.
    pub fn decode<'b>(&mut self, bytes: &'b [u8]) -> Result<(Chunk<'b>, usize), Error> {
        Ok(match self.decoder.decode(bytes, &self.limits)? {
            Decoded::Data(range) => (Chunk::Data(&bytes[range.clone()]), range.end),
            Decoded::End(read) => (Chunk::End, read),
            Decoded::NeedData(read) => (Chunk::NeedData, read),
        })
    }
}

/// The trailer section at the start of `bytes`, and its length with the empty line at its end;
/// `None` while it is not whole.
///
/// # Errors
///
/// [`Error`], as a connection has it. Of the limits, `trailers` and `fields` count.
pub fn trailers<'b>(
    bytes: &'b [u8],
    limits: &Limits,
    index: &'b mut Index,
) -> Result<Option<(Fields<'b>, usize)>, Error> {
    let Index(index) = index;
    index.clear();
    let limit = limits.trailers as usize;
    let section = bytes.get(..limit).unwrap_or(bytes);
    let Some(len) = FieldParser::new(0).parse(section, index, limits.fields)? else {
        return match section.len() == limit {
            true => Err(Error::new(ErrorKind::TrailersTooLarge, limit)),
            false => Ok(None),
        };
    };
    let forbidden = |field: &FieldIndex| is_forbidden_trailer(field.name(section));
    if let Some(n) = index.iter().position(forbidden) {
        let at = index[n].name as usize;
        return Err(Error::in_field(ErrorKind::ForbiddenTrailer, at, n));
    }
    Ok(Some((Fields::new(&section[..len], index), len)))
}
