//! Connections in.

use std::io::{self, ErrorKind};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use host_core::os::{Accepted, Listener, Service, Spare};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::gate::Gate;

/// How long nothing is accepted after the system had no descriptor or memory to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The listeners of a worker.
pub(crate) struct Acceptor {
    /// The number of the worker.
    worker: usize,
    listeners: Vec<Own>,
    /// The listener that comes first next time.
    first: usize,
    /// Tells what the system has no more of.
    spare: Spare,
    /// Until when nothing is accepted.
    exhausted: Option<Instant>,
}

struct Own {
    /// What it was made for.
    listener: Listener,
    /// That one, or a sibling.
    socket: Listener,
    token: Token,
    /// Its queue may hold somebody.
    ready: bool,
}

impl Acceptor {
    pub(crate) fn new(worker: usize) -> Self {
        Self::with(worker, Vec::new())
    }

    fn with(worker: usize, listeners: Vec<Own>) -> Self {
        Self {
            worker,
            listeners,
            first: 0,
            spare: Spare::new(),
            exhausted: None,
        }
    }

    /// Listens where `service` is; tokens are those that `token` gives. The first worker has the listeners
    /// themselves, the others have siblings. Returns those that are not listened on any more, nor watched.
    pub(crate) fn follow(
        &mut self,
        service: &Service,
        registry: &Registry,
        token: fn(usize) -> Token,
    ) -> io::Result<Self> {
        let taken: Vec<_> = self.listeners.iter().map(|it| it.token).collect();
        let mut free = (0..).map(token).filter(|it| !taken.contains(it));
        let make = |listener: &Listener| {
            let own = Own {
                listener: listener.clone(),
                socket: match self.worker {
                    0 => listener.clone(),
                    _ => listener.sibling(),
                },
                token: free.next().unwrap_or(token(0)),
                ready: false,
            };
            let fd = own.socket.as_raw_fd();
            registry.register(&mut SourceFd(&fd), own.token, Interest::READABLE)?;
            Ok(own)
        };
        let left = service.open(&mut self.listeners, |it| &it.listener, make)?;
        for left in &left {
            // Others may share the socket and keep it open.
            registry.deregister(&mut SourceFd(&left.socket.as_raw_fd()))?;
        }
        self.on_room();
        Ok(Self::with(self.worker, left))
    }

    /// Somebody has come to the listener with this token.
    pub(crate) fn on_ready(&mut self, token: Token) {
        for listener in self.listeners.iter_mut().filter(|it| it.token == token) {
            listener.ready = true;
        }
    }

    /// There may be room for a connection again.
    pub(crate) fn on_room(&mut self) {
        self.listeners.iter_mut().for_each(|it| it.ready = true);
    }

    /// How many listeners there are.
    pub(crate) fn count(&self) -> usize {
        self.listeners.len()
    }

    /// The number of the next listener that is ready: each has its turn.
    fn ready(&self) -> Option<usize> {
        let count = self.listeners.len();
        let mut numbers = (0..count).map(|n| (self.first + n) % count);
        numbers.find(|n| self.listeners[*n].ready)
    }

    /// When to call [`next`](Self::next) again though nothing has happened.
    pub(crate) fn deadline(&self, now: Instant) -> Option<Instant> {
        let ready = self.listeners.iter().any(|it| it.ready);
        ready.then(|| self.exhausted.unwrap_or(now))
    }

    /// The next connection that waits, if there are fewer than `most` behind the `gate`; it is counted
    /// there.
    pub(crate) fn next(&mut self, gate: &Gate, most: usize, now: Instant) -> Option<Accepted> {
        if self.exhausted.is_some_and(|until| now < until) {
            return None;
        }
        self.exhausted = None;
        while let Some(n) = self.ready() {
            if !gate.enter(self.worker, most) {
                self.listeners.iter_mut().for_each(|it| it.ready = false);
                return None;
            }
            let own = &mut self.listeners[n];
            match self.spare.accept(&own.socket) {
                Ok(accepted) => {
                    self.first = n + 1;
                    return Some(accepted);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => own.ready = false,
                Err(_) => self.exhausted = Some(now + BACK_OFF),
            }
            gate.leave();
            if self.exhausted.is_some() {
                return None;
            }
        }
        None
    }
}
