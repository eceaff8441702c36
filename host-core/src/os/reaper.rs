//! Processes that nobody waits for any more: they are ended, and leave nothing behind.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::process::{Errors, Process};

/// How long a process has between the request to end (SIGTERM) and its end (SIGKILL).
const GRACE: Duration = Duration::from_secs(2);

/// How often the processes are looked at: soon at first, and less often while nothing happens.
const SOON: Duration = Duration::from_millis(10);
/// While one has more to say: it must get rid of that to end.
const FLOWING: Duration = Duration::from_millis(1);
const SELDOM: Duration = Duration::from_millis(500);

/// How long the end of the server waits for processes that it has ended.
const FAREWELL: Duration = Duration::from_secs(1);

static REAPER: Reaper = Reaper {
    state: Mutex::new(State {
        left: Vec::new(),
        running: false,
        hurry: false,
    }),
    changed: Condvar::new(),
};

struct Reaper {
    state: Mutex<State>,
    /// Somebody has come, or the last one has gone.
    changed: Condvar,
}

struct State {
    left: Vec<Left>,
    /// There is a thread.
    running: bool,
    /// The server ends.
    hurry: bool,
}

struct Left {
    process: Process,
    /// Is thrown away; it may be read by nobody else.
    output: Option<OwnedFd>,
    /// It had something to say.
    flows: bool,
    /// When it is told to end, or made to.
    until: Instant,
    told: bool,
}

/// Takes over a process: it may go on until `until`, or is told to end at once.
pub(super) fn adopt(process: Process, output: Option<OwnedFd>, until: Option<Instant>) {
    let now = Instant::now();
    let told = until.is_none();
    if told {
        process.kill(Signal::TERM);
    }
    let mut left = Left {
        process,
        output,
        flows: false,
        until: until.unwrap_or(now + GRACE),
        told,
    };
    // Most have ended by now.
    if !told && left.process.poll_exit().is_some() {
        left.drain();
        return;
    }
    let mut state = REAPER.lock();
    state.left.push(left);
    if !state.running {
        let reaper = thread::Builder::new().name("reaper".into());
        state.running = reaper.stack_size(64 * 1024).spawn(|| REAPER.run()).is_ok();
    }
    drop(state);
    REAPER.changed.notify_all();
}

/// Ends all processes that were taken over, and waits for that, but no longer than a second.
pub(super) fn end() {
    let mut state = REAPER.lock();
    state.hurry = true;
    REAPER.changed.notify_all();
    let any = |state: &mut State| state.running && !state.left.is_empty();
    let waited = REAPER.changed.wait_timeout_while(state, FAREWELL, any);
    let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
    // The thread may have had no time for them.
    for left in &state.left {
        left.process.kill(Signal::KILL);
    }
    state.hurry = false;
}

impl Reaper {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of the thread.
    fn run(&self) {
        let mut pause = SOON;
        let mut state = self.lock();
        loop {
            let before = state.left.len();
            let hurry = state.hurry;
            let now = Instant::now();
            state.left.retain_mut(|left| !left.look(now, hurry));
            let after = state.left.len();
            if after == 0 {
                self.changed.notify_all();
                let nobody = |state: &mut State| state.left.is_empty();
                let waited = self.changed.wait_while(state, nobody);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                pause = SOON;
                continue;
            }
            let flows = state.left.iter().any(|left| left.flows);
            pause = match after == before && !hurry {
                _ if flows => FLOWING,
                true => (pause * 2).clamp(SOON, SELDOM),
                false => SOON,
            };
            let same = |state: &mut State| state.left.len() == after && state.hurry == hurry;
            let waited = self.changed.wait_timeout_while(state, pause, same);
            let timeout;
            (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
            if !timeout.timed_out() {
                pause = SOON;
            }
        }
    }
}

impl Left {
    /// Returns whether it has gone.
    fn look(&mut self, now: Instant, hurry: bool) -> bool {
        self.drain();
        if self.process.is_zombie() {
            if self.told {
                // Whom it has started ends with it. Its number is still its own.
                self.process.kill(Signal::KILL);
            }
            return self.process.poll_exit().is_some();
        }
        if !self.told && (hurry || now >= self.until) {
            self.process.kill(Signal::TERM);
            self.told = true;
            self.until = now + GRACE;
        } else if hurry || (self.told && now >= self.until) {
            self.process.kill(Signal::KILL);
        }
        false
    }

    /// Throws away what it says.
    fn drain(&mut self) {
        let errors = self.process.errors.as_mut();
        self.flows = errors.is_some_and(Errors::drain);
        let mut buffer = [0; 16 * 1024];
        for _ in 0..16 {
            let Some(output) = &self.output else { break };
            match rustix::io::read(output, &mut buffer).map_err(io::Error::from) {
                Ok(0) => self.output = None,
                Ok(_) => self.flows = true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.output = None,
            }
        }
    }
}
