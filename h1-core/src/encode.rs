//! Heads and chunk lines as bytes.

use alloc::vec::Vec;

use crate::head::{scan, target};
use crate::{FieldLines, SendError, Status};

/// The status line and the caller's fields, those in `lines` first.
pub(crate) fn response_head<N, V>(
    out: &mut Vec<u8>,
    status: Status,
    lines: &FieldLines,
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<Noted, SendError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    match status.line() {
        Some(line) => out.extend_from_slice(line.as_bytes()),
        None => {
            out.extend_from_slice(b"HTTP/1.1 ");
            decimal(out, u64::from(status.code()));
            out.extend_from_slice(b" \r\n");
        }
    }
    out.extend_from_slice(lines.as_bytes());
    let mut noted = lines.noted;
    for (name, value) in fields {
        field_line(out, name.as_ref(), value.as_ref())?;
        noted.note_hop(name.as_ref());
    }
    Ok(noted)
}

/// What the caller's fields say to the connection.
#[derive(Clone, Copy, Default)]
pub(crate) struct Noted {
    host: bool,
    pub(crate) upgrade: bool,
    te: bool,
    pub(crate) expects_continue: bool,
}

/// The request line and the caller's fields, one of them Host.
pub(crate) fn request_head<N, V>(
    out: &mut Vec<u8>,
    method: &str,
    target: &str,
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<Noted, SendError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    let (name, path) = (method.as_bytes(), target.as_bytes());
    let line = scan::is_token_text(name)
        && scan::target_end(path, 0) == path.len()
        && target::form(name, path).is_ok();
    if !line {
        return Err(SendError::BadRequestLine);
    }
    out.extend_from_slice(name);
    out.push(b' ');
    out.extend_from_slice(path);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let mut noted = Noted::default();
    for (name, value) in fields {
        field_line(out, name.as_ref(), value.as_ref())?;
        noted.note(name.as_ref(), value.as_ref(), path)?;
    }
    match noted.host {
        true => Ok(noted),
        false => Err(SendError::BadHost),
    }
}

impl Noted {
    pub(crate) const NONE: Self = Self {
        host: false,
        upgrade: false,
        te: false,
        expects_continue: false,
    };

    /// The Connection line: `persistence`, and the fields that are for the next hop alone (RFC 9110,
    /// section 7.6.1).
    pub(crate) fn connection(&self, out: &mut Vec<u8>, persistence: &str) {
        if persistence.is_empty() && !self.upgrade && !self.te {
            return;
        }
        let upgrade = if self.upgrade { "upgrade" } else { "" };
        let te = if self.te { "TE" } else { "" };
        let options = [persistence, upgrade, te];
        let mut before = "Connection: ";
        for option in options.into_iter().filter(|option| !option.is_empty()) {
            out.extend_from_slice(before.as_bytes());
            out.extend_from_slice(option.as_bytes());
            before = ", ";
        }
        out.extend_from_slice(b"\r\n");
    }

    /// A field of a request.
    fn note(&mut self, name: &str, value: &[u8], target: &[u8]) -> Result<(), SendError> {
        match name.len() {
            4 if name.eq_ignore_ascii_case("host") => {
                let repeated = core::mem::replace(&mut self.host, true);
                let fits = target::is_host(value) && target::agrees(target, value);
                return match !repeated && fits {
                    true => Ok(()),
                    false => Err(SendError::BadHost),
                };
            }
            6 if name.eq_ignore_ascii_case("expect") => {
                self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
            }
            _ => self.note_hop(name),
        }
        Ok(())
    }

    /// A field of any message.
    pub(crate) fn note_hop(&mut self, name: &str) {
        match name.len() {
            2 => self.te |= name.eq_ignore_ascii_case("te"),
            7 => self.upgrade |= name.eq_ignore_ascii_case("upgrade"),
            _ => {}
        }
    }
}

/// The fields behind the last chunk.
pub(crate) fn trailer_lines<N, V>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<(), SendError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    for (name, value) in fields {
        if is_forbidden_trailer(name.as_ref().as_bytes()) {
            return Err(SendError::BadField);
        }
        field_line(out, name.as_ref(), value.as_ref())?;
    }
    Ok(())
}

pub(crate) fn field_line(out: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), SendError> {
    if !scan::is_token_text(name.as_bytes()) || !scan::is_value_text(value) {
        return Err(SendError::BadField);
    }
    if is_framing(name) {
        return Err(SendError::FramingField);
    }
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The fields that follow from the state of the connection.
fn is_framing(name: &str) -> bool {
    match name.len() {
        10 => name.eq_ignore_ascii_case("connection"),
        14 => name.eq_ignore_ascii_case("content-length"),
        17 => name.eq_ignore_ascii_case("transfer-encoding"),
        _ => false,
    }
}

/// Whether a field may not stand in a trailer section, as it frames, routes, authenticates or
/// describes the content (RFC 9110, section 6.5.1).
pub(crate) fn is_forbidden_trailer(name: &[u8]) -> bool {
    const FORBIDDEN: [&str; 23] = [
        "authorization",
        "cache-control",
        "connection",
        "content-encoding",
        "content-length",
        "content-range",
        "content-type",
        "cookie",
        "expect",
        "host",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "max-forwards",
        "proxy-authorization",
        "range",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    FORBIDDEN
        .iter()
        .any(|field| name.eq_ignore_ascii_case(field.as_bytes()))
}

/// The size line of a chunk of `len` bytes.
pub(crate) fn chunk_size(out: &mut Vec<u8>, len: u64) {
    let digits = (u64::BITS - (len | 1).leading_zeros()).div_ceil(4);
    for n in (0..digits).rev() {
        let digit = (len >> (4 * n)) as usize & 0xf;
        out.push(b"0123456789abcdef"[digit]);
    }
    out.extend_from_slice(b"\r\n");
}

pub(crate) fn decimal(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}
