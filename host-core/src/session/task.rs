//! The content of a request, on its way to a backend.

use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use h1_core::{Body, State, Status};

use super::exchange::DISCARD_MAX;
use super::intake::Intake;
use super::{Inner, Session, Stage, view};
use crate::cgi::Script;
use crate::cgi::output::{Head, HeadScan};
use crate::config::model::Level;
use crate::os::{Backend, LogWriter, Turn};
use crate::reply::{Content, Reply};
use crate::{Exit, Now, Server, Spawn, SpawnContent, Step};

/// Content that is held for a script that does not take it.
const HELD_MAX: usize = 64 * 1024;

/// The present request, also when its head has left the receive buffer.
macro_rules! request {
    ($inner:expr) => {
        $inner.conn.request(&$inner.rx).or_else(|| {
            let held = $inner.held.as_ref();
            held.map(h1_core::OwnedRequest::head)
        })
    };
}
pub(super) use request;

/// A script, and how far it is.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) script: Box<Script>,
    /// Tells its descriptors from those of others.
    pub(super) number: u64,
    /// The content of the request, as far as it is still to be passed on.
    pub(super) intake: Intake,
    /// There is some.
    wanted: bool,
    /// It is passed on as it comes.
    pub(super) streams: bool,
    pub(super) turn: Option<Turn>,
    pub(super) backend: Option<Backend>,
    /// An exchange may move something.
    pub(super) ready: bool,
    /// It is the last one.
    pub(super) last: bool,
    pub(super) scan: HeadScan,
    pub(super) head: Option<Head>,
    pub(super) answered: bool,
    /// Bytes of the answer that are missing, where their number is known.
    pub(super) left: Option<u64>,
    pub(super) exit: Option<Exit>,
    /// No more output comes.
    pub(super) ended: bool,
    /// No more comes, and it is known how it ended.
    pub(super) settled: bool,
    /// When waiting for a place, or for output, ends.
    pub(super) until: Option<Instant>,
    pub(super) grace: Option<Instant>,
    pub(super) tick: Option<Instant>,
    /// When the head is sent even though there may be more.
    pub(super) hold: Option<Instant>,
}

impl Task {
    fn new(script: Box<Script>) -> Self {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        Self {
            script,
            number: NUMBER.fetch_add(2, Ordering::Relaxed),
            intake: Intake::default(),
            wanted: false,
            streams: false,
            turn: None,
            backend: None,
            ready: false,
            last: false,
            scan: HeadScan::default(),
            head: None,
            answered: false,
            left: None,
            exit: None,
            ended: false,
            settled: false,
            until: None,
            grace: None,
            tick: None,
            hold: None,
        }
    }

    pub(super) fn fd(&self) -> Option<BorrowedFd<'_>> {
        let turn = self.turn.as_ref().map(AsFd::as_fd);
        self.backend.as_ref().map(AsFd::as_fd).or(turn)
    }

    /// The script runs.
    pub(super) fn run(&mut self, backend: Backend) {
        self.backend = Some(backend);
        // Another descriptor than that of the turn.
        self.number += 1;
        (self.turn, self.until) = (None, None);
        self.intake.spool = None;
        if !self.streams {
            self.intake.bytes.clear();
        }
        self.ready = self.streams;
    }

    /// The answer is whole: the script may end in its own time.
    pub(super) fn leave(self) {
        if let Some(backend) = self.backend {
            backend.leave(self.script.timeout);
        }
    }

    /// It has all content that has come, and the client has more.
    pub(super) fn waits_for_content(&self) -> bool {
        self.streams && !self.intake.whole && self.intake.bytes.is_empty()
    }

    pub(super) fn may_take(&self) -> bool {
        self.streams && !self.intake.whole && self.intake.bytes.len() < HELD_MAX
    }
}

impl Session {
    /// The request is for a script, which may need content first.
    pub(super) fn begin_task(&mut self, script: Box<Script>, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let view = view!(server, inner, now);
        let mut task = Task::new(script);
        let body = view.request.map_or(Body::None, |request| request.body());
        if view.has_content(&inner.route) && inner.conn.peer_state() == State::SendBody {
            task.wanted = true;
            task.streams = !task.script.body_buffering && matches!(body, Body::Length(_));
            if let Err(error) = self.expect_content(now) {
                return self.refuse(error, now);
            }
            task.intake.whole = false;
        }
        let inner = &mut *self.inner;
        if let (true, Body::Length(len)) = (task.streams, body) {
            task.script.env.set("CONTENT_LENGTH", len.to_string());
        }
        inner.stage = match task.intake.whole || task.streams {
            true => Stage::Spawn,
            false => Stage::Collect,
        };
        inner.task = Some(task);
    }

    pub(super) fn spawn(&mut self) -> Step<'_> {
        let Some(task) = &mut self.inner.task else {
            return Step::Close;
        };
        let content = match &task.intake.spool {
            _ if !task.wanted => SpawnContent::None,
            _ if task.streams => SpawnContent::Stream,
            Some(file) => SpawnContent::File(file),
            None => SpawnContent::Bytes(&task.intake.bytes),
        };
        Step::Spawn(Spawn {
            script: &task.script,
            content,
            children: &self.server.hosting.children,
            turn: &mut task.turn,
            errors: log_of_errors(&self.server, self.inner.route.rules),
        })
    }
}

/// Where the standard error of a script goes.
fn log_of_errors(server: &Server, rules: usize) -> Option<&LogWriter> {
    let mut logs = server.hosting.rules(rules).error_logs.iter();
    let (log, _) = logs.find(|(_, from)| Level::Error >= *from)?;
    server.error_log(*log)
}

impl Inner {
    /// More content is still to come than is read for nothing, and nobody else takes it.
    pub(super) fn has_too_much(&self) -> bool {
        let body = request!(self).map_or(Body::None, |request| request.body());
        self.conn.peer_state() == State::SendBody
            && self.task.as_ref().is_none_or(|task| task.settled)
            && self.change.is_none()
            && matches!(body, Body::Length(len) if len > DISCARD_MAX)
    }

    /// What a backend has said, as far as we have a word in it.
    pub(super) fn backend_reply<'s>(&self, status: Status) -> Reply<'s> {
        // That of an error stays, whatever page stands for it.
        let status = self.route.status.unwrap_or(status);
        let content = match status {
            Status::NOT_MODIFIED | Status::NO_CONTENT | Status::RESET_CONTENT => Content::None,
            _ => Content::Stream(self.task.as_ref().and_then(|task| task.left)),
        };
        let mut reply = Reply::new(status, content);
        reply.backend = true;
        reply
    }
}

/// The fields that a script has sent, where it is what answers.
pub(super) fn passed<'t>(
    task: &'t Option<Task>,
    reply: &Reply<'_>,
) -> impl Iterator<Item = (&'t str, &'t [u8])> + use<'t> {
    let task = task.as_ref().filter(|_| reply.backend);
    let head = task.and_then(|task| task.head.as_ref());
    head.into_iter().flat_map(|head| head.fields())
}

/// Whether one of these is among them.
pub(super) fn passes(task: &Option<Task>, reply: &Reply<'_>, names: &[&str]) -> bool {
    passed(task, reply).any(|(known, _)| names.iter().any(|name| known.eq_ignore_ascii_case(name)))
}
