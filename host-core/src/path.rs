//! The path of a request, safe to look up below a root.

use std::fmt;

use memchr::{memchr, memrchr};
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_encode};
use thiserror::Error;

/// What is percent-encoded in the segments of a path: all but RFC 3986's `pchar`, and of those
/// the apostrophe (it ends an attribute) and `+` (some clients read it as a space), too.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// As [`SEGMENT`], with the slashes between them.
const PATH: &AsciiSet = &SEGMENT.remove(b'/');

/// The path of a request, percent-decoded once and normalized: it starts with a slash, has no
/// empty, `.` or `..` segment and no NUL, and keeps a final slash.
///
/// The value is made to be reused: [`decode`](Self::decode) keeps the storage.
///
/// ```
/// let mut path = host_core::CleanPath::new();
/// path.decode("/a//b/%2e%2e/caf%C3%A9/")?;
/// assert_eq!(path.as_bytes(), "/a/café/".as_bytes());
/// # Ok::<(), host_core::PathError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct CleanPath {
    bytes: Vec<u8>,
}

/// Why a request path names no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PathError {
    /// A `%` without two hexadecimal digits (RFC 3986 §2.1).
    #[error("a percent sign without two hexadecimal digits")]
    BadEscape,
    /// A NUL byte, which no file name can hold.
    #[error("a NUL byte")]
    Nul,
    /// A `..` that climbs above the root.
    #[error("a path above the root")]
    AboveRoot,
    /// `%2F`: a slash within a segment, which no file name can hold.
    #[error("an encoded slash")]
    EncodedSlash,
}

impl CleanPath {
    /// The path `/`.
    pub fn new() -> Self {
        Self { bytes: vec![b'/'] }
    }

    /// Replaces the path by `raw`, the path part of a request target without its query. Escapes
    /// are decoded once, slashes in a row merged as nginx's `merge_slashes` does, and then dot
    /// segments resolved (RFC 3986 §5.2.4). A missing first slash is added.
    ///
    /// # Errors
    ///
    /// What [`PathError`] names; the path is `/` then.
    pub fn decode(&mut self, raw: &str) -> Result<(), PathError> {
        let decoded = self.decode_segments(raw.as_bytes());
        if decoded.is_err() {
            self.clear();
        }
        decoded
    }

    /// As [`decode`](Self::decode), into `uri` as well; without `merge` slashes in a row stay there.
    pub(crate) fn decode_to(
        &mut self,
        raw: &[u8],
        merge: bool,
        uri: &mut Vec<u8>,
    ) -> Result<(), PathError> {
        self.bytes.clear();
        if is_clean(raw) {
            self.bytes.extend_from_slice(raw);
            uri.clear();
            uri.extend_from_slice(raw);
            return Ok(());
        }
        self.bytes.push(b'/');
        let decoded = self.push_segments(raw, Self::push_decoded, merge);
        if decoded.is_err() {
            self.bytes.truncate(1);
        }
        uri.clear();
        uri.extend_from_slice(&self.bytes);
        decoded
    }

    /// Replaces the path by these parts, which are decoded already, one behind the other.
    pub(crate) fn set(&mut self, parts: &[&[u8]]) -> Result<(), PathError> {
        self.bytes.clear();
        if let [whole] = parts
            && is_clean(whole)
        {
            self.bytes.extend_from_slice(whole);
            return Ok(());
        }
        self.bytes.push(b'/');
        let set = match parts {
            [whole] => self.push_segments(whole, Self::push_plain, true),
            // A part may end within a segment.
            parts => self.push_segments(&parts.concat(), Self::push_plain, true),
        };
        if set.is_err() {
            self.bytes.truncate(1);
        }
        set
    }

    /// Lengthens the last name.
    pub(crate) fn push_suffix(&mut self, suffix: &str) {
        self.bytes.extend_from_slice(suffix.as_bytes());
    }

    /// Undoes [`push_suffix`](Self::push_suffix).
    pub(crate) fn pop_suffix(&mut self, suffix: &str) {
        let kept = self.bytes.len().saturating_sub(suffix.len());
        self.bytes.truncate(kept.max(1));
    }

    /// Becomes `/` again.
    pub(crate) fn clear(&mut self) {
        self.bytes.truncate(1);
    }

    fn decode_segments(&mut self, raw: &[u8]) -> Result<(), PathError> {
        self.bytes.clear();
        self.bytes.push(b'/');
        self.push_segments(raw, Self::push_decoded, true)
    }

    fn push_segments(&mut self, raw: &[u8], push: Push, merge: bool) -> Result<(), PathError> {
        if memchr(0, raw).is_some() {
            return Err(PathError::Nul);
        }
        let mut rest = raw.strip_prefix(b"/").unwrap_or(raw);
        while let Some(slash) = memchr(b'/', rest) {
            if self.push_segment(&rest[..slash], push, merge)? {
                self.bytes.push(b'/');
            }
            rest = &rest[slash + 1..];
        }
        self.push_segment(rest, push, merge)?;
        Ok(())
    }

