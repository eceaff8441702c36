//! The bounded pool of threads, which are lent to the connections that have something to do.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, Scope};
use std::time::{Duration, Instant};

use host_core::os::{Control, Stop};
use host_core::{Pool as Sessions, Server};
use mio::{Events, Registry, Waker};

use crate::conn::Connection;
use crate::parking::Parking;

/// Threads for each of [`Server::worker_processes`].
const THREADS: usize = 128;

/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

pub(crate) struct Pool {
    /// What the turns know of a stop, and of reloads.
    pub(crate) control: Control,
    /// Wakes the accept loop.
    waker: Waker,
    /// That of the poller.
    registry: Registry,
    state: Mutex<State>,
    /// There is work, or there will be no more.
    changed: Condvar,
    /// As [`State::has_spare`] was at the last change.
    spare: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Connections that no thread has taken yet.
    queue: VecDeque<Connection>,
    parking: Parking,
    /// Connections whose socket is open.
    open: usize,
    threads: usize,
    /// The bound on them.
    most_threads: usize,
    /// Those that are lent to a connection.
    busy: usize,
    /// The accept loop waits for the end of a connection.
    wake: bool,
}

impl State {
    /// Whether there is, or can be, a thread for one more than those in the queue.
    fn has_spare(&self) -> bool {
        self.queue.len() + self.busy < self.most_threads
    }
}

impl Pool {
    pub(crate) fn new(waker: Waker, registry: Registry) -> Self {
        Self {
            control: Control::new(),
            waker,
            registry,
            state: Mutex::default(),
            changed: Condvar::new(),
            spare: AtomicBool::new(false),
        }
    }

    /// Whether fewer than `most` connections are open. If not, the accept loop is woken at the next end
    /// of one.
    pub(crate) fn has_room(&self, most: usize) -> bool {
        let mut state = self.lock();
        state.wake = state.open >= most;
        !state.wake
    }

    /// Takes over a connection; a thread gets it after [`Pool::staff`].
    pub(crate) fn add(&self, connection: Connection) {
        self.update(|state| {
            state.open += 1;
            self.queue(state, connection);
        });
    }

    /// Gives turns to the connections of these events, and to those whose deadline has come.
    pub(crate) fn wake(&self, events: &Events, now: Instant) {
        self.update(|state| {
            for connection in state.parking.take(&self.registry, events, now) {
                self.queue(state, connection);
            }
        });
    }

    /// When to [`wake`](Pool::wake) even without an event.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.lock().parking.deadline()
    }

    /// Starts the threads that the queue needs, as far as `server` allows. Those that there are take
    /// from the queue also after an error.
    pub(crate) fn staff<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        server: &Server,
    ) -> io::Result<()> {
        self.update(|state| {
            state.most_threads = THREADS.saturating_mul(server.worker_processes.max(1));
            let wanted = state.most_threads.min(state.queue.len() + state.busy);
            while state.threads < wanted {
                let thread = Builder::new().name("client".into()).stack_size(256 * 1024);
                thread.spawn_scoped(scope, || self.run())?;
                state.threads += 1;
            }
            Ok(())
        })
    }

    /// Tells the control of a stop or a reload: every connection that waits has a turn, and ends at once if
    /// the stop is a fast one. So do the threads.
    pub(crate) fn tell(&self, change: impl FnOnce(&Control)) {
        change(&self.control);
        self.update(|state| state.queue.extend(state.parking.clear(&self.registry)));
        self.changed.notify_all();
    }

    /// Whether nobody has to wait for the thread that asks.
    pub(crate) fn has_spare(&self) -> bool {
        self.spare.load(Ordering::Relaxed)
    }

    /// The life of a thread.
    fn run(&self) {
        let mut sessions = Sessions::new(1);
        while let Some(connection) = self.next() {
            let turn = || connection.turn(self, &mut sessions);
            // A panic has been reported on standard error by the time it is caught.
            let turn = catch_unwind(AssertUnwindSafe(turn));
            self.update(|state| self.put(state, turn.ok().flatten()));
        }
    }

    fn next(&self) -> Option<Connection> {
        let nothing = |state: &mut State| {
            state.queue.is_empty() && self.control.stopping() != Some(Stop::Fast)
        };
        let waited = self.changed.wait_timeout_while(self.lock(), IDLE, nothing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let next = state.queue.pop_front();
        state.busy += usize::from(next.is_some());
        state.threads -= usize::from(next.is_none());
        self.spare.store(state.has_spare(), Ordering::Relaxed);
        next
    }

    /// What becomes of a connection after a turn, if it is not over. One more turn, if it should end and
    /// does not know of that.
    fn put(&self, state: &mut State, mut connection: Option<Connection>) {
        state.busy -= 1;
        let is_left =
            |it: &mut Connection| it.is_parked() && self.control.ending(it.generation).is_some();
        if let Some(left) = connection.take_if(is_left) {
            return self.queue(state, left);
        }
        let first = state.parking.deadline();
        let parked = connection.is_some_and(|it| state.parking.insert(&self.registry, it).is_ok());
        state.open -= usize::from(!parked);
        let ended = !parked && std::mem::take(&mut state.wake);
        if ended || state.parking.deadline() != first {
            // Fails only without memory; then the next one wakes it.
            let _ = self.waker.wake();
        }
    }

    fn queue(&self, state: &mut State, connection: Connection) {
        state.queue.push_back(connection);
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
