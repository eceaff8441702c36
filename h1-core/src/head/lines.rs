//! Field lines, up to the empty line. Where the input ends, the parser remembers the place and goes
//! on from there: no byte is looked at more than twice, however the input comes.

use alloc::vec::Vec;

use super::fields::FieldIndex;
use super::scan;
use crate::{Error, ErrorKind};

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

/// What was taken.
enum Line {
    Field,
    /// The empty line, up to here.
    End(usize),
    Unfinished,
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
            if self.at == self.line
                && let Some(end) = self.whole_lines(bytes, index, limit)
            {
                return Ok(Some(end));
            }
            match self.line(bytes, index, limit)? {
                Line::Field => {}
                Line::End(end) => return Ok(Some(end)),
                Line::Unfinished => return Ok(None),
            }
        }
    }

    /// Takes whole lines as long as nothing is wrong with them, in a loop that has to remember
    /// nothing; returns the end of the section, if it came to that. Apart from [`parse`](Self::parse), which does not pay for it then when bytes drip in.
    #[inline(never)]
    fn whole_lines(
        &mut self,
        bytes: &[u8],
        index: &mut Vec<FieldIndex>,
        limit: u16,
    ) -> Option<usize> {
        let mut line = self.line;
        while index.len() < usize::from(limit) {
            let name_end = scan::token_end(bytes, line);
            match bytes.get(name_end) {
                Some(b':') if name_end > line => {}
                Some(b'\r') if is_line_end(bytes, line) => return Some(line + 2),
                _ => break,
            }
            let end = scan::value_end(bytes, line);
            if !is_line_end(bytes, end) {
                break;
            }
            index.push(field(bytes, line, name_end, end));
            line = end + 2;
        }
        self.line = line;
        self.at = line;
        None
    }

    /// Takes one line, or what there is of it.
    fn line(
        &mut self,
        bytes: &[u8],
        index: &mut Vec<FieldIndex>,
        limit: u16,
    ) -> Result<Line, Error> {
        let wrong = |kind, at| Error::in_field(kind, at, index.len());
        let name_end = match self.name_end {
            Some(end) => end,
            None => {
                self.at = scan::token_end(bytes, self.at);
                let end = self.at;
                match bytes.get(end..).unwrap_or_default() {
                    [b':', ..] if end > self.line => {}
                    [b'\r', b'\n', ..] if end == self.line => return Ok(Line::End(end + 2)),
                    [] => return Ok(Line::Unfinished),
                    [b'\r'] if end == self.line => return Ok(Line::Unfinished),
                    [b, ..] => return Err(wrong(self.name_error(*b, end), end)),
                }
                self.name_end = Some(end);
                end
            }
        };
        // At first from the colon, which may stand in a value as well.
        self.at = scan::value_end(bytes, self.at);
        let end = self.at;
        match bytes.get(end..).unwrap_or_default() {
            [b'\r', b'\n', ..] => {}
            [] | [b'\r'] => return Ok(Line::Unfinished),
            [b, ..] => return Err(wrong(value_error(*b), end)),
        }
        if index.len() >= usize::from(limit) {
            return Err(wrong(ErrorKind::TooManyFields, self.line));
        }
        index.push(field(bytes, self.line, name_end, end));
        *self = Self::new(end + 2);
        Ok(Line::Field)
    }

    /// Makes the folded line that `error` is about a part of the line before it, as a user agent must
    /// (RFC 9112, section 5.2): the line break becomes spaces. Returns whether there is such a line.
    pub(crate) fn unfold(
        &mut self,
        bytes: &mut [u8],
        index: &mut Vec<FieldIndex>,
        error: Error,
    ) -> bool {
        if error.kind != ErrorKind::FoldedField {
            return false;
        }
        let Some(before) = index.pop() else {
            return false;
        };
        if let Some(line_break) = bytes.get_mut(self.line.saturating_sub(2)..self.line) {
            line_break.fill(b' ');
        }
        self.at = self.line;
        self.line = before.name as usize;
        self.name_end = Some(before.name_end as usize);
        true
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

#[inline]
fn is_line_end(bytes: &[u8], at: usize) -> bool {
    bytes
        .get(at..)
        .is_some_and(|rest| rest.starts_with(b"\r\n"))
}

/// The line from `name` to `end`, its value without the whitespace around it.
#[inline]
fn field(bytes: &[u8], name: usize, name_end: usize, end: usize) -> FieldIndex {
    // What nearly everybody sends: one space, then the value.
    if let Some([b' ', first, .., last]) = bytes.get(name_end + 1..end)
        && *first > b' '
        && *last > b' '
    {
        return FieldIndex {
            name: name as u32,
            name_end: name_end as u32,
            value: name_end as u32 + 2,
            value_end: end as u32,
        };
    }
    let (mut value, mut text) = (
        name_end + 1,
        bytes.get(name_end + 1..end).unwrap_or_default(),
    );
    while let [b' ' | b'\t', rest @ ..] = text {
        text = rest;
        value += 1;
    }
    while let [rest @ .., b' ' | b'\t'] = text {
        text = rest;
    }
    FieldIndex {
        name: name as u32,
        name_end: name_end as u32,
        value: value as u32,
        value_end: (value + text.len()) as u32,
    }
}
