//! Writing and waiting, until when, and for what no more.

use std::time::Instant;

use h1_core::{Awaiting, Phase};

use super::{SEND_MAX, Session, Stage};
use crate::step::SendFile;
use crate::{Now, Step, Wait};

impl Session {
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
            _ => Step::Write,
        }
    }

    pub(super) fn wait(&mut self, now: Now) -> Step<'_> {
        let write = !self.inner.tx.is_empty();
        // A read into no room would look like the end of the stream.
        debug_assert!(write || !self.inner.rx.unfilled().is_empty());
        self.inner.clock.sending(write, now);
        self.inner.clock.reading(self.awaiting(write), now);
        self.count_reading();
        Step::Wait(Wait {
            read: !write,
            write,
            until: self.deadline(),
        })
    }

    /// What the peer may be late with, in a state in which it is read.
    fn awaiting(&self, writing: bool) -> Option<Phase> {
        match (self.inner.stage, self.inner.conn.awaiting(&self.inner.rx)) {
            _ if writing => None,
            (Stage::Linger { .. }, _) => Some(Phase::Linger),
            (_, Awaiting::Message) if self.inner.client.requests > 0 => Some(Phase::KeepAlive),
            (_, Awaiting::Message | Awaiting::Head) => Some(Phase::Head),
            (_, Awaiting::Body) => Some(Phase::Body),
            (_, Awaiting::Nothing) => Some(Phase::KeepAlive),
        }
    }

    /// When to call [`on_timeout`](Session::on_timeout) even if the driver is stuck in a write.
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.inner.clock.deadline();
        match self.paused_until() {
            Some(until) => Some(deadline.map_or(until, |it| it.min(until))),
            None => deadline,
        }
    }

    /// A deadline may have passed; harmless if none has.
    pub fn on_timeout(&mut self, now: Now) {
        if self.has_lingered(now) {
            return self.abandon(Stage::Close, now);
        }
        match self.inner.clock.expired(now) {
            Some(phase) if !self.is_over() => self.on_late(phase, now),
            _ => {}
        }
    }

    /// A graceful stop has begun: each answer is the last one on its connection, and says so. An idle
    /// connection closes after one more look at the socket, so that a request on its way is answered.
    /// Saying it again changes nothing.
    pub fn drain(&mut self) {
        (self.inner.draining, self.inner.stopping) = (true, true);
    }

    /// A reload has brought another server: as [`drain`](Session::drain), but a connection on which no
    /// request has come is waited for. Its client could not know that it may be late.
    pub fn retire(&mut self) {
        self.inner.draining = true;
    }

    /// Whether no further request is waited for.
    pub(super) fn ends_idle(&self) -> bool {
        let used = self.inner.stopping || self.inner.client.requests > 0;
        self.inner.draining && used && self.is_idle()
    }
}
