//! Lines for the error logs.

use std::fmt::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::{Session, view};
use crate::Now;
use crate::cgi::escape;
use crate::config::model::Level;
use crate::route::complain::Complaint;

impl Session {
    /// Something is wrong with the file at `path`.
    pub(super) fn log_error(&mut self, path: &Path, reason: &str, now: Now) {
        let path = escape(path.as_os_str().as_bytes());
        self.complain(Level::Error, || format!("{path}: {reason}"), now);
    }

    /// Tells the logs of the present rules.
    pub(super) fn complain(&mut self, level: Level, text: impl FnOnce() -> String, now: Now) {
        let rules = self.inner.route.rules;
        if self.server.hosting.rules(rules).tells(level) {
            let text = text();
            self.tell_complaint(&Complaint { rules, level, text }, now);
        }
    }

    /// Tells what has come up on the way of the request.
    pub(super) fn tell_complaints(&mut self, now: Now) {
        for complaint in std::mem::take(&mut self.inner.route.complaints) {
            self.tell_complaint(&complaint, now);
        }
    }

    fn tell_complaint(&mut self, complaint: &Complaint, now: Now) {
        let Self { server, inner } = self;
        let rules = server.hosting.rules(complaint.rules);
        let wants = |&&(log, from): &&(usize, Level)| {
            complaint.level >= from && server.error_log(log).is_some()
        };
        let mut logs = rules.error_logs.iter().filter(wants).peekable();
        if logs.peek().is_none() {
            return;
        }
        let view = view!(server, inner, now);
        let line = view.error_line(&inner.route, complaint);
        for &(log, _) in logs {
            match inner.errors.iter_mut().find(|(known, _)| *known == log) {
                Some((_, lines)) => lines.push_str(&line),
                None => inner.errors.push((log, line.clone())),
            }
        }
    }
}

impl crate::route::variables::View<'_> {
    /// As nginx writes it.
    fn error_line(&self, route: &crate::route::Route, complaint: &Complaint) -> String {
        let pid = self.hosting.process.id;
        let client = self.ip(route).map_or("unix:".into(), |ip| ip.to_string());
        let name = self.hosting.server(route.server).map_or("", |it| &it.name);
        let mut line = format!(
            "{} [{}] {pid}#{pid}: *{} {}, client: {client}, server: {name}",
            &*crate::date::fmt_error(self.now.wall),
            complaint.level,
            self.client.number,
            complaint.text,
        );
        let request = match &self.request {
            Some(it) => format!("{} {} {}", it.method(), it.target(), it.version()),
            None => String::from_utf8_lossy(&route.broken).into_owned(),
        };
        // Writing to memory does not fail.
        if !request.is_empty() {
            let _ = write!(line, ", request: \"{}\"", escape(request.as_bytes()));
        }
        let host = self.request.as_ref().and_then(|it| it.fields().get("host"));
        if let Some(host) = host {
            let _ = write!(line, ", host: \"{}\"", escape(host));
        }
        line.push('\n');
        line
    }
}
