//! The lines of the access logs.

use std::fmt::Write;

use super::{LOG_BATCH, Session};
use crate::config::model::{Escape, LogFormat};
use crate::config::template::{Known, Part, Template, Variable};
use crate::json::escape_json;
use crate::route::Route;
use crate::route::variables::{Sent, View, push_late};
use crate::step::Log;
use crate::{Now, Server, Step};

/// Storage that is kept for the next request, in bytes for each line.
const KEPT: usize = 1024;

/// The request being answered, as the logs show it, and the lines that are finished.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// One for each log of the location; what is known only at the end is missing.
    open: Vec<Line>,
    /// How many of them are in use.
    used: usize,
    sent: Option<Sent>,
    /// Bytes of the answer's head.
    head: u64,
    /// By log.
    finished: Vec<(usize, String)>,
    value: Vec<u8>,
}

#[derive(Debug, Default)]
struct Line {
    log: usize,
    text: String,
    /// Where something is missing, and what.
    missing: Vec<(usize, Known)>,
    escape: Escape,
}

impl Record {
    /// The next one has another client.
    pub(super) fn reset(&mut self) {
        self.used = 0;
        self.sent = None;
        self.clear_lines();
        self.finished.clear();
    }

    /// The answer has been decided; its head has `head` bytes.
    pub(super) fn answer(
        &mut self,
        server: &Server,
        view: &View<'_>,
        route: &mut Route,
        head: u64,
    ) {
        self.used = 0;
        self.head = head;
        self.sent = Some(view.sent);
        for log in &view.rules(route).logs {
            let condition = log.what.condition.as_ref();
            if server.log(log.log).is_none() || condition.is_some_and(|it| !view.is_true(route, it))
            {
                continue;
            }
            if self.used == self.open.len() {
                self.open.push(Line::default());
            }
            let Some(line) = self.open.get_mut(self.used) else {
                return;
            };
            self.used += 1;
            line.log = log.log;
            line.begin(view, route, &log.what.format, &mut self.value);
        }
    }

    /// The content has so many bytes more than was known.
    pub(super) fn grow(&mut self, bytes: u64) {
        if let Some(sent) = &mut self.sent {
            sent.content += bytes;
        }
    }

    /// What the present answer comes to, as far as it is known.
    pub(super) fn sent(&self) -> Option<Sent> {
        let all = |sent: &Sent| self.head + sent.content;
        self.sent.as_ref().map(|sent| Sent {
            all: all(sent),
            ..*sent
        })
    }

    /// What of the content has been compressed has become: bytes before and after.
    pub(super) fn packed(&mut self, bytes: (u64, u64)) {
        if let Some(sent) = &mut self.sent {
            sent.packed = bytes;
        }
    }

    /// The answer is over: all but its last `unsent` bytes were handed to the socket. Does nothing
    /// without an answer.
    pub(super) fn finish(&mut self, unsent: u64, complete: bool, now: Now) {
        let Some(mut sent) = self.sent.take() else {
            return;
        };
        sent.all = (self.head + sent.content).saturating_sub(unsent);
        sent.content = sent.content.saturating_sub(unsent);
        sent.complete = complete;
        for line in &self.open[..self.used] {
            let known = self.finished.iter().position(|(log, _)| *log == line.log);
            let at = known.unwrap_or_else(|| {
                self.finished.push((line.log, String::new()));
                self.finished.len() - 1
            });
            if let Some((_, lines)) = self.finished.get_mut(at) {
                line.end(&sent, now, &mut self.value, lines);
            }
        }
        self.used = 0;
    }

    /// Bytes of all finished lines.
    pub(super) fn len(&self) -> usize {
        self.finished.iter().map(|(_, lines)| lines.len()).sum()
    }

    /// The finished lines of one log.
    pub(super) fn lines(&self) -> (usize, &str) {
        let mut lines = self.finished.iter().filter(|(_, lines)| !lines.is_empty());
        lines.next().map_or((0, ""), |(log, lines)| (*log, lines))
    }

