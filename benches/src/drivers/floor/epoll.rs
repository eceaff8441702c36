//! One thread and one poll set for all connections; epoll on Linux.

use std::io::{self, ErrorKind, Read};
use std::net::TcpListener;
use std::os::fd::AsRawFd;

use mio::event::Event;
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
pub fn serve(listener: TcpListener, answer: &Answer, close: bool) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let mut listener = Listener::from_std(listener);
    let (mut poll, mut events) = (Poll::new()?, Events::with_capacity(1024));
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    let mut buffer = vec![0; 16 * 1024];
    // By descriptor.
    let mut connections: Vec<Option<Connection>> = Vec::new();
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, poll.registry(), &mut connections)?;
                continue;
            }
            let slot = &mut connections[event.token().0];
            let Some(connection) = slot else { continue };
            let goes_on = match connection.ready(event, &mut buffer, answer, close) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    connection.watch(poll.registry(), event.token())
                }
                goes_on => goes_on,
            };
            if !goes_on.unwrap_or(false) {
                *slot = None;
            }
        }
    }
}

fn accept(
    listener: &Listener,
    registry: &Registry,
    connections: &mut Vec<Option<Connection>>,
) -> io::Result<()> {
    loop {
        let mut socket = match listener.accept() {
            Ok((socket, _)) => socket,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        socket.set_nodelay(true)?;
        let fd = socket.as_raw_fd() as usize;
        registry.register(&mut socket, Token(fd), Interest::READABLE)?;
        connections.resize_with(connections.len().max(fd + 1), || None);
        connections[fd] = Some(Connection {
            socket,
            requests: Requests::default(),
            outgoing: Outgoing::default(),
            sending: false,
            watched: false,
        });
    }
}

struct Connection {
    socket: TcpStream,
    requests: Requests,
    outgoing: Outgoing,
    /// Whether the socket took no more when it was written to last.
    sending: bool,
    /// Whether its room for writing is watched.
    watched: bool,
}

impl Connection {
    /// Whether the connection goes on.
    fn ready(
        &mut self,
        event: &Event,
        buffer: &mut [u8],
        answer: &Answer,
        close: bool,
    ) -> io::Result<bool> {
        if self.sending {
            self.send(answer)?;
        }
        loop {
            let n = self.socket.read(buffer)?;
            let count = self.requests.end_in(&buffer[..n]);
            self.outgoing.push(answer, count);
            self.send(answer)?;
            if n == 0 || (close && count > 0) {
                return Ok(false);
            }
            // Nothing more is there; what comes later is an event of its own.
            if n < buffer.len() && !event.is_read_closed() {
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

    /// Asks for events when the socket has room, if it has none.
    fn watch(&mut self, registry: &Registry, token: Token) -> io::Result<bool> {
        if self.sending && !self.watched {
            self.watched = true;
            let both = Interest::READABLE | Interest::WRITABLE;
            registry.reregister(&mut self.socket, token, both)?;
        }
        Ok(true)
    }
}
