//! `gzip`: content that is compressed on its way.

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status as Flate};
use h1_core::{RequestHead, Status, Version};

use super::task::request;
use super::{Inner, PART, Session, Stage};
use crate::Now;
use crate::config::model::{Gzip, Precompressed, Proxied, Settings};
use crate::files::coding::Accepted;
use crate::reply::{Content, Reply, Value};
use crate::route::Rules;

/// What is added to the room for compressed bytes when there is none left.
const ROOM: usize = 16 * 1024;

/// Makes content smaller, part by part. It holds up to 300 KiB.
#[derive(Debug)]
pub(super) struct Compressor {
    state: Compress,
    /// Where the content comes from no file: what is left of it.
    text: Bytes,
}

impl Compressor {
    /// For content of `len` bytes: what is short needs no large window.
    fn new(level: u32, len: u64, text: Bytes) -> Self {
        let window = (9..15).find(|bits| len <= 1 << bits).unwrap_or(15);
        Self {
            state: Compress::new_gzip(Compression::new(level), window),
            text,
        }
    }

    /// What `part` has become, as far as it is known. `None` only where the compressor fails.
    fn push(&mut self, mut part: &[u8], last: bool) -> Option<Bytes> {
        let flush = match last {
            true => FlushCompress::Finish,
            false => FlushCompress::None,
        };
        let mut out = Vec::with_capacity(part.len() / 2 + 64);
        loop {
            if out.len() == out.capacity() {
                out.reserve(ROOM);
            }
            let before = self.state.total_in();
            let status = self.state.compress_vec(part, &mut out, flush).ok()?;
            part = part.get((self.state.total_in() - before) as usize..)?;
            let room = out.len() < out.capacity();
            match status {
                Flate::StreamEnd => return Some(out.into()),
                _ if !room => {}
                _ if !last && part.is_empty() => return Some(out.into()),
                Flate::BufError => return None,
                Flate::Ok => {}
            }
        }
    }
}

impl Inner {
    /// Decides whether the content is compressed, and says so in the fields.
    pub(super) fn add_gzip(&self, rules: &Rules, reply: &mut Reply<'_>) {
        let gzip = &rules.settings.gzip;
        if !gzip.on || reply.backend || !self.is_fit(rules, reply) {
            return;
        }
        let Some(request) = request!(self) else {
            return;
        };
        if gzip.vary && !reply.has("Vary") {
            reply.push("Vary", Value::Text("Accept-Encoding"));
        }
        let part = reply.status == Status::PARTIAL_CONTENT;
        if part || !accepts(gzip, &request) || !allows_proxy(&rules.settings, &request, reply) {
            return;
        }
        // What is compressed again may be other bytes.
        reply.weaken_etag();
        if reply.status != Status::NOT_MODIFIED {
            reply.gzip = true;
            reply.remove("Accept-Ranges");
            reply.push("Content-Encoding", Value::Text("gzip"));
        }
    }

    /// Whether an answer may be compressed, whoever asked for it. A 304 and a 206 have the
    /// fields of the 200 that they stand for.
    fn is_fit(&self, rules: &Rules, reply: &Reply<'_>) -> bool {
        let gzip = &rules.settings.gzip;
        let content_type = match reply.status {
            Status::NOT_MODIFIED | Status::PARTIAL_CONTENT => {
                rules.types.of(&self.route.uri).as_bytes()
            }
            Status::OK | Status::FORBIDDEN | Status::NOT_FOUND => {
                if reply.content.len() < gzip.min_length {
                    return false;
                }
                reply.field("Content-Type").unwrap_or_default()
            }
            _ => return false,
        };
        let mut added = rules.settings.add_headers.iter();
        let encoded = added.any(|it| it.name.eq_ignore_ascii_case("content-encoding"));
        self.route.coding.is_none() && !encoded && has_type(gzip, content_type)
    }

    /// From now on the content is compressed.
    pub(super) fn compress(&mut self, rules: &Rules, content: &Content) {
        let text = match content {
            Content::Bytes(text) => text.clone(),
            _ => Bytes::new(),
        };
        let level = rules.settings.gzip.comp_level;
        self.gzip = Some(Compressor::new(level, content.len(), text));
        self.dear = true;
    }
}

