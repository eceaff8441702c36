//! From what a request has come to, to a head in the queue.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use arrayvec::ArrayString;
use bytes::Bytes;
use h1_core::{Body, Method, RequestHead, SendError, State, Status};

use super::content::SentFile;
use super::pace::Pace;
use super::task::{passed, passes, request};
use super::{Inner, view};
use crate::config::model::ListingFormat;
use crate::files::listing::{self, Order};
use crate::files::reply::{self, Variant};
use crate::path::{CleanPath, url_field};
use crate::reply::{Content, Reply, Value};
use crate::route::trace::Note;
use crate::route::{Outcome, Route, Rules};
use crate::{Entry, Now, Server};

/// In how many seconds a request that found no place may come again.
const RETRY_AFTER: &str = "5";

/// Fields that `add_header` replaces.
const SINGLE: [&str; 2] = ["Last-Modified", "ETag"];

impl Inner {
    /// Queues the head of the answer, and its content but for a file's.
    pub(super) fn answer(
        &mut self,
        server: &Server,
        outcome: Outcome,
        now: Now,
    ) -> Result<(), SendError> {
        let rules = server.hosting.rules(self.route.rules);
        self.adopt(server, rules, now);
        let moved = !matches!(outcome, Outcome::Redirect(_)) && !self.route.moved.is_empty();
        let mut reply = self.reply(server, rules, outcome, now);
        if moved {
            let request = self.conn.request(&self.rx);
            let location = location(server, rules, self, request, &self.route.moved);
            reply = reply.with("Location", Value::Long(location));
        }
        if matches!(reply.status, Status::NO_CONTENT | Status::RESET_CONTENT) {
            self.file = None;
            reply.empty();
        }
        if !self.route.challenge.is_empty() {
            let challenge = Value::Long(self.route.challenge.clone());
            reply = reply.with("WWW-Authenticate", challenge);
        }
        let modified = self.file.as_ref().and_then(|file| file.file.modified());
        self.note_reply(server, &reply);
        if self.route.retry {
            reply = reply.with("Retry-After", Value::Text(RETRY_AFTER));
        }
        if !passes(&self.task, &reply, &["expires", "cache-control"]) {
            self.add_expires(server, rules, &mut reply, modified, now);
        }
        self.add_gzip(rules, &mut reply);
        self.note_reply(server, &reply);
        self.add_fields(server, rules, &mut reply, now);
        self.send_hints(server, rules, reply.status, now)?;
        self.queue(server, rules, &reply, now)
    }

    /// The rules of a location hold from now on.
    fn adopt(&mut self, server: &Server, rules: &Rules, now: Now) {
        let settings = &rules.settings;
        let most = server.keepalive_requests.min(settings.keepalive_requests);
        let mut last = self.draining || self.client.requests >= most;
        if let Some(timeouts) = rules.timeouts {
            let age = now.monotonic.saturating_duration_since(self.connected);
            last |= age >= settings.keepalive_time;
            last |= timeouts.keep_alive == Duration::ZERO;
            self.clock.set(timeouts);
            self.lingering_time = settings.lingering_time;
        }
        last |= self.route.too_large || self.has_too_much();
        if last {
            self.conn.disable_keep_alive();
        }
        self.last |= last;
        self.lingering = settings.lingering_close;
        let (rate, after) = view!(server, self, now).rates(&mut self.route);
        // What is queued in front of it is not its own, and nothing is queued behind it.
        self.pace = Pace::new((rate, after.saturating_add(self.tx.queued())), now);
        self.dear |= self.pace.is_some();
    }