    /// Pushes one segment onto a path that ends in a slash, and resolves it. Returns whether a
    /// name was added: if not, the path ends in a slash still.
    fn push_segment(&mut self, raw: &[u8], push: Push, merge: bool) -> Result<bool, PathError> {
        let start = self.bytes.len();
        push(self, raw)?;
        match &self.bytes[start..] {
            b"" if !merge => return Ok(true),
            b"" | b"." => self.bytes.truncate(start),
            b".." => {
                let parent = memrchr(b'/', &self.bytes[..start - 1]);
                self.bytes.truncate(parent.ok_or(PathError::AboveRoot)? + 1);
            }
            _ => return Ok(true),
        }
        Ok(false)
    }

    fn push_plain(&mut self, plain: &[u8]) -> Result<(), PathError> {
        self.bytes.extend_from_slice(plain);
        Ok(())
    }

    fn push_decoded(&mut self, mut raw: &[u8]) -> Result<(), PathError> {
        while let Some(at) = memchr(b'%', raw) {
            self.bytes.extend_from_slice(&raw[..at]);
            let Some((&[_, high, low], rest)) = raw[at..].split_first_chunk() else {
                return Err(PathError::BadEscape);
            };
            match hex(high).zip(hex(low)).map(|(h, l)| h << 4 | l) {
                None => return Err(PathError::BadEscape),
                Some(0) => return Err(PathError::Nul),
                Some(b'/') => return Err(PathError::EncodedSlash),
                Some(byte) => self.bytes.push(byte),
            }
            raw = rest;
        }
        self.bytes.extend_from_slice(raw);
        Ok(())
    }

    /// The decoded path; it starts with a slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The path relative to the root, as `openat` wants it: without the first slash, and `.` for
    /// the root.
    pub fn below_root(&self) -> &[u8] {
        match &self.bytes[1..] {
            b"" => b".",
            below => below,
        }
    }

    /// Whether the path ends in a slash, and so names a folder.
    pub fn is_folder(&self) -> bool {
        self.bytes.ends_with(b"/")
    }

    /// Whether a segment starts with a dot. `.well-known` (RFC 8615) as the first one does not
    /// count; what lies below it does.
    ///
    /// ```
    /// let mut path = host_core::CleanPath::new();
    /// path.decode("/.git/config")?;
    /// assert!(path.is_hidden());
    /// path.decode("/.well-known/acme-challenge/token")?;
    /// assert!(!path.is_hidden());
    /// # Ok::<(), host_core::PathError>(())
    /// ```
    pub fn is_hidden(&self) -> bool {
        let mut segments = self.bytes[1..].split(|&byte| byte == b'/');
        let first = segments.next().unwrap_or_default();
        (first.starts_with(b".") && first != b".well-known")
            || segments.any(|segment| segment.starts_with(b"."))
    }

    /// What follows the last slash: the name of a file, empty for a folder.
    pub fn file_name(&self) -> &[u8] {
        let last = self.bytes.rsplit(|&byte| byte == b'/').next();
        last.unwrap_or_default()
    }

    /// Appends the path, percent-encoded for a `Location` field or an `href`. It starts with one
    /// slash that neither a slash nor a backslash follows, so it never names another host.
    ///
    /// ```
    /// let mut path = host_core::CleanPath::new();
    /// path.decode("//evil.example/%5Ca?b")?;
    /// let mut location = String::new();
    /// path.push_encoded(&mut location);
    /// assert_eq!(location, "/evil.example/%5Ca%3Fb");
    /// # Ok::<(), host_core::PathError>(())
    /// ```
    pub fn push_encoded(&self, out: &mut String) {
        out.extend(percent_encode(&self.bytes, PATH));
    }
}

impl Default for CleanPath {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CleanPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CleanPath(\"{}\")", self.bytes.escape_ascii())
    }
}

/// Writes a part of a path.
type Push = fn(&mut CleanPath, &[u8]) -> Result<(), PathError>;

/// Appends `path`, percent-encoded for a Location field.
pub(crate) fn push_encoded(path: &[u8], out: &mut Vec<u8>) {
    out.extend(percent_encode(path, PATH).flat_map(str::as_bytes));
}

/// What nginx encodes in the arguments of a URL: what would end or change them.
const ARGUMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'#')
    .add(b'%')
    .add(b'&')
    .add(b'+')
    .add(b'?');

/// Appends what a regular expression has captured, percent-encoded for arguments.
pub(crate) fn encode_target(text: &[u8], out: &mut Vec<u8>) {
    out.extend(percent_encode(text, ARGUMENT).flat_map(str::as_bytes));
}

/// What no URL has: whatever it was made of, it ends no field.
const URL: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\');

/// A URL as a field may have it.
pub(crate) fn url_field(url: &[u8]) -> String {
    percent_encode(url, URL).to_string()
}

/// The relative reference to a file of this name in the same folder, for an `href`.
pub(crate) struct Href<'n>(pub(crate) &'n [u8]);

impl fmt::Display for Href<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A colon in the first segment would make a scheme of what precedes it (RFC 3986 §4.2).
        if memchr(b':', self.0).is_some() {
            f.write_str("./")?;
        }
        percent_encode(self.0, SEGMENT).fmt(f)
    }
}

/// Whether nothing in `raw` has to be decoded or resolved; `false` where that takes a closer look.
fn is_clean(raw: &[u8]) -> bool {
    let mut before = b'/';
    let mut clean = raw.first() == Some(&b'/');
    for &b in raw.get(1..).unwrap_or_default() {
        let special = matches!(b, 0 | b'%') || (before == b'/' && matches!(b, b'/' | b'.'));
        clean &= !special;
        before = b;
    }
    clean
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
