//! The `Range` field (RFC 9110 §14.2).

use std::ops::Range;

/// Which bytes of a representation a `Range` field asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: the field is to be ignored.
    Whole,
    /// These bytes, at least one: the answer is 206.
    Part(Range<u64>),
    /// None that exist: the answer is 416.
    Unsatisfiable,
}

/// What the `Range` field `value` selects of `len` bytes, if it asks for a single range. A field
/// that asks for several, is invalid or has a unit other than bytes is ignored, as RFC 9110 §14.2
/// allows.
pub(crate) fn single(value: &[u8], len: u64) -> Selection {
    parse(value, len).unwrap_or(Selection::Whole)
}

/// `None` where the field is to be ignored.
fn parse(value: &[u8], len: u64) -> Option<Selection> {
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let elements = set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let mut ranges = elements.filter(|element| !element.is_empty());
    let range = ranges.next()?;
    if ranges.next().is_some() {
        return None;
    }
    let dash = range.iter().position(|&byte| byte == b'-')?;
    match (&range[..dash], &range[dash + 1..]) {
        (b"", last) => suffix(number(last)?, len),
        (first, b"") => Some(from_to(number(first)?, u64::MAX, len)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then(|| from_to(first, last, len))
        }
    }
}

fn from_to(first: u64, last: u64, len: u64) -> Selection {
    if first >= len {
        return Selection::Unsatisfiable;
    }
    Selection::Part(first..last.saturating_add(1).min(len))
}

fn suffix(wanted: u64, len: u64) -> Option<Selection> {
    match (wanted, len) {
        (0, _) => Some(Selection::Unsatisfiable),
        // Satisfiable, but `Content-Range` cannot name a part of nothing.
        (_, 0) => None,
        _ => Some(Selection::Part(len.saturating_sub(wanted)..len)),
    }
}

/// A decimal number; one too large for 64 bits is larger than any file, and that is all that
/// matters.
fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        Some(number.saturating_mul(10).saturating_add(value))
    })
}

#[cfg(test)]
mod tests;
