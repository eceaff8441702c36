//! A response before it is sent.

use std::ops::Range;

use arrayvec::{ArrayString, ArrayVec};
use bytes::Bytes;
use h1_core::{Body, Status};

/// A response, but for the fields that every response has.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: Status,
    pub(crate) fields: ArrayVec<(&'static str, Value), 6>,
    pub(crate) content: Content,
}

/// The value of a field.
#[derive(Debug)]
pub(crate) enum Value {
    Static(&'static str),
    /// Long enough for a `Content-Range` of any length.
    Short(ArrayString<72>),
    Long(String),
}

/// What a response brings.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    None,
    /// These bytes.
    Bytes(Bytes),
    /// These bytes of the file that was found.
    File(Range<u64>),
}

impl Reply {
    pub(crate) fn new(status: Status, content: Content) -> Self {
        Self {
            status,
            fields: ArrayVec::new(),
            content,
        }
    }

    /// A short page that names the status.
    pub(crate) fn error(status: Status) -> Self {
        Self::html(status, Bytes::from_static(error_page(status).as_bytes()))
    }

    pub(crate) fn html(status: Status, page: Bytes) -> Self {
        Self::new(status, Content::Bytes(page))
            .with("Content-Type", Value::Static("text/html; charset=utf-8"))
    }

    /// Adds a field; there is room for all that one of our replies can have.
    pub(crate) fn with(mut self, name: &'static str, value: Value) -> Self {
        let added = self.fields.try_push((name, value));
        debug_assert!(added.is_ok(), "no room for {name}");
        self
    }

    pub(crate) fn field_bytes(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.fields
            .iter()
            .map(|(name, value)| (*name, value.as_bytes()))
    }
}

impl Value {
    fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Static(text) => text.as_bytes(),
            Self::Short(text) => text.as_bytes(),
            Self::Long(text) => text.as_bytes(),
        }
    }
}

impl Content {
    /// Bytes.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::None => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File(range) => range.end - range.start,
        }
    }

    pub(crate) fn framing(&self) -> Body {
        match self {
            Self::None => Body::None,
            content => Body::Length(content.len()),
        }
    }
}

macro_rules! pages {
    ($($name:ident $title:literal;)+) => {
        fn error_page(status: Status) -> &'static str {
            match status {
                $(Status::$name => concat!(
                    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n",
                    "<meta name=\"viewport\" content=\"width=device-width\">\n",
                    "<meta name=\"color-scheme\" content=\"light dark\">\n",
                    "<title>", $title, "</title>\n<h1>", $title, "</h1>\n",
                ),)+
                _ => "<!doctype html>\n<title>Error</title>\n<h1>Error</h1>\n",
            }
        }
    };
}

pages! {
    MOVED_PERMANENTLY "301 Moved Permanently";
    BAD_REQUEST "400 Bad Request";
    FORBIDDEN "403 Forbidden";
    NOT_FOUND "404 Not Found";
    METHOD_NOT_ALLOWED "405 Method Not Allowed";
    REQUEST_TIMEOUT "408 Request Timeout";
    PRECONDITION_FAILED "412 Precondition Failed";
    CONTENT_TOO_LARGE "413 Content Too Large";
    URI_TOO_LONG "414 URI Too Long";
    RANGE_NOT_SATISFIABLE "416 Range Not Satisfiable";
    EXPECTATION_FAILED "417 Expectation Failed";
    REQUEST_HEADER_FIELDS_TOO_LARGE "431 Request Header Fields Too Large";
    INTERNAL_SERVER_ERROR "500 Internal Server Error";
    NOT_IMPLEMENTED "501 Not Implemented";
    SERVICE_UNAVAILABLE "503 Service Unavailable";
    HTTP_VERSION_NOT_SUPPORTED "505 HTTP Version Not Supported";
}
