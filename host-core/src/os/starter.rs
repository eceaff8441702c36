//! Threads that start processes. Until a program has replaced the copy of its parent, the thread that
//! starts it stands still, and nobody else is to wait for that.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Command};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use nix::sys::signal::SigSet;

use super::process::{Life, lock, send};

/// How many threads there are at most.
const MOST: usize = 4;

static STARTER: Starter = Starter::new(Duration::from_secs(10));

struct Starter {
    state: Mutex<State>,
    /// There is a job.
    come: Condvar,
    /// How long a thread waits for more to do.
    patience: Duration,
}

struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    /// How many of them have nothing to do.
    idle: usize,
}

/// A process that is to be started.
pub(super) struct Job {
    /// With its ends of the pipes: those who read at the others see the end of what it says, and of a
    /// start that fails, after `life` tells how it was.
    pub(super) command: Command,
    pub(super) life: Arc<Mutex<Life>>,
    /// Is to tell of its end.
    pub(super) watch: Weak<OwnedFd>,
}

/// Starts a process soon.
pub(super) fn start(job: Job) {
    STARTER.start(job);
}

impl Starter {
    const fn new(patience: Duration) -> Self {
        let state = State {
            jobs: VecDeque::new(),
            threads: 0,
            idle: 0,
        };
        Self {
            state: Mutex::new(state),
            come: Condvar::new(),
            patience,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&'static self, job: Job) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.jobs.len() > state.idle && state.threads < MOST {
            let thread = thread::Builder::new().name("starter".into());
            let thread = thread.stack_size(64 * 1024).spawn(|| self.run());
            state.threads += usize::from(thread.is_ok());
        }
        if state.threads == 0 {
            // Late is better than never.
            let jobs = mem::take(&mut state.jobs);
            drop(state);
            return jobs.into_iter().for_each(Job::run);
        }
        drop(state);
        self.come.notify_one();
    }

    /// The life of a thread.
    fn run(&self) {
        // What is blocked here would be blocked in the processes.
        let _ = SigSet::empty().thread_set_mask();
        let mut state = self.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                drop(state);
                // A panic has been reported on standard error by the time it is caught.
                let _ = catch_unwind(AssertUnwindSafe(|| job.run()));
                state = self.lock();
            }
            state.idle += 1;
            let nothing = |state: &mut State| state.jobs.is_empty();
            let waited = self.come.wait_timeout_while(state, self.patience, nothing);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
            if state.jobs.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

impl Job {
    fn run(mut self) {
        if matches!(*lock(&self.life), Life::Starting) {
            let child = self.command.spawn().map_err(scarce);
            self.born(child);
        }
    }

    fn born(&self, child: io::Result<Child>) {
        let mut life = lock(&self.life);
        *life = match child {
            Ok(child) => {
                let _ended = watch_end(&child, &self.watch);
                if let Life::Unwanted(signal) = *life {
                    send(&child, signal);
                }
                Life::Running { child, _ended }
            }
            Err(error) => Life::Failed(Some(error)),
        };
    }
}

impl Drop for Job {
    /// Nobody is to wait for a process that was not started.
    fn drop(&mut self) {
        let mut life = lock(&self.life);
        if matches!(*life, Life::Starting | Life::Unwanted(_)) {
            *life = Life::Failed(None);
        }
    }
}

/// A descriptor that can be read when the process has ended.
#[cfg(target_os = "linux")]
fn watch_end(child: &Child, watch: &Weak<OwnedFd>) -> Option<OwnedFd> {
    use rustix::process::{Pid, PidfdFlags, pidfd_open};

    // It has not been waited for, so the number is still its own.
    let ended = pidfd_open(Pid::from_child(child), PidfdFlags::empty()).ok()?;
    if let Some(watch) = watch.upgrade() {
        super::backend::watch_exit(&watch, &ended).ok()?;
    }
    Some(ended)
}

#[cfg(not(target_os = "linux"))]
fn watch_end(_: &Child, _: &Weak<OwnedFd>) -> Option<OwnedFd> {
    None
}

/// Names what is only for now.
pub(super) fn scarce(error: io::Error) -> io::Error {
    use rustix::io::Errno;

    match Errno::from_io_error(&error) {
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::AGAIN) => {
            io::Error::new(ErrorKind::ResourceBusy, error)
        }
        _ => error,
    }
}

#[cfg(test)]
mod tests;