    fn reply<'s>(
        &mut self,
        server: &'s Server,
        rules: &'s Rules,
        outcome: Outcome,
        now: Now,
    ) -> Reply<'s> {
        let route = &self.route;
        let status = |otherwise| route.status.unwrap_or(otherwise);
        match outcome {
            Outcome::File => self.reply_file(rules, now),
            Outcome::Listing(entries) => {
                self.dear = true;
                list(rules, route, entries, status(Status::OK))
            }
            Outcome::Text(code, text) => {
                let content = match text.is_empty() {
                    true => Content::None,
                    false => Content::Bytes(text),
                };
                let kind = match status(code) {
                    Status::NOT_MODIFIED => "",
                    _ => rules.types.of(&route.uri),
                };
                Reply::new(status(code), content).typed(kind)
            }
            Outcome::Plain(text) => {
                Reply::new(status(Status::OK), Content::Bytes(text)).typed("text/plain")
            }
            Outcome::Redirect(code) => {
                let location = location(server, rules, self, request!(self), &route.target);
                Reply::error(code).with("Location", Value::Long(location))
            }
            Outcome::Options => Reply::new(Status::NO_CONTENT, Content::None)
                .with("Allow", Value::Long(rules.allow())),
            Outcome::Page(code) => {
                let page = Reply::error(status(code));
                match code {
                    Status::METHOD_NOT_ALLOWED => page.with("Allow", Value::Long(rules.allow())),
                    _ => page,
                }
            }
            Outcome::Changed(code) => self.changed_reply(server, rules, code),
            Outcome::Backend(code) => self.backend_reply(code),
            // The session has done those.
            Outcome::Script(_)
            | Outcome::Lookup
            | Outcome::Change
            | Outcome::Users
            | Outcome::Wait(_)
            | Outcome::Close => Reply::error(Status::INTERNAL_SERVER_ERROR),
        }
    }

    fn reply_file<'s>(&mut self, rules: &'s Rules, now: Now) -> Reply<'s> {
        let Some(file) = self.route.file.take() else {
            return Reply::error(Status::INTERNAL_SERVER_ERROR);
        };
        let request = request!(self);
        let variant = Variant {
            content_type: rules.types.of(&self.route.uri),
            coding: self.route.coding,
            vary: self.route.vary,
        };
        let status = self.route.status.unwrap_or(Status::OK);
        let mut reply = match request {
            // A page for an error is neither conditional nor cut.
            Some(request) if status == Status::OK => {
                reply::reply(&request, &file, variant, &rules.settings, now.wall)
            }
            _ => {
                let reply = Reply::new(status, Content::File(0..file.len()));
                variant.vary(variant.encoded(reply.typed(variant.content_type)))
            }
        };
        let head = request.is_some_and(|request| request.method() == Method::Head);
        let len = reply.content.len();
        let (range, parts) = match std::mem::replace(&mut reply.content, Content::File(0..len)) {
            Content::File(range) if !head => (range, None),
            Content::Parts(parts) if !head => (0..0, Some(parts)),
            // Of the file no more than its time is needed.
            content => {
                reply.content = content;
                (0..0, None)
            }
        };
        self.file = Some(SentFile {
            at: range.start,
            end: range.end,
            file,
            parts,
        });
        reply
    }

    /// The fields of the answer so far, for `$sent_http_NAME`.
    fn note_reply(&mut self, server: &Server, reply: &Reply<'_>) {
        if server.hosting.wants_sent {
            self.route.sent.clear();
            for (name, value) in reply.field_bytes() {
                note_sent(&mut self.route.sent, name, value);
            }
            for (name, value) in passed(&self.task, reply) {
                note_sent(&mut self.route.sent, name, value);
            }
        }
    }

    /// Evaluates what `add_header` adds, or puts in the place of a field that no answer has twice.
    fn add_fields(&mut self, server: &Server, rules: &Rules, reply: &mut Reply<'_>, now: Now) {
        self.added.clear();
        self.values.clear();
        let fields = rules.settings.add_headers.iter().enumerate();
        if fields.len() == 0 {
            return;
        }
        let safe = is_safe(reply.status);
        for (at, field) in fields.filter(|(_, field)| field.always || safe) {
            let start = self.values.len();
            let mut view = view!(server, self, now);
            view.sent.status = Some(reply.status);
            let mut values = std::mem::take(&mut self.values);
            view.expand(&mut self.route, &field.value, &mut values);
            self.values = values;
            let is_empty = printable(&mut self.values, start).is_empty();
            if SINGLE.iter().any(|it| field.name.eq_ignore_ascii_case(it)) {
                let is_other = |name: &str| !field.name.eq_ignore_ascii_case(name);
                reply.fields.retain(|(name, _)| is_other(name));
                self.note_reply(server, reply);
            }
            if is_empty {
                continue;
            }
            let value = start..self.values.len();
            let text = &self.values[start..];
            if server.hosting.wants_sent {
                note_sent(&mut self.route.sent, &field.name, text);
            }
            self.route.sink.note(|| Note::Field {
                rules: self.route.rules,
                at,
                value: String::from_utf8_lossy(text).into_owned(),
            });
            self.added.push((at, value));
        }
    }

    fn queue(
        &mut self,
        server: &Server,
        rules: &Rules,
        reply: &Reply<'_>,
        now: Now,
    ) -> Result<(), SendError> {
        let framing = match self.wants_trailers(rules, reply) {
            true => Body::Chunked,
            false => reply.framing(),
        };
        let keep = keep_alive(rules, self.last);
        let keep = (!keep.is_empty()).then_some(("Keep-Alive", keep.as_bytes()));
        let own = self.own.at(rules.software(), now.wall);
        let (values, settings) = (&self.values, &rules.settings);
        let added = self.added.iter().filter_map(|(at, value)| {
            let field = settings.add_headers.get(*at)?;
            Some((field.name.as_str(), values.get(value.clone())?))
        });
        #[expect(clippy::map_identity, reason = "it shortens a lifetime")]
        let fields = (reply.field_bytes().map(|field| field))
            .chain(passed(&self.task, reply))
            .chain(added)
            .chain(keep);
        let before = self.tx.queued();
        self.conn
            .send_response_with(&mut self.tx, reply.status, own, fields, framing)?;
        let head = self.tx.queued() - before;
        let has_content = self.conn.state() == State::SendBody;
        let len = match reply.gzip {
            false if has_content && !reply.backend => reply.content.len(),
            _ => 0,
        };
        let mut view = view!(server, self, now);
        (view.sent.status, view.sent.content) = (Some(reply.status), len);
        if self.held.is_some() {
            view.sent.received = self.conn.body_received();
        }
        self.record.answer(server, &view, &mut self.route, head);
        self.route
            .sink
            .note(|| Note::Answer(reply.status.to_string()));
        if reply.gzip && has_content {
            self.compress(rules, &reply.content);
            return Ok(());
        }
        match &reply.content {
            Content::Bytes(bytes) => {
                self.conn.send_data(&mut self.tx, bytes.clone())?;
                self.end(server, now)
            }
            Content::File(range) if range.is_empty() => self.end(server, now),
            Content::None | Content::File(_) | Content::Parts(_) | Content::Stream(_) => Ok(()),
        }
    }
}

