//! The bounded pool of threads, one for each connection.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::Shutdown as Half;
use std::os::unix::net::UnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use std::time::Duration;

use host_core::os::Control;
use host_core::{Pool as Sessions, Server};

use crate::conn::Connection;

const STACK: usize = 256 * 1024;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) struct Pool {
    control: Control,
    /// Written to when a connection has ended and the accept loop waits for that.
    waker: UnixStream,
    state: Mutex<State>,
    /// There is work, or there will be no more.
    changed: Condvar,
}

struct State {
    /// What new connections are served by.
    server: Arc<Server>,
    /// Connections that no thread has taken yet, and what they are served by.
    queue: VecDeque<(Arc<Connection>, Arc<Server>)>,
    /// Connections to tell of a stop, with those in the queue.
    live: Vec<Arc<Connection>>,
    /// Connections whose socket is open.
    open: usize,
    threads: usize,
    /// Threads that wait for work or are about to.
    idle: usize,
    /// The accept loop waits for the end of a connection.
    wake: bool,
    /// Nothing will be added any more.
    closed: bool,
}

impl Pool {
    pub(crate) fn new(server: Arc<Server>, control: Control, waker: UnixStream) -> Self {
        Self {
            control,
            waker,
            state: Mutex::new(State {
                server,
                queue: VecDeque::new(),
                live: Vec::new(),
                open: 0,
                threads: 0,
                idle: 0,
                wake: false,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    /// Lets new connections be served by `server`.
    pub(crate) fn reload(&self, server: &Arc<Server>) {
        let before = std::mem::replace(&mut self.lock().server, server.clone());
        // Not under the lock: it may wait for its log.
        drop(before);
    }

    /// How many connections may be added now, `most` or fewer. If none, the accept loop is woken
    /// at the next end of one.
    pub(crate) fn room(&self, most: usize) -> usize {
        let mut state = self.lock();
        let room = most.min(state.server.worker_connections.saturating_sub(state.open));
        state.wake = room == 0;
        room
    }

    /// Takes over a connection. An error says that there is no thread for it yet: the next one
    /// that is free takes it, or [`Pool::staff`] finds one.
    pub(crate) fn add<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        connection: Connection,
    ) -> io::Result<()> {
        let connection = Arc::new(connection);
        let mut state = self.lock();
        state.open += 1;
        state.live.push(connection.clone());
        let server = state.server.clone();
        state.queue.push_back((connection, server));
        drop(state);
        self.changed.notify_one();
        self.staff(scope)
    }

    /// Starts the threads that the queue needs and the bound allows.
    pub(crate) fn staff<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>) -> io::Result<()> {
        let mut state = self.lock();
        while state.queue.len() > state.idle && state.threads < state.server.worker_connections {
            Builder::new()
                .name("client".into())
                .stack_size(STACK)
                .spawn_scoped(scope, || self.run())?;
            state.threads += 1;
            state.idle += 1;
        }
        Ok(())
    }

    /// Begins a graceful end: every connection is told to end.
    pub(crate) fn drain(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        state.live.iter().for_each(|it| it.end_if_idle());
    }

    /// Whether no connection is left. If one is, the accept loop is woken at the next end of one.
    pub(crate) fn is_empty(&self) -> bool {
        let mut state = self.lock();
        state.wake = state.open > 0;
        state.open == 0
    }

    /// Cuts all connections, and takes no more.
    pub(crate) fn cut(&self) {
        let mut state = self.lock();
        state.closed = true;
        self.changed.notify_all();
        state.live.iter().for_each(|it| it.shutdown(Half::Both));
    }

    /// The life of a thread.
    fn run(&self) {
        let mut sessions = Sessions::new(1);
        while let Some((connection, server)) = self.next() {
            let serve = || connection.serve(server, &self.control, &mut sessions);
            let serve = AssertUnwindSafe(serve);
            // A panic has been reported on standard error by the time it is caught.
            let _ = catch_unwind(serve);
            self.end(connection);
        }
    }

    fn next(&self) -> Option<(Arc<Connection>, Arc<Server>)> {
        let nothing = |state: &mut State| state.queue.is_empty() && !state.closed;
        let waited = self.changed.wait_timeout_while(self.lock(), IDLE, nothing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let next = state.queue.pop_front();
        state.idle -= 1;
        state.threads -= usize::from(next.is_none());
        next
    }

    /// Closes the socket, then lets another connection have its place.
    fn end(&self, connection: Arc<Connection>) {
        self.lock().live.retain(|it| !Arc::ptr_eq(it, &connection));
        drop(connection);
        let mut state = self.lock();
        state.open -= 1;
        state.idle += 1;
        if std::mem::take(&mut state.wake) {
            let _ = (&self.waker).write(&[0]);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
