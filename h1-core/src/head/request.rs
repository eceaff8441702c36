//! Request heads, lent from the receive buffer.

use alloc::vec::Vec;
use core::ops::Range;
use core::{fmt, str};

use super::fields::{FieldIndex, Fields};
use super::framing::{self, Framing};
use super::request_line::RequestParser;
use super::target::{self, TargetForm};
use super::text;
use crate::{Body, Error, ErrorKind, Method, Version};

/// What is known of a request once its head is whole. Offsets count from the first byte of the
/// message, so that they outlive moves inside the buffer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestMeta {
    pub(crate) method: u32,
    pub(crate) method_end: u32,
    pub(crate) target_end: u32,
    pub(crate) version: Version,
    pub(crate) form: TargetForm,
    pub(crate) framing: Framing,
}

impl RequestMeta {
    pub(crate) fn new(
        parser: &RequestParser,
        head: &[u8],
        index: &[FieldIndex],
    ) -> Result<Self, Error> {
        let form = match head.get(parser.target()) {
            // What nearly everybody asks for, with all methods but CONNECT.
            Some(b'/') if parser.method_end - parser.method < b"CONNECT".len() => {
                TargetForm::Origin
            }
            _ => target::form(parser.method(head), parser.target_in(head))
                .map_err(|at| Error::new(ErrorKind::BadTarget, parser.target() + at))?,
        };
        let mut framing = framing::request(parser.version, head, index)?;
        match form {
            TargetForm::Authority => framing.upgrade = None,
            TargetForm::Absolute => check_host(parser.target_in(head), &framing, head, index)?,
            TargetForm::Origin | TargetForm::Asterisk => {}
        }
        Ok(Self {
            method: parser.method as u32,
            method_end: parser.method_end as u32,
            target_end: parser.target_end as u32,
            version: parser.version,
            form,
            framing,
        })
    }
}

/// The Host field must name the authority of a target in absolute form.
fn check_host(
    target: &[u8],
    framing: &Framing,
    head: &[u8],
    index: &[FieldIndex],
) -> Result<(), Error> {
    let Some((n, field)) = framing
        .host
        .and_then(|n| Some((n, index.get(usize::from(n))?)))
    else {
        return Ok(());
    };
    match target::agrees(target, field.value(head)) {
        true => Ok(()),
        false => Err(Error::in_field(
            ErrorKind::HostMismatch,
            field.value as usize,
            n.into(),
        )),
    }
}

/// A request head, lent from the receive buffer until the next call that reads from it.
///
/// Everything in it has been checked: the method is a token, the target has one of the four forms,
/// Host is there and valid, the framing is beyond doubt.
///
/// ```
/// # use h1_core::{Body, Event, Limits, Method, RecvBuf, ServerConnection, Version};
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// rx.receive(b"PUT /a%20b?c HTTP/1.1\r\nHost: x.org:80\r\nContent-Length: 3\r\n\r\n");
/// let Event::Request(request) = conn.next_event(&mut rx)? else { panic!() };
/// assert_eq!(request.method(), Method::Put);
/// assert_eq!(request.target(), "/a%20b?c");
/// assert_eq!((request.path(), request.query()), ("/a%20b", Some("c")));
/// assert_eq!(request.version(), Version::Http11);
/// assert_eq!(request.host(), Some("x.org:80"));
/// assert_eq!(request.body(), Body::Length(3));
/// assert!(request.keep_alive() && !request.expects_continue());
/// # Ok::<(), h1_core::Error>(())
/// ```
#[derive(Clone, Copy)]
pub struct RequestHead<'b> {
    head: &'b [u8],
    index: &'b [FieldIndex],
    meta: RequestMeta,
}

impl<'b> RequestHead<'b> {
    pub(crate) fn new(head: &'b [u8], index: &'b [FieldIndex], meta: RequestMeta) -> Self {
        Self { head, index, meta }
    }