impl Session {
    /// Compresses the next part of content that comes from no file.
    pub(super) fn compress_text(&mut self, now: Now) {
        let Some(gzip) = &mut self.inner.gzip else {
            return;
        };
        let len = gzip.text.len().min(PART as usize);
        let part = gzip.text.split_to(len);
        let last = gzip.text.is_empty();
        let compressed = gzip.push(&part, last);
        self.queue_compressed(compressed, last, now);
    }

    /// Compresses the part of the file that was read.
    pub(super) fn compress_part(&mut self, last: bool, now: Now) {
        let Inner { gzip, part, .. } = &mut *self.inner;
        let compressed = gzip.as_mut().and_then(|gzip| gzip.push(part, last));
        self.queue_compressed(compressed, last, now);
    }

    fn queue_compressed(&mut self, compressed: Option<Bytes>, last: bool, now: Now) {
        let Some(bytes) = compressed else {
            return self.fail(now);
        };
        let Self { server, inner } = self;
        if let Some(gzip) = &inner.gzip {
            inner
                .record
                .packed((gzip.state.total_in(), gzip.state.total_out()));
        }
        let before = inner.tx.queued();
        let mut queued = inner.conn.send_data(&mut inner.tx, bytes);
        let content = inner.tx.queued();
        // Fields behind the content may name its length.
        inner.record.grow(content - before);
        if last {
            queued = queued.and_then(|()| inner.end(server, now));
            inner.record.grow(inner.tx.queued() - content);
        }
        match queued {
            Err(_) => self.fail(now),
            Ok(()) if last => self.finish(),
            Ok(()) => {
                // As for what is sent from a file.
                self.inner.peer_ends = false;
                self.inner.stage = Stage::More;
            }
        }
    }
}

/// Whether this client gets compressed content.
fn accepts(gzip: &Gzip, request: &RequestHead<'_>) -> bool {
    let fields = request.fields();
    let version = gzip.http_version_1_0 || request.version() != Version::Http10;
    let agent = || fields.get("user-agent").unwrap_or_default();
    let agent = || String::from_utf8_lossy(agent());
    version
        && Accepted::of(&fields).weight(Precompressed::Gzip).is_some()
        && !gzip
            .disable
            .iter()
            .any(|it| it.regex.is_match(agent().as_bytes()))
}

fn has_type(gzip: &Gzip, content_type: &[u8]) -> bool {
    let kind = content_type.split(|&b| b == b';').next();
    let kind = kind.unwrap_or_default().trim_ascii();
    let mut types = gzip.types.iter();
    types.any(|it| it == "*" || it.as_bytes().eq_ignore_ascii_case(kind))
}

/// Whether a request that came through a proxy, which Via tells, gets compressed content: nginx's
/// rules, in its order.
fn allows_proxy(settings: &Settings, request: &RequestHead<'_>, reply: &Reply<'_>) -> bool {
    let (fields, proxied) = (request.fields(), settings.gzip.proxied);
    if fields.get("via").is_none() || proxied.has(Proxied::ANY) {
        return true;
    }
    if proxied == Proxied::OFF {
        return false;
    }
    if proxied.has(Proxied::AUTH) && fields.get("authorization").is_some() {
        return true;
    }
    if reply.has("Expires") {
        // Ours says so of what is over.
        let over = reply.field("Cache-Control") == Some(b"no-cache");
        return over && proxied.has(Proxied::EXPIRED);
    }
    let mut added = settings.add_headers.iter();
    let control = added.find(|it| it.name.eq_ignore_ascii_case("cache-control"));
    if let Some(text) = control.and_then(|control| control.value.as_text()) {
        let text = text.to_ascii_lowercase();
        let has = |name: &str| memchr::memmem::find(&text, name.as_bytes()).is_some();
        return (proxied.has(Proxied::NO_CACHE) && has("no-cache"))
            || (proxied.has(Proxied::NO_STORE) && has("no-store"))
            || (proxied.has(Proxied::PRIVATE) && has("private"));
    }
    let dated = proxied.has(Proxied::NO_LAST_MODIFIED) && reply.has("Last-Modified");
    let tagged = proxied.has(Proxied::NO_ETAG) && reply.has("ETag");
    !dated && !tagged
}
