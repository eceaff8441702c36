//! One request and its answer.

use std::io;

use h1_core::{Awaiting, Error, ErrorKind, Event, Phase, State, Status};

use super::{Session, Stage, view};
use crate::config::model::LingeringClose;
use crate::route::Outcome;
use crate::route::trace::{Note, Sink};
use crate::server::counters::Busy;
use crate::{Found, Now};

/// Content of a request that nobody wants is read up to this many bytes, so that the connection can
/// go on; beyond, it closes.
pub(super) const DISCARD_MAX: u64 = 64 * 1024;

/// The longest part of a request line that could not be parsed that is logged, in bytes.
const BROKEN_MAX: usize = 256;

impl Session {
    /// Reads one event; returns whether there may be another.
    pub(super) fn read_event(&mut self, now: Now) -> bool {
        if self.inner.awaits_proxy {
            return self.read_proxy_header(now);
        }
        match self.inner.conn.next_event(&mut self.inner.rx) {
            Ok(Event::Request(_)) => self.begin(now),
            Ok(Event::Data(_)) => return self.discard_content(),
            Ok(Event::EndOfMessage(_)) => {}
            Ok(Event::Paused) => return self.next_request(),
            Ok(Event::NeedData) => {
                let whole = self.inner.conn.state() == State::Done;
                return whole && self.next_request();
            }
            Ok(Event::Closed) => {
                self.inner.stage = Stage::Finish;
            }
            Err(error) => self.refuse(error, now),
        }
        true
    }

    /// The answer is queued; returns whether another request may follow.
    fn next_request(&mut self) -> bool {
        let inner = &mut *self.inner;
        inner.route.pipelined = !inner.rx.pending().is_empty();
        inner.held = None;
        inner.conn.next_cycle().is_ok()
    }

    fn begin(&mut self, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        inner.clock.read_done();
        inner.client.requests = inner.client.requests.saturating_add(1);
        // Whatever of the answer before is still queued will be written.
        inner.record.finish(0, true, now);
        inner.since = now.monotonic;
        inner.dear = false;
        let view = view!(server, inner, now);
        let Some(request) = view.request else {
            return;
        };
        inner.peer_ends = !request.keep_alive();
        inner.last = inner.peer_ends;
        (inner.pace, inner.trailers) = (None, false);
        if server.hosting.has_status {
            inner.busy = Some(Busy::writing(&server.hosting.counters));
        }
        let outcome = view.begin(&mut inner.route, &request);
        self.proceed(outcome, now);
    }

    pub(super) fn answer_found(&mut self, found: io::Result<Found>, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let outcome = view!(server, inner, now).on_found(&mut inner.route, found);
        inner.stage = Stage::Read;
        self.proceed(outcome, now);
    }

    /// From now on the session notes why it answers as it does.
    pub(crate) fn trace(&mut self) {
        // Nobody is between.
        self.inner.awaits_proxy = false;
        self.inner.route.sink = Sink::on();
    }

    /// The notes since the last call.
    pub(crate) fn take_notes(&mut self) -> Vec<Note> {
        self.inner.route.sink.take()
    }

    /// Asks, or answers.
    pub(super) fn proceed(&mut self, outcome: Outcome, now: Now) {
        if !self.inner.route.complaints.is_empty() {
            self.tell_complaints(now);
        }
        match outcome {
            Outcome::Lookup => self.inner.stage = Stage::Locate,
            Outcome::Users => self.read_users(now),
            Outcome::Wait(until) => self.inner.stage = Stage::Delay { until },
            Outcome::Script(script) => self.begin_task(script, now),
            Outcome::Change => self.begin_change(now),
            Outcome::Close => self.close(now),
            outcome => {
                let Self { server, inner } = self;
                match inner.answer(server, outcome, now) {
                    Ok(()) => self.answered(now),
                    // A rule of ours made a reply that cannot be sent, or one was sent before.
                    Err(_) => self.fail(now),
                }
            }
        }
    }

    /// The client is told nothing: nginx's status 444.
    fn close(&mut self, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let mut view = view!(server, inner, now);
        view.sent.status = Status::new(444);
        inner.record.answer(server, &view, &mut inner.route, 0);
        inner.conn.send_failed();
        inner.stage = Stage::Finish;
        self.finish_record(false, now);
    }

