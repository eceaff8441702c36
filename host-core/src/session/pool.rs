//! Connections that wait for a request, and the buffers that they do without.

use std::sync::Arc;
use std::time::Instant;

use bytes::BytesMut;
use h1_core::{Phase, RecvBuf, SendQueue, ServerConnection};

use super::clock::Clock;
use super::record::Record;
use super::{Inner, Peer, Session, Stage};
use crate::config::model::LingeringClose;
use crate::date::OwnFields;
use crate::route::Route;
use crate::route::variables::Client;
use crate::server::counters::Connected;
use crate::{Now, Server};

/// A connection that waits for a request: a new one, or one whose last answer has been sent.
///
/// It holds no buffer. Once its socket can be read, [`Pool::wake`] makes a [`Session`] of it. At its
/// [`deadline`](Parked::deadline) the socket is closed, and the client is told nothing.
#[derive(Debug)]
pub struct Parked {
    pub(super) server: Connected,
    pub(super) client: Client,
    pub(super) connected: Instant,
    pub(super) until: Option<Instant>,
}

impl Parked {
    /// A connection that `peer` has just opened.
    pub fn new(server: Arc<Server>, peer: impl Into<Peer>, now: Now) -> Self {
        let Peer {
            address,
            local,
            listen,
        } = peer.into();
        let until = now.monotonic.checked_add(server.timeouts.head);
        let local = local.or_else(|| server.hosting.only_address());
        let found = || local.map_or(0, |local| server.hosting.listen_of(local));
        let listen = listen.unwrap_or_else(found);
        let client = Client {
            peer: address,
            local,
            listen: listen.try_into().unwrap_or_default(),
            proxied: None,
            number: server.hosting.counters.accept(),
            requests: 0,
        };
        Self {
            server: Connected::new(server),
            client,
            connected: now.monotonic,
            until,
        }
    }

    /// Whether it is served by `server`: after a reload it may be by the one before.
    pub fn is_of(&self, server: &Arc<Server>) -> bool {
        self.server.is(server)
    }

    /// When to close the socket, if ever.
    pub fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// What it waits for, and since when.
    fn clock(&self, now: Now) -> Clock {
        let phase = match self.client.requests {
            0 => Phase::Head,
            _ => Phase::KeepAlive,
        };
        Clock::resume(self.server.timeouts, phase, self.until, now)
    }
}

/// Sessions without a connection, whose buffers the next one takes over. Each worker has its own.
///
/// ```
/// use std::sync::Arc;
/// use host_core::{Parked, Pool, Server, Site, Step, os};
///
/// # fn main() -> std::io::Result<()> {
/// # let server = Arc::new(Server::new(Site::new(os::Root::open("/".as_ref())?)));
/// # let peer: std::net::SocketAddr = "192.0.2.7:50000".parse().unwrap();
/// let mut pool = Pool::new(16);
/// let parked = Parked::new(server, peer, os::now());
/// // Its socket can be read.
/// let mut session = pool.wake(parked, os::now());
/// # let mut socket: &[u8] = b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n";
/// let n = std::io::Read::read(&mut socket, session.read_slot())?;
/// session.on_read(n, os::now());
/// // Now do what `step` says, until it waits again.
/// # while let Step::Write { .. } = session.step(os::now()) {
/// #     let mut iov = [std::io::IoSlice::new(&[]); 16];
/// #     let slices = session.slices(&mut iov);
/// #     let n = iov[..slices].iter().map(|slice| slice.len()).sum();
/// #     session.on_written(n, os::now());
/// # }
/// assert!(matches!(session.step(os::now()), Step::Wait(_)));
/// assert!(session.park(&mut pool).is_ok());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pool {
    #[expect(clippy::vec_box, reason = "they come and go as boxes")]
    idle: Vec<Box<Inner>>,
    most: usize,
}

impl Pool {
    /// An empty pool, which will keep `most` sessions.
    pub fn new(most: usize) -> Self {
        Self {
            idle: Vec::with_capacity(most),
            most,
        }
    }

    /// The session of a connection whose socket can be read.
    pub fn wake(&mut self, parked: Parked, now: Now) -> Session {
        let inner = match self.idle.pop() {
            Some(mut inner) => {
                inner.take_over(&parked, now);
                inner
            }
            None => Box::new(Inner::new(&parked, now)),
        };
        Session {
            server: parked.server,
            inner,
        }
    }

