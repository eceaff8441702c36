//! Writing and waiting, and until when.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use h1_core::{Awaiting, Phase, Transmit};

use super::{HIGH_WATER, PART, SEND_MAX, Session, Stage};

/// How long a new connection has for its first request although it is to end: its client does not expect
/// an end, and need not try again, as that of a kept connection does (RFC 9112, section 9.3.1).
const FIRST: Duration = Duration::from_secs(2);
use crate::step::SendFile;
use crate::{Now, Step, Wait};

impl Session {
    /// The slices to write for [`Step::Write`]: fills `iov` from its start, returns how many.
    pub fn slices<'a>(&'a self, iov: &mut [IoSlice<'a>]) -> usize {
        if let Some(pace) = &self.inner.pace {
            return self.inner.allowed_slices(iov, pace.allowed);
        }
        match self.inner.tx.transmit(iov) {
            Transmit::Slices(n) => n,
            Transmit::External(_) | Transmit::Idle => 0,
        }
    }

    /// `n` bytes were written, or sent from the file. 0 in answer to [`Step::SendFile`] says that
    /// the file has ended early: the connection closes, so that the peer sees that something is
    /// missing.
    pub fn on_written(&mut self, n: usize, now: Now) {
        let n = n as u64;
        let external = self.inner.tx.external().is_some();
        self.inner.tx.advance(n);
        self.inner.clock.sent(n, now);
        if let Some(pace) = &mut self.inner.pace {
            pace.sent(n);
        }
        if self.inner.tx.is_empty() {
            // The parts of files that were in the queue have gone.
            let _ = self.inner.part.try_reclaim(PART as usize);
        }
        if external {
            self.on_file_sent(n, now);
        }
    }

    /// The socket takes no more for now.
    pub fn on_write_blocked(&mut self, _now: Now) {
        self.inner.write_blocked = true;
    }

    /// The socket takes bytes again.
    pub fn on_writable(&mut self, _now: Now) {
        self.inner.write_blocked = false;
    }

    /// Whether the next request may be looked at: the answers before are written, or nearly, and none
    /// of them was dear.
    pub(super) fn may_read(&self) -> bool {
        match self.inner.dear {
            true => self.inner.tx.is_empty(),
            false => self.inner.tx.queued() < HIGH_WATER,
        }
    }

    pub(super) fn transmit(&mut self, now: Now) -> Step<'_> {
        if self.inner.write_blocked {
            return self.wait(now);
        }
        if self
            .inner
            .pace
            .as_mut()
            .is_some_and(|it| !it.may_write(now))
        {
            return self.pause(now);
        }
        self.inner.clock.sending(true, now);
        let allowed = self.inner.pace.map_or(u64::MAX, |pace| pace.allowed);
        match (self.inner.tx.external(), &self.inner.file) {
            (Some(len), Some(file)) => Step::SendFile(SendFile {
                file: &file.file,
                offset: file.at,
                len: len.min(SEND_MAX).min(allowed) as usize,
            }),
            _ => Step::Write {
                more: self.inner.stage == Stage::Send && self.inner.pace.is_none(),
            },
        }
    }

    pub(super) fn wait(&mut self, now: Now) -> Step<'_> {
        let write = !self.inner.tx.is_empty();
        let runs = matches!(self.inner.stage, Stage::Queue | Stage::Run);
        let backend = runs && self.inner.tx.queued() < HIGH_WATER;
        // A read into no room would look like the end of the stream.
        let read = match runs {
            true => !self.inner.rx.is_closed() && !self.inner.rx.unfilled().is_empty(),
            false => !write,
        };
        debug_assert!(runs || write || !self.inner.rx.unfilled().is_empty());
        self.inner.clock.sending(write, now);
        self.inner.clock.reading(self.awaiting(write), now);
        self.await_backend(backend, now);
        self.count_reading();
        Step::Wait(Wait {
            read,
            write,
            backend,
            until: self.deadline(),
        })
    }

    /// What the peer may be late with, in a state in which it is read.
    fn awaiting(&self, writing: bool) -> Option<Phase> {
        match (self.inner.stage, self.inner.conn.awaiting(&self.inner.rx)) {
            _ if writing => None,
            // The backend is late, if somebody is; but content that it waits for is the client's.
            (Stage::Queue, _) | (Stage::Run, Awaiting::Message | Awaiting::Nothing) => None,
            (Stage::Run, _) if !self.may_collect() => None,
            (Stage::Linger { .. }, _) => Some(Phase::Linger),
            (_, Awaiting::Message) if self.inner.client.requests > 0 => Some(Phase::KeepAlive),
            (_, Awaiting::Message | Awaiting::Head) => Some(Phase::Head),
            (_, Awaiting::Body) => Some(Phase::Body),
            (_, Awaiting::Nothing) => Some(Phase::KeepAlive),
        }
    }

    /// Whether nothing keeps the connection from its end.
    pub(super) fn may_end(&self, now: Now) -> bool {
        let is_due = |until: Instant| until <= now.monotonic;
        self.inner.draining && self.is_idle() && self.first_until().is_none_or(is_due)
    }

    /// Until when a new connection that is to end waits for its first request.
    pub(super) fn first_until(&self) -> Option<Instant> {
        let is_new = self.inner.draining && self.inner.client.requests == 0 && self.is_idle();
        let until = self.inner.connected.checked_add(FIRST);
        until.filter(|_| is_new)
    }

    /// When to call [`on_timeout`](Session::on_timeout) even if the driver is stuck in a write.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.inner.clock.deadline();
        let others = [self.paused_until(), self.backend_deadline()];
        deadline
            .into_iter()
            .chain(others.into_iter().flatten())
            .min()
    }

    /// A deadline may have passed; harmless if none has.
    pub fn on_timeout(&mut self, now: Now) {
        if self.has_lingered(now) {
            return self.abandon(Stage::Close, now);
        }
        self.backend_late(now);
        match self.inner.clock.expired(now) {
            Some(phase) if !self.is_over() => self.on_late(phase, now),
            _ => {}
        }
    }
}
