//! The status line, and the head that it begins, as [`request_line`](super::request_line) does it.

use alloc::vec::Vec;

use super::fields::FieldIndex;
use super::lines::FieldParser;
use super::request_line::{has_form, line_error, version};
use super::scan;
use crate::{Error, ErrorKind, Limits, Status, Version};

/// A status line, and how far its head has been parsed. Offsets count from the first byte of the
/// message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ResponseParser {
    /// Whether the status line is whole.
    line: bool,
    /// Everything of the reason phrase before this offset has been judged.
    at: usize,
    pub(crate) version: Version,
    pub(crate) status: Status,
    pub(crate) reason: usize,
    pub(crate) reason_end: usize,
    fields: FieldParser,
}

impl ResponseParser {
    pub(crate) fn new() -> Self {
        Self {
            line: false,
            at: 0,
            version: Version::Http11,
            status: Status::OK,
            reason: 0,
            reason_end: 0,
            fields: FieldParser::new(0),
        }
    }

    /// Whether no field line has been read.
    pub(crate) fn is_new(&self) -> bool {
        !self.line
    }

    /// Goes on with `bytes`, which begin with the message and have grown since the last call.
    /// Returns the length of the head once it is whole.
    pub(crate) fn parse(
        &mut self,
        bytes: &mut [u8],
        index: &mut Vec<FieldIndex>,
        limits: &Limits,
    ) -> Result<Option<usize>, Error> {
        let limit = limits.head as usize;
        let len = bytes.len().min(limit);
        let bytes = &mut bytes[..len];
        if !self.line && !self.status_line(bytes)? {
            return unfinished(len, limit);
        }
        loop {
            match self.fields.parse(bytes, index, limits.fields) {
                Err(error) if self.fields.unfold(bytes, index, error) => {}
                Ok(None) => return unfinished(len, limit),
                result => return result,
            }
        }
    }

    /// Returns whether the line is whole.
    fn status_line(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        const CODE: usize = b"HTTP/1.1 ".len();
        if self.at == 0 {
            if !has_form(bytes, 0, b"HTTP/0.0 ", ErrorKind::BadVersion)?
                || !has_form(bytes, CODE, b"000", ErrorKind::BadStatus)?
            {
                return Ok(false);
            }
            self.version = version(bytes, 0)?;
            let code = bytes[CODE..CODE + 3].iter();
            let code = code.fold(0, |code, digit| code * 10 + u16::from(digit - b'0'));
            self.status = Status::new(code).ok_or(Error::new(ErrorKind::BadStatus, CODE))?;
            match bytes.get(CODE + 3) {
                None => return Ok(false),
                Some(b' ') => self.at = CODE + 4,
                // Many servers leave the space out where there is no reason phrase.
                Some(b'\r') => self.at = CODE + 3,
                Some(&b) => return Err(Error::new(line_error(b, ErrorKind::BadStatus), CODE + 3)),
            }
            self.reason = self.at;
        }
        self.at = scan::value_end(bytes, self.at);
        match bytes.get(self.at..) {
            Some([b'\r', b'\n', ..]) => {}
            Some([] | [b'\r']) | None => return Ok(false),
            Some([b'\r', ..]) => return Err(Error::new(ErrorKind::BareCr, self.at)),
            Some([b, ..]) => return Err(Error::new(line_error(*b, ErrorKind::BadStatus), self.at)),
        }
        self.reason_end = self.at;
        self.line = true;
        self.fields = FieldParser::new(self.at + 2);
        Ok(true)
    }
}

fn unfinished(len: usize, limit: usize) -> Result<Option<usize>, Error> {
    match len < limit {
        true => Ok(None),
        false => Err(Error::new(ErrorKind::HeadTooLarge, limit)),
    }
}
