//! What the error log is told of requests, in nginx's words: programs look for them.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;

use super::flow::Flow;
use super::variables::View;
use super::{Route, Rules};
use crate::cgi::escape;
use crate::config::model::Level;
use h1_core::Status;

/// What went wrong with a request.
#[derive(Debug)]
pub(crate) struct Complaint {
    /// The rules that held then, whose logs are told.
    pub(crate) rules: usize,
    pub(crate) level: Level,
    pub(crate) text: String,
}

impl Rules {
    /// Whether some log is told what happens at this level.
    pub(crate) fn tells(&self, level: Level) -> bool {
        self.error_logs.iter().any(|(_, from)| level >= *from)
    }
}

impl View<'_> {
    /// Notes a line for the error log, if that wants it.
    pub(super) fn complain(&self, route: &mut Route, level: Level, text: impl FnOnce() -> String) {
        if self.rules(route).tells(level) {
            route.complaints.push(Complaint {
                rules: route.rules,
                level,
                text: text(),
            });
        }
    }

    /// The file that `route.path` names cannot be opened.
    pub(super) fn complain_of_file(&self, route: &mut Route, error: &io::Error) {
        let missing = matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        let rules = self.rules(route);
        if !rules.tells(Level::Error) || (missing && !rules.settings.log_not_found) {
            return;
        }
        let path = self.file_path(route);
        let path = escape(path.as_os_str().as_bytes());
        let folder = route.uri.ends_with(b"/");
        let index = self.rules(route).index.last().map_or("", String::as_str);
        self.complain(route, Level::Error, || match error.kind() {
            ErrorKind::NotFound if folder => {
                format!("\"{path}{index}\" is not found (2: No such file or directory)")
            }
            ErrorKind::NotFound => {
                format!("open() \"{path}\" failed (2: No such file or directory)")
            }
            ErrorKind::PermissionDenied => {
                format!("open() \"{path}\" failed (13: Permission denied)")
            }
            _ => format!("open() \"{path}\" failed ({error})"),
        });
    }

    /// The URI has changed too often.
    pub(super) fn in_circles(&self, route: &mut Route) -> Flow {
        let uri = escape(&route.uri);
        self.complain(route, Level::Error, || {
            format!("rewrite or internal redirection cycle while processing \"{uri}\"")
        });
        self.fail(route, Status::INTERNAL_SERVER_ERROR)
    }
}
