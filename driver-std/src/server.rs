//! The accept loop, which is the poller of connections that wait, too.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};
use std::{iter, mem};

use host_core::os::{self, Accepted, Control, Listener, Service, Spare, Stop, Subscription};
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
/// When a listener cannot be waited for, which stops `control` gracefully, too.
pub fn serve(service: Service, control: Control) -> io::Result<()> {
    let poll = Poll::new()?;
    let registry = poll.registry().try_clone()?;
    let subscription = control.subscribe()?;
    watch(&registry, &subscription, CONTROL)?;
    let pool = Pool::new(Waker::new(&registry, POOL)?, registry);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            poll,
            events: Events::with_capacity(512),
            server: Arc::clone(&service.server),
            subscription,
            listeners: Vec::new(),
            spare: Spare::new(),
            resume: None,
        };
        let begun = acceptor.follow(service);
        let ended = begun.and_then(|()| acceptor.run());
        let ended = ended.and_then(|()| acceptor.end());
        control.stop(Stop::Graceful);
        pool.tell(|it| it.stop(Stop::Fast));
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
    /// What new connections are served by.
    server: Arc<Server>,
    subscription: Subscription,
    listeners: Vec<Listener>,
    spare: Spare,
    /// When to accept, or to start threads, though nothing has happened.
    resume: Option<Instant>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self) -> io::Result<()> {
        while self.subscription.stopping().is_none() {
            let now = Instant::now();
            if self.resume.take_if(|at| *at <= now).is_some() {
                self.follow_reload()?;
                let accepted = self.accept(self.server.worker_connections);
                accepted.unwrap_or_else(|_| self.resume = Some(now + BACK_OFF));
            }
            self.wait(None)?;
        }
        Ok(())
    }

    /// Says whether there was a reload.
    fn follow_reload(&mut self) -> io::Result<bool> {
        let Some(service) = self.subscription.reloaded() else {
            return Ok(false);
        };
        self.follow(service).map(|()| true)
    }

    /// The connections of the server before come to their end; those that wait on listeners which are not
    /// to go on are its last.
    fn follow(&mut self, service: Service) -> io::Result<()> {
        let registry = self.poll.registry();
        let watch = |it: &Listener| watch(registry, it, LISTENER).map(|()| it.clone());
        let left = service.open(&mut self.listeners, |it| it, watch)?;
        let listeners = mem::replace(&mut self.listeners, left);
        self.accept_last();
        (self.listeners, self.server) = (listeners, service.server);
        self.pool.tell(Control::retire);
        Ok(())
    }

    /// Sleeps until there is something to do, or `until`. Connections that have waited have turns.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let staffed = self.pool.staff(self.scope, &self.server);
        staffed.unwrap_or_else(|_| self.resume = Some(Instant::now() + BACK_OFF));
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
        for n in 0..self.listeners.len() {
            let mut left = TURN;
            while left > 0 && self.pool.has_room(most) {
                left -= 1;
                match self.spare.accept(&self.listeners[n]) {
                    Ok(accepted) => {
                        // Who comes after a reload is not served by the server before.
                        let reloaded = self.follow_reload()?;
                        self.add(accepted);
                        if reloaded {
                            self.resume = Some(Instant::now());
                            return Ok(());
                        }
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

    /// Accepts all who wait, whatever their number, and closes the listeners. Whom this leaves out is turned
    /// away by that.
    fn accept_last(&mut self) {
        for listener in mem::take(&mut self.listeners) {
            let mut next = || self.spare.accept(&listener).ok();
            let accepted: Vec<_> = iter::from_fn(&mut next).take(TURN).collect();
            accepted.into_iter().for_each(|it| self.add(it));
        }
    }

    fn add(&self, accepted: Accepted) {
        let peer = accepted.peer(&self.server);
        let parked = Parked::new(self.server.clone(), peer, os::now());
        let generation = self.pool.control.generation();
        self.pool
            .add(Connection::new(accepted.stream, parked, generation));
    }

    /// Lets the connections end, as long as the control allows.
    fn end(&mut self) -> io::Result<()> {
        // One beyond all time is none.
        let until = Instant::now().checked_add(self.server.worker_shutdown_timeout);
        self.pool.tell(|it| it.stop(Stop::Graceful));
        self.accept_last();
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
