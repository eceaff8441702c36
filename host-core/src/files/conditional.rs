//! Conditional requests (RFC 9110, section 13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrayvec::ArrayString;
use h1_core::Fields;

use crate::config::model::{IfModifiedSince, Precompressed};
use crate::os::OpenFile;

/// What tells one state of a file from another.
#[derive(Clone, Debug)]
pub(crate) struct Validators {
    /// A strong entity tag, quotes included: the time of the last change in nanoseconds and the
    /// length, both in hexadecimal; of a compressed sibling its coding, too. `None` where the file system knows no time.
    pub(crate) etag: Option<ArrayString<40>>,
    /// The last change in whole seconds, and never in the future (RFC 9110, section 8.8.2.1).
    pub(crate) last_modified: Option<SystemTime>,
}

/// What a request's preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proceed,
    NotModified,
    Failed,
}

impl Validators {
    pub(crate) fn new(
        file: &OpenFile,
        coding: Option<Precompressed>,
        with_etag: bool,
        now: SystemTime,
    ) -> Self {
        let own = Self::of(file.modified(), file.len(), with_etag, now);
        let tagged = file.modified().filter(|_| with_etag && coding.is_some());
        let etag = tagged.map(|time| etag(time, file.len(), coding));
        Self {
            etag: etag.or(own.etag),
            ..own
        }
    }

    /// Those of a file of which no more is known than its time, and its length.
    pub(crate) fn of(
        modified: Option<SystemTime>,
        len: u64,
        with_etag: bool,
        now: SystemTime,
    ) -> Self {
        let tagged = modified.filter(|_| with_etag);
        Self {
            etag: tagged.map(|time| etag(time, len, None)),
            last_modified: modified.map(|time| whole_seconds(time.min(now))),
        }
    }

    /// Those of what is no file: only `*` is about it.
    pub(crate) fn none() -> Self {
        Self {
            etag: None,
            last_modified: None,
        }
    }

    /// Whether the preconditions of a request that changes something hold (RFC 9110, section 13.2.2). `exists`: there
    /// is something.
    pub(crate) fn may_change(&self, fields: &Fields<'_>, exists: bool) -> bool {
        let matches = match has(fields, "if-match") {
            true => exists && self.listed(fields, "if-match", strong),
            false => self.changed_since(fields, "if-unmodified-since") != Some(true),
        };
        matches && !(exists && self.listed(fields, "if-none-match", weak))
    }

    /// Evaluates the preconditions of a GET or HEAD request in the order of RFC 9110, section
    /// 13.2.2.
    pub(crate) fn evaluate(&self, fields: &Fields<'_>, since: IfModifiedSince) -> Verdict {
        if has(fields, "if-match") {
            if !self.listed(fields, "if-match", strong) {
                return Verdict::Failed;
            }
        } else if self.changed_since(fields, "if-unmodified-since") == Some(true) {
            return Verdict::Failed;
        }
        let unchanged = match has(fields, "if-none-match") {
            true => self.listed(fields, "if-none-match", weak),
            false => self.unmodified(fields, since),
        };
        match unchanged {
            true => Verdict::NotModified,
            false => Verdict::Proceed,
        }
    }

    /// Whether a Range field counts, as there is no If-Range or it names this very state
    /// (RFC 9110, section 13.1.5).
    ///
    /// A date does so only once its second is over: within it, the file could have had two states.
    pub(crate) fn allow_range(&self, fields: &Fields<'_>, now: SystemTime) -> bool {
        match fields.get("if-range") {
            None => true,
            Some(value) => match parse_date(value) {
                Some(date) => {
                    self.last_modified == Some(date) && date + Duration::from_secs(1) <= now
                }
                None => self.etag.is_some_and(|etag| strong(value, etag.as_bytes())),
            },
        }
    }

    /// Whether a list of entity tags has this one; `*` has every one.
    fn listed(&self, fields: &Fields<'_>, name: &str, same: fn(&[u8], &[u8]) -> bool) -> bool {
        fields.get_all(name).any(|value| {
            value == b"*"
                || self
                    .etag
                    .is_some_and(|etag| tags(value).any(|tag| same(tag, etag.as_bytes())))
        })
    }

    /// nginx's `if_modified_since`: whether the date has to be that of the file, or may be a later one.
    fn unmodified(&self, fields: &Fields<'_>, since: IfModifiedSince) -> bool {
        let date = || parse_date(only(fields, "if-modified-since")?);
        match (since, self.last_modified) {
            (IfModifiedSince::Off, _) | (_, None) => false,
            (IfModifiedSince::Exact, modified) => date() == modified,
            (IfModifiedSince::Before, Some(modified)) => {
                date().is_some_and(|date| modified <= date)
            }
        }
    }

    /// `None` where there is no such field, it is no date (then it is to be ignored), or there is
    /// nothing to compare.
    fn changed_since(&self, fields: &Fields<'_>, name: &str) -> Option<bool> {
        let date = parse_date(only(fields, name)?)?;
        Some(self.last_modified? > date)
    }
}

fn etag(modified: SystemTime, len: u64, coding: Option<Precompressed>) -> ArrayString<40> {
    let since = modified.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut tag = ArrayString::new();
    tag.push('"');
    push_hex(&mut tag, since.as_nanos() as u64);
    tag.push('-');
    push_hex(&mut tag, len);
    if let Some(coding) = coding {
        tag.push('-');
        coding.name().chars().for_each(|letter| tag.push(letter));
    }
    tag.push('"');
    tag
}

fn push_hex(out: &mut ArrayString<40>, n: u64) {
    let digits = (u64::BITS - (n | 1).leading_zeros()).div_ceil(4);
    for digit in (0..digits).rev() {
        out.push(char::from(
            b"0123456789abcdef"[(n >> (4 * digit)) as usize & 0xf],
        ));
    }
}

fn whole_seconds(time: SystemTime) -> SystemTime {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    UNIX_EPOCH + Duration::from_secs(since.as_secs())
}

/// The value of a field that may stand only once; `None` where it does not.
pub(super) fn only<'b>(fields: &Fields<'b>, name: &str) -> Option<&'b [u8]> {
    let mut values = fields.get_all(name);
    let value = values.next()?;
    values.next().is_none().then_some(value)
}

fn has(fields: &Fields<'_>, name: &str) -> bool {
    fields.get(name).is_some()
}

/// Any of the three forms of an HTTP date (RFC 9110, section 5.6.7).
pub(crate) fn parse_date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?).ok()
}

/// Both are strong and the same (RFC 9110, section 8.8.3.2).
fn strong(tag: &[u8], own: &[u8]) -> bool {
    tag == own
}

/// The same, whether weak or not.
fn weak(tag: &[u8], own: &[u8]) -> bool {
    tag.strip_prefix(b"W/").unwrap_or(tag) == own
}

/// The entity tags of a list, their quotes and `W/` included, as far as it is well-formed. Tags may
/// hold commas, so the list cannot be split at them.
fn tags(mut list: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        while let [b' ' | b'\t' | b',', rest @ ..] = list {
            list = rest;
        }
        let open = list.strip_prefix(b"W/").unwrap_or(list);
        let inside = open.strip_prefix(b"\"")?;
        let close = inside.iter().position(|&b| b == b'"')?;
        let (tag, rest) = list.split_at(list.len() - inside.len() + close + 1);
        list = rest;
        Some(tag)
    })
}

#[cfg(test)]
mod tests;
