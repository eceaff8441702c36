//! Messages as an input describes them: often valid, sometimes anything.

use arbitrary::Arbitrary;
use bytes::Bytes;
use h1_core::{Body, Status};

use crate::log::Lines;

/// Method and target.
#[derive(Arbitrary, Debug)]
pub(crate) enum Line<'a> {
    Known(u8),
    Any(&'a str, &'a str),
}

#[derive(Arbitrary, Debug)]
pub(crate) struct Field<'a> {
    name: Name<'a>,
    value: Value<'a>,
}

#[derive(Arbitrary, Debug)]
enum Name<'a> {
    Known(u8),
    Any(&'a str),
}

#[derive(Arbitrary, Debug)]
enum Value<'a> {
    Known(u8),
    Any(&'a [u8]),
}

/// How content is framed.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Framing {
    None,
    /// As long as its pieces.
    Exact,
    /// A little longer or shorter.
    Near(i8),
    Chunked,
    UntilClose,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Piece {
    Data(u8),
    External(u8),
}

/// A final status is wanted; sometimes another comes.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Code {
    Known(u8),
    Any(u16),
}

fn pick<T: Copy>(from: &[T], n: u8) -> T {
    from[usize::from(n) % from.len()]
}

impl Line<'_> {
    pub(crate) fn parts(&self) -> (&str, &str) {
        const KNOWN: [(&str, &str); 10] = [
            ("GET", "/"),
            ("GET", "/a/b%20c?d=e&f"),
            ("HEAD", "/"),
            ("POST", "/"),
            ("PUT", "/a"),
            ("CONNECT", "a:443"),
            ("CONNECT", "[::1]:80"),
            ("OPTIONS", "*"),
            ("GET", "http://a:80/b?c"),
            ("M-SEARCH", "http://a"),
        ];
        match self {
            Self::Known(n) => pick(&KNOWN, *n),
            Self::Any(method, target) => (method, target),
        }
    }
}

impl Field<'_> {
    fn parts(&self) -> (&str, &[u8]) {
        const NAMES: [&str; 16] = [
            "X",
            "Accept",
            "x-long-name-of-a-field",
            "Upgrade",
            "Expect",
            "TE",
            "Trailer",
            "Host",
            "Date",
            "Content-Type",
            "Connection",
            "Content-Length",
            "Transfer-Encoding",
            "Keep-Alive",
            "!#$%&'*+-.^_`|~0",
            "",
        ];
        const VALUES: [&[u8]; 12] = [
            b"",
            b"a",
            b"a, b,, c",
            b"100-continue",
            b"websocket",
            b"trailers",
            b"a.example:80",
            b"  padded\t ",
            b"\xe4\xff \x80",
            b"chunked",
            b"5",
            b"a\r\nb: c",
        ];
        let name = match self.name {
            Name::Known(n) => pick(&NAMES, n),
            Name::Any(name) => name,
        };
        let value = match self.value {
            Value::Known(n) => pick(&VALUES, n),
            Value::Any(value) => value,
        };
        (name, value)
    }
}

/// The field lines to send.
pub(crate) fn given<'f>(fields: &'f [Field<'_>]) -> Vec<(&'f str, &'f [u8])> {
    fields.iter().map(Field::parts).collect()
}

/// The field lines as they are read: without whitespace around values.
pub(crate) fn read(given: &[(&str, &[u8])]) -> Lines {
    let line = |(name, value): &(&str, &[u8])| ((*name).to_owned(), trim(value).to_vec());
    given.iter().map(line).collect()
}

fn trim(value: &[u8]) -> &[u8] {
    let is_space = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().take_while(|b| is_space(b)).count();
    let end = value.iter().rev().take_while(|b| is_space(b)).count();
    value.get(start..value.len() - end).unwrap_or_default()
}

impl Framing {
    pub(crate) fn body(self, pieces: &[Piece]) -> Body {
        let len: u64 = pieces.iter().map(|piece| piece.len()).sum();
        match self {
            Self::None => Body::None,
            Self::Exact => Body::Length(len),
            Self::Near(n) => Body::Length(len.saturating_add_signed(n.into())),
            Self::Chunked => Body::Chunked,
            Self::UntilClose => Body::UntilClose,
        }
    }
}

impl Piece {
    pub(crate) fn len(self) -> u64 {
        match self {
            Self::Data(n) | Self::External(n) => size(n),
        }
    }
}

/// Lengths around those that matter: the digits of a chunk size, what a queue copies.
pub(crate) fn size(n: u8) -> u64 {
    pick(
        &[0, 1, 2, 3, 9, 10, 15, 16, 17, 255, 256, 257, 600, 4096],
        n,
    )
}

/// Content of which each byte tells its place.
pub(crate) fn content(len: u64) -> Bytes {
    (0..len).map(|n| n as u8).collect()
}

impl Code {
    pub(crate) fn status(self) -> Status {
        const KNOWN: [u16; 12] = [200, 204, 304, 404, 205, 206, 302, 413, 500, 101, 103, 999];
        match self {
            Self::Known(n) => Status::new(pick(&KNOWN, n)),
            Self::Any(code) => Status::new(code % 1000),
        }
        .unwrap_or(Status::OK)
    }
}