    /// No rule of ours wants content; returns whether to go on reading it.
    fn discard_content(&mut self) -> bool {
        if self.inner.conn.body_received() > DISCARD_MAX {
            self.linger();
        }
        true
    }

    /// The answer cannot be finished, and the peer must see that: what was queued before is still
    /// sent, then the connection closes.
    pub(super) fn fail(&mut self, now: Now) {
        self.inner.conn.send_failed();
        self.finish_record(false, now);
        self.inner.drop_source();
        match self.inner.tx.external() {
            Some(_) => self.abandon(Stage::Close, now),
            None => self.linger(),
        }
    }

    /// Answers what is no request, or one that comes too late, and stops reading.
    pub(super) fn refuse(&mut self, error: Error, now: Now) {
        self.inner.clock.read_done();
        if self.inner.change.take().is_some() {
            self.inner.stage = Stage::Read;
        }
        if let Some(task) = self.inner.task.take() {
            self.inner.part.clear();
            self.inner.stage = Stage::Read;
            if task.answered {
                return self.fail(now);
            }
        }
        if matches!(self.inner.conn.state(), State::Idle | State::SendResponse) {
            self.answer_broken(&error, now);
        }
        // The answer may be a file, which is still to be found and sent.
        if self.inner.stage == Stage::Read {
            self.linger();
        }
    }

    /// Answers what is no request by the rules of the default server, and a request whose content has
    /// broken off by its own.
    fn answer_broken(&mut self, error: &Error, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let status = error.kind.status();
        inner.last = true;
        (inner.pace, inner.trailers) = (None, false);
        let outcome = match inner.held {
            Some(_) => view!(server, inner, now).broken_off(&mut inner.route, status, error),
            None => {
                inner.record.finish(0, true, now);
                inner.since = now.monotonic;
                let received = first_line(inner.rx.pending());
                let view = view!(server, inner, now);
                view.begin_broken(&mut inner.route, received, status, error)
            }
        };
        self.proceed(outcome, now);
    }

    /// Nothing more is read but to be thrown away.
    pub(super) fn linger(&mut self) {
        self.inner.rx.clear();
        self.inner.stage = match self.inner.lingering {
            LingeringClose::Off => Stage::Finish,
            _ => Stage::Linger { shut: false },
        };
    }

    /// `phase` took too long.
    pub(super) fn on_late(&mut self, phase: Phase, now: Now) {
        match phase {
            Phase::Send => self.abandon(Stage::Reset, now),
            Phase::KeepAlive | Phase::Linger => self.abandon(Stage::Close, now),
            Phase::Head if self.inner.awaits_proxy => self.abandon(Stage::Close, now),
            // Whoever has sent nothing is told nothing.
            Phase::Head if self.inner.conn.awaiting(&self.inner.rx) == Awaiting::Message => {
                self.abandon(Stage::Close, now);
            }
            Phase::Head | Phase::Body => {
                let error = self.inner.conn.refuse(ErrorKind::Timeout);
                self.refuse(error, now);
                let rules = self.server.hosting.rules(self.inner.route.rules);
                if rules.settings.reset_timedout_connection {
                    self.abandon(Stage::Reset, now);
                }
            }
        }
    }

    /// Whether the peer may have sent, or may still send, what nobody will read: unless it has said
    /// that it will not. Then a plain close could destroy the answer on its way (RFC 9112, section
    /// 9.6).
    pub(super) fn peer_may_send(&self) -> bool {
        let unread = !self.inner.rx.pending().is_empty();
        let unfinished = matches!(self.inner.conn.peer_state(), State::SendBody | State::Error);
        !self.inner.rx.is_closed() && (!self.inner.peer_ends || unread || unfinished)
    }
}

/// As much of a line that is no request line as is worth a look.
pub(super) fn first_line(received: &[u8]) -> &[u8] {
    let received = received.strip_prefix(b"\r\n").unwrap_or(received);
    let line = received.split(|b| matches!(b, b'\r' | b'\n')).next();
    let line = line.unwrap_or_default();
    &line[..line.len().min(BROKEN_MAX)]
}