    /// Takes back the buffers of a connection that is over.
    pub fn put(&mut self, session: Session) {
        self.keep(session.inner);
    }

    fn keep(&mut self, mut inner: Box<Inner>) {
        if self.idle.len() < self.most {
            // They may be the last handles of a file and of a page.
            inner.drop_source();
            inner.route.forget();
            inner.tx.clear();
            inner.busy = None;
            self.idle.push(inner);
        }
    }
}

impl Session {
    /// Whether it is served by `server`: after a reload it may be by the one before.
    pub fn is_of(&self, server: &Arc<Server>) -> bool {
        self.server.is(server)
    }

    /// Gives the buffers of an idle connection to others.
    ///
    /// # Errors
    ///
    /// The session itself, when it is not idle, or was not asked for its [`step`](Session::step) until
    /// it waited.
    pub fn park(self, pool: &mut Pool) -> Result<Parked, Self> {
        if !self.is_idle() || !self.inner.may_park() {
            return Err(self);
        }
        let Self { server, inner } = self;
        let parked = Parked {
            server,
            client: inner.client.clone(),
            connected: inner.connected,
            until: inner.clock.deadline(),
        };
        pool.keep(inner);
        Ok(parked)
    }
}

impl Inner {
    fn new(parked: &Parked, now: Now) -> Self {
        Self {
            conn: ServerConnection::new(parked.server.limits),
            rx: RecvBuf::new(&parked.server.limits),
            tx: SendQueue::new(),
            stage: Stage::Read,
            clock: parked.clock(now),
            route: Route::default(),
            client: parked.client.clone(),
            since: now.monotonic,
            connected: parked.connected,
            file: None,
            gzip: None,
            part: BytesMut::new(),
            own: OwnFields::new(),
            record: Record::default(),
            added: Vec::new(),
            values: Vec::new(),
            dear: false,
            peer_ends: false,
            awaits_proxy: parked.server.hosting.awaits_proxy(&parked.client),
            draining: false,
            write_blocked: false,
            logged: false,
            pace: None,
            last: false,
            lingering: LingeringClose::On,
            lingering_time: parked.server.timeouts.linger,
            linger_until: None,
            trailers: false,
            busy: None,
            held: None,
            task: None,
            change: None,
            errors: Vec::new(),
            told: false,
        }
    }

    /// Whether an idle connection is all that a [`Parked`] tells.
    fn may_park(&self) -> bool {
        let logged = self.logged || self.record.len() == 0;
        logged && self.rx.pending().is_empty() && !self.draining && self.clock.is_reading()
    }

    /// Becomes that of the connection `parked`. Nothing stays of the one before but the room in its
    /// buffers, and the date.
    fn take_over(&mut self, parked: &Parked, now: Now) {
        // All of them, so that none is forgotten. Queue and file were emptied when it was kept.
        let Self {
            conn,
            rx,
            tx: _,
            stage,
            clock,
            route: _,
            client,
            since,
            connected,
            file: _,
            gzip: _,
            part,
            own: _,
            record,
            added,
            values,
            dear,
            peer_ends,
            awaits_proxy,
            draining,
            write_blocked,
            logged,
            pace,
            last,
            lingering,
            lingering_time,
            linger_until,
            trailers,
            busy,
            held,
            task: _,
            change: _,
            errors,
            told,
        } = self;
        let server = &*parked.server;
        *conn = ServerConnection::new(server.limits);
        rx.clear();
        // Neither one that has grown nor one that was made for other limits.
        if rx.is_closed() || rx.unfilled().len() != server.limits.buffer.max(1) as usize {
            *rx = RecvBuf::new(&server.limits);
        }
        *stage = Stage::Read;
        *clock = parked.clock(now);
        *client = parked.client.clone();
        *awaits_proxy = server.hosting.awaits_proxy(client);
        (*since, *connected) = (now.monotonic, parked.connected);
        part.clear();
        record.reset();
        added.clear();
        values.clear();
        [*dear, *peer_ends, *draining, *write_blocked, *logged, *told] = [false; 6];
        *held = None;
        errors.clear();
        [*last, *trailers] = [false; 2];
        (*pace, *linger_until, *busy) = (None, None, None);
        (*lingering, *lingering_time) = (LingeringClose::On, server.timeouts.linger);
    }
}
