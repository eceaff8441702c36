//! The accept loop.

use std::io::{self, Read};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, Scope};

use host_core::Server;
use host_core::os::Shutdown;
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

/// Serves on `listeners` until `stop`, then ends gracefully; the [crate] has the rules. The threads
/// that it starts have ended when it returns.
///
/// # Errors
///
/// When a listener cannot be prepared or waited for; that triggers `stop` and a graceful end, too.
pub fn serve(server: Arc<Server>, listeners: Vec<TcpListener>, stop: Shutdown) -> io::Result<()> {
    for listener in &listeners {
        listener.set_nonblocking(true)?;
    }
    let (woken, waker) = UnixStream::pair()?;
    let pool = Pool::new(server, stop.clone(), waker);
    thread::scope(|scope| {
        let mut acceptor = Acceptor {
            scope,
            pool: &pool,
            spare: stop.as_fd().try_clone_to_owned().ok(),
        };
        let ended = acceptor.run(&listeners, &woken);
        stop.trigger();
        for listener in &listeners {
            // Whom this leaves out is turned away when the listener closes.
            let _ = acceptor.accept(listener, TURN);
        }
        drop(listeners);
        pool.drain();
        ended
    })
}

struct Acceptor<'scope, 'env> {
    scope: &'scope Scope<'scope, 'env>,
    pool: &'scope Pool,
    /// Given up to accept, and so to close, a connection when there is no other descriptor.
    spare: Option<OwnedFd>,
}

impl Acceptor<'_, '_> {
    /// Accepts until the stop.
    fn run(&mut self, listeners: &[TcpListener], mut woken: &UnixStream) -> io::Result<()> {
        let input = |fd| PollFd::from_borrowed_fd(fd, PollFlags::IN);
        let mut fds = vec![input(self.pool.stop.as_fd()), input(woken.as_fd())];
        fds.extend(listeners.iter().map(|listener| input(listener.as_fd())));
        let mut exhausted = false;
        loop {
            let watched = match self.pool.room(if exhausted { 0 } else { TURN }) {
                0 => &mut fds[..2],
                _ => &mut fds[..],
            };
            match poll(watched, exhausted.then_some(&BACK_OFF)) {
                Ok(_) if watched[1].revents().is_empty() => {}
                Ok(_) => drop(woken.read(&mut [0; 64])),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(errno.into()),
            }
            if self.pool.stop.is_triggered() {
                return Ok(());
            }
            exhausted = self.pool.staff(self.scope).is_err()
                || (listeners.iter()).any(|it| self.accept(it, self.pool.room(TURN)).is_err());
        }
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
                        self.spare = self.pool.stop.as_fd().try_clone_to_owned().ok();
                        return Err(error);
                    }
                },
            }
        }
        Ok(())
    }
}
