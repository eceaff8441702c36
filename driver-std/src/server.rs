//! The accept loop, which is the poller of connections that wait, too.

use std::io::{self, ErrorKind};
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use host_core::os::{self, Control, Listener, Service, Spare, Stop, Subscription};
use host_core::{Parked, Server};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Registry, Token, Waker};

use crate::conn::Connection;
use crate::pool::Pool;

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

/// Serves until `control` stops it, at first `service`; the [crate] has the rules. The threads that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be waited for; later on that stops `control` gracefully, too.
pub fn serve(service: Service, control: Control) -> io::Result<()> {
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let subscription = control.subscribe()?;
    watch(&registry, &subscription, CONTROL)?;
    let server = Arc::clone(&service.server);
    let pool = Pool::new(Waker::new(&registry, POOL)?, registry);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            poll,
            events: Events::with_capacity(512),
            subscription,
            listeners: Vec::new(),
            server,
            next: Some(service),
            spare: Spare::new(),
            resume: None,
        };
        let ended = acceptor.run().and_then(|()| acceptor.end());
        control.stop(Stop::Graceful);
        pool.stop(Stop::Fast);
        ended
    })
}

fn watch(registry: &Registry, source: &impl AsRawFd, token: Token) -> io::Result<()> {
    let fd = source.as_raw_fd();
    registry.register(&mut SourceFd(&fd), token, Interest::READABLE)
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    poll: Poll,
    events: Events,
    subscription: Subscription,
    listeners: Vec<Listener>,
    server: Arc<Server>,
    /// What a reload has brought, as long as it is not followed; at first what is served.
    next: Option<Service>,
    spare: Spare,
    /// When to accept, or to start threads, though nothing has happened.
    resume: Option<Instant>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self) -> io::Result<()> {
        loop {
            self.follow_reload()?;
            if self.subscription.stopping().is_some() {
                return Ok(());
            }
            let now = Instant::now();
            if self.resume.take_if(|at| *at <= now).is_some() {
                let most = self.server.worker_connections;
                if self.accept(most).is_err() {
                    self.resume = Some(now + BACK_OFF);
                }
            }
            self.wait(None)?;
        }
    }

    /// After a reload those who wait on listeners which are not to go on are the last that the server
    /// before gets.
    fn follow_reload(&mut self) -> io::Result<()> {
        let next = self.next.take();
        let Some(service) = self.subscription.reloaded().or(next) else {
            return Ok(());
        };
        let registry = self.poll.registry();
        let watch = |it: &Listener| watch(registry, it, LISTENER).map(|()| it.clone());
        let left = service.open(&mut self.listeners, |it| it, watch)?;
        let listeners = mem::replace(&mut self.listeners, left);
        // Whom this leaves out is turned away when the listeners close.
        let _ = self.accept(usize::MAX);
        (self.listeners, self.server) = (listeners, service.server);
        Ok(())
    }

    /// Sleeps until there is something to do, or `until`. Connections that have waited have turns.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let staffed = self.pool.staff(self.scope, &self.server);
        if staffed.is_err() {
            self.resume = Some(Instant::now() + BACK_OFF);
        }
        let next = [until, self.resume, self.pool.deadline()];
        let next = next.into_iter().flatten().min();
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        match self.poll.poll(&mut self.events, left) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        let now = Instant::now();
        for event in self.events.iter().filter(|it| it.token() >= LISTENER) {
            if event.token() == CONTROL {
                self.subscription.clear();
            }
            self.resume.get_or_insert(now);
        }
        self.pool.wake(&self.events, now);
        Ok(())
    }

    /// Accepts who waits, up to `most` open connections. An error says that the system has no means for
    /// more.
    fn accept(&mut self, most: usize) -> io::Result<()> {
        let mut next = 0;
        for (n, listener) in self.listeners.iter().enumerate() {
            let mut left = TURN;
            while left > 0 && self.pool.has_room(most) {
                left -= 1;
                match self.spare.accept(listener) {
                    Ok(accepted) => {
                        // Who comes after a reload is not served by the server before.
                        self.next = self.subscription.reloaded().or(self.next.take());
                        let newer = self.next.as_ref().map(|it| &it.server);
                        let server = Arc::clone(newer.unwrap_or(&self.server));
                        let peer = accepted.peer(&server);
                        let parked = Parked::new(server, peer, os::now());
                        self.pool.add(Connection::new(accepted.stream, parked));
                        next = n + 1;
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            if left == 0 {
                self.resume = Some(Instant::now());
            }
        }
        // Who could not be accepted comes first next time.
        self.listeners.rotate_left(next);
        Ok(())
    }

    /// Lets the connections end, as long as the control allows.
    fn end(&mut self) -> io::Result<()> {
        let limit = self.server.worker_shutdown_timeout;
        // One beyond all time is none.
        let until = Instant::now().checked_add(limit);
        self.pool.stop(Stop::Graceful);
        // Whom this leaves out is turned away when the listeners close.
        let _ = self.accept(usize::MAX);
        self.listeners.clear();
        while self.subscription.stopping() < Some(Stop::Fast) && !self.pool.has_room(1) {
            self.resume = None;
            self.wait(until)?;
            if until.is_some_and(|until| until <= Instant::now()) {
                break;
            }
        }
        Ok(())
    }
}
