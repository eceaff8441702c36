//! Scripts (RFC 3875): what they are told, and what they answer.

pub(crate) mod env;
pub(crate) mod output;

use std::path::PathBuf;
use std::time::Duration;

use crate::config::model::CgiStderr;
use env::Environment;

/// A script, ready to run.
#[derive(Debug)]
pub(crate) struct Script {
    /// From the root of the file system.
    pub(crate) path: PathBuf,
    /// `None` where it runs by itself.
    pub(crate) interpreter: Option<PathBuf>,
    pub(crate) env: Environment,
    /// How long it may be silent.
    pub(crate) timeout: Duration,
    /// It starts when the content of its request has come.
    pub(crate) body_buffering: bool,
    pub(crate) stderr: CgiStderr,
}

/// Text of a script as a line of a log may have it.
pub(crate) fn escape(text: &[u8]) -> String {
    let mut out = String::new();
    for char in String::from_utf8_lossy(text).chars() {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if char.is_control() => out.extend(char.escape_default()),
            char => out.push(char),
        }
    }
    out
}
