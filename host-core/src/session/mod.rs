//! One client connection as a state machine: [`Session::step`] says what to do next, the `on_…`
//! methods say what came of it.

mod answer;
mod backend;
mod change;
mod clock;
mod complain;
mod content;
mod exchange;
mod expires;
mod extras;
mod gzip;
mod intake;
mod pace;
mod pause;
mod peer;
mod pool;
mod proxied;
mod record;
mod task;
mod wait;

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use h1_core::{Awaiting, OwnedRequest, RecvBuf, SendQueue, ServerConnection};

use crate::config::model::LingeringClose;
use crate::date::OwnFields;
use crate::route::Route;
use crate::route::variables::Client;
use crate::server::counters::{Busy, Connected};
use crate::{Found, Now, Server, Step};
use change::Pending;
use clock::Clock;
use content::SentFile;
use gzip::Compressor;
use pace::Pace;
pub use peer::Peer;
pub use pool::{Parked, Pool};
use record::Record;
use task::Task;

/// Queued bytes above which no further pipelined request is answered before some are written.
const HIGH_WATER: u64 = 128 * 1024;

/// A file up to this size is read, and written together with its head: that costs less than sending from
/// the file does. Of a longer one nothing passes through here.
const READ_MAX: u64 = 16 * 1024;

/// So much of a file is read at a time to be compressed; short files of a batch share as much room.
const PART: u64 = 64 * 1024;

/// The most that one `SendFile` asks for, so that a fast reader leaves the others their turn.
const SEND_MAX: u64 = 256 * 1024;

/// Finished log lines above which they are handed out although more answers can be written first.
const LOG_BATCH: usize = 4096;

/// All that variables are read from, but for the route, which stays free.
macro_rules! view {
    ($server:expr, $inner:expr, $now:expr) => {
        crate::route::variables::View::new(
            &$server.hosting,
            $crate::session::task::request!($inner),
            &$inner.client,
            $inner.since,
            $now,
        )
    };
}
use view;

/// One client connection.
///
/// A driver asks [`step`](Session::step) what to do, does that one thing, reports it with the method that
/// the [`Step`] names, and asks again. Calls that nobody asked for are harmless. The session
/// holds no socket and reads no clock; it owns the receive buffer, the send queue, the file that
/// it is sending, and all rules. While it is idle, [`park`](Session::park) lends its buffers to others.
#[derive(Debug)]
pub struct Session {
    server: Connected,
    inner: Box<Inner>,
}

/// All of a session but what is served: a [`Pool`] keeps it for the next one.
#[derive(Debug)]
struct Inner {
    conn: ServerConnection,
    rx: RecvBuf,
    tx: SendQueue,
    stage: Stage,
    clock: Clock,
    /// The way of the present request to its answer.
    route: Route,
    client: Client,
    /// When the present request had come.
    since: Instant,
    /// When the connection was made.
    connected: Instant,
    /// The file being sent.
    file: Option<SentFile>,
    /// What makes the content smaller on its way, while there is some.
    gzip: Option<Compressor>,
    /// A part of a file on its way to the queue.
    part: BytesMut,
    own: OwnFields,
    record: Record,
    /// The values of the fields that `add_header` adds to the answer: which field, and where.
    added: Vec<(usize, Range<usize>)>,
    values: Vec<u8>,
    /// The last answer took much work: it is written before another one is begun, so that a batch of
    /// requests cannot keep the session busy without a look at the socket and the clock.
    dear: bool,
    /// The last request said that no other follows it.
    peer_ends: bool,
    /// What a proxy says is still to come.
    awaits_proxy: bool,
    /// Each answer is the last one.
    draining: bool,
    /// The socket took nothing when it was last written.
    write_blocked: bool,
    /// The lines of the log were handed out by the last step.
    logged: bool,
    /// `limit_rate` of the present answer.
    pace: Option<Pace>,
    /// The connection closes behind the present answer.
    last: bool,
    lingering: LingeringClose,
    lingering_time: Duration,
    /// When reading what nobody wants ends, whatever still comes.
    linger_until: Option<Instant>,
    /// Trailer fields follow the content of the answer.
    trailers: bool,
    /// What `stub_status` counts, where somebody asks for it.
    busy: Option<Busy>,
    /// The head of the present request, once it has left the receive buffer.
    held: Option<OwnedRequest>,
    /// The backend that answers.
    task: Option<Task>,
    /// The change of a file that the request asks for.
    change: Option<Pending>,
    /// Lines for the error logs, by log.
    errors: Vec<(usize, String)>,
    /// The first of them were handed out by the last step.
    told: bool,
}

