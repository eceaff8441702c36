//! Where a request is on its way to an answer.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use arrayvec::ArrayVec;
use h1_core::Status;

use super::bindings::Bindings;
use super::complain::Complaint;
use super::trace::Sink;
use crate::config::model::Precompressed;
use crate::limits::Ticket;
use crate::os::OpenFile;
use crate::path::CleanPath;

/// How often the URI of a request may change: nginx's limit.
pub(super) const CHANGES: u8 = 10;

/// Buffers that are kept for later, each of at most [`KEPT`] bytes.
const BUFFERS: usize = 4;
const KEPT: usize = 4096;

/// The rules that a file was opened by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OpenedBy {
    /// The address of the root.
    pub(super) root: usize,
    pub(super) all_links: bool,
}

/// One request on its way. The value is used again for the next one, and keeps its storage.
#[derive(Debug, Default)]
pub(crate) struct Route {
    /// nginx's `$host`.
    pub(crate) host: Vec<u8>,
    /// The path, decoded; rewriting changes it.
    pub(crate) uri: Vec<u8>,
    pub(crate) args: Vec<u8>,
    /// The file that is looked for, below the root of the rules.
    pub(crate) path: CleanPath,
    /// The part of paths in which links are followed whatever the rules say.
    pub(super) links_from: Vec<u8>,
    /// Index files with variables in their names.
    pub(crate) index: Vec<String>,
    /// The URI that stands behind them.
    pub(super) index_uri: Vec<u8>,
    pub(crate) server: usize,
    pub(crate) location: Option<usize>,
    pub(crate) rules: usize,
    /// The status of the answer, whatever the rest of it says: that of an error.
    pub(crate) status: Option<Status>,
    /// The URL of a redirect.
    pub(crate) target: Vec<u8>,
    /// The URL of a redirect that has a page: the answer has it as well.
    pub(crate) moved: Vec<u8>,
    /// What was received in place of a request.
    pub(crate) broken: Vec<u8>,
    /// The lines of the answer's fields, where a variable may ask for them.
    pub(crate) sent: Vec<u8>,
    /// An error page is for GET, whatever the request was for.
    pub(crate) as_get: bool,
    /// The value of WWW-Authenticate, where the client has to say who it is.
    pub(crate) challenge: String,
    /// The password was right.
    pub(super) authenticated: bool,
    /// The client may try again soon.
    pub(crate) retry: bool,
    /// There is time for a check of the password.
    pub(super) reserved: bool,
    /// For whom a proxy speaks.
    pub(crate) peer: Option<SocketAddr>,
    /// What `limit_req` and `limit_conn` have said of it; empty where none was about it so far.
    pub(super) limit_req_status: &'static str,
    pub(super) limit_conn_status: &'static str,
    /// `$limit_rate`, once it is known.
    pub(super) limit_rate: Option<u64>,
    /// The request had come before the answer to the one before was over.
    pub(crate) pipelined: bool,
    /// What `limit_conn` has counted.
    pub(crate) tickets: Vec<Ticket>,
    pub(crate) bindings: Bindings,
    pub(crate) sink: Sink,
    /// Lines for the error log.
    pub(crate) complaints: Vec<Complaint>,
    pub(super) phase: Phase,
    pub(super) internal: bool,
    /// The content of the request is more than a location takes: none is asked again.
    pub(crate) too_large: bool,
    /// An error page is being looked for: there is none for that.
    pub(super) in_error_page: bool,
    /// The changes of the URI that are left.
    pub(super) changes: u8,
    pub(super) uri_changed: bool,
    /// The variables that are being expanded, one within the other.
    pub(super) depth: u8,
    /// One was too deep, or its value too long.
    pub(super) endless: bool,
    /// Whether the file that a condition asks for is there, once that is known.
    pub(super) tested: Option<bool>,
    /// That is not below the root of the rules, but below the folder of the condition.
    pub(super) elsewhere: bool,
    /// A file that was found, for the session to send or read.
    pub(crate) file: Option<OpenFile>,
    /// A file that was found and may be asked for again at once: its rules' root and its path.
    pub(super) held: Option<(OpenedBy, CleanPath, OpenFile)>,
    /// The compressed siblings of the file that are looked for, in order.
    pub(super) codings: ArrayVec<Precompressed, 3>,
    /// The coding of the file that was found.
    pub(crate) coding: Option<Precompressed>,
    /// Which file it is depends on Accept-Encoding.
    pub(crate) vary: bool,
    /// `$request_id`, once somebody has asked.
    id: Option<[u64; 2]>,
    scratch: Vec<Vec<u8>>,
}

