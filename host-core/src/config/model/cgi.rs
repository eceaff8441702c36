//! Which files are scripts, and how they run.

use std::path::PathBuf;
use std::time::Duration;

use super::Place;
use crate::config::template::Template;

/// `cgi`, `cgi_pass` and what goes with them.
#[derive(Clone, Debug)]
pub(crate) struct Cgi {
    /// `cgi on`: files that somebody may run are scripts.
    pub(crate) executables: Option<Place>,
    /// `cgi_pass`: all files are scripts.
    pub(crate) pass: Option<CgiPass>,
    /// Names and values, in the order of the file.
    pub(crate) env: Vec<(String, Template)>,
    /// How long a script may be silent.
    pub(crate) timeout: Duration,
    pub(crate) body_buffering: bool,
    pub(crate) stderr: CgiStderr,
    pub(crate) pass_authorization: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct CgiPass {
    /// The program that gets the script as its argument; `None` is the script itself.
    pub(crate) interpreter: Option<PathBuf>,
    pub(crate) place: Place,
}

/// Where the standard error of scripts goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CgiStderr {
    /// To the error log.
    Log,
    Off,
    File(PathBuf),
}

/// `cgi_max_children`: how many scripts run at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CgiChildren {
    pub(crate) most: usize,
    /// Requests that may wait for one of them to end.
    pub(crate) queue: usize,
    /// How long.
    pub(crate) wait: Duration,
}

impl Default for Cgi {
    fn default() -> Self {
        Self {
            executables: None,
            pass: None,
            env: Vec::new(),
            timeout: Duration::from_secs(60),
            body_buffering: true,
            stderr: CgiStderr::Log,
            pass_authorization: false,
        }
    }
}

impl Default for CgiChildren {
    fn default() -> Self {
        Self {
            most: 64,
            queue: 256,
            wait: Duration::from_secs(10),
        }
    }
}
