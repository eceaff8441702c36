//! Answers that come from a backend: so far scripts.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h1_core::{Method, State, Status, Version};

use super::task::request;
use super::{HIGH_WATER, Session, Stage, view};
use crate::cgi::escape;
use crate::cgi::output::{Answer, Head};
use crate::config::model::Level;
use crate::os::Backend;
use crate::route::Outcome;
use crate::{Exchange, Exit, Moved, Now, Output, Started, Step};

/// How long a script that has ended may leave its output open to those that it has started, and one
/// that has closed its output may take to end.
const GRACE: Duration = Duration::from_millis(500);

/// How often a backend is looked at although nothing was heard of it: not every system tells of all.
const TICK: Duration = Duration::from_secs(1);

/// How long a head waits for all of a short answer: then its length can be told.
const HOLD: Duration = Duration::from_millis(3);

/// Output that is gathered before the head is sent without a known length.
const GATHER: usize = 64 * 1024;

impl Session {
    /// The answer to [`Step::Spawn`].
    pub fn on_spawned(&mut self, started: io::Result<Started>, now: Now) {
        let Some(task) = self.inner.task.as_mut() else {
            return;
        };
        if self.inner.stage != Stage::Spawn {
            return;
        }
        match started {
            Ok(Started::Running(backend)) => {
                task.run(backend);
                self.inner.part.clear();
                self.inner.stage = Stage::Run;
            }
            Ok(Started::Queued) => {
                let wait = self.server.hosting.children.limits().wait;
                let until = now.monotonic.checked_add(wait);
                task.until = task.until.or(until);
                self.inner.stage = Stage::Queue;
            }
            Ok(Started::Full) => {
                self.backend_failed(Status::SERVICE_UNAVAILABLE, "too many scripts wait", now);
            }
            Err(error) => self.not_started(&error, now),
        }
    }

    fn not_started(&mut self, error: &io::Error, now: Now) {
        let status = match error.kind() {
            ErrorKind::ResourceBusy => Status::SERVICE_UNAVAILABLE,
            _ => Status::BAD_GATEWAY,
        };
        self.backend_failed(status, &format!("cannot be run: {error}"), now);
    }

    /// The descriptor that [`Wait::backend`](crate::Wait::backend) is about. It stays the same as long as the number with
    /// it does.
    pub fn backend(&self) -> Option<(u64, std::os::fd::BorrowedFd<'_>)> {
        let task = self.inner.task.as_ref()?;
        Some((task.number, task.fd()?))
    }

    /// The descriptor of [`backend`](Self::backend) can be read.
    pub fn on_backend(&mut self, _now: Now) {
        match (self.inner.stage, &mut self.inner.task) {
            (Stage::Queue, _) => self.inner.stage = Stage::Spawn,
            (Stage::Run, Some(task)) => task.ready = true,
            _ => {}
        }
    }

    /// Whether bytes can be moved, and there is room for them.
    pub(super) fn wants_exchange(&self) -> bool {
        let ready = self.inner.task.as_ref().is_some_and(|task| task.ready);
        self.inner.stage == Stage::Run && ready && self.inner.tx.queued() < HIGH_WATER
    }

