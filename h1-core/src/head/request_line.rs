//! The request line, and the head that it begins. Where the input ends, the parser remembers the
//! place and goes on from there: no byte is looked at more than twice.

use alloc::vec::Vec;

use super::fields::FieldIndex;
use super::lines::FieldParser;
use super::scan;
use crate::{Error, ErrorKind, Limits, Version};

/// What the parser is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Start,
    Method,
    Target,
    Version,
    Fields,
}

/// A request line, and how far its head has been parsed. Offsets count from the first byte of the
/// message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestParser {
    part: Part,
    /// Everything before this offset has been judged.
    at: usize,
    pub(crate) method: usize,
    pub(crate) method_end: usize,
    pub(crate) target_end: usize,
    pub(crate) version: Version,
    fields: FieldParser,
}

impl RequestParser {
    pub(crate) fn new() -> Self {
        Self {
            part: Part::Start,
            at: 0,
            method: 0,
            method_end: 0,
            target_end: 0,
            version: Version::Http11,
            fields: FieldParser::new(0),
        }
    }

    /// Whether no field line has been read.
    pub(crate) fn is_new(&self) -> bool {
        self.part != Part::Fields
    }

    /// The method in `head`; empty as long as it is not known.
    pub(crate) fn method<'b>(&self, head: &'b [u8]) -> &'b [u8] {
        head.get(self.method..self.method_end).unwrap_or_default()
    }

    /// The target in `head`.
    pub(crate) fn target_in<'b>(&self, head: &'b [u8]) -> &'b [u8] {
        head.get(self.target()..self.target_end).unwrap_or_default()
    }

    pub(crate) fn target(&self) -> usize {
        self.method_end + 1
    }

    /// Goes on with `bytes`, which begin with the message and have grown since the last call.
    /// Returns the length of the head once it is whole.
    pub(crate) fn parse(
        &mut self,
        bytes: &[u8],
        index: &mut Vec<FieldIndex>,
        limits: &Limits,
    ) -> Result<Option<usize>, Error> {
        if self.part == Part::Start && !self.empty_line(bytes)? {
            return Ok(None);
        }
        if self.part != Part::Fields {
            let line_limit = self
                .method
                .saturating_add(limits.request_line.min(limits.head) as usize);
            let line = within(bytes, line_limit);
            if !self.whole_line(line, limits) && !self.request_line(line, limits)? {
                return match line.len() < line_limit {
                    true => Ok(None),
                    false => Err(Error::new(ErrorKind::RequestLineTooLong, line_limit)),
                };
            }
            self.fields = FieldParser::new(self.at);
            self.part = Part::Fields;
        }
        let head_limit = self.method.saturating_add(limits.head as usize);
        match self
            .fields
            .parse(within(bytes, head_limit), index, limits.fields)?
        {
            None if bytes.len() >= head_limit => {
                Err(Error::new(ErrorKind::HeadTooLarge, head_limit))
            }
            end => Ok(end),
        }
    }

    /// Takes the line at once if it is here as a whole and like nearly all others.
    fn whole_line(&mut self, bytes: &[u8], limits: &Limits) -> bool {
        const END: &[u8] = b" HTTP/1.1\r\n";
        if self.at != self.method {
            return false;
        }
        let method_end = scan::short_token_end(bytes, self.method);
        let target_end = scan::target_end(bytes, method_end + 1);
        let plain = method_end > self.method
            && method_end <= self.method + usize::from(limits.method)
            && bytes.get(method_end) == Some(&b' ')
            && target_end > method_end + 1
            && bytes
                .get(target_end..)
                .is_some_and(|rest| rest.starts_with(END));
        if plain {
            self.method_end = method_end;
            self.target_end = target_end;
            self.at = target_end + END.len();
        }
        plain
    }

    /// Returns whether the line is whole.
    fn request_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Error> {
        if self.part == Part::Method && !self.method_bytes(bytes, limits)? {
            return Ok(false);
        }
        if self.part == Part::Target && !self.target_bytes(bytes)? {
            return Ok(false);
        }
        self.version(bytes)
    }

    /// One empty line before a request is passed over (RFC 9112, section 2.2).
    fn empty_line(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        match *bytes {
            [] | [b'\r'] => return Ok(false),
            [b'\r', b'\n', ..] => self.method = 2,
            [b'\r', ..] => return Err(Error::new(ErrorKind::BareCr, 0)),
            _ => {}
        }
        self.at = self.method;
        self.part = Part::Method;
        Ok(true)
    }

    fn method_bytes(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Error> {
        let limit = self.method + limits.method as usize;
        let end = scan::token_end(within(bytes, limit + 1), self.at);
        if end > limit {
            return Err(Error::new(ErrorKind::MethodTooLong, limit));
        }
        self.at = end;
        match bytes.get(end) {
            None => Ok(false),
            Some(b' ') if end > self.method => {
                self.method_end = end;
                self.at = end + 1;
                self.part = Part::Target;
                Ok(true)
            }
            Some(&b) => Err(Error::new(line_error(b, ErrorKind::BadMethod), end)),
        }
    }

    fn target_bytes(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        let end = scan::target_end(bytes, self.at);
        self.at = end;
        match bytes.get(end) {
            None => Ok(false),
            Some(b' ') if end > self.target() => {
                self.target_end = end;
                self.part = Part::Version;
                Ok(true)
            }
            // The request line of HTTP/0.9 ends here.
            Some(b'\r') => Err(Error::new(ErrorKind::BadVersion, end)),
            Some(&b) => Err(Error::new(line_error(b, ErrorKind::BadTarget), end)),
        }
    }

    fn version(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        let start = self.target_end + 1;
        let Some(rest) = bytes.get(start..) else {
            return Ok(false);
        };
        if !rest.starts_with(b"HTTP/1.1\r\n") {
            if !has_form(bytes, start, VERSION, ErrorKind::BadVersion)? {
                return Ok(false);
            }
            self.version = version(bytes, start)?;
        }
        self.at = start + VERSION.len();
        Ok(true)
    }
}

/// The form of a version that ends a line; `0` stands for any digit.
const VERSION: &[u8] = b"HTTP/0.0\r\n";

/// Whether `bytes` have `form` at `start`, where `0` stands for any digit; `false` if they end before
/// that is certain. The first byte that is not as it should be is an error of `kind`.
pub(super) fn has_form(
    bytes: &[u8],
    start: usize,
    form: &[u8],
    kind: ErrorKind,
) -> Result<bool, Error> {
    let rest = bytes.get(start..).unwrap_or_default();
    for (n, (&b, &wanted)) in rest.iter().zip(form).enumerate() {
        match wanted {
            b'0' if b.is_ascii_digit() => {}
            wanted if wanted == b => {}
            b'\n' => return Err(Error::new(ErrorKind::BareCr, start + n - 1)),
            _ => return Err(Error::new(line_error(b, kind), start + n)),
        }
    }
    Ok(rest.len() >= form.len())
}

/// The version at `start`, which has the form of one.
pub(super) fn version(bytes: &[u8], start: usize) -> Result<Version, Error> {
    match (bytes[start + 5], bytes[start + 7]) {
        (b'1', b'0') => Ok(Version::Http10),
        (b'1', _) => Ok(Version::Http11),
        _ => Err(Error::new(ErrorKind::UnsupportedVersion, start + 5)),
    }
}

/// What a byte that ends a line too early is, or `otherwise`.
pub(super) fn line_error(b: u8, otherwise: ErrorKind) -> ErrorKind {
    match b {
        b'\n' => ErrorKind::BareLf,
        _ => otherwise,
    }
}

fn within(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}