    /// The lines that [`lines`](Self::lines) has given have been logged.
    pub(super) fn clear_lines(&mut self) {
        let mut lines = self.finished.iter_mut().filter(|(_, it)| !it.is_empty());
        if let Some((_, lines)) = lines.next() {
            lines.clear();
            lines.shrink_to(8 * KEPT);
        }
    }
}

impl Session {
    /// Lines are handed out when there is nothing better to do, or many.
    pub(super) fn wants_log(&self) -> bool {
        let lines = self.inner.record.len();
        if self.inner.errors.iter().any(|(_, lines)| !lines.is_empty()) {
            return true;
        }
        lines > 0 && (self.inner.tx.is_empty() || lines >= LOG_BATCH || self.is_over())
    }

    pub(super) fn log(&mut self) -> Step<'_> {
        let mut errors = self.inner.errors.iter();
        if let Some((log, lines)) = errors.find(|(_, lines)| !lines.is_empty())
            && let Some(writer) = self.server.error_log(*log)
        {
            self.inner.told = true;
            return Step::Log(Log { writer, lines });
        }
        self.inner.logged = true;
        let (log, lines) = self.inner.record.lines();
        match self.server.log(log) {
            Some(writer) => Step::Log(Log { writer, lines }),
            None => Step::Close,
        }
    }

    /// The answer is over, as far as it was written.
    pub(super) fn finish_record(&mut self, complete: bool, now: Now) {
        let unsent = self.inner.tx.queued().saturating_add(self.unqueued());
        self.inner.record.finish(unsent, complete, now);
    }
}

impl Line {
    fn begin(
        &mut self,
        view: &View<'_>,
        route: &mut Route,
        format: &LogFormat,
        value: &mut Vec<u8>,
    ) {
        self.text.clear();
        self.text.shrink_to(KEPT);
        self.missing.clear();
        self.escape = format.escape;
        let Template { parts } = &format.line;
        for part in parts {
            match part {
                Part::Text(text) => self.text.push_str(&String::from_utf8_lossy(text)),
                Part::Variable(Variable::Known(known)) if is_late(*known) => {
                    self.missing.push((self.text.len(), *known));
                }
                Part::Folder(_) => {}
                Part::Variable(variable) => {
                    value.clear();
                    let known = view.push(route, variable, value);
                    escape(&mut self.text, value, known, format.escape);
                }
            }
        }
    }

    fn end(&self, sent: &Sent, now: Now, value: &mut Vec<u8>, lines: &mut String) {
        let mut from = 0;
        for (at, known) in &self.missing {
            lines.push_str(&self.text[from..*at]);
            value.clear();
            let known = push_late(*known, sent, now, value);
            escape(lines, value, known, self.escape);
            from = *at;
        }
        lines.push_str(&self.text[from..]);
        lines.push('\n');
    }
}

/// What is known only when the answer is over.
fn is_late(known: Known) -> bool {
    matches!(
        known,
        Known::BodyBytesSent
            | Known::BytesSent
            | Known::GzipRatio
            | Known::RequestCompletion
            | Known::RequestTime
            | Known::Msec
            | Known::TimeLocal
            | Known::TimeIso8601
    )
}

/// Appends a value as nginx does, so that no peer can end a line or a quoted part.
fn escape(out: &mut String, value: &[u8], known: bool, how: Escape) {
    match how {
        Escape::Default if !known => out.push('-'),
        Escape::Default => escape_default(out, value),
        Escape::Json => escape_json(out, &String::from_utf8_lossy(value)),
        Escape::None => {
            let text = String::from_utf8_lossy(value);
            for (n, line) in text.split('\n').enumerate() {
                out.push_str(if n > 0 { "\\x0A" } else { "" });
                out.push_str(line);
            }
        }
    }
}

/// Quotes, backslashes, controls and all that is not ASCII as `\xHH`.
fn escape_default(out: &mut String, bytes: &[u8]) {
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
