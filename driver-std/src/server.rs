//! The accept loop, which is the poller of connections that wait, too.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use host_core::Parked;
use host_core::os::{self, Control, Listener, Service, Spare, Stop, Subscription};
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
    for listener in &service.listeners {
        watch(&registry, listener, LISTENER)?;
    }
    let pool = Pool::new(Waker::new(&registry, POOL)?, registry);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            poll,
            events: Events::with_capacity(512),
            subscription,
            service,
            next: None,
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
    registry.register(
        &mut SourceFd(&source.as_raw_fd()),
        token,
        Interest::READABLE,
    )
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    poll: Poll,
    events: Events,
    subscription: Subscription,
    service: Service,
    /// What a reload has brought, as long as it is not followed.
    next: Option<Service>,
    spare: Spare,
    /// When to accept, or to start threads, though nothing has happened.
    resume: Option<Instant>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self) -> io::Result<()> {
        while self.subscription.stopping().is_none() {
            self.follow_reload()?;
            let now = Instant::now();
            if self.resume.take_if(|at| *at <= now).is_some() {
                let most = self.service.server.worker_connections;
                if self.accept(most).is_err() {
                    self.resume = Some(now + BACK_OFF);
                }
            }
            self.wait(None)?;
        }
        Ok(())
    }

    /// After a reload those who wait on listeners which are not to go on are the last that the server
    /// before gets.
    fn follow_reload(&mut self) -> io::Result<()> {
        let reloaded = self.subscription.reloaded();
        let Some(service) = reloaded.or_else(|| self.next.take()) else {
            return Ok(());
        };
        let registry = self.poll.registry();
        let kept = |it: &Listener| service.listeners.contains(it);
        let (kept, left): (Vec<_>, _) = self.service.listeners.drain(..).partition(kept);
        for listener in service.listeners.iter().filter(|it| !kept.contains(it)) {
            watch(registry, listener, LISTENER)?;
        }
        for listener in &left {
            registry.deregister(&mut SourceFd(&listener.as_raw_fd()))?;
        }
        self.service.listeners = left;
        // Whom this leaves out is turned away when the listeners close.
        let _ = self.accept(usize::MAX);
        self.service = service;
        Ok(())
    }

    /// Sleeps until there is something to do, or `until`. Connections that have waited have turns.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let staffed = self.pool.staff(self.scope, &self.service.server);
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
        for (n, listener) in self.service.listeners.iter().enumerate() {
            let mut left = TURN;
            while left > 0 && self.pool.has_room(most) {
                left -= 1;
                match listener.accept() {
                    Ok(accepted) => {
                        // Who comes after a reload is not served by the server before.
                        self.next = self.subscription.reloaded().or(self.next.take());
                        let service = self.next.as_ref().unwrap_or(&self.service);
                        let peer = accepted.peer(&service.server);
                        let parked = Parked::new(Arc::clone(&service.server), peer, os::now());
                        self.pool.add(Connection::new(accepted.stream, parked));
                        next = n + 1;
                    }
                    Err(error) => match self.spare.excuse(listener, error)? {
                        true => {}
                        false => break,
                    },
                }
            }
            if left == 0 {
                self.resume = Some(Instant::now());
            }
        }
        // Who could not be accepted comes first next time.
        self.service.listeners.rotate_left(next);
        Ok(())
    }

    /// Lets the connections end, as long as the control allows.
    fn end(&mut self) -> io::Result<()> {
        let limit = self.service.server.worker_shutdown_timeout;
        // One beyond all time is none.
        let until = Instant::now().checked_add(limit);
        self.pool.stop(Stop::Graceful);
        // Whom this leaves out is turned away when the listeners close.
        let _ = self.accept(usize::MAX);
        self.service.listeners.clear();
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
