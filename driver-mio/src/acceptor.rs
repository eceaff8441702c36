//! Connections in.

use std::io;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use host_core::os::{Accepted, Listener, Spare};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::gate::Gate;

/// How long nothing is accepted after the system had no descriptor or memory to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The listeners of a worker.
pub(crate) struct Acceptor {
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
    pub(crate) fn new() -> Self {
        Self::with(Vec::new())
    }

    fn with(listeners: Vec<Own>) -> Self {
        Self {
            listeners,
            first: 0,
            spare: Spare::new(),
            exhausted: None,
        }
    }

    /// Listens on `listeners`: on those that are new by a socket that `own` makes, and with a token that
    /// `token` gives. Returns the others, which are not watched any more.
    pub(crate) fn listen(
        &mut self,
        listeners: &[Listener],
        registry: &Registry,
        own: fn(&Listener) -> Listener,
        token: fn(usize) -> Token,
    ) -> io::Result<Self> {
        let mut left = std::mem::take(&mut self.listeners);
        for listener in listeners {
            if let Some(n) = left.iter().position(|it| it.listener == *listener) {
                self.listeners.push(left.swap_remove(n));
                continue;
            }
            let socket = own(listener);
            let is_free = |token: &Token| {
                let mut taken = self.listeners.iter().chain(&left);
                taken.all(|it| it.token != *token)
            };
            let token = (0..).map(token).find(is_free).unwrap_or(token(0));
            let fd = socket.as_raw_fd();
            registry.register(&mut SourceFd(&fd), token, Interest::READABLE)?;
            self.listeners.push(Own {
                listener: listener.clone(),
                socket,
                token,
                ready: false,
            });
        }
        for left in &left {
            // Others may share the socket and keep it open.
            registry.deregister(&mut SourceFd(&left.socket.as_raw_fd()))?;
        }
        self.on_room();
        Ok(Self::with(left))
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
            if !gate.enter(most) {
                self.listeners.iter_mut().for_each(|it| it.ready = false);
                return None;
            }
            let own = &mut self.listeners[n];
            let error = match own.socket.accept() {
                Ok(accepted) => {
                    self.first = n + 1;
                    return Some(accepted);
                }
                Err(error) => error,
            };
            gate.leave();
            match self.spare.excuse(&own.socket, error) {
                Ok(again) => own.ready = again,
                Err(_) => {
                    self.exhausted = Some(now + BACK_OFF);
                    return None;
                }
            }
        }
        None
    }
}
