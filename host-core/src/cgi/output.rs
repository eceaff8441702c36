//! What a script says about its answer (RFC 3875, section 6).

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use h1_core::Status;
use thiserror::Error;

/// The longest head, in bytes.
pub(crate) const HEAD_MAX: usize = 32 * 1024;

/// The fields that are for us, or that only we may write: those of the connection (RFC 9110, section
/// 7.6.1), of its framing, and what each of our answers has.
const OWN: [&str; 12] = [
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "server",
    "status",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why the output of a script is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(crate) enum BadOutput {
    #[error("a head above 32 KiB")]
    TooLarge,
    #[error("a line that is no field")]
    BadLine,
    #[error("a field value with a control character")]
    BadValue,
    #[error("a head of HTTP, which only non-parsed-header scripts write")]
    NonParsed,
    #[error("a bad Status")]
    BadStatus,
    #[error("a bad Content-Length")]
    BadLength,
    #[error("a bad Location")]
    BadLocation,
    #[error("a field that may be there once")]
    Repeated,
    #[error("a head without Content-Type, Location and Status")]
    Empty,
}

/// Looks for the end of a head in bytes that come in pieces.
#[derive(Debug, Default)]
pub(crate) struct HeadScan {
    /// Where the present line begins.
    line: usize,
    /// What has been looked at.
    seen: usize,
}

/// The head of a script's output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) answer: Answer,
    pub(crate) content_length: Option<u64>,
    text: Bytes,
    /// Names and values of the fields that are passed on.
    fields: Vec<(Range<usize>, Range<usize>)>,
}

/// What a script answers with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// A document, or a redirect of the client.
    Response(Status),
    /// The request goes on with this path and query (RFC 3875, section 6.2.2).
    LocalRedirect(String),
}

impl HeadScan {
    /// Looks at `output`, of which a part was looked at before. Returns the length of the head with its
    /// empty line, if that has come.
    ///
    /// # Errors
    ///
    /// [`BadOutput::TooLarge`].
    pub(crate) fn end(&mut self, output: &[u8]) -> Result<Option<usize>, BadOutput> {
        while let Some(at) = memchr::memchr(b'\n', output.get(self.seen..).unwrap_or_default()) {
            let newline = self.seen + at;
            let line = &output[self.line..newline];
            self.seen = newline + 1;
            self.line = self.seen;
            if matches!(line, b"" | b"\r") {
                return match self.seen > HEAD_MAX {
                    true => Err(BadOutput::TooLarge),
                    false => Ok(Some(self.seen)),
                };
            }
        }
        self.seen = output.len();
        match self.seen >= HEAD_MAX {
            true => Err(BadOutput::TooLarge),
            false => Ok(None),
        }
    }
}

/// The fields that decide.
#[derive(Default)]
struct Known {
    status: Option<Range<usize>>,
    location: Option<Range<usize>>,
    content_type: Option<Range<usize>>,
    content_length: Option<Range<usize>>,
}

impl Head {
    /// Takes the head of `len` bytes from the front of `output`.
    ///
    /// # Errors
    ///
    /// [`BadOutput`].
    pub(crate) fn take(output: &mut BytesMut, len: usize) -> Result<Self, BadOutput> {
        let text = output.split_to(len).freeze();
        let (mut known, mut fields) = (Known::default(), Vec::new());
        let mut start = 0;
        for newline in memchr::memchr_iter(b'\n', &text) {
            let line = text[start..newline].strip_suffix(b"\r");
            let end = start + line.map_or(newline - start, <[u8]>::len);
            if end > start {
                let (name, value) = field(&text, start..end)?;
                known.note(&text, name.clone(), &value)?;
                fields.push((name, value));
            }
            start = newline + 1;
        }
        let nominated = nominated(&text, &fields);
        fields.retain(|(name, value)| {
            let name = &text[name.clone()];
            let says_nothing = value.is_empty() && name.eq_ignore_ascii_case(b"content-type");
            let names = |it: &&[u8]| it.eq_ignore_ascii_case(name);
            !says_nothing && !is_own(name) && !nominated.iter().any(names)
        });
        let is_alone = |(name, _): &(Range<usize>, _)| {
            let name = &text[name.clone()];
            name.eq_ignore_ascii_case(b"location") || name.eq_ignore_ascii_case(b"content-type")
        };
        let answer = known.answer(&text, fields.iter().all(is_alone))?;
        let content_length = known.content_length.map(|it| length(&text[it]));
        Ok(Self {
            answer,
            content_length: content_length.transpose()?,
            fields,
            text,
        })
    }

