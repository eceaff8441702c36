//! What can go wrong: [`Error`] is the peer's fault, [`SendError`] the caller's.

use crate::{State, Status};

/// A message from the peer that breaks the protocol or a limit.
///
/// Small and `Copy`; it holds no byte of the peer. Once a connection has returned it, nothing
/// more of the peer's input is parsed, and the same error is returned again.
///
/// ```
/// use h1_core::{Error, ErrorKind, Limits, RecvBuf, ServerConnection};
///
/// let limits = Limits::default();
/// let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// rx.receive(b"GET / HTTP/1.1\r\nHost : a\r\n\r\n");
/// let error = conn.next_event(&mut rx).unwrap_err();
/// assert_eq!(error, Error { kind: ErrorKind::SpaceBeforeColon, field: 0, at: 20 });
/// assert_eq!(error.kind.status().code(), 400);
/// assert_eq!(error.to_string(), "whitespace before the colon of a field name at byte 20");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct Error {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The field line that is wrong, counted from 0 in its head or trailer section;
    /// [`Error::NO_FIELD`] where none is.
    pub field: u16,
    /// The offset of the first wrong byte from the first byte of the message (which is that of an
    /// empty line before it, where there is one). Stays at `u32::MAX` beyond 4 GiB.
    pub at: u32,
}

impl Error {
    /// The value of [`field`](Error::field) when the error is in no field line.
    pub const NO_FIELD: u16 = u16::MAX;

    #[cold]
    pub(crate) fn new(kind: ErrorKind, at: usize) -> Self {
        Self::in_field(kind, at, usize::MAX)
    }

    #[cold]
    pub(crate) fn in_field(kind: ErrorKind, at: usize, field: usize) -> Self {
        Self {
            kind,
            field: u16::try_from(field).unwrap_or(Self::NO_FIELD),
            at: u32::try_from(at).unwrap_or(u32::MAX),
        }
    }

    /// The same error, seen from `before` bytes earlier.
    pub(crate) fn after(self, before: u64) -> Self {
        let at = before.saturating_add(u64::from(self.at));
        Self {
            at: u32::try_from(at).unwrap_or(u32::MAX),
            ..self
        }
    }
}

