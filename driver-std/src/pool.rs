//! The bounded pool of threads, which are lent to the connections that have something to do.

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use host_core::os::Control;
use host_core::{Pool as Sessions, Server};
use mio::{Registry, Token, Waker};

use crate::conn::Connection;
use crate::parking::Parking;

const STACK: usize = 256 * 1024;

/// Threads for each of [`Server::worker_processes`].
const THREADS: usize = 128;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) struct Pool {
    control: Control,
    /// Wakes the accept loop.
    waker: Waker,
    state: Mutex<State>,
    /// There is work, or there will be no more.
    changed: Condvar,
    /// As [`State::has_spare`] was at the last change.
    spare: AtomicBool,
    cut: AtomicBool,
}

struct State {
    /// What new connections are served by.
    server: Arc<Server>,
    /// Connections that no thread has taken yet, and whether their deadline has come.
    queue: VecDeque<(Connection, bool)>,
    parking: Parking,
    /// Connections whose socket is open.
    open: usize,
    threads: usize,
    /// Threads that wait for work or are about to.
    idle: usize,
    /// The accept loop waits for the end of a connection.
    wake: bool,
    draining: bool,
    /// Threads need not wait for work any more.
    closed: bool,
}

impl State {
    fn most_threads(&self) -> usize {
        THREADS.saturating_mul(self.server.worker_processes.max(1))
    }

    /// Whether there is, or can be, a thread for one more than those in the queue.
    fn has_spare(&self) -> bool {
        let more = self.most_threads().saturating_sub(self.threads);
        self.queue.len() < self.idle + more
    }
}

impl Pool {
    pub(crate) fn new(
        server: Arc<Server>,
        control: Control,
        waker: Waker,
        registry: Registry,
    ) -> Self {
        let state = State {
            server,
            queue: VecDeque::new(),
            parking: Parking::new(registry),
            open: 0,
            threads: 0,
            idle: 0,
            wake: false,
            draining: false,
            closed: false,
        };
        Self {
            control,
            waker,
            state: Mutex::new(state),
            changed: Condvar::new(),
            spare: AtomicBool::new(true),
            cut: AtomicBool::new(false),
        }
    }

    /// Lets new connections be served by `server`.
    pub(crate) fn reload(&self, server: &Arc<Server>) {
        let before = self.update(|state| std::mem::replace(&mut state.server, server.clone()));
        // Not under the lock: it may wait for its log.
        drop(before);
    }

    /// Whether another connection may be added. If not, the accept loop is woken at the next end of
    /// one.
    pub(crate) fn has_room(&self) -> bool {
        let mut state = self.lock();
        state.wake = state.open >= state.server.worker_connections;
        !state.wake
    }

    /// Takes over a connection; a thread gets it after [`Pool::staff`].
    pub(crate) fn add(&self, stream: TcpStream, peer: SocketAddr) {
        let server = self.lock().server.clone();
        if let Ok(connection) = Connection::new(stream, peer, server) {
            self.update(|state| {
                state.open += 1;
                self.queue(state, connection, false);
            });
        }
    }

    /// Gives turns to the connections of these events, and to those whose deadline has come.
    pub(crate) fn wake(&self, events: impl Iterator<Item = Token>, now: Instant) {
        self.update(|state| {
            for token in events {
                if let Some(connection) = state.parking.remove(token) {
                    self.queue(state, connection, false);
                }
            }
            while let Some(connection) = state.parking.expired(now) {
                self.queue(state, connection, true);
            }
        });
    }

    /// When to [`wake`](Pool::wake) even without an event.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lock().parking.deadline()
    }

    /// Starts the threads that the queue needs and the bound allows. Without an error or with,
    /// those that there are take from the queue.
    pub(crate) fn staff<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
        self.update(|state| {
            while state.queue.len() > state.idle && state.threads < state.most_threads() {
                Builder::new()
                    .name("client".into())
                    .stack_size(STACK)
                    .spawn_scoped(scope, || self.run())?;
                state.threads += 1;
                state.idle += 1;
            }
            Ok(())
        })
    }

    /// Begins a graceful end: every connection that waits has a turn.
    pub(crate) fn drain(&self) {
        self.update(|state| {
            state.draining = true;
            for connection in state.parking.clear() {
                self.queue(state, connection, false);
            }
        });
    }

    /// Whether no connection is left. If one is, the accept loop is woken at the next end of one.
    pub(crate) fn is_empty(&self) -> bool {
        let mut state = self.lock();
        state.wake = state.open > 0;
        state.open == 0
    }

    /// Cuts all connections, and lets the threads end.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
        self.update(|state| {
            state.closed = true;
            state.queue.clear();
            state.parking.clear();
        });
        self.changed.notify_all();
    }

    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Relaxed)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.control.stopping().is_some()
    }

    /// Whether nobody has to wait for the thread that asks.
    pub(crate) fn has_spare(&self) -> bool {
        self.spare.load(Ordering::Relaxed)
    }

    /// The life of a thread.
    fn run(&self) {
        let mut sessions = Sessions::new(1);
        while let Some((connection, late)) = self.next() {
            let turn = || connection.turn(late, self, &mut sessions);
            // A panic has been reported on standard error by the time it is caught.
            let turn = catch_unwind(AssertUnwindSafe(turn));
            self.update(|state| {
                state.idle += 1;
                self.put(state, turn.ok().flatten());
            });
        }
    }

    fn next(&self) -> Option<(Connection, bool)> {
        let nothing = |state: &mut State| state.queue.is_empty() && !state.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), IDLE, nothing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let next = state.queue.pop_front();
        state.idle -= 1;
        state.threads -= usize::from(next.is_none());
        self.spare.store(state.has_spare(), Ordering::Relaxed);
        next
    }

    /// What becomes of a connection after a turn, if it is not over.
    fn put(&self, state: &mut State, connection: Option<Connection>) {
        let first = state.parking.deadline();
        let parked = match connection {
            Some(it) if state.draining && !it.draining => return self.queue(state, it, false),
            Some(it) => state.parking.insert(it).is_ok(),
            None => false,
        };
        state.open -= usize::from(!parked);
        let ended = !parked && std::mem::take(&mut state.wake);
        if ended || state.parking.deadline() != first {
            // Fails only without memory; then the next one wakes it.
            let _ = self.waker.wake();
        }
    }

    fn queue(&self, state: &mut State, connection: Connection, late: bool) {
        state.queue.push_back((connection, late));
        self.changed.notify_one();
    }

    fn update<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        self.spare.store(state.has_spare(), Ordering::Relaxed);
        result
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
