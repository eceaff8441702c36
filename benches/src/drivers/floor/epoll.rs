//! One thread and one poll set for all connections; epoll on Linux.

use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use mio::net::{TcpListener as Listener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};

use super::answer::Outgoing;
use super::{Answer, Requests};

const LISTENER: Token = Token(usize::MAX);

/// Serves until the process ends; with `close`, one request on each connection.
///
/// # Errors
///
/// When polling or accepting fails.
pub fn serve(listener: TcpListener, answer: Answer, close: bool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = Listener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut shared = Shared {
        registry: poll.registry().try_clone()?,
        answer,
        close,
        buffer: vec![0; 16 * 1024],
    };
    // By descriptor.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &mut connections, &mut shared)?;
            } else if let Some(slot) = connections.get_mut(event.token().0)
                && let Some(connection) = slot
                && !connection.ready(event.is_read_closed(), &mut shared)
            {
                *slot = None;
            }
        }
    }
}

/// What all connections share.
struct Shared {
    registry: Registry,
    answer: Answer,
    close: bool,
    buffer: Vec<u8>,
}

fn accept(
    listener: &Listener,
    connections: &mut Vec<Option<Connection>>,
    shared: &mut Shared,
) -> io::Result<()> {
    loop {
        let socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        if let Answer::File(_) = shared.answer {
            // Its answer is more than one write.
            socket.set_nodelay(true)?;
        }
        let fd = socket.as_raw_fd() as usize;
        let mut connection = Connection {
            socket,
            requests: Requests::default(),
            outgoing: Outgoing::default(),
            sending: false,
            watched: None,
        };
        // Often the request is there.
        if connection.ready(false, shared) {
            connections.resize_with(connections.len().max(fd + 1), || None);
            connections[fd] = Some(connection);
        }
    }
}

struct Connection {
    socket: TcpStream,
    requests: Requests,
    outgoing: Outgoing,
    /// Whether the socket took no more when it was written to last.
    sending: bool,
    watched: Option<Interest>,
}

impl Connection {
    /// Does what can be done now; whether the connection goes on.
    fn ready(&mut self, closed: bool, shared: &mut Shared) -> bool {
        let goes_on = match self.work(closed, shared) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(true),
            goes_on => goes_on,
        };
        goes_on.unwrap_or(false) && self.watch(&shared.registry).is_ok()
    }

    fn work(&mut self, closed: bool, shared: &mut Shared) -> io::Result<bool> {
        if self.sending {
            self.send(&shared.answer)?;
        }
        loop {
            let n = self.socket.read(&mut shared.buffer)?;
            let count = self.requests.end_in(&shared.buffer[..n]);
            self.outgoing.push(&shared.answer, count);
            self.send(&shared.answer)?;
            if n == 0 || (shared.close && count > 0) {
                return Ok(false);
            }
            // Nothing more is there; what comes later is an event of its own.
            if n < shared.buffer.len() && !closed {
                return Ok(true);
            }
        }
    }

    fn send(&mut self, answer: &Answer) -> io::Result<()> {
        self.sending = true;
        self.outgoing.send(answer, &self.socket)?;
        self.sending = false;
        Ok(())
    }

    /// Asks for events; for those of room to write only once there was none.
    fn watch(&mut self, registry: &Registry) -> io::Result<()> {
        let (both, token) = (
            Interest::READABLE | Interest::WRITABLE,
            Token(self.socket.as_raw_fd() as usize),
        );
        match self.watched {
            None => {
                let wanted = if self.sending {
                    both
                } else {
                    Interest::READABLE
                };
                self.watched = Some(wanted);
                registry.register(&mut self.socket, token, wanted)
            }
            Some(Interest::READABLE) if self.sending => {
                self.watched = Some(both);
                registry.reregister(&mut self.socket, token, both)
            }
            Some(_) => Ok(()),
        }
    }
}