/// What the session is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Reading a request or what is left of one; what has been queued is written meanwhile.
    Read,
    /// Asking for the file that the request names.
    Locate,
    /// Asking for the content of a file of passwords.
    Users,
    /// The request waits for this moment.
    Delay {
        until: Instant,
    },
    /// It has waited: is the client still there?
    Awake,
    /// Reading the content of a request for a backend.
    Collect,
    /// Asking for a part of it to be put into a file.
    Spool,
    /// Asking for a file to be changed.
    Change,
    /// Asking for a script to be started.
    Spawn,
    /// Waiting until it may be.
    Queue,
    /// A backend answers.
    Run,
    /// Asking for the file to be read, or its next part.
    Load,
    /// The next part is made once what is queued has been written, or nearly.
    More,
    /// Sending from the file.
    Send,
    /// All has been decided: write what is queued, say that no more comes, and read what still comes
    /// for a while, as a close would destroy the answer on its way (RFC 9112, section 9.6).
    Linger {
        /// The sending side was shut down.
        shut: bool,
    },
    /// Write what is queued and close.
    Finish,
    Close,
    Reset,
}

impl Session {
    /// A connection that `peer` has just opened.
    pub fn new(server: Arc<Server>, peer: impl Into<Peer>, now: Now) -> Self {
        Pool::new(0).wake(Parked::new(server, peer, now), now)
    }