    /// The fields that are passed on.
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| {
            // A name is ASCII.
            let name = str::from_utf8(&self.text[name.clone()]).unwrap_or_default();
            (name, &self.text[value.clone()])
        })
    }
}

impl Known {
    /// Keeps the places of the fields that decide.
    fn note(
        &mut self,
        text: &[u8],
        name: Range<usize>,
        value: &Range<usize>,
    ) -> Result<(), BadOutput> {
        let slot = match text[name].to_ascii_lowercase().as_slice() {
            b"status" => &mut self.status,
            b"location" => &mut self.location,
            b"content-type" => &mut self.content_type,
            b"content-length" => &mut self.content_length,
            _ => return Ok(()),
        };
        match slot.replace(value.clone()) {
            Some(_) => Err(BadOutput::Repeated),
            None => Ok(()),
        }
    }

    /// `alone`: no other fields are passed on.
    fn answer(&self, text: &[u8], alone: bool) -> Result<Answer, BadOutput> {
        let of = |place: &Option<Range<usize>>| place.clone().map(|place| &text[place]);
        let location = of(&self.location);
        if location.is_some_and(|location| location.is_empty() || location.contains(&b' ')) {
            return Err(BadOutput::BadLocation);
        }
        let kind = of(&self.content_type).filter(|kind| !kind.is_empty());
        match (of(&self.status), location, kind) {
            (Some(value), _, _) => Ok(Answer::Response(status(value)?)),
            (None, Some([b'/', rest @ ..]), _) if alone && !rest.starts_with(b"/") => {
                let target = location.and_then(|it| str::from_utf8(it).ok());
                let target = target.ok_or(BadOutput::BadLocation)?;
                Ok(Answer::LocalRedirect(target.to_owned()))
            }
            (None, Some(_), _) => Ok(Answer::Response(Status::FOUND)),
            (None, None, Some(_)) => Ok(Answer::Response(Status::OK)),
            (None, None, None) => Err(BadOutput::Empty),
        }
    }
}

/// Name and value of a line.
fn field(text: &[u8], line: Range<usize>) -> Result<(Range<usize>, Range<usize>), BadOutput> {
    let bytes = &text[line.clone()];
    if line.start == 0 && bytes.starts_with(b"HTTP/") {
        return Err(BadOutput::NonParsed);
    }
    let colon = memchr::memchr(b':', bytes).ok_or(BadOutput::BadLine)?;
    if colon == 0 || !bytes[..colon].iter().all(is_token) {
        return Err(BadOutput::BadLine);
    }
    let value = &bytes[colon + 1..];
    if value.iter().any(|b| matches!(b, 0..=8 | 10..=31 | 127)) {
        return Err(BadOutput::BadValue);
    }
    let front = value.len() - value.trim_ascii_start().len();
    let start = line.start + colon + 1 + front;
    let end = start + value.trim_ascii().len();
    Ok((line.start..line.start + colon, start..end))
}

/// RFC 9110, section 5.6.2.
fn is_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte)
}

fn is_own(name: &[u8]) -> bool {
    // RFC 3875, section 6.3.5: between script and server.
    let extension = name.get(..6);
    let extension = extension.is_some_and(|front| front.eq_ignore_ascii_case(b"x-cgi-"));
    extension
        || OWN
            .iter()
            .any(|own| name.eq_ignore_ascii_case(own.as_bytes()))
}

/// The fields that Connection names.
fn nominated<'t>(text: &'t [u8], fields: &[(Range<usize>, Range<usize>)]) -> Vec<&'t [u8]> {
    let connection = fields
        .iter()
        .filter(|(name, _)| text[name.clone()].eq_ignore_ascii_case(b"connection"));
    let options = connection.flat_map(|(_, value)| text[value.clone()].split(|b| *b == b','));
    options.map(<[u8]>::trim_ascii).collect()
}

/// Three digits and a reason, which nobody needs. One that is not final is ours to send.
fn status(value: &[u8]) -> Result<Status, BadOutput> {
    let (code, rest) = value.split_at_checked(3).ok_or(BadOutput::BadStatus)?;
    let ends = matches!(rest.first(), None | Some(b' ' | b'\t'));
    let digits = code.iter().all(u8::is_ascii_digit);
    let code = str::from_utf8(code).ok().and_then(|it| it.parse().ok());
    let code = code.filter(|code| ends && digits && (200..600).contains(code));
    code.and_then(Status::new).ok_or(BadOutput::BadStatus)
}

fn length(value: &[u8]) -> Result<u64, BadOutput> {
    let digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let number = str::from_utf8(value).ok().and_then(|it| it.parse().ok());
    number.filter(|_| digits).ok_or(BadOutput::BadLength)
}

#[cfg(test)]
mod tests;
