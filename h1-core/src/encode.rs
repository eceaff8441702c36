//! Heads and chunk lines as bytes.

use alloc::vec::Vec;

use crate::head::scan;
use crate::{SendError, Status};

/// The status line and the caller's fields.
pub(crate) fn response_head<N, V>(
    out: &mut Vec<u8>,
    status: Status,
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<(), SendError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, u64::from(status.code()));
    out.push(b' ');
    out.extend_from_slice(status.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
    field_lines(out, fields)
}

/// The caller's fields, each of them checked.
pub(crate) fn field_lines<N, V>(
    out: &mut Vec<u8>,
    fields: impl IntoIterator<Item = (N, V)>,
) -> Result<(), SendError>
where
    N: AsRef<str>,
    V: AsRef<[u8]>,
{
    for (name, value) in fields {
        field_line(out, name.as_ref(), value.as_ref())?;
    }
    Ok(())
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

fn field_line(out: &mut Vec<u8>, name: &str, value: &[u8]) -> Result<(), SendError> {
    if scan::token_end(name.as_bytes(), 0) < name.len() || name.is_empty() {
        return Err(SendError::BadField);
    }
    if scan::value_end(value, 0) < value.len() {
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
