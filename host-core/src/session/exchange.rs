//! One request and its answer.

use std::io;

use bytes::Bytes;
use h1_core::{
    Awaiting, Body, Error, ErrorKind, Event, Method, Phase, RequestHead, SendError, State, Status,
};

use super::{Inner, SentFile, Session, Stage};
use crate::files::{listing, mime, reply};
use crate::path::{CleanPath, PathError};
use crate::reply::{Content, Reply, Value};
use crate::{Entry, Found, Now, Return, Site};

/// Content of a request that nobody wants is read up to this many bytes, so that the connection can
/// go on; beyond, it closes.
const DISCARD_MAX: u64 = 64 * 1024;

/// The value of the Server field (RFC 9110, section 10.2.4).
const SERVER: &str = concat!("h1/", env!("CARGO_PKG_VERSION"));

/// The methods that files have (RFC 9110, section 10.2.1).
const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Session {
    /// Reads one event; returns whether there may be another.
    pub(super) fn read_event(&mut self, now: Now) -> bool {
        match self.inner.conn.next_event(&mut self.inner.rx) {
            Ok(Event::Request(_)) => self.begin(now),
            Ok(Event::Data(_)) => return self.discard_content(),
            Ok(Event::EndOfMessage(_)) => {}
            Ok(Event::Paused) => return self.inner.conn.next_cycle().is_ok(),
            Ok(Event::NeedData) => {
                let whole = self.inner.conn.state() == State::Done;
                return whole && self.inner.conn.next_cycle().is_ok();
            }
            Ok(Event::Closed) => {
                self.inner.stage = Stage::Finish;
            }
            Err(error) => self.refuse(error, now),
        }
        true
    }

    fn begin(&mut self, now: Now) {
        self.inner.clock.read_done();
        self.inner.requests = self.inner.requests.saturating_add(1);
        if self.inner.requests >= self.server.keepalive_requests {
            self.inner.conn.disable_keep_alive();
        }
        // Whatever of the answer before is still queued will be written.
        self.inner.record.finish(0, now.wall);
        let Some(request) = self.inner.conn.request(&self.inner.rx) else {
            return;
        };
        self.inner.record.begin(&request);
        self.inner.peer_ends = !request.keep_alive();
        self.inner.dear = false;
        let too_much = matches!(request.body(), Body::Length(len) if len > DISCARD_MAX);
        let route = route(&self.server.site, &request, &mut self.inner.path);
        if too_much {
            self.inner.conn.disable_keep_alive();
        }
        match route {
            Route::Files => self.inner.stage = Stage::Locate,
            Route::Reply(reply) => self.send(reply, now),
            Route::Return(fixed) => {
                let content_type = ("Content-Type", fixed.content_type.as_bytes());
                let content = match fixed.body.is_empty() {
                    true => Content::None,
                    false => Content::Bytes(fixed.body.clone()),
                };
                let fields = std::iter::once(content_type);
                if (self.inner.queue(fixed.status, fields, &content, now)).is_err() {
                    self.fail(now);
                }
            }
        }
    }

    /// No rule of ours wants content; returns whether to go on reading it.
    fn discard_content(&mut self) -> bool {
        if self.inner.conn.body_received() > DISCARD_MAX {
            self.linger();
        }
        true
    }

    pub(super) fn answer_found(&mut self, found: io::Result<Found>, now: Now) {
        self.inner.stage = Stage::Read;
        let Some(request) = self.inner.conn.request(&self.inner.rx) else {
            return;
        };
        let reply = match found {
            Ok(Found::File { file, index }) => {
                let name = match index.and_then(|n| self.server.site.index.get(n)) {
                    Some(index) => index.as_bytes(),
                    None => self.inner.path.file_name(),
                };
                let reply = reply::reply(&request, &file, mime::content_type(name), now.wall);
                if let (Content::File(range), true) = (&reply.content, is_get(&request)) {
                    self.inner.file = Some(SentFile {
                        file,
                        at: range.start,
                        end: range.end,
                    });
                }
                reply
            }
            Ok(Found::Folder) => redirect_to_folder(&self.inner.path, request.query()),
            Ok(Found::Listing(entries)) => {
                self.inner.dear = true;
                listing_page(&self.inner.path, entries)
            }
            Err(error) => Reply::error(status_of(&error)),
        };
        self.send(reply, now);
    }

    /// Queues the head of an answer, and its content but for a file's.
    fn send(&mut self, reply: Reply, now: Now) {
        let Reply {
            status, content, ..
        } = &reply;
        match (self.inner).queue(*status, reply.field_bytes(), content, now) {
            Ok(()) => {}
            // A rule of ours made a reply that cannot be sent, or one was sent before.
            Err(_) => return self.fail(now),
        }
        match &self.inner.file {
            Some(file) if file.at < file.end => self.inner.stage = Stage::Load,
            _ => self.finish(),
        }
    }

    /// The first part of the file has been read.
    pub(super) fn queue_part(&mut self, read: io::Result<usize>, now: Now) {
        let whole = read.is_ok_and(|n| n == self.inner.part.len());
        let Some(file) = self.inner.file.as_mut().filter(|_| whole) else {
            return self.fail(now);
        };
        let part = self.inner.part.split().freeze();
        file.at += part.len() as u64;
        let rest = file.end - file.at;
        let queued = self
            .inner
            .conn
            .send_data(&mut self.inner.tx, part)
            .and_then(|()| self.inner.conn.send_external(&mut self.inner.tx, rest));
        match (queued, rest) {
            (Err(_), _) => self.fail(now),
            (Ok(()), 0) => self.finish(),
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
            _ if file.at == file.end => self.finish(),
            _ => {}
        }
    }

    /// All of the answer is queued.
    fn finish(&mut self) {
        self.inner.file = None;
        self.inner.stage = Stage::Read;
    }

    /// The answer cannot be finished, and the peer must see that: what was queued before is still
    /// sent, then the connection closes.
    fn fail(&mut self, now: Now) {
        self.inner.conn.send_failed();
        self.finish_record(now);
        self.inner.file = None;
        match self.inner.tx.external() {
            Some(_) => self.abandon(Stage::Close, now),
            None => self.linger(),
        }
    }

    /// Answers what is no request, or one that comes too late, and stops reading.
    fn refuse(&mut self, error: Error, now: Now) {
        self.inner.clock.read_done();
        if matches!(self.inner.conn.state(), State::Idle | State::SendResponse) {
            self.inner.record.finish(0, now.wall);
            self.inner.record.begin_broken(self.inner.rx.pending());
            self.send(Reply::error(error.kind.status()), now);
        }
        self.linger();
    }

    /// Nothing more is read but to be thrown away.
    pub(super) fn linger(&mut self) {
        self.inner.rx.clear();
        self.inner.stage = Stage::Linger { shut: false };
    }

    /// `phase` took too long.
    pub(super) fn on_late(&mut self, phase: Phase, now: Now) {
        match phase {
            Phase::Send => self.abandon(Stage::Reset, now),
            Phase::KeepAlive | Phase::Linger => self.abandon(Stage::Close, now),
            // Whoever has sent nothing is told nothing.
            Phase::Head if self.inner.conn.awaiting(&self.inner.rx) == Awaiting::Message => {
                self.abandon(Stage::Close, now);
            }
            Phase::Head | Phase::Body => {
                let error = self.inner.conn.refuse(ErrorKind::Timeout);
                self.refuse(error, now);
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

impl Inner {
    fn queue<'f>(
        &mut self,
        status: Status,
        fields: impl Iterator<Item = (&'static str, &'f [u8])>,
        content: &Content,
        now: Now,
    ) -> Result<(), SendError> {
        if self.draining {
            self.conn.disable_keep_alive();
        }
        let own = [
            ("Server", SERVER.as_bytes()),
            ("Date", self.date.at(now.wall)),
        ];
        #[expect(clippy::map_identity, reason = "it shortens a lifetime")]
        let fields = own.into_iter().chain(fields.map(|field| field));
        let framing = content.framing();
        self.conn
            .send_response(&mut self.tx, status, fields, framing)?;
        let has_content = self.conn.state() == State::SendBody;
        let len = if has_content { content.len() } else { 0 };
        self.record.answer(status, len);
        match content {
            Content::Bytes(bytes) => self.conn.send_data(&mut self.tx, bytes.clone()),
            Content::None | Content::File(_) => Ok(()),
        }
    }
}

/// What answers a request.
#[expect(clippy::large_enum_variant, reason = "none is kept")]
enum Route<'s> {
    Reply(Reply),
    Return(&'s Return),
    /// The file that the path names.
    Files,
}

/// `path` becomes that of the request.
fn route<'s>(site: &'s Site, request: &RequestHead<'_>, path: &mut CleanPath) -> Route<'s> {
    match request.method() {
        Method::Get | Method::Head => {}
        Method::Options => {
            return Route::Reply(allow(Reply::new(Status::NO_CONTENT, Content::None)));
        }
        Method::Other(_) => return Route::Reply(Reply::error(Status::NOT_IMPLEMENTED)),
        _ => return Route::Reply(allow(Reply::error(Status::METHOD_NOT_ALLOWED))),
    }
    // Most are asked for as they are written.
    if let Some(fixed) = site.returns.get(request.path().as_bytes()) {
        return Route::Return(fixed);
    }
    match path.decode(request.path()) {
        Ok(()) => {}
        Err(PathError::EncodedSlash) => return Route::Reply(Reply::error(Status::NOT_FOUND)),
        Err(_) => return Route::Reply(Reply::error(Status::BAD_REQUEST)),
    }
    match site.returns.get(path.as_bytes()) {
        Some(fixed) => Route::Return(fixed),
        None if path.is_hidden() => Route::Reply(Reply::error(Status::NOT_FOUND)),
        None => Route::Files,
    }
}

fn allow(reply: Reply) -> Reply {
    reply.with("Allow", Value::Static(ALLOW))
}

fn is_get(request: &RequestHead<'_>) -> bool {
    request.method() == Method::Get
}

/// The same address with a slash at its end, as links in the folder count from there.
fn redirect_to_folder(path: &CleanPath, query: Option<&str>) -> Reply {
    let mut location = String::new();
    path.push_encoded(&mut location);
    location.push('/');
    if let Some(query) = query {
        location.push('?');
        location.push_str(query);
    }
    Reply::error(Status::MOVED_PERMANENTLY).with("Location", Value::Long(location))
}

fn listing_page(path: &CleanPath, entries: Vec<Entry>) -> Reply {
    let page = listing::page(path, entries);
    Reply::html(Status::OK, Bytes::from(page))
}

fn status_of(error: &io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::NotFound => Status::NOT_FOUND,
        io::ErrorKind::PermissionDenied => Status::FORBIDDEN,
        io::ErrorKind::ResourceBusy => Status::SERVICE_UNAVAILABLE,
        _ => Status::INTERNAL_SERVER_ERROR,
    }
}
