//! What a request needs before it goes on: passwords, and time.

use std::io;
use std::time::Instant;

use h1_core::Awaiting;

use super::content::SentFile;
use super::{Session, Stage, view};
use crate::server::counters::Busy;
use crate::{Now, ReadFile, Step, Wait};

impl Session {
    /// When what waits goes on.
    pub(super) fn paused_until(&self) -> Option<Instant> {
        match self.inner.stage {
            Stage::Delay { until } => Some(until),
            Stage::Linger { shut: true } => self.inner.linger_until,
            Stage::Read if self.inner.draining => self.first_until(),
            _ => self.inner.pace.and_then(|pace| pace.until),
        }
    }

    /// The time of a request has come: a look at the socket tells whether somebody still wants it.
    pub(super) fn resume(&mut self, now: Now) {
        if !matches!(self.inner.stage, Stage::Delay { until } if until <= now.monotonic) {
            return;
        }
        self.inner.stage = Stage::Awake;
        // A read into no room would look like the end of the stream.
        if self.inner.rx.is_closed() || self.inner.rx.unfilled().is_empty() {
            self.go_on(now);
        }
    }

    /// Goes on with a request whose time has come.
    pub(super) fn go_on(&mut self, now: Now) {
        self.inner.stage = Stage::Read;
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let outcome = view!(server, inner, now).resume(&mut inner.route);
        self.proceed(outcome, now);
    }

    /// Waits for nothing but time.
    pub(super) fn pause(&mut self, now: Now) -> Step<'_> {
        self.inner.clock.sending(false, now);
        self.inner.clock.reading(None, now);
        self.await_backend(false, now);
        Step::Wait(Wait {
            read: false,
            write: false,
            backend: false,
            until: self.deadline(),
        })
    }

    /// The request before is answered, and counts no longer.
    pub(super) fn release(&mut self) {
        let asks = matches!(
            self.inner.stage,
            Stage::Locate
                | Stage::Users
                | Stage::Delay { .. }
                | Stage::Awake
                | Stage::Collect
                | Stage::Spool
                | Stage::Change
                | Stage::Spawn
                | Stage::Queue
                | Stage::Run
                | Stage::Load
                | Stage::More
                | Stage::Send
        );
        if asks {
            return;
        }
        if !self.inner.route.tickets.is_empty() {
            self.inner.route.tickets.clear();
        }
        if self.inner.busy.as_ref().is_some_and(Busy::is_writing) {
            self.inner.busy = None;
        }
        self.inner.pace = None;
    }

    /// Whether a head is being read is counted, where somebody asks for it.
    pub(super) fn count_reading(&mut self) {
        let hosting = &self.server.hosting;
        if hosting.has_status && !self.inner.busy.as_ref().is_some_and(Busy::is_writing) {
            let reading = self.inner.stage == Stage::Read
                && self.inner.conn.awaiting(&self.inner.rx) == Awaiting::Head;
            self.inner.busy = None;
            self.inner.busy = reading.then(|| Busy::reading(&hosting.counters));
        }
    }

    /// What nobody wants has been read for long enough.
    pub(super) fn has_lingered(&self, now: Now) -> bool {
        self.inner.stage == Stage::Linger { shut: true }
            && self
                .inner
                .linger_until
                .is_some_and(|until| until <= now.monotonic)
    }

    /// The passwords in the file that was found are needed.
    pub(super) fn read_users(&mut self, now: Now) {
        let Some(file) = self.inner.route.file.take() else {
            return self.fail(now);
        };
        let end = file.len();
        self.inner.file = Some(SentFile {
            file,
            at: 0,
            end,
            parts: None,
        });
        self.inner.stage = Stage::Users;
        if end == 0 {
            self.inner.part.clear();
            self.on_users_read(Ok(0), now);
        }
    }

    pub(super) fn load_users(&mut self) -> Step<'_> {
        let Some(file) = &self.inner.file else {
            return Step::Close;
        };
        self.inner.part.clear();
        self.inner.part.resize(file.end as usize, 0);
        Step::ReadFile(ReadFile {
            file: &file.file,
            offset: 0,
            buf: &mut self.inner.part,
        })
    }

    pub(super) fn on_users_read(&mut self, read: io::Result<usize>, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let Some(SentFile { file, end, .. }) = inner.file.take() else {
            return;
        };
        inner.stage = Stage::Read;
        let text = read.is_ok_and(|n| n == inner.part.len());
        let text = text.then_some(&inner.part[..]);
        let view = view!(server, inner, now);
        let outcome = view.on_users(&mut inner.route, (file.modified(), end), text);
        inner.part = Default::default();
        self.proceed(outcome, now);
    }
}
