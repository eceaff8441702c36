//! A decoder of chunked content that knows nothing but the grammar.

use h1_core::Limits;

use super::{End, Read};
use crate::log::Lines;

/// RFC 9112, section 7.1, byte by byte, with the limits of [`Limits`].
pub(super) struct Reference<'i> {
    input: &'i [u8],
    /// Bytes of the present size line.
    line: usize,
    /// Bytes of all framing and of all content that was announced.
    framing: u64,
    announced: u64,
    limits: &'i Limits,
}

impl<'i> Reference<'i> {
    pub(super) fn read(input: &'i [u8], limits: &'i Limits) -> Read {
        let mut reference = Self {
            input,
            line: 0,
            framing: 0,
            announced: 0,
            limits,
        };
        let mut read = Read::default();
        read.end = match reference.body(&mut read) {
            Ok(()) => End::Whole(reference.input.len()),
            Err(end) => end,
        };
        read
    }

    /// `chunked-body = *chunk last-chunk trailer-section CRLF`
    fn body(&mut self, read: &mut Read) -> Result<(), End> {
        loop {
            match self.size_line()? {
                0 => break,
                size => self.data(size, &mut read.content)?,
            }
            self.byte(|b| b == b'\r')?;
            self.byte(|b| b == b'\n')?;
        }
        let limit = self.limits.trailers as usize;
        let section = &self.input[..self.input.len().min(limit)];
        let mut trailers = Trailers {
            section,
            fields: self.limits.fields.into(),
        };
        match trailers.read(&mut read.trailers) {
            Ok(()) => {}
            Err(end) => {
                read.trailers.clear();
                return Err(match end {
                    End::More if section.len() == limit => End::Refused,
                    end => end,
                });
            }
        }
        self.input = &self.input[section.len() - trailers.section.len()..];
        Ok(())
    }

    /// `chunk-size [ chunk-ext ] CRLF`
    fn size_line(&mut self) -> Result<u64, End> {
        self.line = 0;
        let mut size = hex(self.line_byte(|b| b.is_ascii_hexdigit())?);
        while self.peek(|b| b.is_ascii_hexdigit()) {
            let digit = hex(self.line_byte(|_| true)?);
            size = size.checked_mul(16).ok_or(End::Refused)? + digit;
        }
        // chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
        while !self.peek(|b| b == b'\r') {
            self.skip(is_space)?;
            self.line_byte(|b| b == b';')?;
            self.skip(is_space)?;
            self.token()?;
            let spaces = self.skip(is_space)?;
            if self.peek(|b| b == b'=') {
                self.value()?;
            } else if spaces > 0 && !self.peek(|b| b == b';') {
                return self.line_byte(|_| false).map(u64::from);
            }
        }
        self.line_byte(|b| b == b'\r')?;
        self.line_byte(|b| b == b'\n')?;
        self.framing += self.line as u64 + 2;
        self.announced = self.announced.saturating_add(size);
        let credit = u64::from(self.limits.chunk_overhead);
        match self.framing <= credit.saturating_add(self.announced.saturating_mul(8)) {
            true => Ok(size),
            false => Err(End::Refused),
        }
    }

    /// `BWS "=" BWS ( token / quoted-string )`
    fn value(&mut self) -> Result<(), End> {
        self.line_byte(|b| b == b'=')?;
        self.skip(is_space)?;
        if !self.peek(|b| b == b'"') {
            return self.token();
        }
        self.line_byte(|_| true)?;
        loop {
            match self.line_byte(is_text)? {
                b'"' => return Ok(()),
                b'\\' => drop(self.line_byte(is_text)?),
                _ => {}
            }
        }
    }

    fn token(&mut self) -> Result<(), End> {
        self.line_byte(is_token)?;
        self.skip(is_token).map(drop)
    }

    fn skip(&mut self, class: fn(u8) -> bool) -> Result<usize, End> {
        let before = self.line;
        while self.peek(class) {
            self.line_byte(class)?;
        }
        Ok(self.line - before)
    }