    /// What to do next.
    pub fn step(&mut self, now: Now) -> Step<'_> {
        if std::mem::take(&mut self.inner.logged) {
            self.inner.record.clear_lines();
        }
        while self.inner.stage == Stage::More && self.may_make_more() {
            self.make_more(now);
        }
        if std::mem::take(&mut self.inner.told) {
            let mut errors = self.inner.errors.iter_mut();
            if let Some((_, told)) = errors.find(|(_, lines)| !lines.is_empty()) {
                told.clear();
            }
        }
        self.resume(now);
        while self.inner.stage == Stage::Read && self.may_read() {
            if !self.read_event(now) {
                break;
            }
        }
        while self.may_collect() && self.collect(now) {}
        self.close_if_done();
        if self.inner.tx.is_empty() {
            self.inner.clock.sending(false, now);
            if !matches!(self.inner.stage, Stage::Load | Stage::Run) {
                self.finish_record(true, now);
            }
            self.release();
        }
        if self.wants_log() {
            return self.log();
        }
        match self.inner.stage {
            Stage::Locate => {
                let view = view!(self.server, self.inner, now);
                Step::Lookup(view.lookup(&self.inner.route))
            }
            Stage::Load => self.load(),
            Stage::Users => self.load_users(),
            Stage::Spool => self.spool(),
            Stage::Change => self.change(now),
            Stage::Spawn => self.spawn(),
            Stage::Run if self.wants_exchange() => self.exchange(),
            Stage::Close => Step::Close,
            Stage::Reset => Step::Reset,
            _ if !self.inner.tx.is_empty() => self.transmit(now),
            Stage::Linger { shut: false } => {
                self.inner.stage = Stage::Linger { shut: true };
                let until = now.monotonic.checked_add(self.inner.lingering_time);
                self.inner.linger_until = until;
                Step::ShutdownWrite
            }
            Stage::Read if self.may_end(now) => Step::Read,
            Stage::Delay { .. } => self.pause(now),
            Stage::Awake => Step::Read,
            _ => self.wait(now),
        }
    }

    fn is_over(&self) -> bool {
        matches!(self.inner.stage, Stage::Close | Stage::Reset)
    }

    /// Nothing more will be answered: how to end?
    fn close_if_done(&mut self) {
        match self.inner.stage {
            Stage::Read if self.inner.conn.wants_close() => {
                match self.inner.lingering {
                    LingeringClose::On if !self.peer_may_send() => {
                        self.inner.stage = Stage::Finish;
                    }
                    _ => self.linger(),
                }
                self.close_if_done();
            }
            Stage::Finish if self.inner.tx.is_empty() => self.inner.stage = Stage::Close,
            Stage::Linger { shut: true } if self.inner.rx.is_closed() => {
                self.inner.stage = Stage::Close
            }
            _ => {}
        }
    }

    /// Whether no request is being received or answered.
    pub fn is_idle(&self) -> bool {
        self.inner.stage == Stage::Read
            && self.inner.tx.is_empty()
            && self.inner.conn.awaiting(&self.inner.rx) == Awaiting::Message
    }

    /// A graceful stop has begun, or a reload has brought another server: each answer is the last one on
    /// its connection, and says so. An idle connection closes after one more look at the socket, so
    /// that a request on its way is answered; one that is new has two seconds for its first request.
    /// Saying it again changes nothing.
    pub fn drain(&mut self) {
        self.inner.draining = true;
    }

    /// Where to read socket bytes to, when [`Step::Wait`] or [`Step::Read`] asks for them.
    pub fn read_slot(&mut self) -> &mut [u8] {
        self.inner.rx.unfilled()
    }

    /// `n` bytes were read into [`read_slot`](Session::read_slot); 0 is the end of the stream.
    pub fn on_read(&mut self, n: usize, now: Now) {
        if n == 0 {
            return self.on_end(now);
        }
        self.inner.rx.filled(n);
        self.inner.clock.read(n as u64, now);
        if self.inner.stage == Stage::Awake {
            return self.go_on(now);
        }
        if matches!(self.inner.stage, Stage::Linger { .. } | Stage::Finish) {
            self.inner.rx.clear();
            // nginx's `lingering_timeout` is for each wait.
            self.inner.clock.read_done();
        }
    }

    /// No more will come.
    fn on_end(&mut self, now: Now) {
        match self.inner.stage {
            Stage::Awake => self.gone(now),
            // As in nginx: a client that has no more to say does not wait for a script.
            Stage::Queue | Stage::Run
                if self.inner.task.as_ref().is_none_or(|it| it.intake.whole) =>
            {
                self.gone(now);
            }
            Stage::Linger { .. } => self.inner.stage = Stage::Finish,
            Stage::Read if self.is_idle() && self.inner.rx.pending().is_empty() => {
                self.inner.stage = Stage::Finish;
            }
            _ => self.inner.rx.close(),
        }
    }

    /// The socket has nothing to read for now.
    pub fn on_read_blocked(&mut self, now: Now) {
        if self.inner.stage == Stage::Awake {
            return self.go_on(now);
        }
        if self.may_end(now) {
            self.inner.stage = Stage::Close;
        }
    }

    /// The socket failed: nothing more can be read or written.
    pub fn on_socket_error(&mut self, _error: &io::Error, now: Now) {
        self.abandon(Stage::Close, now);
    }

    /// Ends the session here, whatever is still to be sent.
    fn abandon(&mut self, stage: Stage, now: Now) {
        self.finish_record(false, now);
        self.inner.stage = stage;
        self.inner.drop_source();
        self.inner.tx.clear();
    }

    /// The answer to [`Step::Lookup`].
    pub fn on_found(&mut self, found: io::Result<Found>, now: Now) {
        if self.inner.stage == Stage::Locate {
            self.answer_found(found, now);
        }
    }

    /// The answer to [`Step::ReadFile`]: how many bytes the file gave.
    pub fn on_file_read(&mut self, read: io::Result<usize>, now: Now) {
        match self.inner.stage {
            Stage::Load => self.queue_part(read, now),
            Stage::Users => self.on_users_read(read, now),
            _ => {}
        }
    }
}
