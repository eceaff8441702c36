//! Which deadline runs.

use std::time::{Duration, Instant};

use h1_core::{Deadlines, Phase, Timeouts};

use crate::Now;

/// The deadlines of one connection. At most one phase of reading runs at a time, and that of sending
/// beside it.
#[derive(Debug)]
pub(super) struct Clock {
    timeouts: Timeouts,
    start: Instant,
    /// The last time that was given, and how long that is after the start: most calls of a turn
    /// have the same.
    now: (Instant, Duration),
    deadlines: Deadlines,
    reading: Option<Phase>,
}

impl Clock {
    /// The peer is waited for in `phase` until that deadline.
    pub(super) fn resume(
        timeouts: Timeouts,
        phase: Phase,
        until: Option<Instant>,
        now: Now,
    ) -> Self {
        let began = until.and_then(|until| until.checked_sub(timeouts.of(phase)));
        let start = began.unwrap_or(now.monotonic);
        let mut deadlines = Deadlines::default();
        deadlines.start(phase, &timeouts, Duration::ZERO);
        Self {
            timeouts,
            start,
            now: (start, Duration::ZERO),
            deadlines,
            reading: Some(phase),
        }
    }

    /// The location of a request has times of its own.
    pub(super) fn set(&mut self, timeouts: Timeouts) {
        self.timeouts = timeouts;
    }

    /// Whether the peer is waited for.
    pub(super) fn is_reading(&self) -> bool {
        self.reading.is_some()
    }

    fn since_start(&mut self, now: Now) -> Duration {
        if now.monotonic != self.now.0 {
            let since = now.monotonic.saturating_duration_since(self.start);
            self.now = (now.monotonic, since);
        }
        self.now.1
    }

    /// The peer is waited for in `phase`, or not at all.
    pub(super) fn reading(&mut self, phase: Option<Phase>, now: Now) {
        let now = self.since_start(now);
        if self.reading != phase {
            if let Some(old) = self.reading {
                self.deadlines.stop(old);
            }
            self.reading = phase;
        }
        if let Some(phase) = phase {
            self.deadlines.start(phase, &self.timeouts, now);
        }
    }

    /// The phase that was waited for is over, even if the next one is of the same kind.
    pub(super) fn read_done(&mut self) {
        if let Some(old) = self.reading.take() {
            self.deadlines.stop(old);
        }
    }

    /// Whether something is to be written.
    pub(super) fn sending(&mut self, sending: bool, now: Now) {
        let now = self.since_start(now);
        match sending {
            true => self.deadlines.start(Phase::Send, &self.timeouts, now),
            false => self.deadlines.stop(Phase::Send),
        }
    }

    /// `n` bytes were received. Only content moves its deadline: a head has one time for all of it.
    pub(super) fn read(&mut self, n: u64, now: Now) {
        let now = self.since_start(now);
        self.deadlines.progress(Phase::Body, n, &self.timeouts, now);
    }

    /// `n` bytes were sent.
    pub(super) fn sent(&mut self, n: u64, now: Now) {
        let now = self.since_start(now);
        self.deadlines.progress(Phase::Send, n, &self.timeouts, now);
    }

    pub(super) fn expired(&mut self, now: Now) -> Option<Phase> {
        let now = self.since_start(now);
        self.deadlines.expired(now)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        // One beyond all time is none.
        let after = self.deadlines.next()?;
        self.start.checked_add(after)
    }
}
