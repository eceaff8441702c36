//! The process of a script.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::LogWriter;
use super::children::Place;
use crate::cgi::escape;
use crate::date;
use crate::step::Exit;

/// What is kept of standard error for the error log, in bytes.
const FIRST_MAX: usize = 256;

/// What is logged of standard error, in bytes: no script may fill the disk with it.
const LOGGED_MAX: usize = 64 * 1024;

/// The longest line of standard error that is logged in one piece.
const LINE_MAX: usize = 2048;

/// A process in a group of its own.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) life: Arc<Mutex<Life>>,
    pub(super) errors: Option<Errors>,
    pub(super) exit: Option<Exit>,
    /// Held until here.
    pub(super) _place: Place,
}

/// How far a process is.
#[derive(Debug)]
pub(super) enum Life {
    /// A thread is to start it.
    Starting,
    /// It need not be started any more; if it is, it is sent this.
    Unwanted(Signal),
    /// It is there, until it is waited for.
    Running {
        child: Child,
        /// Readable when it has ended, where the system has that.
        _ended: Option<OwnedFd>,
    },
    /// There is none, and the reason, until that is asked for.
    Failed(Option<io::Error>),
}

/// Standard error.
#[derive(Debug)]
pub(super) struct Errors {
    /// `None` after its end.
    pub(super) pipe: Option<OwnedFd>,
    /// Where its lines go.
    log: Option<LogWriter>,
    /// What they begin with.
    name: String,
    line: Vec<u8>,
    first: Vec<u8>,
    logged: usize,
}

impl Process {
    /// Asks once whether it has ended.
    pub(super) fn poll_exit(&mut self) -> Option<Exit> {
        if self.exit.is_none() {
            self.exit = match &mut *lock(&self.life) {
                Life::Running { child, .. } => match child.try_wait() {
                    Ok(status) => status.map(exit),
                    // Somebody else has waited for it.
                    Err(_) => Some(Exit::Status(0)),
                },
                Life::Failed(_) => Some(Exit::Status(0)),
                Life::Starting | Life::Unwanted(_) => None,
            };
        }
        self.exit
    }

    /// Why it could not be started.
    pub(super) fn failure(&mut self) -> Option<io::Error> {
        match &mut *lock(&self.life) {
            Life::Failed(error) => error.take(),
            _ => None,
        }
    }

    /// Whether it has ended, and still has its number.
    pub(super) fn is_zombie(&self) -> bool {
        match &*lock(&self.life) {
            Life::Running { child, .. } => {
                let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
                let found = waitid(WaitId::Pid(Pid::from_child(child)), options);
                !matches!(found, Ok(None))
            }
            Life::Failed(_) => true,
            Life::Starting | Life::Unwanted(_) => false,
        }
    }

    /// Sends `signal` to it and all that it has started, if need be as soon as it is there. Does nothing
    /// once its number may be that of another.
    pub(super) fn kill(&self, signal: Signal) {
        match &mut *lock(&self.life) {
            Life::Running { child, .. } if self.exit.is_none() => send(child, signal),
            life @ (Life::Starting | Life::Unwanted(_)) => *life = Life::Unwanted(signal),
            _ => {}
        }
    }
}

/// Sends `signal` to a process that was not waited for, and its group.
pub(super) fn send(child: &Child, signal: Signal) {
    let _ = kill_process_group(Pid::from_child(child), signal);
}

pub(super) fn lock(life: &Mutex<Life>) -> MutexGuard<'_, Life> {
    // Nothing that holds the lock can leave it half changed.
    life.lock().unwrap_or_else(PoisonError::into_inner)
}

fn exit(status: ExitStatus) -> Exit {
    match status.signal() {
        Some(signal) => Exit::Signal(signal),
        None => Exit::Status(status.code().unwrap_or_default()),
    }
}

impl Errors {
    pub(super) fn new(pipe: OwnedFd, log: Option<LogWriter>, name: String) -> Self {
        Self {
            pipe: Some(pipe),
            log,
            name,
            line: Vec::new(),
            first: Vec::new(),
            logged: 0,
        }
    }

    /// Reads what there is; returns whether that was anything.
    pub(super) fn drain(&mut self) -> bool {
        let mut buffer = [0; 4096];
        let mut any = false;
        // A script that writes without end has its turn like all others.
        for _ in 0..16 {
            let Some(pipe) = &self.pipe else { break };
            match rustix::io::read(pipe, &mut buffer).map_err(io::Error::from) {
                Ok(n) if n > 0 => {
                    self.push(&buffer[..n]);
                    any = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                _ => {
                    self.end_line();
                    self.pipe = None;
                }
            }
        }
        any
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = FIRST_MAX.saturating_sub(self.first.len());
        self.first
            .extend_from_slice(&bytes[..room.min(bytes.len())]);
        for (n, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
            if n > 0 {
                self.end_line();
            }
            for part in line.chunks(LINE_MAX) {
                if self.line.len() + part.len() > LINE_MAX {
                    self.end_line();
                }
                self.line.extend_from_slice(part);
            }
        }
    }

    fn end_line(&mut self) {
        if self.line.is_empty() || self.logged > LOGGED_MAX {
            return self.line.clear();
        }
        self.logged += self.line.len();
        if let Some(log) = &self.log {
            let time = date::fmt_error(super::now().wall);
            let text = match self.logged > LOGGED_MAX {
                true => "... (more was dropped)".into(),
                false => escape(&self.line),
            };
            log.write(&format!(
                "{} [error] {}: stderr: \"{text}\"\n",
                &*time, self.name
            ));
        }
        self.line.clear();
    }

    /// What was written first.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }
}
