//! Requests that change files.

use std::io::{self, ErrorKind};

use h1_core::{State, Status};

use super::answer::location;
use super::intake::Intake;
use super::task::request;
use super::{Inner, Session, Stage, view};
use crate::os::Progress;
use crate::reply::{Content, Reply, Value};
use crate::route::Rules;
use crate::{Changed, Deed, Now, Server, Step};

/// A change, and how far it is.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pub(super) intake: Intake,
    progress: Progress,
}

impl Session {
    /// The request is to change a file, which may need content first.
    pub(super) fn begin_change(&mut self, now: Now) {
        let mut pending = Pending::default();
        let mut stage = Stage::Change;
        if self.inner.conn.peer_state() == State::SendBody {
            if let Err(error) = self.expect_content(now) {
                return self.refuse(error, now);
            }
            pending.intake.whole = false;
            stage = Stage::Collect;
        }
        self.inner.stage = stage;
        self.inner.change = Some(pending);
    }

    pub(super) fn change(&mut self, now: Now) -> Step<'_> {
        let inner = &mut *self.inner;
        let Some(Pending { intake, progress }) = &mut inner.change else {
            return Step::Close;
        };
        let view = view!(self.server, inner, now);
        let mut deed = view.deed(&inner.route);
        if let Deed::Put { front, rest, .. } = &mut deed {
            (*front, *rest) = (intake.spool.as_ref(), &intake.bytes);
        }
        Step::Change(view.change_of(&inner.route, deed, progress))
    }

    /// The answer to [`Step::Change`].
    pub fn on_changed(&mut self, changed: io::Result<Changed>, now: Now) {
        if self.inner.stage != Stage::Change || matches!(changed, Ok(Changed::Part)) {
            return;
        }
        if let Err(error) = &changed
            && error.kind() != ErrorKind::NotFound
        {
            let path = view!(self.server, self.inner, now).file_path(&self.inner.route);
            self.log_error(&path, &format!("cannot be changed: {error}"), now);
        }
        let Self { server, inner } = self;
        let inner = &mut **inner;
        inner.change = None;
        inner.stage = Stage::Read;
        let outcome = view!(server, inner, now).on_changed(&mut inner.route, changed);
        self.proceed(outcome, now);
    }

    /// The content cannot be kept.
    pub(super) fn on_change_failed(&mut self, error: io::Error, now: Now) {
        self.inner.stage = Stage::Change;
        // That the folder for it is not there says nothing about the target.
        let error = match error.kind() {
            ErrorKind::NotFound => io::Error::other(error),
            _ => error,
        };
        self.on_changed(Err(error), now);
    }
}

impl Inner {
    /// There is something new, and where (RFC 9110, section 15.3.2); or there is nothing to tell.
    pub(super) fn changed_reply<'s>(
        &self,
        server: &Server,
        rules: &Rules,
        status: Status,
    ) -> Reply<'s> {
        let reply = Reply::new(status, Content::None);
        if status != Status::CREATED {
            return reply;
        }
        let (request, target) = (request!(self), &self.route.target);
        let location = location(server, rules, self, request, target);
        reply.with("Location", Value::Long(location))
    }
}
