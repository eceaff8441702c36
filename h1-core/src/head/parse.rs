//! The bytes of a head, line by line. Where the input ends, the parser remembers the place and
//! goes on from there: no byte is looked at twice.

use alloc::vec::Vec;

use super::fields::FieldIndex;
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
        if self.part != Part::Fields {
            let line_limit = self.method + limits.request_line as usize;
            let line = within(bytes, line_limit);
            if !self.request_line(line, limits)? {
                return match line.len() < line_limit {
                    true => Ok(None),
                    false => Err(Error::new(ErrorKind::RequestLineTooLong, line_limit)),
                };
            }
            self.fields = FieldParser::new(self.at);
            self.part = Part::Fields;
        }
        let head_limit = self.method + limits.head as usize;
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

    /// Returns whether the line is whole.
    fn request_line(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Error> {
        if self.part == Part::Start && !self.empty_line(bytes)? {
            return Ok(false);
        }
        if self.part == Part::Method && !self.method(bytes, limits)? {
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
            [b'\n', ..] => return Err(Error::new(ErrorKind::BareLf, 0)),
            _ => {}
        }
        self.at = self.method;
        self.part = Part::Method;
        Ok(true)
    }

    fn method(&mut self, bytes: &[u8], limits: &Limits) -> Result<bool, Error> {
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
            for (n, &b) in rest.iter().take(VERSION.len()).enumerate() {
                version_byte(n, b).map_err(|(kind, n)| Error::new(kind, start + n))?;
            }
            if rest.len() < VERSION.len() {
                return Ok(false);
            }
            self.version = match (rest[5], rest[7]) {
                (b'1', b'0') => Version::Http10,
                (b'1', _) => Version::Http11,
                _ => return Err(Error::new(ErrorKind::UnsupportedVersion, start + 5)),
            };
        }
        self.at = start + VERSION.len();
        Ok(true)
    }
}

/// The form of a version; `0` stands for any digit.
const VERSION: &[u8; 10] = b"HTTP/0.0\r\n";

/// Judges the byte at `n`; an error holds its offset, too.
fn version_byte(n: usize, b: u8) -> Result<(), (ErrorKind, usize)> {
    match VERSION[n] {
        b'0' if b.is_ascii_digit() => Ok(()),
        wanted if wanted == b => Ok(()),
        b'\n' => Err((ErrorKind::BareCr, n - 1)),
        _ => Err((line_error(b, ErrorKind::BadVersion), n)),
    }
}

/// What a byte that ends a line too early is, or `otherwise`.
fn line_error(b: u8, otherwise: ErrorKind) -> ErrorKind {
    match b {
        b'\n' => ErrorKind::BareLf,
        _ => otherwise,
    }
}

fn within(bytes: &[u8], limit: usize) -> &[u8] {
    bytes.get(..limit).unwrap_or(bytes)
}

/// The field lines of a head or a trailer section, up to the empty line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FieldParser {
    /// Everything before this offset has been judged.
    at: usize,
    /// The first byte of the present line.
    line: usize,
    /// The end of its name, once it is known.
    name_end: Option<usize>,
}

impl FieldParser {
    pub(crate) fn new(at: usize) -> Self {
        Self {
            at,
            line: at,
            name_end: None,
        }
    }

    /// Goes on with `bytes`, which have grown since the last call, and adds the lines to `index`.
    /// Returns the end of the section once it is whole.
    pub(crate) fn parse(
        &mut self,
        bytes: &[u8],
        index: &mut Vec<FieldIndex>,
        limit: u16,
    ) -> Result<Option<usize>, Error> {
        loop {
            let name_end = match self.name_end {
                Some(end) => end,
                None => {
                    let end = scan::token_end(bytes, self.at);
                    match bytes.get(end..) {
                        Some([b':', ..]) if end > self.line => {}
                        Some([b'\r', b'\n', ..]) if end == self.line => return Ok(Some(end + 2)),
                        Some([]) | Some([b'\r']) | None => {
                            self.at = end;
                            return self.unfinished(bytes, end, index.len());
                        }
                        Some([b, ..]) => {
                            return Err(Error::in_field(
                                self.name_error(*b, end),
                                end,
                                index.len(),
                            ));
                        }
                    }
                    self.name_end = Some(end);
                    self.at = end + 1;
                    end
                }
            };
            let end = scan::value_end(bytes, self.at);
            match bytes.get(end..) {
                Some([b'\r', b'\n', ..]) => {}
                Some([]) | Some([b'\r']) | None => {
                    self.at = end;
                    return Ok(None);
                }
                Some([b, ..]) => {
                    return Err(Error::in_field(value_error(*b), end, index.len()));
                }
            }
            if index.len() == usize::from(limit) {
                return Err(Error::in_field(
                    ErrorKind::TooManyFields,
                    self.line,
                    index.len(),
                ));
            }
            index.push(line(bytes, self.line, name_end, end));
            self.line = end + 2;
            self.at = self.line;
            self.name_end = None;
        }
    }

    /// The input ends in a name: a line that begins with a carriage return may still be the empty
    /// line, any other has lost its colon.
    fn unfinished(&self, bytes: &[u8], end: usize, field: usize) -> Result<Option<usize>, Error> {
        match bytes.get(end) {
            Some(_) if end > self.line => Err(Error::in_field(ErrorKind::BadFieldName, end, field)),
            _ => Ok(None),
        }
    }

    #[cold]
    fn name_error(&self, b: u8, at: usize) -> ErrorKind {
        match b {
            b' ' | b'\t' if at == self.line => ErrorKind::FoldedField,
            b' ' | b'\t' => ErrorKind::SpaceBeforeColon,
            b'\n' => ErrorKind::BareLf,
            b'\r' if at == self.line => ErrorKind::BareCr,
            _ => ErrorKind::BadFieldName,
        }
    }
}

#[cold]
fn value_error(b: u8) -> ErrorKind {
    match b {
        b'\n' => ErrorKind::BareLf,
        b'\r' => ErrorKind::BareCr,
        _ => ErrorKind::BadFieldValue,
    }
}

/// The line from `name` to `end`, its value without the whitespace around it.
#[inline]
fn line(bytes: &[u8], name: usize, name_end: usize, end: usize) -> FieldIndex {
    let is_space = |at: usize| matches!(bytes[at], b' ' | b'\t');
    let (mut value, mut value_end) = (name_end + 1, end);
    while value < value_end && is_space(value) {
        value += 1;
    }
    while value_end > value && is_space(value_end - 1) {
        value_end -= 1;
    }
    FieldIndex {
        name: name as u32,
        name_end: name_end as u32,
        value: value as u32,
        value_end: value_end as u32,
    }
}
