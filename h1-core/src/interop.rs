//! To and from the types of the [`http`] crate. Needs the feature `http`.
//!
//! | of this crate | of `http` | there | back |
//! |---|---|---|---|
//! | [`RequestHead`] | `Request<()>` | `TryFrom` | [`fields`] |
//! | [`ResponseHead`] | `Response<()>` | `TryFrom` | [`fields`] |
//! | [`Method`] | `Method` | `TryFrom` | `From<&Method>` |
//! | [`Status`] | `StatusCode` | `From` | `From` |
//! | [`Version`] | `Version` | `From` | `TryFrom` |
//!
//! `http::HeaderMap` forgets the case of names and the order between them. [`OriginalFields`], an
//! extension of every converted head, keeps both.
//!
//! # A server that answers with `http::Response`
//!
//! ```
//! use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, interop};
//!
//! fn answer(request: http::Request<()>) -> http::Response<&'static str> {
//!     assert_eq!(request.uri().path(), "/a");
//!     let mut response = http::Response::new("hello");
//!     let kind = http::HeaderValue::from_static("text/plain");
//!     response.headers_mut().insert("content-type", kind);
//!     response
//! }
//!
//! # let limits = Limits::default();
//! # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
//! # let mut tx = SendQueue::new();
//! rx.receive(b"GET /a?b HTTP/1.1\r\nHost: x\r\n\r\n");
//! let Event::Request(head) = conn.next_event(&mut rx)? else { panic!() };
//! let (parts, content) = answer(head.try_into()?).into_parts();
//!
//! let fields = interop::fields(&parts.headers, parts.extensions.get());
//! let body = Body::Length(content.len() as u64);
//! conn.send_response(&mut tx, parts.status.into(), fields, body)?;
//! conn.send_data(&mut tx, content.into())?;
//! # let sent: Vec<u8> = tx.slices().flatten().copied().collect();
//! # assert!(sent.starts_with(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nContent-Length: 5"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A client that sends `http::Request`
//!
//! ```
//! use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendQueue, interop};
//! # let limits = Limits::default();
//! # let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
//! # let mut tx = SendQueue::new();
//!
//! let request = http::Request::get("http://x/a?b").header("host", "x").body(())?;
//! let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
//! let fields = interop::fields(request.headers(), request.extensions().get());
//! conn.send_request(&mut tx, request.method().as_str(), target, fields, Body::None)?;
//!
//! rx.receive(b"HTTP/1.1 204 No Content\r\nServer: y\r\n\r\n");
//! let ClientEvent::Response(head) = conn.next_event(&mut rx)? else { panic!() };
//! let response: http::Response<()> = head.try_into()?;
//! assert_eq!(response.status(), http::StatusCode::NO_CONTENT);
//! assert_eq!(response.headers()["server"], "y");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use alloc::vec::Vec;

use bytes::{Bytes, BytesMut};
use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};

use crate::{Fields, Method, RequestHead, ResponseHead, Status, Version};

/// What the types of the other crate cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertError {
    /// The method is no token.
    #[error("malformed method")]
    Method,
    /// `http::Uri` takes no such target: it has a limit of 64 KiB, and its own mind about a few
    /// characters.
    #[error("request target that is no URI")]
    Target,
    /// The field has a name longer than 64 KiB.
    #[error("field that is no header")]
    Field,
    /// More fields than `http::HeaderMap` holds.
    #[error("too many fields")]
    TooManyFields,
    /// The version is not of HTTP/1.
    #[error("version other than HTTP/1.0 and HTTP/1.1")]
    Version,
}

/// The field lines of a head as they were sent: in order, with the case of their names and with
/// repeated ones. An extension of `http::Request` and `http::Response`.
///
/// All names and values share one allocation with the `http::HeaderValue`s beside them.
///
/// ```
/// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
/// use h1_core::interop::OriginalFields;
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// rx.receive(b"GET / HTTP/1.1\r\nHOST: x\r\nX-B: 1\r\nx-a: 2\r\nX-b: 3\r\n\r\n");
/// let Event::Request(head) = conn.next_event(&mut rx)? else { panic!() };
/// let request = http::Request::try_from(head)?;
/// let original: &OriginalFields = request.extensions().get().unwrap();
/// let names: Vec<_> = original.iter().map(|(name, _)| name).collect();
/// assert_eq!(names, ["HOST", "X-B", "x-a", "X-b"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginalFields(Vec<(Bytes, Bytes)>);

impl OriginalFields {
    /// Name and value of each line, as sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| {
            // Names are tokens, so they are ASCII.
            let name = core::str::from_utf8(name).unwrap_or_default();
            (name, value.as_ref())
        })
    }

    /// The lines themselves: name and value of each, to be shared without a copy.
    pub fn lines(&self) -> &[(Bytes, Bytes)] {
        &self.0
    }
}

impl From<Fields<'_>> for OriginalFields {
    fn from(fields: Fields<'_>) -> Self {
        let mut block = BytesMut::with_capacity(fields.raw().len());
        let mut take = |bytes| {
            block.extend_from_slice(bytes);
            block.split().freeze()
        };
        let lines = fields
            .iter()
            .map(|(name, value)| (take(name.as_bytes()), take(value)));
        Self(lines.collect())
    }
}

