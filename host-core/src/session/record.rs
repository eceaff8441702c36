//! The lines of the access log, in nginx's `combined` format.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::SystemTime;

use h1_core::{RequestHead, Status};

use crate::date;

/// The longest part of a request line that could not be parsed that is logged, in bytes.
const BROKEN_MAX: usize = 256;

/// Storage that is kept for the next request, in bytes for each text.
const KEPT: usize = 1024;

/// The request being answered, as the log shows it, and the lines that are finished.
#[derive(Debug)]
pub(super) struct Record {
    /// Whether there is a log.
    wanted: bool,
    address: IpAddr,
    request: String,
    referer: String,
    agent: String,
    /// The status and the bytes of content of the answer, once there is one.
    answer: Option<(Status, u64)>,
    lines: String,
}

impl Record {
    pub(super) fn new(address: IpAddr, wanted: bool) -> Self {
        Self {
            wanted,
            address,
            request: String::new(),
            referer: String::new(),
            agent: String::new(),
            answer: None,
            lines: String::new(),
        }
    }

    /// The next one has another client.
    pub(super) fn reset(&mut self, address: IpAddr, wanted: bool) {
        self.clear();
        self.clear_lines();
        self.answer = None;
        self.address = address;
        self.wanted = wanted;
    }

    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// A request has come.
    pub(super) fn begin(&mut self, request: &RequestHead<'_>) {
        if !self.wanted {
            return;
        }
        self.clear();
        self.request.push_str(request.method().as_str());
        self.request.push(' ');
        escape(&mut self.request, request.target().as_bytes());
        let _ = write!(self.request, " {}", request.version());
        let fields = request.fields();
        escape(&mut self.referer, fields.get("referer").unwrap_or(b"-"));
        escape(&mut self.agent, fields.get("user-agent").unwrap_or(b"-"));
    }

    /// Something that is no request has come.
    pub(super) fn begin_broken(&mut self, received: &[u8]) {
        if !self.wanted {
            return;
        }
        self.clear();
        let received = received.strip_prefix(b"\r\n").unwrap_or(received);
        let line = received.split(|b| matches!(b, b'\r' | b'\n')).next();
        let line = line.unwrap_or_default();
        escape(&mut self.request, &line[..line.len().min(BROKEN_MAX)]);
        self.referer.push('-');
        self.agent.push('-');
    }

    fn clear(&mut self) {
        for text in [&mut self.request, &mut self.referer, &mut self.agent] {
            text.clear();
            text.shrink_to(KEPT);
        }
    }

    /// The answer has been decided; it has `len` bytes of content.
    pub(super) fn answer(&mut self, status: Status, len: u64) {
        self.answer = self.wanted.then_some((status, len));
    }

    /// The answer is over: all but its last `unsent` bytes were handed to the socket. Does nothing
    /// without an answer.
    pub(super) fn finish(&mut self, unsent: u64, wall: SystemTime) {
        if let Some((status, len)) = self.answer.take() {
            let _ = writeln!(
                self.lines,
                "{} - - [{}] \"{}\" {status} {} \"{}\" \"{}\"",
                self.address,
                &*date::fmt_log(wall),
                self.request,
                len.saturating_sub(unsent),
                self.referer,
                self.agent,
            );
        }
    }

    /// The finished lines.
    pub(super) fn lines(&self) -> &str {
        &self.lines
    }

    /// The finished lines have been logged.
    pub(super) fn clear_lines(&mut self) {
        self.lines.clear();
        self.lines.shrink_to(8 * KEPT);
    }
}

/// Appends `bytes` as nginx does: quotes, backslashes, controls and all that is not ASCII as `\xHH`, so
/// that no peer can end a line or a quoted part.
fn escape(out: &mut String, bytes: &[u8]) {
    for &b in bytes {
        match b {
            b'"' | b'\\' | 0..=0x1f | 0x7f.. => {
                let _ = write!(out, "\\x{b:02X}");
            }
            _ => out.push(char::from(b)),
        }
    }
}

#[cfg(test)]
mod tests;
