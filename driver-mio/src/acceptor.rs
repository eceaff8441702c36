//! Connections in.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use host_core::os;
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use rustix::io::Errno;

use crate::gate::Gate;

/// How long nothing is accepted after the system had no descriptor or memory to give.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The listeners of a worker.
pub(crate) struct Acceptor {
    /// The number of the worker.
    worker: usize,
    listeners: Vec<Listener>,
    /// The listener that comes first next time.
    first: usize,
    /// Given up to accept, and so to close, a connection when there is no other descriptor.
    spare: Option<OwnedFd>,
    /// Until when nothing is accepted.
    exhausted: Option<Instant>,
}

struct Listener {
    socket: TcpListener,
    /// Its queue may hold somebody.
    ready: bool,
}

impl Acceptor {
    /// Registers the listeners of a worker with the tokens that `token` gives.
    pub(crate) fn new(
        worker: usize,
        listeners: Vec<std::net::TcpListener>,
        registry: &Registry,
        token: impl Fn(usize) -> Token,
    ) -> io::Result<Self> {
        let mut acceptor = Self {
            worker,
            spare: listeners.first().and_then(duplicate),
            listeners: Vec::new(),
            first: 0,
            exhausted: None,
        };
        for (n, listener) in listeners.into_iter().enumerate() {
            os::prepare(&listener)?;
            let mut socket = TcpListener::from_std(listener);
            registry.register(&mut socket, token(n), Interest::READABLE)?;
            let ready = false;
            acceptor.listeners.push(Listener { socket, ready });
        }
        Ok(acceptor)
    }

    /// Somebody has come to the listener with this number.
    pub(crate) fn on_ready(&mut self, n: usize) {
        if let Some(listener) = self.listeners.get_mut(n) {
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

    /// The next connection that waits, if there are fewer than `most` behind the `gate`; it is
    /// counted there.
    pub(crate) fn next(
        &mut self,
        gate: &Gate,
        most: usize,
        now: Instant,
    ) -> Option<(TcpStream, SocketAddr)> {
        if self.exhausted.is_some_and(|until| now < until) {
            return None;
        }
        self.exhausted = None;
        while let Some(n) = self.ready() {
            if !gate.enter(self.worker, most) {
                self.listeners.iter_mut().for_each(|it| it.ready = false);
                return None;
            }
            let listener = &mut self.listeners[n];
            let error = match accept(&listener.socket) {
                Ok(accepted) => {
                    self.first = n + 1;
                    return Some(accepted);
                }
                Err(error) => error,
            };
            gate.leave();
            if error.kind() != ErrorKind::WouldBlock {
                // Closed at once: its client sees that, and need not wait for nothing.
                self.spare = None;
                drop(accept(&listener.socket));
                self.spare = duplicate(&listener.socket);
                self.exhausted = Some(now + BACK_OFF);
                return None;
            }
            listener.ready = false;
        }
        None
    }
}

fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept() {
            Err(error) if is_passing(&error) => {}
            accepted => return accepted,
        }
    }
}

/// The peer has gone meanwhile, or a firewall keeps it out.
fn is_passing(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::INTR | Errno::CONNABORTED | Errno::PROTO | Errno::PERM)
    )
}

fn duplicate(descriptor: &impl AsFd) -> Option<OwnedFd> {
    descriptor.as_fd().try_clone_to_owned().ok()
}
