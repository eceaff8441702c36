//! Processes that nobody waits for any more: they are ended, and leave nothing behind.

use std::io;
use std::mem;
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
        came: false,
        pause: SOON,
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
    /// There are some who have not been looked at.
    came: bool,
    /// The time until all are.
    pause: Duration,
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
    if !told && left.has_ended() {
        return;
    }
    let mut state = REAPER.lock();
    // While there are many requests the thread comes round by itself.
    let sleeps = state.left.is_empty() || state.pause > SOON;
    state.left.push(left);
    (state.came, state.pause) = (true, state.pause.min(SOON));
    if !state.running {
        let reaper = thread::Builder::new().name("reaper".into());
        state.running = reaper.stack_size(64 * 1024).spawn(|| REAPER.run()).is_ok();
    }
    drop(state);
    if sleeps {
        REAPER.changed.notify_all();
    }
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
        let mut state = self.lock();
        loop {
            if state.left.is_empty() {
                self.changed.notify_all();
                let nobody = |state: &mut State| state.left.is_empty();
                let waited = self.changed.wait_while(state, nobody);
                state = waited.unwrap_or_else(PoisonError::into_inner);
                state.pause = SOON;
            }
            let (pause, hurry) = (state.pause, state.hurry);
            let same = |state: &mut State| state.pause == pause && state.hurry == hurry;
            let waited = self.changed.wait_timeout_while(state, pause, same);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.look();
        }
    }
}

impl State {
    fn look(&mut self) {
        let (now, hurry, before) = (Instant::now(), self.hurry, self.left.len());
        self.left.retain_mut(|left| !left.look(now, hurry));
        let changed = mem::take(&mut self.came) || self.left.len() < before;
        self.pause = match self.left.iter().any(|left| left.flows) {
            true => FLOWING,
            false if changed || hurry => SOON,
            false => (self.pause * 2).clamp(SOON, SELDOM),
        };
    }
}

impl Left {
    /// Returns whether it has gone.
    fn look(&mut self, now: Instant, hurry: bool) -> bool {
        if self.told && self.process.is_zombie() {
            // Whom it has started ends with it. Its number is still its own.
            self.process.kill(Signal::KILL);
        }
        if self.has_ended() {
            return true;
        }
        self.drain();
        if !self.told && (hurry || now >= self.until) {
            self.process.kill(Signal::TERM);
            self.told = true;
            self.until = now + GRACE;
        } else if hurry || (self.told && now >= self.until) {
            self.process.kill(Signal::KILL);
        }
        false
    }

    /// Asks whether it has, and takes its last words then.
    fn has_ended(&mut self) -> bool {
        let ended = self.process.poll_exit().is_some();
        if let (true, Some(errors)) = (ended, &mut self.process.errors) {
            errors.drain();
        }
        ended
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
