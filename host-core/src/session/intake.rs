//! Collecting the content of a request: in memory, then in a temporary file.

use std::io;

use h1_core::{Error, Event, Status};

use super::{Session, Stage, view};
use crate::os::SpoolFile;
use crate::{Now, Spool, Step};

/// Content of a request.
#[derive(Debug)]
pub(super) struct Intake {
    /// What has been received last.
    pub(super) bytes: Vec<u8>,
    /// What came before that.
    pub(super) spool: Option<SpoolFile>,
    received: u64,
    /// All of it has been received.
    pub(super) whole: bool,
}

impl Default for Intake {
    /// None is to come.
    fn default() -> Self {
        Self {
            bytes: Vec::new(),
            spool: None,
            received: 0,
            whole: true,
        }
    }
}

impl Session {
    /// Content will be read, and the client is told so.
    ///
    /// # Errors
    ///
    /// It is longer than allowed.
    pub(super) fn expect_content(&mut self, now: Now) -> Result<(), Error> {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        let rules = server.hosting.rules(inner.route.rules);
        let held = view!(server, inner, now).request;
        inner.held = held.map(|request| request.to_owned());
        if let Some(timeouts) = rules.timeouts {
            inner.clock.set(timeouts);
        }
        let most = match rules.settings.client_max_body_size {
            0 => u64::MAX,
            most => most,
        };
        inner.conn.set_body_limit(most)?;
        let _ = inner.conn.send_continue(&mut inner.tx);
        Ok(())
    }

    /// Reads content; returns whether there may be more.
    pub(super) fn collect(&mut self, now: Now) -> bool {
        let inner = &mut *self.inner;
        let (intake, streams) = match (&mut inner.task, &mut inner.change) {
            (Some(task), _) => (&mut task.intake, task.streams),
            (None, Some(change)) => (&mut change.intake, false),
            (None, None) => return false,
        };
        let settings = &self.server.hosting.rules(inner.route.rules).settings;
        match inner.conn.next_event(&mut inner.rx) {
            Ok(Event::Data(bytes)) => {
                intake.bytes.extend_from_slice(bytes);
                intake.received += bytes.len() as u64;
                let full = intake.bytes.len() as u64 > settings.client_body_buffer_size;
                if full && !streams {
                    let folder = settings.client_body_temp_path.as_deref();
                    let file = || folder.map_or_else(SpoolFile::new, SpoolFile::in_folder);
                    intake.spool.get_or_insert_with(file);
                    inner.stage = Stage::Spool;
                }
            }
            Ok(Event::EndOfMessage(_)) => {
                intake.whole = true;
                let spools = intake.spool.is_some() && !intake.bytes.is_empty();
                match streams {
                    true => {}
                    false if spools => inner.stage = Stage::Spool,
                    false => self.collected(),
                }
            }
            Ok(_) => return false,
            Err(error) => {
                self.refuse(error, now);
                return false;
            }
        }
        if let Some(task) = &mut self.inner.task {
            task.ready |= task.streams;
        }
        true
    }

    /// All of the content is there.
    fn collected(&mut self) {
        let inner = &mut *self.inner;
        inner.stage = Stage::Change;
        if let Some(task) = &mut inner.task {
            let len = task.intake.received.to_string();
            task.script.env.set("CONTENT_LENGTH", len);
            inner.stage = Stage::Spawn;
        }
    }

    /// Whether content is read now.
    pub(super) fn may_collect(&self) -> bool {
        match self.inner.stage {
            Stage::Collect => true,
            Stage::Run => self.inner.task.as_ref().is_some_and(|it| it.may_take()),
            _ => false,
        }
    }

    fn intake(&mut self) -> Option<&mut Intake> {
        let inner = &mut *self.inner;
        let change = inner.change.as_mut().map(|change| &mut change.intake);
        let task = inner.task.as_mut().map(|task| &mut task.intake);
        task.or(change)
    }

    pub(super) fn spool(&mut self) -> Step<'_> {
        match self.intake() {
            Some(Intake {
                spool: Some(file),
                bytes,
                ..
            }) => Step::Spool(Spool { file, bytes }),
            _ => Step::Close,
        }
    }

    /// The answer to [`Step::Spool`].
    pub fn on_spooled(&mut self, spooled: io::Result<()>, now: Now) {
        if self.inner.stage != Stage::Spool {
            return;
        }
        match spooled {
            Ok(()) => {
                let intake = self.intake();
                let whole = intake.is_some_and(|intake| {
                    intake.bytes.clear();
                    intake.whole
                });
                match whole {
                    true => self.collected(),
                    false => self.inner.stage = Stage::Collect,
                }
            }
            Err(error) if self.inner.task.is_none() => self.on_change_failed(error, now),
            Err(error) => {
                let reason = format!("the content of the request cannot be kept: {error}");
                self.backend_failed(Status::INTERNAL_SERVER_ERROR, &reason, now);
            }
        }
    }
}