/// Lends `headers` as the fields that
/// [`send_request`](crate::ClientConnection::send_request),
/// [`send_response`](crate::ServerConnection::send_response) and their relatives take, without
/// `content-length`, `transfer-encoding` and `connection`, which the connection writes itself.
///
/// The values are those of `headers`. `original` lends the case of the names and the order; what
/// it does not have comes last.
///
/// ```
/// # use h1_core::{Event, Limits, RecvBuf, ServerConnection, interop};
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// rx.receive(b"GET / HTTP/1.1\r\nX-B: 1\r\nConnection: close\r\nHost: x\r\nX-A: 2\r\n\r\n");
/// let Event::Request(head) = conn.next_event(&mut rx)? else { panic!() };
/// let mut request = http::Request::try_from(head)?;
/// request.headers_mut().remove("x-a");
/// request.headers_mut().insert("via", "1.1 y".parse()?);
///
/// let fields = interop::fields(request.headers(), request.extensions().get());
/// assert!(fields.eq([("X-B", &b"1"[..]), ("Host", b"x"), ("via", b"1.1 y")]));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fields<'a>(
    headers: &'a HeaderMap,
    original: Option<&'a OriginalFields>,
) -> impl Iterator<Item = (&'a str, &'a [u8])> {
    const FRAMING: [HeaderName; 3] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];
    let names = || headers.keys().filter(|name| !FRAMING.contains(name));
    // The values of each name that are still to come.
    let mut left: HeaderMap<_> = names()
        .map(|name| (name.clone(), headers.get_all(name).iter()))
        .collect();
    let mut lines = Vec::with_capacity(headers.len());
    for (name, _) in original.into_iter().flat_map(OriginalFields::iter) {
        let value = left.get_mut(name).and_then(Iterator::next);
        lines.extend(value.map(|value| (name, value.as_bytes())));
    }
    for name in names() {
        let values = left.get_mut(name).into_iter().flatten();
        lines.extend(values.map(|value| (name.as_str(), value.as_bytes())));
    }
    lines.into_iter()
}

/// The same fields as a map, and as they were.
fn headers(fields: Fields<'_>) -> Result<(HeaderMap, OriginalFields), ConvertError> {
    let original = OriginalFields::from(fields);
    let mut map = HeaderMap::new();
    for (name, value) in original.lines() {
        let name = HeaderName::from_bytes(name).map_err(|_| ConvertError::Field)?;
        let value =
            HeaderValue::from_maybe_shared(value.clone()).map_err(|_| ConvertError::Field)?;
        map.try_append(name, value)
            .map_err(|_| ConvertError::TooManyFields)?;
    }
    Ok((map, original))
}

/// Its URI is the target in the form in which it was sent. [`OriginalFields`] is an extension.
impl TryFrom<RequestHead<'_>> for Request<()> {
    type Error = ConvertError;

    fn try_from(head: RequestHead<'_>) -> Result<Self, ConvertError> {
        let (headers, original) = headers(head.fields())?;
        let mut request = Request::new(());
        *request.method_mut() = head.method().try_into()?;
        *request.uri_mut() = head.target().parse().map_err(|_| ConvertError::Target)?;
        *request.version_mut() = head.version().into();
        *request.headers_mut() = headers;
        request.extensions_mut().insert(original);
        Ok(request)
    }
}

/// [`OriginalFields`] is an extension. The reason phrase is dropped.
impl TryFrom<ResponseHead<'_>> for Response<()> {
    type Error = ConvertError;

    fn try_from(head: ResponseHead<'_>) -> Result<Self, ConvertError> {
        let (headers, original) = headers(head.fields())?;
        let mut response = Response::new(());
        *response.status_mut() = head.status().into();
        *response.version_mut() = head.version().into();
        *response.headers_mut() = headers;
        response.extensions_mut().insert(original);
        Ok(response)
    }
}

impl TryFrom<Method<'_>> for http::Method {
    type Error = ConvertError;

    fn try_from(method: Method<'_>) -> Result<Self, ConvertError> {
        Self::from_bytes(method.as_str().as_bytes()).map_err(|_| ConvertError::Method)
    }
}

impl<'m> From<&'m http::Method> for Method<'m> {
    fn from(method: &'m http::Method) -> Self {
        Self::from(method.as_str())
    }
}

impl From<Status> for StatusCode {
    fn from(status: Status) -> Self {
        // Both hold 100 to 999.
        Self::from_u16(status.code()).unwrap_or_default()
    }
}

impl From<StatusCode> for Status {
    fn from(status: StatusCode) -> Self {
        // Both hold 100 to 999.
        Self::new(status.as_u16()).unwrap_or(Self::OK)
    }
}

impl From<Version> for http::Version {
    fn from(version: Version) -> Self {
        match version {
            Version::Http10 => Self::HTTP_10,
            Version::Http11 => Self::HTTP_11,
        }
    }
}

impl TryFrom<http::Version> for Version {
    type Error = ConvertError;

    fn try_from(version: http::Version) -> Result<Self, ConvertError> {
        match version {
            http::Version::HTTP_10 => Ok(Self::Http10),
            http::Version::HTTP_11 => Ok(Self::Http11),
            _ => Err(ConvertError::Version),
        }
    }
}
