//! The accept loop, which is the poller of connections that wait, too.

use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use host_core::Server;
use host_core::os::{Control, Spare, Stop, Subscription};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

use crate::pool::Pool;

/// Events taken at a time.
const EVENTS: usize = 512;

/// Accepted from one listener at a time, where there is room: not without end, but more than its
/// queue holds, so that a stop leaves nobody there.
const TURN: usize = 1024;

/// How long nothing is accepted after the system had no descriptor, memory or thread to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The control has changed.
const CONTROL: Token = Token(usize::MAX);
/// A connection has ended, or waits for less long than all others.
const POOL: Token = Token(usize::MAX - 1);
/// There is somebody to accept.
const LISTENER: Token = Token(usize::MAX - 2);

/// Serves on `listeners` until `control` stops it; the [crate] has the rules. The threads that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be prepared or waited for; the latter stops `control` gracefully, too.
pub fn serve(server: Arc<Server>, listeners: Vec<TcpListener>, control: Control) -> io::Result<()> {
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let subscription = control.subscribe(&server)?;
    let watch = |fd, token| registry.register(&mut SourceFd(&fd), token, Interest::READABLE);
    watch(subscription.as_raw_fd(), CONTROL)?;
    for listener in &listeners {
        listener.set_nonblocking(true)?;
        watch(listener.as_raw_fd(), LISTENER)?;
    }
    let waker = Waker::new(&registry, POOL)?;
    let pool = Pool::new(server, control.clone(), waker, registry);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            poll,
            events: Events::with_capacity(EVENTS),
            subscription,
            listeners,
            spare: Spare::new(),
            resume: None,
        };
        let ended = acceptor.run();
        control.stop(Stop::Graceful);
        acceptor.end();
        ended
    })
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    poll: Poll,
    events: Events,
    subscription: Subscription,
    listeners: Vec<TcpListener>,
    spare: Spare,
    /// When to accept, or to start threads, though nothing has happened.
    resume: Option<Instant>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self) -> io::Result<()> {
        loop {
            self.wait(None)?;
            if self.subscription.stopping().is_some() {
                return Ok(());
            }
            self.pool.reload(self.subscription.server());
            let now = Instant::now();
            if self.resume.is_some_and(|at| at <= now) {
                self.resume = match self.accept() {
                    Ok(true) => None,
                    Ok(false) => Some(now),
                    Err(_) => Some(now + BACK_OFF),
                };
            }
            self.staff();
        }
    }

    /// Sleeps until there is something to do, or `until`. Connections that have waited have turns.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let next = [until, self.resume, self.pool.deadline()];
        let next = next.into_iter().flatten().min();
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.events, left) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let now = Instant::now();
        let tokens = self.events.iter().map(Event::token);
        for token in tokens.clone().filter(|token| *token >= LISTENER) {
            if token == CONTROL {
                self.subscription.clear();
            }
            self.resume.get_or_insert(now);
        }
        self.pool
            .wake(tokens.filter(|token| *token < LISTENER), now);
        Ok(())
    }

    fn staff(&mut self) {
        if self.pool.staff(self.scope).is_err() {
            self.resume = Some(Instant::now() + BACK_OFF);
        }
    }

    /// Accepts who waits, where there is room; `false` if somebody may be left. An error says that the
    /// system has no means for more.
    fn accept(&mut self) -> io::Result<bool> {
        let mut all = true;
        for listener in &self.listeners {
            all &= accept(listener, &mut self.spare, self.pool, || {
                self.pool.has_room()
            })?;
        }
        Ok(all)
    }

    /// Ends the connections, in the way that the control asks for.
    fn end(&mut self) {
        let fast = |subscription: &Subscription| subscription.stopping() == Some(Stop::Fast);
        for listener in std::mem::take(&mut self.listeners) {
            if !fast(&self.subscription) {
                // Whom this leaves out is turned away when the listener closes.
                let _ = accept(&listener, &mut self.spare, self.pool, || true);
            }
        }
        self.pool.drain();
        let limit = self.subscription.server().worker_shutdown_timeout;
        // One beyond all time is none.
        let until = Instant::now().checked_add(limit);
        while !fast(&self.subscription) && !self.pool.is_empty() {
            self.resume = None;
            self.staff();
            let is_late = until.is_some_and(|until| until <= Instant::now());
            if is_late || self.wait(until).is_err() {
                break;
            }
        }
        self.pool.cut();
    }
}

/// Accepts who waits on `listener`, while there is room; `false` if somebody may be left.
fn accept(
    listener: &TcpListener,
    spare: &mut Spare,
    pool: &Pool,
    has_room: impl Fn() -> bool,
) -> io::Result<bool> {
    for _ in 0..TURN {
        if !has_room() {
            // The end of a connection wakes the loop.
            return Ok(true);
        }
        match listener.accept() {
            Ok((stream, peer)) => pool.add(stream, peer),
            Err(error) => {
                if !spare.excuse(listener, error)? {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}