    pub(super) fn exchange(&mut self) -> Step<'_> {
        let inner = &mut *self.inner;
        let Some(task) = &mut inner.task else {
            return Step::Close;
        };
        match &mut task.backend {
            Some(backend) => Step::Exchange(Exchange {
                backend,
                content: &task.intake.bytes,
                whole: task.intake.whole,
                output: Some(&mut inner.part),
            }),
            None => Step::Close,
        }
    }

    /// The answer to [`Step::Exchange`].
    pub fn on_exchanged(&mut self, moved: Moved, now: Now) {
        let Some(task) = self.inner.task.as_mut() else {
            return;
        };
        if self.inner.stage != Stage::Run {
            return;
        }
        if let Some(error) = task.backend.as_mut().and_then(Backend::failure) {
            return self.not_started(&error, now);
        }
        task.intake
            .bytes
            .drain(..moved.taken.min(task.intake.bytes.len()));
        task.exit = task.exit.or(moved.exit);
        task.ready = matches!(moved.output, Output::Bytes(_));
        task.ended |= moved.output == Output::End;
        if task.ready || moved.taken > 0 {
            task.until = None;
        }
        let known = task.exit.is_some() || !moved.has_process;
        task.ended |= task.last;
        task.settled |= task.last || (task.ended && known);
        if !task.settled && (task.ended || task.exit.is_some()) {
            let grace = now.monotonic.checked_add(GRACE);
            task.grace = task.grace.or(grace);
        }
        self.advance(matches!(moved.output, Output::Bytes(_)), now);
    }

    /// Goes on with what the backend has said so far. `more`: there may be more at once.
    fn advance(&mut self, more: bool, now: Now) {
        let inner = &mut *self.inner;
        let Some(task) = &mut inner.task else {
            return;
        };
        if task.answered {
            return self.pass(now);
        }
        if task.head.is_none() {
            let found = task.scan.end(&inner.part);
            let found = found.and_then(|end| match end {
                Some(len) => Head::take(&mut inner.part, len).map(Some),
                None => Ok(None),
            });
            match found {
                Ok(head) => task.head = head,
                Err(bad) => {
                    return self.backend_failed(Status::BAD_GATEWAY, &bad.to_string(), now);
                }
            }
        }
        let Some(head) = &task.head else {
            if task.settled {
                let reason = died(task.exit, "no head");
                self.backend_failed(Status::BAD_GATEWAY, &reason, now);
            }
            return;
        };
        if let Answer::LocalRedirect(target) = &head.answer {
            let target = target.clone();
            return self.redirect(&target, now);
        }
        let len = inner.part.len() as u64;
        let enough = len >= head.content_length.unwrap_or(GATHER as u64);
        if !enough && !task.settled {
            let until = now.monotonic.checked_add(HOLD);
            let until = *task.hold.get_or_insert(until.unwrap_or(now.monotonic));
            if more || task.ended || until > now.monotonic {
                return;
            }
        }
        self.answer_backend(now);
    }

    /// All that decides about the head of the answer is known.
    fn answer_backend(&mut self, now: Now) {
        let inner = &mut *self.inner;
        let is_head = request!(inner).is_some_and(|it| it.method() == Method::Head);
        let Some(task) = &mut inner.task else {
            return;
        };
        let Some(head) = &task.head else {
            return;
        };
        let Answer::Response(status) = head.answer else {
            return;
        };
        if let (true, Some(Exit::Signal(_))) = (task.settled, task.exit) {
            let short = head
                .content_length
                .is_none_or(|it| it > inner.part.len() as u64);
            if short && !is_head {
                let reason = died(task.exit, "half an answer");
                return self.backend_failed(Status::BAD_GATEWAY, &reason, now);
            }
        }
        task.left = match head.content_length {
            None if task.settled && !is_head => Some(inner.part.len() as u64),
            known => known,
        };
        self.proceed(Outcome::Backend(status), now);
    }

    /// The head of the answer is queued.
    pub(super) fn backend_answered(&mut self, now: Now) {
        self.inner.stage = Stage::Run;
        if let Some(task) = &mut self.inner.task {
            task.answered = true;
        }
        self.pass(now);
    }

    /// Queues the output that has come.
    fn pass(&mut self, now: Now) {
        let inner = &mut *self.inner;
        let Some(task) = &mut inner.task else {
            return;
        };
        let mut data: Bytes = inner.part.split().freeze();
        if let Some(left) = &mut task.left {
            // What is beyond its length is nobody's.
            data.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= data.len() as u64;
        }
        let (settled, exit, left) = (task.settled, task.exit, task.left);
        if inner.conn.state() == State::SendBody {
            inner.record.grow(data.len() as u64);
            if inner.conn.send_data(&mut inner.tx, data).is_err() {
                return self.fail(now);
            }
        }
        match (inner.conn.state(), exit) {
            (State::SendBody, _) if left == Some(0) => self.backend_done(now),
            (State::SendBody, _) if !settled => {}
            (State::SendBody, Some(Exit::Signal(_))) => {
                self.cut(&died(exit, "half an answer"), now)
            }
            (State::SendBody, _) if left.is_some() => {
                self.cut("fewer bytes than its Content-Length", now);
            }
            _ => self.backend_done(now),
        }
    }

    /// The answer is whole.
    fn backend_done(&mut self, now: Now) {
        let ended = self.inner.end(&self.server, now);
        if let Some(task) = self.inner.task.take() {
            task.leave();
        }
        match ended {
            Ok(()) => self.finish(),
            Err(_) => self.fail(now),
        }
    }

    /// Half of the answer has been sent, and no more comes.
    fn cut(&mut self, reason: &str, now: Now) {
        self.tell(reason, now);
        let inner = &*self.inner;
        let http10 = request!(inner).is_some_and(|it| it.version() == Version::Http10);
        let unframed = inner.task.as_ref().is_some_and(|task| task.left.is_none());
        self.fail(now);
        if http10 && unframed {
            // Nothing but a reset shows it.
            self.abandon(Stage::Reset, now);
        }
    }

    /// The script sends the request elsewhere.
    fn redirect(&mut self, target: &str, now: Now) {
        if let Some(task) = self.inner.task.take() {
            task.leave();
        }
        self.inner.stage = Stage::Read;
        self.inner.part.clear();
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let outcome = view!(server, inner, now).local_redirect(&mut inner.route, target);
        self.proceed(outcome, now);
    }

    /// There is no answer: the request goes on with an error.
    pub(super) fn backend_failed(&mut self, status: Status, reason: &str, now: Now) {
        self.tell(reason, now);
        self.inner.task = None;
        self.inner.part.clear();
        self.inner.stage = Stage::Read;
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let outcome = view!(server, inner, now).backend_failed(&mut inner.route, status);
        self.proceed(outcome, now);
    }

    /// Writes a line of the error log about the script.
    fn tell(&mut self, reason: &str, now: Now) {
        let Some(task) = self.inner.task.as_ref() else {
            return;
        };
        let errors = task.backend.as_ref().map_or(&[][..], Backend::first_errors);
        let reason = match errors {
            [] => reason.to_owned(),
            text => format!("{reason}: \"{}\"", escape(text)),
        };
        let path = task.script.path.clone();
        self.log_error(&path, &reason, now);
    }

    /// Whoever waits for the answer has gone.
    pub(super) fn gone(&mut self, now: Now) {
        let text = || "client prematurely closed connection".into();
        self.complain(Level::Info, text, now);
        let Self { server, inner } = self;
        let inner = &mut **inner;
        if inner.task.as_ref().is_none_or(|task| !task.answered) {
            let mut view = view!(server, inner, now);
            // nginx's.
            view.sent.status = Status::new(499);
            inner.record.answer(server, &view, &mut inner.route, 0);
        }
        self.abandon(Stage::Close, now);
    }

    /// When to look at the backend even if nothing is heard of it.
    pub(super) fn backend_deadline(&self) -> Option<Instant> {
        let task = self.inner.task.as_ref()?;
        match self.inner.stage {
            Stage::Queue => task.until,
            Stage::Run => {
                let hold = task.hold.filter(|_| !task.answered && !task.ended);
                let all = [task.until, task.grace, task.tick, hold];
                all.into_iter().flatten().min()
            }
            _ => None,
        }
    }

    /// The backend is waited for, or not: a client that takes nothing, or sends none of the content that
    /// it owes, is no silence of a script.
    pub(super) fn await_backend(&mut self, waits: bool, now: Now) {
        let (Stage::Run, Some(task)) = (self.inner.stage, &mut self.inner.task) else {
            return;
        };
        let until = now.monotonic.checked_add(task.script.timeout);
        task.until = match waits && !task.waits_for_content() {
            true => task.until.or(until),
            false => None,
        };
        task.tick = now.monotonic.checked_add(TICK).filter(|_| waits);
    }

    /// Whether a deadline of the backend has come, and what is to be done then was.
    pub(super) fn backend_late(&mut self, now: Now) {
        let Some(task) = &mut self.inner.task else {
            return;
        };
        let is_past = |at: Option<Instant>| at.is_some_and(|at| at <= now.monotonic);
        match self.inner.stage {
            Stage::Queue if is_past(task.until) => {
                self.backend_failed(Status::SERVICE_UNAVAILABLE, "all places are taken", now);
            }
            Stage::Run if is_past(task.grace) => {
                // Nobody may have looked meanwhile.
                (task.ready, task.last, task.grace) = (true, true, None);
            }
            Stage::Run if is_past(task.until) => {
                let reason = format!("silent for {:?}", task.script.timeout);
                match task.answered {
                    true => self.cut(&reason, now),
                    false => self.backend_failed(Status::GATEWAY_TIMEOUT, &reason, now),
                }
            }
            Stage::Run if is_past(task.tick) => task.ready = true,
            Stage::Run if is_past(task.hold) && !task.answered => self.advance(false, now),
            _ => {}
        }
    }
}

/// How a script has ended too early.
fn died(exit: Option<Exit>, what: &str) -> String {
    match exit {
        Some(Exit::Signal(signal)) => format!("{what}, killed by signal {signal}"),
        Some(Exit::Status(status)) => format!("{what}, exited with status {status}"),
        None => what.to_owned(),
    }
}
