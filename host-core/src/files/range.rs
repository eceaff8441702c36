//! The `Range` field (RFC 9110 §14.2).

use std::ops::Range;

/// The most ranges that are looked at.
const ASKED_MAX: usize = 256;

/// The most parts of an answer: more cost more than they save.
const PARTS_MAX: usize = 64;

/// Which bytes of a representation a `Range` field asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of it: the field is to be ignored.
    Whole,
    /// These bytes, at least one: the answer is 206.
    Part(Range<u64>),
    /// Several such that neither overlap nor touch.
    Parts(Vec<Range<u64>>),
    /// None that exist: the answer is 416.
    Unsatisfiable,
}

/// What the `Range` field `value` selects of `len` bytes. A field that is invalid, has a unit other
/// than bytes, or asks for more than `most` parts is ignored, as RFC 9110 §14.2 allows. Ranges that
/// overlap or touch are one, in the place of the first of them.
pub(crate) fn select(value: &[u8], len: u64, most: Option<u32>) -> Selection {
    parse(value, len, most).unwrap_or(Selection::Whole)
}

/// `None` where the field is to be ignored.
fn parse(value: &[u8], len: u64, most: Option<u32>) -> Option<Selection> {
    let (unit, set) = value.split_at_checked(b"bytes=".len())?;
    if !unit.eq_ignore_ascii_case(b"bytes=") {
        return None;
    }
    let elements = set.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
    let mut ranges = elements.filter(|element| !element.is_empty());
    let first = one(ranges.next()?, len)?;
    let Some(second) = ranges.next() else {
        return Some(first);
    };
    let mut parts = Vec::new();
    parts.extend(first.range());
    parts.extend(one(second, len)?.range());
    for (n, range) in ranges.enumerate() {
        if n + 2 >= ASKED_MAX {
            return None;
        }
        parts.extend(one(range, len)?.range());
    }
    let mut parts = coalesce(&parts);
    let most = most.map_or(PARTS_MAX, |most| PARTS_MAX.min(most as usize));
    match parts.len() {
        0 => Some(Selection::Unsatisfiable),
        1 => parts.pop().map(Selection::Part),
        n => (n <= most).then_some(Selection::Parts(parts)),
    }
}

impl Selection {
    fn range(self) -> Option<Range<u64>> {
        match self {
            Self::Part(range) => Some(range),
            _ => None,
        }
    }
}

/// Makes one of those that overlap or touch; the order stays (RFC 9110 §15.3.7.2).
fn coalesce(parts: &[Range<u64>]) -> Vec<Range<u64>> {
    let mut sorted: Vec<_> = parts.iter().cloned().enumerate().collect();
    sorted.sort_by_key(|(_, range)| range.start);
    let mut merged: Vec<(usize, Range<u64>)> = Vec::with_capacity(sorted.len());
    for (n, range) in sorted {
        match merged.last_mut() {
            Some((place, last)) if range.start <= last.end => {
                last.end = last.end.max(range.end);
                *place = n.min(*place);
            }
            _ => merged.push((n, range)),
        }
    }
    merged.sort_by_key(|(n, _)| *n);
    merged.into_iter().map(|(_, range)| range).collect()
}

/// `first-last`, `first-` or `-length`.
fn one(range: &[u8], len: u64) -> Option<Selection> {
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