/// Notes a field for `$sent_http_NAME`.
fn note_sent(lines: &mut Vec<u8>, name: &str, value: &[u8]) {
    for part in [name.as_bytes(), b": ", value, b"\n"] {
        lines.extend_from_slice(part);
    }
}

/// The statuses that `add_header` and `expires` are for.
pub(super) fn is_safe(status: Status) -> bool {
    matches!(
        status.code(),
        200 | 201 | 204 | 206 | 301 | 302 | 303 | 304 | 307 | 308
    )
}

/// The value of the Keep-Alive field: how long the connection is kept, where that is told.
fn keep_alive(rules: &Rules, last: bool) -> ArrayString<32> {
    let mut value = ArrayString::new();
    if let (Some(seconds), false) = (rules.settings.keepalive_header, last) {
        let _ = write!(value, "timeout={seconds}");
    }
    value
}

/// Makes what stands from `start` on a value that ends no field. Returns it.
pub(super) fn printable(values: &mut Vec<u8>, start: usize) -> &[u8] {
    let is_bad = |b: &u8| matches!(b, 0..=8 | 10..=31 | 127);
    if values[start..].iter().any(is_bad) {
        let text = values.split_off(start);
        for b in text {
            match is_bad(&b) {
                true => values.extend_from_slice(format!("%{b:02X}").as_bytes()),
                false => values.push(b),
            }
        }
    }
    while values.len() > start && matches!(values.last(), Some(b' ' | b'\t')) {
        values.pop();
    }
    &values[start..]
}

/// The value of Location: with scheme, host and port where the rules want that.
pub(super) fn location(
    server: &Server,
    rules: &Rules,
    inner: &Inner,
    request: Option<RequestHead<'_>>,
    target: &[u8],
) -> String {
    let (route, settings, local) = (&inner.route, &rules.settings, inner.client.local);
    let target = url_field(target);
    if !target.starts_with('/') || !settings.absolute_redirect {
        return target;
    }
    let name = server
        .hosting
        .server(route.server)
        .map_or("", |it| &it.name);
    let host = match (settings.server_name_in_redirect, request) {
        (false, Some(_)) if !route.host.is_empty() => String::from_utf8_lossy(&route.host),
        _ => name.into(),
    };
    let host = match (host.is_empty(), local) {
        (true, Some(local)) => url_host(local),
        _ => host.into_owned(),
    };
    let port = local.map_or(80, |local| local.port());
    match port {
        _ if host.is_empty() => target,
        80 => format!("http://{host}{target}"),
        port if settings.port_in_redirect => format!("http://{host}:{port}{target}"),
        _ => format!("http://{host}{target}"),
    }
}

fn url_host(local: SocketAddr) -> String {
    match local {
        SocketAddr::V4(local) => local.ip().to_string(),
        SocketAddr::V6(local) => format!("[{}]", local.ip()),
    }
}

fn list<'s>(rules: &Rules, route: &Route, entries: Vec<Entry>, status: Status) -> Reply<'s> {
    let mut path = CleanPath::new();
    // What is listed was found below it.
    let _ = path.set(&[&route.uri]);
    let format = rules.settings.autoindex.map(|autoindex| autoindex.format);
    let (page, kind) = match format {
        None | Some(ListingFormat::Html) => {
            let look = rules.settings.autoindex;
            let look = look.map_or((false, false), |it| (it.exact_size, it.localtime));
            let order = Order::of(&route.args);
            let page = listing::page(&path, entries, order, look);
            return Reply::html(status, Bytes::from(page));
        }
        Some(ListingFormat::Json) => (listing::json(&path, entries), "application/json"),
        Some(ListingFormat::Xml) => (listing::xml(&path, entries), "text/xml; charset=utf-8"),
    };
    Reply::new(status, Content::Bytes(page.into())).typed(kind)
}