macro_rules! kinds {
    ($($(#[doc = $doc:literal])+ $kind:ident => $status:ident, $text:literal;)+) => {
        /// What is wrong with a message from the peer. Each kind names its status and the section
        /// that asks for it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ #[error($text)] $kind,)+
        }

        impl ErrorKind {
            /// Every kind, in the order of their documentation.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// The status to answer with (RFC 9110, section 15).
            pub const fn status(self) -> Status {
                match self { $(Self::$kind => Status::$status,)+ }
            }
        }
    };
}

kinds! {
    /// 400. The method is not a token, or no space follows it (RFC 9110, 9.1).
    BadMethod => BAD_REQUEST, "malformed method";
    /// 501. The method is longer than [`Limits::method`](crate::Limits::method) (RFC 9112, 3).
    MethodTooLong => NOT_IMPLEMENTED, "method too long";
    /// 400. The request target has none of the four forms, or a byte that is no visible ASCII or one
    /// of `"`, `#`, `<` and `>` (RFC 9112, 3.2).
    BadTarget => BAD_REQUEST, "malformed request target";
    /// 414. The request line is longer than
    /// [`Limits::request_line`](crate::Limits::request_line) (RFC 9112, 3).
    RequestLineTooLong => URI_TOO_LONG, "request line too long";
    /// 400. The version is not `HTTP/digit.digit`, or is missing (RFC 9112, 2.3).
    BadVersion => BAD_REQUEST, "malformed protocol version";
    /// 505. The major version is not 1 (RFC 9110, 15.6.6).
    UnsupportedVersion => HTTP_VERSION_NOT_SUPPORTED, "unsupported protocol version";
    /// 400. A carriage return without a line feed (RFC 9112, 2.2). The offset is its own in a head, and
    /// that of the byte behind it around chunks.
    BareCr => BAD_REQUEST, "carriage return without line feed";
    /// 400. A line feed without a carriage return (RFC 9112, 2.2).
    BareLf => BAD_REQUEST, "line feed without carriage return";
    /// 400. A field line that begins with whitespace (RFC 9112, 5.2).
    FoldedField => BAD_REQUEST, "folded field line";
    /// 400. Whitespace in a field name or between it and its colon (RFC 9112, 5.1).
    SpaceBeforeColon => BAD_REQUEST, "whitespace before the colon of a field name";
    /// 400. A field name that is empty, is not a token or has no colon (RFC 9110, 5.1).
    BadFieldName => BAD_REQUEST, "malformed field name";
    /// 400. A control character in a field value (RFC 9110, 5.5).
    BadFieldValue => BAD_REQUEST, "control character in a field value";
    /// 431. More field lines than [`Limits::fields`](crate::Limits::fields) (RFC 6585, 5).
    TooManyFields => REQUEST_HEADER_FIELDS_TOO_LARGE, "too many field lines";
    /// 431. A head longer than [`Limits::head`](crate::Limits::head) (RFC 6585, 5).
    HeadTooLarge => REQUEST_HEADER_FIELDS_TOO_LARGE, "head too large";
    /// 400. An HTTP/1.1 request without Host (RFC 9112, 3.2).
    MissingHost => BAD_REQUEST, "missing host";
    /// 400. A second Host field line (RFC 9112, 3.2).
    RepeatedHost => BAD_REQUEST, "repeated host";
    /// 400. A Host that is not `uri-host [ ":" port ]` (RFC 9112, 3.2). The addresses of the future in
    /// brackets that RFC 3986 reserves are none yet.
    BadHost => BAD_REQUEST, "malformed host";
    /// 400. A Host that differs from the authority of a target in absolute form: whoever routes by the
    /// other one would send the request elsewhere (RFC 9112, 3.2).
    HostMismatch => BAD_REQUEST, "host differs from the request target";
    /// 400. A second Content-Length field line, equal or not: whoever sends it has already been
    /// through something that joins messages (RFC 9112, 6.3, rule 5).
    RepeatedLength => BAD_REQUEST, "repeated content length";
    /// 400. A Content-Length that is not digits alone, lists included (RFC 9110, 8.6).
    BadLength => BAD_REQUEST, "malformed content length";
    /// 400. Content-Length beside Transfer-Encoding (RFC 9112, 6.3, rule 3).
    LengthWithCoding => BAD_REQUEST, "content length beside transfer encoding";
    /// 400. The last transfer coding is not `chunked`, or `chunked` comes twice (RFC 9112, 6.3,
    /// rule 4).
    BadTransferEncoding => BAD_REQUEST, "transfer encoding does not end in one chunked";
    /// 501. A transfer coding other than `chunked` (RFC 9112, 6.1).
    UnknownCoding => NOT_IMPLEMENTED, "unknown transfer coding";
    /// 400. Transfer-Encoding in HTTP/1.0, which does not have it (RFC 9112, 6.1).
    CodingInHttp10 => BAD_REQUEST, "transfer encoding in HTTP/1.0";
    /// 417. An expectation other than `100-continue` (RFC 9110, 10.1.1).
    UnknownExpectation => EXPECTATION_FAILED, "unknown expectation";
    /// 400. A chunk that is not `size [ extensions ] CRLF data CRLF` (RFC 9112, 7.1).
    BadChunk => BAD_REQUEST, "malformed chunk";
    /// 400. A chunk's size line longer than [`Limits::chunk_line`](crate::Limits::chunk_line)
    /// (RFC 9112, 7.1.1).
    ChunkLineTooLong => BAD_REQUEST, "chunk size line too long";
    /// 400. More framing than [`Limits::chunk_overhead`](crate::Limits::chunk_overhead) allows
    /// (RFC 9112, 7.1.1).
    ChunkOverhead => BAD_REQUEST, "chunk framing out of proportion";
    /// 413. Content longer than allowed (RFC 9110, 15.5.14).
    BodyTooLarge => CONTENT_TOO_LARGE, "content too large";
    /// 400. A field that may not stand in a trailer section, as it frames, routes, authenticates
    /// or describes the content (RFC 9110, 6.5.1).
    ForbiddenTrailer => BAD_REQUEST, "forbidden trailer field";
    /// 431. A trailer section longer than [`Limits::trailers`](crate::Limits::trailers).
    TrailersTooLarge => REQUEST_HEADER_FIELDS_TOO_LARGE, "trailer section too large";
    /// 400. The input ended inside a message (RFC 9112, 8).
    UnexpectedEof => BAD_REQUEST, "input ended inside a message";
    /// 502. The status is not three digits from 100, or the reason phrase holds a control character;
    /// client role (RFC 9112, 4).
    BadStatus => BAD_GATEWAY, "malformed status";
    /// 502. The server sent bytes that answer no request; client role (RFC 9112, 9.2).
    UnsolicitedBytes => BAD_GATEWAY, "bytes that answer no request";
    /// 502. The server switches to a protocol that nobody asked for; client role (RFC 9110, 15.2.2).
    UnsolicitedSwitch => BAD_GATEWAY, "switch of protocols that was not asked for";
    /// 502. More informational responses than
    /// [`Limits::informational`](crate::Limits::informational); client role.
    TooManyInformational => BAD_GATEWAY, "too many informational responses";
    /// 408. The peer took too long. The caller's clock says so: the core has none (RFC 9110,
    /// 15.5.9).
    Timeout => REQUEST_TIMEOUT, "time is up";
}

/// A call that the state of the connection or the rules of the protocol do not allow. Nothing was
/// queued and no state has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The connection cannot send this in its present state.
    #[error("cannot send this in state {0:?}")]
    WrongState(State),
    /// `Content-Length`, `Transfer-Encoding` and `Connection` are written by the connection.
    #[error("framing fields are written by the connection")]
    FramingField,
    /// A field name that is not a token, or a value with a control character: sent as it is, it
    /// could begin a field or a message of its own.
    #[error("malformed field")]
    BadField,
    /// A final response needs a status from 200, an informational one a status below 200.
    #[error("status {0} is not of that kind")]
    BadStatus(Status),
    /// The status allows no content (RFC 9110, 6.4.1).
    #[error("status {0} has no content")]
    NoContent(Status),
    /// More content than the declared length.
    #[error("more content than declared")]
    TooMuchBody,
    /// Less content than the declared length.
    #[error("less content than declared")]
    TooLittleBody,
    /// Trailer fields need chunked framing (RFC 9112, 7.1.2).
    #[error("trailer fields without chunked framing")]
    NoTrailers,
    /// The peer speaks HTTP/1.0, which has no informational responses (RFC 9110, 15.2).
    #[error("no informational response to HTTP/1.0")]
    NoInformational,
    /// A request cannot be framed by the end of the stream (RFC 9112, section 6.3).
    #[error("a request cannot last until the close")]
    UnframedRequest,
    /// A method that is no token, or a target that has none of the four forms or holds a byte that
    /// no target may hold (RFC 9112, section 3).
    #[error("malformed request line")]
    BadRequestLine,
    /// A request needs exactly one valid Host field (RFC 9112, section 3.2).
    #[error("a request needs exactly one valid host")]
    BadHost,
    /// `Expect: 100-continue` in a request without content (RFC 9110, section 10.1.1).
    #[error("nothing to continue with")]
    ExpectWithoutContent,
    /// A 101 to a request that did not ask for another protocol, or one that does not name it in
    /// Upgrade (RFC 9110, 7.8).
    #[error("no upgrade was asked for, or none is named")]
    NoUpgrade,
}
