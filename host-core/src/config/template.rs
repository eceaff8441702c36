//! Text with variables in it, nginx's "complex value".

use std::fmt;

/// Text with variables in it.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

impl Template {
    /// Text without variables.
    pub(crate) fn fixed(text: &str) -> Self {
        let text = Part::Text(text.into());
        Self { parts: vec![text] }
    }

    /// The text, where there is no variable in it.
    pub(crate) fn as_text(&self) -> Option<&[u8]> {
        match self.parts.as_slice() {
            [] => Some(b""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }
}

impl fmt::Debug for Template {
    /// Text as written, variables as `${...}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for part in &self.parts {
            match part {
                Part::Text(text) => write!(f, "{}", text.escape_ascii())?,
                Part::Variable(variable) => write!(f, "${{{variable:?}}}")?,
                Part::Folder(path) => write!(f, "[{}]", path.escape_ascii())?,
            }
        }
        f.write_str("\"")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Vec<u8>),
    Variable(Variable),
    /// Goes in front of what follows, unless that begins with a slash.
    Folder(Vec<u8>),
}

/// A variable, its name resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// `$uri`, `$host`, ...
    Known(Known),
    /// `$arg_NAME`
    Arg(Vec<u8>),
    /// `$http_NAME`: the name in lower case, with hyphens.
    Http(String),
    /// `$sent_http_NAME`
    SentHttp(String),
    /// `$cookie_NAME`
    Cookie(Vec<u8>),
    /// That of `set`, `map` or a named group: its place in `Model::slots`.
    Slot(u16),
    /// `$1` to `$9`
    Group(u8),
}

/// The variables that have a name of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Args,
    /// The bytes of the address.
    BinaryRemoteAddr,
    BodyBytesSent,
    BytesSent,
    Connection,
    ConnectionRequests,
    ConnectionsActive,
    ConnectionsReading,
    ConnectionsWaiting,
    ConnectionsWriting,
    ContentLength,
    ContentType,
    DocumentRoot,
    GzipRatio,
    Host,
    Hostname,
    /// Empty, as there is no TLS.
    Https,
    IsArgs,
    LimitConnStatus,
    LimitRate,
    LimitReqStatus,
    /// Without a value: of TLS, of proxies, of files with the content of requests.
    Missing,
    Msec,
    Pid,
    Pipe,
    ProxyProtocolAddr,
    ProxyProtocolPort,
    ProxyProtocolServerAddr,
    ProxyProtocolServerPort,
    QueryString,
    RealipRemoteAddr,
    RealipRemotePort,
    RemoteAddr,
    RemotePort,
    RemoteUser,
    Request,
    RequestCompletion,
    RequestFilename,
    RequestId,
    RequestLength,
    RequestMethod,
    RequestTime,
    RequestUri,
    Scheme,
    ServerAddr,
    ServerName,
    ServerPort,
    ServerProtocol,
    Status,
    TimeIso8601,
    TimeLocal,
    Uri,
}
