//! The file that says which process serves, and signals to that.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::startup::because;

/// The file as long as the process serves.
#[derive(Debug)]
pub(super) struct PidFile(PathBuf);

impl PidFile {
    pub(super) fn write(path: &Path) -> Result<Self, String> {
        let text = format!("{}\n", getpid().as_raw_nonzero());
        fs::write(path, text).map_err(because(format!("cannot write {}", path.display())))?;
        Ok(Self(path.to_owned()))
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // It may be in a folder where we have no rights any more.
        let _ = fs::remove_file(&self.0);
    }
}

/// Sends a signal to the process of a pid file.
pub(super) fn signal(path: &Path, signal: Signal) -> Result<(), String> {
    let read = fs::read_to_string(path);
    let text = read.map_err(because(format!("cannot read {}", path.display())))?;
    let pid = text.trim().parse().ok().and_then(Pid::from_raw);
    let pid = pid.ok_or(format!("there is no process number in {}", path.display()))?;
    kill_process(pid, signal)
        .map_err(io::Error::from)
        .map_err(because(format!("cannot signal process {}", text.trim())))
}
