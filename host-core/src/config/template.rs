//! Text with variables in it, nginx's "complex value".

/// Text with variables in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Template {
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(Vec<u8>),
    Variable(Variable),
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
    BodyBytesSent,
    BytesSent,
    Connection,
    ConnectionRequests,
    ContentLength,
    ContentType,
    DocumentRoot,
    Host,
    Hostname,
    IsArgs,
    Msec,
    Pid,
    QueryString,
    RemoteAddr,
    RemotePort,
    RemoteUser,
    Request,
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