    fn peek(&self, class: fn(u8) -> bool) -> bool {
        self.input.first().is_some_and(|b| class(*b))
    }

    fn line_byte(&mut self, class: fn(u8) -> bool) -> Result<u8, End> {
        let b = self.byte(class)?;
        self.line += 1;
        match self.line <= self.limits.chunk_line.into() {
            true => Ok(b),
            false => Err(End::Refused),
        }
    }

    fn byte(&mut self, class: fn(u8) -> bool) -> Result<u8, End> {
        let (first, rest) = self.input.split_first().ok_or(End::More)?;
        self.input = rest;
        match class(*first) {
            true => Ok(*first),
            false => Err(End::Refused),
        }
    }

    fn data(&mut self, size: u64, content: &mut Vec<u8>) -> Result<(), End> {
        let all = self.input.len() as u64;
        let (data, rest) = self.input.split_at(size.min(all) as usize);
        content.extend(data);
        self.input = rest;
        match size > all {
            true => Err(End::More),
            false => Ok(()),
        }
    }
}

/// `trailer-section CRLF`, with `trailer-section = *( field-line CRLF )`.
struct Trailers<'i> {
    section: &'i [u8],
    fields: usize,
}

impl Trailers<'_> {
    fn read(&mut self, lines: &mut Lines) -> Result<(), End> {
        while self.section.first().is_none_or(|b| *b != b'\r') {
            let name = self.run(is_token);
            if name.is_empty() && !self.section.is_empty() {
                return Err(End::Refused);
            }
            self.byte(b':')?;
            let value = self.run(is_text);
            self.byte(b'\r')?;
            self.byte(b'\n')?;
            if lines.len() == self.fields {
                return Err(End::Refused);
            }
            let name = String::from_utf8(name).unwrap();
            lines.push((name, value.trim_ascii().to_vec()));
        }
        self.byte(b'\r')?;
        self.byte(b'\n')?;
        let allowed = |(name, _): &(String, _)| !is_forbidden(name);
        lines.iter().all(allowed).then_some(()).ok_or(End::Refused)
    }

    fn run(&mut self, class: fn(u8) -> bool) -> Vec<u8> {
        let end = self.section.iter().position(|b| !class(*b));
        let (run, rest) = self.section.split_at(end.unwrap_or(self.section.len()));
        self.section = rest;
        run.to_vec()
    }

    fn byte(&mut self, wanted: u8) -> Result<(), End> {
        let (first, rest) = self.section.split_first().ok_or(End::More)?;
        self.section = rest;
        match *first == wanted {
            true => Ok(()),
            false => Err(End::Refused),
        }
    }
}

fn hex(b: u8) -> u64 {
    char::from(b).to_digit(16).unwrap().into()
}

fn is_space(b: u8) -> bool {
    matches!(b, b' ' | b'\t')
}

/// `tchar` (RFC 9110, section 5.6.2).
fn is_token(b: u8) -> bool {
    b.is_ascii_graphic() && !br#"(),/:;<=>?@[\]{}""#.contains(&b)
}

/// What a quoted string or a field value may hold (RFC 9110, sections 5.5 and 5.6.4).
fn is_text(b: u8) -> bool {
    matches!(b, b'\t' | b' '..=b'~' | 0x80..)
}

/// Fields for framing, routing, request modifiers, authentication, response control and the
/// processing of content (RFC 9110, section 6.5.1).
fn is_forbidden(name: &str) -> bool {
    const FORBIDDEN: &str = "connection content-length host te trailer transfer-encoding upgrade \
        cache-control expect if-match if-modified-since if-none-match if-range \
        if-unmodified-since max-forwards range authorization cookie proxy-authorization \
        set-cookie content-encoding content-range content-type";
    FORBIDDEN
        .split(' ')
        .any(|field| field.eq_ignore_ascii_case(name))
}
