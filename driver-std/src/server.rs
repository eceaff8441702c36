//! The accept loop, which is the poller of connections that wait, too.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::{Duration, Instant};

use host_core::os::{self, Control, Spare, Stop, Subscription};
use host_core::{Parked, Peer, Server};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};

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
        os::prepare(listener)?;
        watch(listener.as_raw_fd(), LISTENER)?;
    }
    let pool = Pool::new(Waker::new(&registry, POOL)?, registry);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            poll,
            events: Events::with_capacity(512),
            server,
            subscription,
            listeners,
            spare: Spare::new(),
            resume: None,
        };
        let ended = acceptor.run().and_then(|()| acceptor.end());
        control.stop(Stop::Graceful);
        pool.tell(|it| it.stop(Stop::Fast));
        ended
    })
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    poll: Poll,
    events: Events,
    /// What new connections are served by.
    server: Arc<Server>,
    subscription: Subscription,
    listeners: Vec<TcpListener>,
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
                self.follow_reload();
                let accepted = self.accept(self.server.worker_connections);
                accepted.unwrap_or_else(|_| self.resume = Some(now + BACK_OFF));
            }
            self.wait(None)?;
        }
        Ok(())
    }

    /// After a reload the connections of the server before come to their end.
    fn follow_reload(&mut self) {
        let server = self.subscription.server();
        if !Arc::ptr_eq(server, &self.server) {
            self.server = Arc::clone(server);
            self.pool.tell(|it| it.reload(server.clone()));
        }
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
                match self.listeners[n].accept() {
                    Ok((stream, peer)) => {
                        self.add(stream, peer);
                        next = n + 1;
                    }
                    Err(error) => match self.spare.excuse(&self.listeners[n], error)? {
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
        self.listeners.rotate_left(next);
        Ok(())
    }

    fn add(&mut self, stream: TcpStream, peer: SocketAddr) {
        // Who comes after a reload is not served by the server before.
        self.follow_reload();
        let peer = Peer::of(&self.server, peer, || stream.local_addr());
        let parked = Parked::new(self.server.clone(), peer, os::now());
        let generation = self.pool.control.generation();
        self.pool.add(Connection::new(stream, parked, generation));
    }

    /// Lets the connections end, as long as the control allows.
    fn end(&mut self) -> io::Result<()> {
        // One beyond all time is none.
        let until = Instant::now().checked_add(self.server.worker_shutdown_timeout);
        self.pool.tell(|it| it.stop(Stop::Graceful));
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
