//! The chunked transfer coding (RFC 9112, section 7.1): reading it byte by byte, with a short way
//! for the bytes that are content, and writing the lines around a chunk.

use core::ops::Range;

use crate::head::scan::is_token;
use crate::{Error, ErrorKind, Limits};

/// What the next byte belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    SizeStart,
    Size,
    /// Whitespace that an extension must follow.
    BeforeExtension,
    NameStart,
    Name,
    AfterName,
    ValueStart,
    Value,
    Quoted,
    Escaped,
    AfterQuoted,
    AfterValue,
    LineLf,
    Data,
    DataCr,
    DataLf,
    End,
}

/// Reads chunks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChunkDecoder {
    state: State,
    /// Bytes of the present size line so far.
    line: u16,
    /// What is left of the present chunk.
    left: u64,
    /// Framing bytes that may still come.
    credit: u64,
}

/// What was found in the input; all of it before `data` and no more is framing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Decoded {
    /// Content.
    Data(Range<usize>),
    /// The last chunk has ended here; a trailer section follows.
    End(usize),
    /// Everything up to here was framing, and more must come.
    NeedData(usize),
}

impl ChunkDecoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: State::SizeStart,
            line: 0,
            left: 0,
            credit: u64::from(limits.chunk_overhead),
        }
    }

    /// Reads `bytes` up to the first content or the end of the last chunk. What it returns counts
    /// as consumed. Offsets in errors count from the start of `bytes`.
    pub(crate) fn decode(&mut self, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
        for (at, &b) in bytes.iter().enumerate() {
            match self.state {
                State::Data => {
                    let len = self.left.min((bytes.len() - at) as u64);
                    self.left -= len;
                    if self.left == 0 {
                        self.state = State::DataCr;
                    }
                    return Ok(Decoded::Data(at..at + len as usize));
                }
                State::End => return Ok(Decoded::End(at)),
                _ => self.byte(b, limits).map_err(|kind| Error::new(kind, at))?,
            }
        }
        match self.state {
            State::End => Ok(Decoded::End(bytes.len())),
            _ => Ok(Decoded::NeedData(bytes.len())),
        }
    }

    /// One byte of framing.
    fn byte(&mut self, b: u8, limits: &Limits) -> Result<(), ErrorKind> {
        match (self.state, b) {
            (State::DataCr, b'\r') => {
                self.state = State::DataLf;
                Ok(())
            }
            (State::DataLf, b'\n') => {
                self.state = State::SizeStart;
                Ok(())
            }
            (State::DataLf, _) => Err(ErrorKind::BareCr),
            (State::DataCr, b'\n') => Err(ErrorKind::BareLf),
            (State::DataCr, _) => Err(ErrorKind::BadChunk),
            _ => self.line_byte(b, limits),
        }
    }

    /// One byte of a size line.
    fn line_byte(&mut self, b: u8, limits: &Limits) -> Result<(), ErrorKind> {
        if self.line >= limits.chunk_line {
            return Err(ErrorKind::ChunkLineTooLong);
        }
        self.line += 1;
        self.state = match (self.state, b) {
            (State::SizeStart | State::Size, _) if b.is_ascii_hexdigit() => self.digit(b)?,
            (State::LineLf, b'\n') => self.end_of_line()?,
            (state, _) => after(state, b)?,
        };
        Ok(())
    }

    fn digit(&mut self, b: u8) -> Result<State, ErrorKind> {
        let digit = match b {
            b'0'..=b'9' => b - b'0',
            _ => (b | 0x20) - b'a' + 10,
        };
        match self.left >> 60 {
            0 => self.left = self.left << 4 | u64::from(digit),
            _ => return Err(ErrorKind::BadChunk),
        }
        Ok(State::Size)
    }

    fn end_of_line(&mut self) -> Result<State, ErrorKind> {
        let framing = u64::from(core::mem::take(&mut self.line)) + 2;
        self.credit = self
            .credit
            .saturating_add(self.left.saturating_mul(8))
            .checked_sub(framing)
            .ok_or(ErrorKind::ChunkOverhead)?;
        Ok(match self.left {
            0 => State::End,
            _ => State::Data,
        })
    }
}

/// The state after `b` in `state`, within the extensions of a size line (RFC 9112, section 7.1.1).
fn after(state: State, b: u8) -> Result<State, ErrorKind> {
    use State as S;
    Ok(match (state, b) {
        (S::Size | S::Name | S::Value | S::AfterQuoted, b'\r') => S::LineLf,
        (S::Size | S::BeforeExtension | S::Name | S::AfterName | S::Value, b';') => S::NameStart,
        (S::AfterQuoted | S::AfterValue, b';') => S::NameStart,
        (S::Size | S::BeforeExtension, b' ' | b'\t') => S::BeforeExtension,
        (S::NameStart, b' ' | b'\t') => S::NameStart,
        (S::NameStart | S::Name, _) if is_token(b) => S::Name,
        (S::Name | S::AfterName, b' ' | b'\t') => S::AfterName,
        (S::Name | S::AfterName, b'=') => S::ValueStart,
        (S::ValueStart, b' ' | b'\t') => S::ValueStart,
        (S::ValueStart, b'"') => S::Quoted,
        (S::ValueStart | S::Value, _) if is_token(b) => S::Value,
        (S::Value | S::AfterQuoted | S::AfterValue, b' ' | b'\t') => S::AfterValue,
        (S::Quoted, b'"') => S::AfterQuoted,
        (S::Quoted, b'\\') => S::Escaped,
        (S::Quoted | S::Escaped, b'\t' | b' '..=b'~' | 0x80..) => S::Quoted,
        (S::LineLf, _) => return Err(ErrorKind::BareCr),
        (_, b'\n') => return Err(ErrorKind::BareLf),
        _ => return Err(ErrorKind::BadChunk),
    })
}
