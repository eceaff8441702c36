//! What a configuration means: all names resolved, all inheritance done, so that a request is
//! answered from here without a look at what surrounds a block.

mod access;
mod cgi;
mod rewrite;
mod server;
mod settings;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use access::*;
pub(crate) use cgi::*;
pub(crate) use rewrite::*;
pub(crate) use server::*;
pub(crate) use settings::*;

/// Where a directive stands.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
}

impl fmt::Display for Place {
    /// `file:line`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}:{}", self.column)
    }
}

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) main: Main,
    /// Each address once.
    pub(crate) listens: Vec<Listen>,
    pub(crate) servers: Vec<VirtualServer>,
    /// The variables of `set`, `map` and named captures: their names by slot.
    pub(crate) slots: Vec<String>,
    pub(crate) maps: Vec<Map>,
    pub(crate) zones: Vec<Zone>,
    /// A variable asks for numbers of connections.
    pub(crate) counts: bool,
}

/// The directives outside of `http`.
#[derive(Clone, Debug)]
pub(crate) struct Main {
    /// `None` is `auto`.
    pub(crate) worker_processes: Option<usize>,
    pub(crate) worker_connections: usize,
    pub(crate) worker_rlimit_nofile: Option<u64>,
    pub(crate) worker_shutdown_timeout: Option<Duration>,
    /// Name and group.
    pub(crate) user: Option<(String, Option<String>)>,
    pub(crate) pid: Option<PathBuf>,
    pub(crate) daemon: bool,
    pub(crate) master_process: bool,
    /// What scripts get in their environment; each name once.
    pub(crate) env: Vec<(String, OsString)>,
    pub(crate) error_logs: Arc<Vec<ErrorLog>>,
    pub(crate) cgi_children: CgiChildren,
}

/// Where and from which level on errors are logged.
#[derive(Clone, Debug)]
pub(crate) struct ErrorLog {
    /// `None` is standard error.
    pub(crate) path: Option<PathBuf>,
    pub(crate) level: Level,
}

/// The levels of `error_log`, the most talkative first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warn,
    Error,
    Crit,
    Alert,
    Emerg,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Crit => "crit",
            Self::Alert => "alert",
            Self::Emerg => "emerg",
        })
    }
}
