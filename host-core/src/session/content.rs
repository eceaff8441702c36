//! The content of an answer, part by part.

use std::io;

use bytes::Bytes;

use super::{HIGH_WATER, Inner, PART, READ_MAX, Session, Stage};
use crate::files::multipart::Parts;
use crate::os::OpenFile;
use crate::{Now, ReadFile, Step};

/// A file and what of it is still to be sent.
#[derive(Debug)]
pub(super) struct SentFile {
    pub(super) file: OpenFile,
    pub(super) at: u64,
    pub(super) end: u64,
    /// Other parts that follow.
    pub(super) parts: Option<Box<Parts>>,
}

impl Session {
    /// The head of an answer is queued, and its content but for what is read or made part by part.
    pub(super) fn answered(&mut self, now: Now) {
        match &self.inner.file {
            Some(file) if file.at < file.end => match self.in_memory() {
                Some(part) => self.queue(part, now),
                None if self.is_read() => self.inner.stage = Stage::Load,
                None => self.queue(Bytes::new(), now),
            },
            Some(file) if file.parts.is_some() => self.next_part(now),
            _ if self.inner.gzip.is_some() => self.compress_text(now),
            _ if self.inner.task.is_some() => self.backend_answered(now),
            _ => self.finish(),
        }
    }

    /// Whether another part of the content may be queued. Compressed ones are small for the work
    /// that they are: each is written before the next one is made.
    pub(super) fn may_make_more(&self) -> bool {
        match self.inner.gzip {
            Some(_) => self.inner.tx.is_empty(),
            None => self.inner.tx.queued() < HIGH_WATER,
        }
    }

    /// Makes the next part of the content.
    pub(super) fn make_more(&mut self, now: Now) {
        self.answered(now);
    }

    /// Bytes of the content that are known but not queued yet.
    pub(super) fn unqueued(&self) -> u64 {
        let Some(file) = self
            .inner
            .file
            .as_ref()
            .filter(|_| self.inner.gzip.is_none())
        else {
            return 0;
        };
        let rest = file.parts.as_ref().map_or(0, |parts| parts.len());
        match self.inner.stage {
            // What is sent from the file is in the queue.
            Stage::Send => rest,
            _ => rest + (file.end - file.at),
        }
    }

    /// Asks for the next bytes of the file.
    pub(super) fn load(&mut self) -> Step<'_> {
        let Inner { file, part, .. } = &mut *self.inner;
        match file {
            Some(file) => {
                let len = (file.end - file.at).min(PART) as usize;
                part.clear();
                // The parts of a batch of answers lie one behind the other.
                if part.capacity() < len {
                    part.reserve(PART as usize);
                }
                part.resize(len, 0);
                Step::ReadFile(ReadFile {
                    file: &file.file,
                    offset: file.at,
                    buf: part,
                })
            }
            None => Step::Close,
        }
    }

    /// All that is to be sent of the file, where it needs neither reading nor compressing.
    fn in_memory(&self) -> Option<Bytes> {
        let file = self
            .inner
            .file
            .as_ref()
            .filter(|_| self.inner.gzip.is_none())?;
        file.file.bytes(file.at..file.end)
    }

    /// Whether what is to be sent of the file passes through here.
    fn is_read(&self) -> bool {
        let file = self.inner.file.as_ref();
        let is_short = file.is_none_or(|file| file.end - file.at <= READ_MAX);
        is_short || self.inner.gzip.is_some()
    }

    /// They have been read.
    pub(super) fn queue_part(&mut self, read: io::Result<usize>, now: Now) {
        let whole = read.is_ok_and(|n| n == self.inner.part.len());
        let Some(file) = self.inner.file.as_mut().filter(|_| whole) else {
            return self.fail(now);
        };
        if self.inner.gzip.is_some() {
            file.at += self.inner.part.len() as u64;
            let whole = file.at == file.end;
            return self.compress_part(whole, now);
        }
        let part = self.inner.part.split().freeze();
        self.queue(part, now);
    }

    /// Queues the next bytes of the file.
    fn queue(&mut self, part: Bytes, now: Now) {
        let Self { server, inner } = self;
        let Inner { conn, tx, file, .. } = &mut **inner;
        let Some(file) = file else {
            return;
        };
        file.at += part.len() as u64;
        let rest = file.end - file.at;
        let several = file.parts.is_some();
        let mut queued = conn
            .send_data(tx, part)
            .and_then(|()| conn.send_external(tx, rest));
        if !several {
            queued = queued.and_then(|()| inner.end(server, now));
        }
        match (queued, rest) {
            (Err(_), _) => self.fail(now),
            (Ok(()), 0) => self.part_done(),
            (Ok(()), _) => {
                // It takes time to send; who knows what comes meanwhile.
                self.inner.peer_ends = false;
                self.inner.stage = Stage::Send;
            }
        }
    }

    /// `n` bytes of the file were sent.
    pub(super) fn on_file_sent(&mut self, n: u64, now: Now) {
        let Some(file) = &mut self.inner.file else {
            return;
        };
        file.at += n;
        match n {
            0 => self.fail(now),
            _ if file.at == file.end => self.part_done(),
            _ => {}
        }
    }

    /// All of a range is queued.
    fn part_done(&mut self) {
        match &self.inner.file {
            Some(file) if file.parts.is_some() => self.inner.stage = Stage::More,
            _ => self.finish(),
        }
    }

    /// Goes on with the next range of several.
    fn next_part(&mut self, now: Now) {
        let Some(file) = &mut self.inner.file else {
            return;
        };
        let next = file.parts.as_mut().and_then(|parts| parts.next());
        let last = file.parts.as_ref().map(|parts| parts.end());
        let between = match next {
            Some((head, range)) => {
                (file.at, file.end) = (range.start, range.end);
                head
            }
            None => {
                self.finish();
                last.unwrap_or_default()
            }
        };
        let Self { server, inner } = self;
        let mut queued = inner.conn.send_data(&mut inner.tx, between.into());
        if inner.file.is_none() {
            queued = queued.and_then(|()| inner.end(server, now));
        }
        match queued {
            Err(_) => self.fail(now),
            Ok(()) if self.inner.file.is_some() => self.answered(now),
            Ok(()) => {}
        }
    }

    /// All of the answer is queued.
    pub(super) fn finish(&mut self) {
        self.inner.drop_source();
        self.inner.stage = Stage::Read;
    }
}

impl Inner {
    /// What the content came from is not needed any more.
    pub(super) fn drop_source(&mut self) {
        self.file = None;
        self.gzip = None;
        // Ends a script that still runs.
        self.task = None;
        self.change = None;
    }
}
