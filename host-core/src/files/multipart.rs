//! Several ranges in one answer: `multipart/byteranges` (RFC 9110, section 14.6).

use std::fmt::Write;
use std::ops::Range;

use crate::route::new_id;

/// The parts of a file that are still to be sent, each behind a head of its own.
#[derive(Debug)]
pub(crate) struct Parts {
    ranges: Vec<Range<u64>>,
    /// The next one.
    next: usize,
    /// Bytes of the whole file.
    whole: u64,
    /// The Content-Type of a part.
    content_type: String,
    /// What no client can have put into the file: it learns it with the answer.
    boundary: String,
}

impl Parts {
    pub(crate) fn new(ranges: Vec<Range<u64>>, whole: u64, content_type: &str) -> Self {
        let [high, low] = new_id();
        Self {
            ranges,
            next: 0,
            whole,
            content_type: content_type.to_owned(),
            boundary: format!("{high:016x}{low:016x}"),
        }
    }

    /// The Content-Type of the answer.
    pub(crate) fn content_type(&self) -> String {
        format!("multipart/byteranges; boundary={}", self.boundary)
    }

    /// Bytes of the parts that are left, their heads and the end.
    pub(crate) fn len(&self) -> u64 {
        let parts = self.ranges.iter().enumerate().skip(self.next);
        let parts = parts.map(|(n, range)| self.head(n, range).len() as u64 + length(range));
        parts.sum::<u64>() + self.end().len() as u64
    }

    /// The next part: its head and its place in the file.
    pub(crate) fn next(&mut self) -> Option<(String, Range<u64>)> {
        let range = self.ranges.get(self.next)?.clone();
        let head = self.head(self.next, &range);
        self.next += 1;
        Some((head, range))
    }

    fn head(&self, n: usize, range: &Range<u64>) -> String {
        let mut head = String::from(if n > 0 { "\r\n--" } else { "--" });
        head.push_str(&self.boundary);
        if !self.content_type.is_empty() {
            let _ = write!(head, "\r\nContent-Type: {}", self.content_type);
        }
        let (first, last) = (range.start, range.end - 1);
        let _ = write!(
            head,
            "\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
            self.whole
        );
        head
    }

    /// What follows the last part.
    pub(crate) fn end(&self) -> String {
        format!("\r\n--{}--\r\n", self.boundary)
    }
}

fn length(range: &Range<u64>) -> u64 {
    range.end - range.start
}