/// What is next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Phase {
    /// The instructions of the server, from this one on.
    Server(usize),
    Find,
    /// Those of the location.
    Location(usize),
    Limit,
    #[default]
    Access,
    /// This one of `try_files`.
    Try(usize),
    /// This one of the compressed siblings of the file.
    Sibling(usize),
    Content,
}

impl Route {
    /// The same request, were it for `uri`, and nothing done yet.
    pub(super) fn beside(&self, uri: &[u8]) -> Self {
        Self {
            uri: uri.to_vec(),
            host: self.host.clone(),
            args: self.args.clone(),
            server: self.server,
            peer: self.peer,
            bindings: self.bindings.clone(),
            ..Self::default()
        }
    }

    pub(super) fn reset(&mut self, slots: usize) {
        for text in [
            &mut self.uri,
            &mut self.args,
            &mut self.target,
            &mut self.moved,
            &mut self.index_uri,
            &mut self.broken,
            &mut self.sent,
        ] {
            text.clear();
            text.shrink_to(KEPT);
        }
        self.index.clear();
        self.bindings.reset(slots);
        self.phase = Phase::Server(0);
        self.location = None;
        (self.status, self.tested, self.id) = (None, None, None);
        (self.as_get, self.internal, self.too_large) = (false, false, false);
        self.endless = false;
        (self.in_error_page, self.uri_changed) = (false, false);
        self.changes = CHANGES + 1;
        self.file = None;
        self.held = None;
        self.codings.clear();
        (self.coding, self.vary) = (None, false);
        self.challenge.clear();
        (self.reserved, self.peer) = (false, None);
        (self.authenticated, self.retry) = (false, false);
        (self.limit_req_status, self.limit_conn_status) = ("", "");
        self.limit_rate = None;
        self.tickets.clear();
    }

    /// Nothing of the request is needed any more.
    pub(crate) fn forget(&mut self) {
        self.reset(0);
        self.pipelined = false;
        self.complaints.clear();
        self.host.clear();
    }

    /// An empty buffer, to be given back.
    pub(super) fn take_scratch(&mut self) -> Vec<u8> {
        self.scratch.pop().unwrap_or_default()
    }

    pub(super) fn give_scratch(&mut self, mut buffer: Vec<u8>) {
        if self.scratch.len() < BUFFERS && buffer.capacity() <= KEPT {
            buffer.clear();
            self.scratch.push(buffer);
        }
    }

    /// Appends the values of a field of the answer as one list; returns whether there are any.
    pub(super) fn push_sent(&self, name: &str, out: &mut Vec<u8>) -> bool {
        let lines = self.sent.split(|&b| b == b'\n');
        let values = lines.filter_map(|line| {
            let (key, value) = line.split_at_checked(name.len())?;
            let value = value.strip_prefix(b": ")?;
            key.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
        });
        let mut found = false;
        for value in values {
            if std::mem::replace(&mut found, true) {
                out.extend_from_slice(b", ");
            }
            out.extend_from_slice(value);
        }
        found
    }

    pub(super) fn push_id(&mut self, out: &mut Vec<u8>) {
        let [high, low] = *self.id.get_or_insert_with(new_id);
        let _ = write!(out, "{high:016x}{low:016x}");
    }

    /// Keeps a file that is asked for again at once.
    pub(super) fn hold(&mut self, by: OpenedBy, file: OpenFile) {
        self.held = Some((by, self.path.clone(), file));
    }
}

/// A number that no other request has, and that nobody can guess.
pub(crate) fn new_id() -> [u64; 2] {
    static KEYS: OnceLock<[RandomState; 2]> = OnceLock::new();
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let keys = KEYS.get_or_init(Default::default);
    [keys[0].hash_one(count), keys[1].hash_one(count)]
}