    /// The method.
    pub fn method(&self) -> Method<'b> {
        Method::from(text(self.head, self.meta.method, self.meta.method_end))
    }

    /// The request target as it was sent: visible ASCII.
    pub fn target(&self) -> &'b str {
        text(self.head, self.meta.method_end + 1, self.meta.target_end)
    }

    /// The form of the target (RFC 9112, section 3.2).
    pub fn form(&self) -> TargetForm {
        self.meta.form
    }

    /// The path of the target, not decoded. `/` where a target in absolute form has none, empty for
    /// the forms without a path.
    pub fn path(&self) -> &'b str {
        str::from_utf8(self.path_and_query().0).unwrap_or_default()
    }

    /// What follows the first `?` of the target, not decoded.
    pub fn query(&self) -> Option<&'b str> {
        str::from_utf8(self.path_and_query().1?).ok()
    }

    /// [`path`](RequestHead::path) and [`query`](RequestHead::query) at once, as the bytes that they
    /// are: for servers that decode them anyway.
    ///
    /// ```
    /// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// rx.receive(b"GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n");
    /// let Event::Request(request) = conn.next_event(&mut rx)? else { panic!() };
    /// assert_eq!(request.path_and_query(), (&b"/"[..], Some(&b"b"[..])));
    /// # Ok::<(), h1_core::Error>(())
    /// ```
    pub fn path_and_query(&self) -> (&'b [u8], Option<&'b [u8]>) {
        let target = self.target_bytes();
        let target = match self.meta.form {
            TargetForm::Origin => target,
            TargetForm::Absolute => target.get(self.authority().end..).unwrap_or_default(),
            TargetForm::Authority | TargetForm::Asterisk => return (b"", None),
        };
        let mark = target.iter().position(|&b| b == b'?');
        let (path, query) = match mark {
            Some(mark) => (&target[..mark], Some(&target[mark + 1..])),
            None => (target, None),
        };
        match path {
            [] => (b"/", query),
            path => (path, query),
        }
    }

    fn target_bytes(&self) -> &'b [u8] {
        let (start, end) = (self.meta.method_end + 1, self.meta.target_end);
        let target = self.head.get(start as usize..end as usize);
        target.unwrap_or_default()
    }

    /// Where the authority of a target in absolute form lies in it.
    fn authority(&self) -> Range<usize> {
        target::authority(self.target_bytes()).unwrap_or_default()
    }

    /// The version that the peer speaks.
    pub fn version(&self) -> Version {
        self.meta.version
    }

    /// The host and port that the request is for: from the target where it names one (the Host field
    /// agrees with it then), otherwise from the Host field (RFC 9112, section 3.3). `None` only in HTTP/1.0; empty where the client
    /// has no name for the host.
    pub fn host(&self) -> Option<&'b str> {
        str::from_utf8(self.host_bytes()?).ok()
    }

    /// [`host`](RequestHead::host) as the bytes that it is.
    pub fn host_bytes(&self) -> Option<&'b [u8]> {
        match self.meta.form {
            TargetForm::Absolute => self.target_bytes().get(self.authority()),
            TargetForm::Authority => Some(self.target_bytes()),
            TargetForm::Origin | TargetForm::Asterisk => self.value(self.meta.framing.host),
        }
    }

    /// How its content is framed; never `UntilClose`.
    pub fn body(&self) -> Body {
        self.meta.framing.body
    }

    /// Whether the peer wants the connection to go on after the response.
    pub fn keep_alive(&self) -> bool {
        self.meta.framing.keep_alive
    }

    /// Whether the peer waits for `100 Continue` before it sends its content (RFC 9110, section
    /// 10.1.1).
    pub fn expects_continue(&self) -> bool {
        self.meta.framing.expects_continue
    }

    /// The protocols that the peer would rather speak: its first Upgrade line, where Connection names
    /// it (RFC 9110, section 7.8).
    pub fn upgrade(&self) -> Option<&'b str> {
        str::from_utf8(self.value(self.meta.framing.upgrade)?).ok()
    }

    /// Its field lines.
    pub fn fields(&self) -> Fields<'b> {
        Fields::new(self.head, self.index)
    }

    /// The whole head, byte by byte as it was sent.
    pub fn raw(&self) -> &'b [u8] {
        self.head
            .get(self.meta.method as usize..)
            .unwrap_or_default()
    }

    /// A copy that outlives the buffer.
    ///
    /// ```
    /// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
    /// # let limits = Limits::default();
    /// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    /// rx.receive(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n");
    /// let Event::Request(request) = conn.next_event(&mut rx)? else { panic!() };
    /// let kept = request.to_owned();
    /// conn.next_event(&mut rx)?;
    /// assert_eq!(kept.head().target(), "/a");
    /// # Ok::<(), h1_core::Error>(())
    /// ```
    pub fn to_owned(&self) -> OwnedRequest {
        OwnedRequest {
            head: self.head.to_vec(),
            index: self.index.to_vec(),
            meta: self.meta,
        }
    }

    fn value(&self, field: Option<u16>) -> Option<&'b [u8]> {
        let field = self.index.get(usize::from(field?))?;
        Some(field.value(self.head))
    }
}

/// A request head with its own storage: [`RequestHead::to_owned`].
#[derive(Clone)]
pub struct OwnedRequest {
    head: Vec<u8>,
    index: Vec<FieldIndex>,
    meta: RequestMeta,
}

impl OwnedRequest {
    /// The head.
    pub fn head(&self) -> RequestHead<'_> {
        RequestHead::new(&self.head, &self.index, self.meta)
    }
}

impl fmt::Debug for OwnedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head().fmt(f)
    }
}

impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead")
            .field("method", &self.method())
            .field("target", &self.target())
            .field("version", &self.version())
            .field("body", &self.body())
            .field("keep_alive", &self.keep_alive())
            .field("expects_continue", &self.expects_continue())
            .field("upgrade", &self.upgrade())
            .field("fields", &self.fields())
            .finish()
    }
}
