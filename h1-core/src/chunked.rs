//! The chunked transfer coding (RFC 9112, section 7.1): reading it byte by byte, with short ways for
//! plain framing and for the bytes that are content.

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

/// The longest size line of a chunk that [`ChunkDecoder::join`] takes.
pub(crate) const PLAIN_LINE: u16 = 4;

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

    /// The content of the chunk that begins here, as far as it is here, where its framing is like
    /// nearly all other. `None` has changed nothing, and says nothing.
    #[inline]
    pub(crate) fn plain(&mut self, bytes: &[u8], limits: &Limits) -> Option<Range<usize>> {
        let line = match self.state {
            State::DataCr => bytes.strip_prefix(b"\r\n")?,
            State::SizeStart => bytes,
            _ => return None,
        };
        let (size, data) = plain_line(line)?;
        let framing = line.len() - data.len();
        if size == 0 || data.is_empty() || framing > usize::from(limits.chunk_line) {
            return None;
        }
        let credit = self.credit.saturating_add(8 * size);
        self.credit = credit.checked_sub(framing as u64 + 2)?;
        let at = bytes.len() - data.len();
        self.left = size;
        self.state = State::Data;
        Some(at..at + self.take(data.len()))
    }

    /// Takes as many bytes of the present chunk, which is not at its end, as there are of `len`.
    #[inline]
    fn take(&mut self, len: usize) -> usize {
        let taken = self.left.min(len as u64);
        self.left -= taken;
        if self.left == 0 {
            self.state = State::DataCr;
        }
        taken as usize
    }

    /// Reads `bytes` up to the first content or the end of the last chunk. What it returns counts
    /// as consumed. Offsets in errors count from the start of `bytes`. Apart from its caller, which
    /// rarely needs it.
    #[inline(never)]
    pub(crate) fn decode(&mut self, bytes: &[u8], limits: &Limits) -> Result<Decoded, Error> {
        for (at, &b) in bytes.iter().enumerate() {
            match self.state {
                State::Data => return Ok(Decoded::Data(at..at + self.take(bytes.len() - at))),
                State::End => return Ok(Decoded::End(at)),
                _ => self.byte(b, limits).map_err(|kind| Error::new(kind, at))?,
            }
        }
        match self.state {
            State::End => Ok(Decoded::End(bytes.len())),
            _ => Ok(Decoded::NeedData(bytes.len())),
        }
    }

    /// Moves small chunks that are here as a whole to the content before them, as long as they have plain
    /// framing. `bytes` begin with `content` bytes; returns how many those are then, and how many others
    /// lie behind them. At most `room` bytes are moved. Apart from its caller, so that the loop has the
    /// registers for itself.
    #[inline(never)]
    pub(crate) fn join(
        &mut self,
        bytes: &mut [u8],
        mut content: usize,
        room: u64,
    ) -> (usize, usize) {
        let mut gap = 0;
        let most = content.saturating_add(usize::try_from(room).unwrap_or(usize::MAX));
        while self.state == State::DataCr {
            let Some((size, framing)) = plain_framing(&bytes[content + gap..]) else {
                break;
            };
            let from = content + gap + framing;
            let credit = self.credit.checked_add(8 * size as u64 - framing as u64);
            let fits = from + size <= bytes.len() && content + size <= most;
            let (true, Some(credit)) = (fits, credit) else {
                break;
            };
            self.credit = credit;
            bytes.copy_within(from..from + size, content);
            content += size;
            gap += framing;
        }
        (content, gap)
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
            (State::SizeStart | State::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                self.digit(hex(b).unwrap_or_default())?
            }
            (State::LineLf, b'\n') => self.end_of_line()?,
            (state, _) => after(state, b)?,
        };
        Ok(())
    }

    fn digit(&mut self, digit: u8) -> Result<State, ErrorKind> {
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

/// The size in a whole size line of a few digits and nothing else, and what is behind that line.
#[inline]
fn plain_line(bytes: &[u8]) -> Option<(u64, &[u8])> {
    const DIGITS: usize = 8;
    let mut size = 0;
    let mut rest = bytes;
    while let [b, behind @ ..] = rest
        && let Some(digit) = hex(*b)
    {
        size = size << 4 | u64::from(digit);
        rest = behind;
    }
    let digits = bytes.len() - rest.len();
    let behind = rest.strip_prefix(b"\r\n")?;
    (1..=DIGITS).contains(&digits).then_some((size, behind))
}

/// The size of a small chunk and the length of what stands between the content before it and its
/// own: CRLF, one or two digits, CRLF.
#[inline]
fn plain_framing(bytes: &[u8]) -> Option<(usize, usize)> {
    let (size, framing) = match bytes {
        [b'\r', b'\n', digit, b'\r', b'\n', ..] => (hex(*digit)?, 5),
        [b'\r', b'\n', high, low, b'\r', b'\n', ..] => (hex(*high)? << 4 | hex(*low)?, 6),
        _ => return None,
    };
    (size > 0).then_some((usize::from(size), framing))
}

/// The value of a hexadecimal digit.
#[inline]
fn hex(b: u8) -> Option<u8> {
    match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
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
        (S::LineLf | S::DataLf, _) => return Err(ErrorKind::BareCr),
        (_, b'\n') => return Err(ErrorKind::BareLf),
        _ => return Err(ErrorKind::BadChunk),
    })
}
