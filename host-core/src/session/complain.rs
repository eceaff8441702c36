//! Lines for the error log.

use std::fmt::Write;
use std::path::Path;

use super::Session;
use super::task::request;
use crate::Now;
use crate::cgi::escape;

impl Session {
    /// Something is wrong with the file at `path`.
    pub(super) fn log_error(&mut self, path: &Path, reason: &str, now: Now) {
        if self.server.error_log.is_none() {
            return;
        }
        let inner = &mut *self.inner;
        let line =
            request!(inner).map(|it| format!("{} {} {}", it.method(), it.target(), it.version()));
        let client = inner.client.peer.map(|peer| peer.ip().to_string());
        let _ = writeln!(
            inner.errors,
            "{} [error] {}: {reason}, client: {}, request: \"{}\"",
            &*crate::date::fmt_log(now.wall),
            escape(path.as_os_str().as_encoded_bytes()),
            client.unwrap_or_else(|| "unix:".into()),
            escape(line.unwrap_or_default().as_bytes()),
        );
    }
}
