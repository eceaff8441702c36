//! The accept loop.

use std::io::{self, Read};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, Scope};
use std::time::Instant;

use host_core::Server;
use host_core::os::{Control, Stop, Subscription};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::conn::Connection;
use crate::pool::Pool;

/// Accepted from one listener at a time, where there is room: not without end, but more than its
/// queue holds, so that a stop leaves nobody there.
const TURN: usize = 1024;

/// How long nothing is accepted after the system had no descriptor, memory or thread to give.
const BACK_OFF: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Serves on `listeners` until `control` stops it; the [crate] has the rules. The threads that it
/// starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be prepared or waited for; that stops `control` gracefully, too.
pub fn serve(server: Arc<Server>, listeners: Vec<TcpListener>, control: Control) -> io::Result<()> {
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let (woken, waker) = UnixStream::pair()?;
    let subscription = control.subscribe(&server)?;
    let pool = Pool::new(server, control.clone(), waker);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            spare: woken.try_clone().ok().map(OwnedFd::from),
            subscription,
            woken,
        };
        let ended = acceptor.run(&listeners);
        control.stop(Stop::Graceful);
        acceptor.end(listeners);
        ended
    })
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    subscription: Subscription,
    /// Readable when a connection has ended.
    woken: UnixStream,
    /// Given up to accept, and so to close, a connection when there is no other descriptor.
    spare: Option<OwnedFd>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self, listeners: &[TcpListener]) -> io::Result<()> {
        let mut exhausted = false;
        loop {
            let watched = match self.pool.room(if exhausted { 0 } else { TURN }) {
                0 => &[],
                _ => listeners,
            };
            self.wait(watched, exhausted.then_some(BACK_OFF))?;
            if self.subscription.stopping().is_some() {
                return Ok(());
            }
            self.pool.reload(self.subscription.server());
            exhausted = self.pool.staff(self.scope).is_err()
                || (listeners.iter()).any(|it| self.accept(it, self.pool.room(TURN)).is_err());
        }
    }

    /// Waits for a connection, the end of one, what the control says, or the time.
    fn wait(&self, listeners: &[TcpListener], timeout: Option<Timespec>) -> io::Result<()> {
        let input = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds = vec![input(self.subscription.as_fd()), input(self.woken.as_fd())];
        fds.extend(listeners.iter().map(|listener| input(listener.as_fd())));
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
        if !fds[0].revents().is_empty() {
            self.subscription.clear();
        }
        if !fds[1].revents().is_empty() {
            let _ = (&self.woken).read(&mut [0; 64]);
        }
        Ok(())
    }

    /// Ends the connections, in the way that the control asks for.
    fn end(&mut self, listeners: Vec<TcpListener>) {
        let fast = |subscription: &Subscription| subscription.stopping() == Some(Stop::Fast);
        if !fast(&self.subscription) {
            for listener in &listeners {
                // Whom this leaves out is turned away when the listener closes.
                let _ = self.accept(listener, TURN);
            }
        }
        drop(listeners);
        self.pool.drain();
        let limit = self.subscription.server().worker_shutdown_timeout;
        let start = Instant::now();
        while !fast(&self.subscription) && !self.pool.is_empty() {
            let left = limit.saturating_sub(start.elapsed());
            // One beyond all time is none.
            let timeout = Timespec::try_from(left).ok();
            if left.is_zero() || self.wait(&[], timeout).is_err() {
                break;
            }
        }
        self.pool.cut();
    }

    /// Accepts who waits on `listener`, up to `most`. An error says that the system has no means
    /// for more.
    fn accept(&mut self, listener: &TcpListener, most: usize) -> io::Result<()> {
        for _ in 0..most {
            match listener.accept() {
                Ok((stream, peer)) => {
                    self.pool.add(self.scope, Connection::new(stream, peer))?;
                }
                Err(error) => match Errno::from_io_error(&error) {
                    Some(Errno::AGAIN) => return Ok(()),
                    // The peer has gone meanwhile, or a firewall keeps it out.
                    Some(Errno::CONNABORTED | Errno::PROTO | Errno::PERM) => {}
                    _ => {
                        // Closed at once: its client sees that, and need not wait for nothing.
                        self.spare = None;
                        drop(listener.accept());
                        self.spare = self.woken.try_clone().ok().map(OwnedFd::from);
                        return Err(error);
                    }
                },
            }
        }
        Ok(())
    }
}
