//! The content of the message that is being read, in either role.

use crate::chunked::{ChunkDecoder, Decoded, PLAIN_LINE};
use crate::encode::is_forbidden_trailer;
use crate::head::lines::FieldParser;
use crate::{Body, Error, ErrorKind, Limits, RecvBuf};

/// Chunks up to this length are moved together.
const JOINED_MAX: usize = 256;

/// Reads content and knows where it ends.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub(crate) limits: Limits,
    rest: Rest,
    /// The most content that this message may have.
    limit: u64,
    /// Bytes of this message before those that are pending.
    pub(crate) consumed: u64,
    /// Bytes of its content that were lent.
    pub(crate) received: u64,
}

/// What is left of the message.
#[derive(Clone, Copy, Debug)]
enum Rest {
    /// Nothing.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// The trailer section behind the last chunk.
    Trailers(FieldParser),
    /// All that comes.
    UntilClose,
    /// More than the limit; all that the limit allows has been lent.
    OverLimit,
}

/// What was found in the buffer.
pub(crate) enum Content {
    /// A piece of content, lent.
    Data,
    /// The end of the message; its trailer section is lent.
    End,
    /// Nothing before more bytes come.
    NeedData,
}

impl Incoming {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            rest: Rest::None,
            limit: limits.body,
            consumed: 0,
            received: 0,
        }
    }

    /// Another message begins.
    pub(crate) fn reset(&mut self) {
        *self = Self::new(self.limits);
    }

    /// The head is whole, `len` bytes of the buffer, and content framed as `body` follows. The head
    /// is lent.
    pub(crate) fn begin(&mut self, rx: &mut RecvBuf, len: usize, body: Body) -> Result<(), Error> {
        self.rest = match body {
            Body::None => Rest::None,
            Body::Length(length) if length > self.limit => {
                return Err(Error::new(ErrorKind::BodyTooLarge, len));
            }
            Body::Length(length) => Rest::Length(length),
            Body::Chunked => Rest::Chunked(ChunkDecoder::new(&self.limits)),
            Body::UntilClose => Rest::UntilClose,
        };
        self.lend_bytes(rx, 0, len);
        Ok(())
    }

    /// Bounds the content that is still to come; returns whether its announced length fits.
    pub(crate) fn set_limit(&mut self, max: u64) -> bool {
        self.limit = max;
        !matches!(self.rest, Rest::Length(left) if left > max.saturating_sub(self.received))
    }

    /// Whether nothing more of the message has to come, though its end was not read yet.
    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.rest, Rest::None | Rest::Length(0))
    }

    fn lend_bytes(&mut self, rx: &mut RecvBuf, skipped: usize, n: usize) {
        rx.lend(skipped, n);
        self.consumed += (skipped + n) as u64;
    }

    fn skip(&mut self, rx: &mut RecvBuf, n: usize) {
        rx.discard(n);
        self.consumed += n as u64;
    }

    /// Reads on. Offsets in errors count from the first byte of the buffer.
    pub(crate) fn read(&mut self, rx: &mut RecvBuf) -> Result<Content, Error> {
        match &mut self.rest {
            Rest::None | Rest::Length(0) => {
                rx.index.clear();
                Ok(Content::End)
            }
            Rest::Length(left) => {
                let n = (rx.pending().len() as u64).min(*left);
                *left -= n;
                self.lend(rx, 0, n)
            }
            Rest::UntilClose if rx.pending().is_empty() && rx.is_closed() => {
                rx.index.clear();
                Ok(Content::End)
            }
            Rest::UntilClose => self.lend(rx, 0, rx.pending().len() as u64),
            Rest::Chunked(_) => self.read_chunk(rx),
            Rest::Trailers(_) => self.read_trailers(rx),
            Rest::OverLimit => Err(Error::new(ErrorKind::BodyTooLarge, 0)),
        }
    }

    /// Skips `framing` bytes and lends the next `n`, which are content, or as many of them as the
    /// limit allows.
    fn lend(&mut self, rx: &mut RecvBuf, framing: usize, n: u64) -> Result<Content, Error> {
        if n == 0 {
            return self.need_data(rx);
        }
        let room = self.limit.saturating_sub(self.received);
        if n > room {
            self.rest = Rest::OverLimit;
            if room == 0 {
                return Err(Error::new(ErrorKind::BodyTooLarge, framing));
            }
        }
        let n = n.min(room);
        self.received += n;
        self.lend_bytes(rx, framing, n as usize);
        Ok(Content::Data)
    }

    fn need_data(&self, rx: &mut RecvBuf) -> Result<Content, Error> {
        more_needed(rx, self.limits.trailers as usize)?;
        Ok(Content::NeedData)
    }

    fn read_chunk(&mut self, rx: &mut RecvBuf) -> Result<Content, Error> {
        let Rest::Chunked(decoder) = &mut self.rest else {
            return self.need_data(rx);
        };
        let found = match decoder.plain(rx.pending(), &self.limits) {
            Some(range) => Decoded::Data(range),
            None => decoder.decode(rx.pending(), &self.limits)?,
        };
        match found {
            Decoded::Data(range) => {
                let content = self.lend(rx, range.start, range.len() as u64)?;
                if range.len() <= JOINED_MAX {
                    self.join_small(rx);
                }
                Ok(content)
            }
            Decoded::NeedData(framing) => {
                self.skip(rx, framing);
                self.need_data(rx)
            }
            Decoded::End(framing) => {
                self.skip(rx, framing);
                rx.index.clear();
                self.rest = Rest::Trailers(FieldParser::new(0));
                self.read_trailers(rx)
            }
        }
    }

    /// Lends the small chunks that are here, too: many small pieces cost more than moving them
    /// together does. Apart from [`read`](Self::read), which messages without content do not pay for
    /// it then.
    #[inline(never)]
    fn join_small(&mut self, rx: &mut RecvBuf) {
        let Rest::Chunked(decoder) = &mut self.rest else {
            return;
        };
        if self.limits.chunk_line < PLAIN_LINE {
            return;
        }
        let room = self.limit.saturating_sub(self.received);
        let (content, gap) = rx.join(|bytes, lent| decoder.join(bytes, lent, room));
        self.received += content as u64;
        self.consumed += (content + gap) as u64;
    }

    /// Apart from [`read`](Self::read), as above.
    #[inline(never)]
    fn read_trailers(&mut self, rx: &mut RecvBuf) -> Result<Content, Error> {
        let Rest::Trailers(parser) = &mut self.rest else {
            return self.need_data(rx);
        };
        let limit = self.limits.trailers as usize;
        let (pending, index) = rx.parts();
        let section = pending.get(..limit).unwrap_or(pending);
        let full = section.len() == limit;
        match parser.parse(section, index, self.limits.fields)? {
            Some(len) => {
                check_trailers(rx)?;
                self.lend_bytes(rx, 0, len);
                Ok(Content::End)
            }
            None if full => Err(Error::new(ErrorKind::TrailersTooLarge, limit)),
            None => self.need_data(rx),
        }
    }
}

fn check_trailers(rx: &RecvBuf) -> Result<(), Error> {
    for (n, field) in rx.index.iter().enumerate() {
        if is_forbidden_trailer(field.name(rx.pending())) {
            let at = field.name as usize;
            return Err(Error::in_field(ErrorKind::ForbiddenTrailer, at, n));
        }
    }
    Ok(())
}

/// A message needs more bytes, and room for them; what must be in the buffer as a whole has `whole`
/// bytes at most.
#[inline]
pub(crate) fn more_needed(rx: &mut RecvBuf, whole: usize) -> Result<(), Error> {
    if rx.is_closed() {
        return Err(Error::new(ErrorKind::UnexpectedEof, rx.pending().len()));
    }
    rx.make_room(whole);
    Ok(())
}
