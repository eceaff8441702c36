//! Chunked content, against a decoder that is written straight from the grammar.

use h1_core::{
    Body, ClientConnection, ClientEvent, Event, Fields, Limits, RecvBuf, SendQueue,
    ServerConnection,
};

use crate::input::{self, LIMITS};
use crate::log::{self, Lines};

/// Reads limits from the first bytes and chunked content from the rest, as a server, as a client,
/// and by the reference.
///
/// # Panics
///
/// If one of them refuses what another takes, or sees other content, other trailer fields or
/// another end.
pub fn chunked(data: &[u8]) {
    let Some((first, body)) = data.split_first_chunk::<LIMITS>() else {
        return;
    };
    let limits = Limits {
        // Heads are not what this is about.
        method: 4,
        request_line: 64,
        head: 128,
        body: u64::MAX,
        ..input::limits(first)
    };
    let limits = Limits {
        fields: limits.fields.max(2),
        ..limits
    };
    let expected = Reference::read(body, &limits);
    assert_eq!(by_server(body, limits), expected, "server, {limits:?}");
    assert_eq!(by_client(body, limits), expected, "client, {limits:?}");
}

/// What is read of an input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    content: Vec<u8>,
    trailers: Lines,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// The content is whole; so many bytes follow it.
    Whole(usize),
    /// It is malformed, or beyond a limit.
    Refused,
    /// So far it is neither.
    #[default]
    More,
}

fn by_server(body: &[u8], limits: Limits) -> Read {
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut read = Read::default();
    feed(&mut rx, &[head, body].concat(), |rx| {
        loop {
            match conn.next_event(rx) {
                Ok(Event::Request(request)) => assert_eq!(request.body(), Body::Chunked),
                Ok(Event::Data(bytes)) => read.content.extend(bytes),
                Ok(Event::EndOfMessage(trailers)) => return read.whole(trailers),
                Ok(Event::NeedData) => return true,
                Ok(other) => panic!("{other:?}"),
                Err(_) => return read.refused(),
            }
        }
    })
    .add_to(&mut read);
    read
}

fn by_client(body: &[u8], limits: Limits) -> Read {
    let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
    let (tx, host) = (&mut SendQueue::new(), [("Host", "a")]);
    conn.send_request(tx, "GET", "/", host, Body::None).unwrap();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut read = Read::default();
    feed(&mut rx, &[head, body].concat(), |rx| {
        loop {
            match conn.next_event(rx) {
                Ok(ClientEvent::Response(head)) => assert_eq!(head.body(), Body::Chunked),
                Ok(ClientEvent::Data(bytes)) => read.content.extend(bytes),
                Ok(ClientEvent::EndOfMessage(trailers)) => return read.whole(trailers),
                Ok(ClientEvent::NeedData) => return true,
                Ok(other) => panic!("{other:?}"),
                Err(_) => return read.refused(),
            }
        }
    })
    .add_to(&mut read);
    read
}

/// The bytes behind the content, where it is whole.
struct Behind(usize);

/// Gives `input` to `read` as fast as it fits, until `read` wants no more.
fn feed(rx: &mut RecvBuf, mut input: &[u8], mut read: impl FnMut(&mut RecvBuf) -> bool) -> Behind {
    while !input.is_empty() {
        let n = rx.receive(input);
        input = &input[n..];
        if !read(rx) {
            break;
        }
        assert!(n > 0, "no room and no progress");
    }
    Behind(rx.pending().len() + input.len())
}

impl Behind {
    fn add_to(self, read: &mut Read) {
        if let End::Whole(behind) = &mut read.end {
            *behind = self.0;
        }
    }
}

impl Read {
    fn whole(&mut self, trailers: Fields<'_>) -> bool {
        self.trailers = log::lines(trailers);
        self.end = End::Whole(0);
        false
    }

    fn refused(&mut self) -> bool {
        self.end = End::Refused;
        false
    }
}

/// RFC 9112, section 7.1, byte by byte, with the limits of [`Limits`].
struct Reference<'i> {
    input: &'i [u8],
    /// Bytes of the present size line.
    line: usize,
    /// Bytes of all framing and of all content that was announced.
    framing: u64,
    announced: u64,
    limits: &'i Limits,
}

impl<'i> Reference<'i> {
    fn read(input: &'i [u8], limits: &'i Limits) -> Read {
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
