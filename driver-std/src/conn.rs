//! One connection: does what its session asks for.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use host_core::os::{self, Control};
use host_core::{Now, Parked, Peer, Pool, Server, Session, Step, Wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, SendFlags, recv, sendmsg};
use socket2::SockRef;

/// A client's socket, as its own thread and the accept loop share it.
pub(crate) struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    /// Whether its thread waits for a request. The thread sets this before it looks at the stop,
    /// the accept loop looks at this after the stop: one of the two ends the wait.
    idle: AtomicBool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr) -> Self {
        // Where it fails, the peer is gone already and the first read says so.
        let _ = stream.set_nodelay(true);
        let idle = AtomicBool::new(false);
        Self { stream, peer, idle }
    }

    /// Serves the client until the connection is over, with buffers from `sessions`. The socket closes
    /// with `self`.
    pub(crate) fn serve(&self, server: Arc<Server>, control: &Control, sessions: &mut Pool) {
        let now = os::now();
        let peer = Peer::of(&server, self.peer, || self.stream.local_addr());
        let parked = Parked::new(server, peer, now);
        let mut driver = Driver {
            connection: self,
            control,
            session: sessions.wake(parked, now),
            now,
            read_timeout: None,
            // Elsewhere it is inherited from the listener.
            blocking: cfg!(target_os = "linux"),
        };
        while driver.step() {}
        sessions.put(driver.session);
    }

    /// Ends the wait for a request. One that has come in already can still be read.
    pub(crate) fn end_if_idle(&self) {
        if self.idle.load(Ordering::SeqCst) {
            self.shutdown(Half::Read);
        }
    }

    /// Shuts the socket down. That fails only when it is down already.
    pub(crate) fn shutdown(&self, half: Half) {
        let _ = self.stream.shutdown(half);
    }
}

struct Driver<'c> {
    connection: &'c Connection,
    control: &'c Control,
    session: Session,
    now: Now,
    /// The timeout of the socket's reads, where it is known to be long enough.
    read_timeout: Option<Duration>,
    /// Whether the socket's calls wait. Not while a file is sent: no deadline could end a `sendfile`.
    blocking: bool,
}

impl Driver<'_> {
    /// Does one thing that the session asks for; `false` when the connection is over.
    fn step(&mut self) -> bool {
        if self.control.stopping().is_some() {
            self.session.drain();
        }
        let stream = &self.connection.stream;
        match self.session.step(self.now) {
            Step::Lookup(lookup) => {
                let found = os::lookup(&lookup);
                self.session.on_found(found, self.now);
            }
            Step::ReadFile(mut part) => {
                let read = os::read_file(&mut part);
                self.session.on_file_read(read, self.now);
            }
            Step::Log(log) => log.writer.write(log.lines),
            Step::Write => self.write(),
            Step::SendFile(part) => {
                let sent = set_blocking(stream, &mut self.blocking, false)
                    .and_then(|()| os::send_file(stream, &part));
                self.report(sent, Session::on_written, Session::on_write_blocked);
            }
            Step::Read => {
                let read = recv(stream, self.session.read_slot(), RecvFlags::DONTWAIT);
                let read = read.map(|(n, _)| n).map_err(io::Error::from);
                self.report(read, Session::on_read, Session::on_read_blocked);
            }
            Step::ShutdownWrite => self.connection.shutdown(Half::Write),
            Step::Wait(wait) if wait.read => self.read(wait.until),
            Step::Wait(wait) => self.wait_for_room(wait),
            Step::Reset => {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                return false;
            }
            Step::Close => return false,
        }
        true
    }

    fn write(&mut self) {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.session.slices(&mut slices);
        let (nothing, flags) = (
            &mut <_>::default(),
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        );
        let sent = sendmsg(&self.connection.stream, &slices[..count], nothing, flags);
        let sent = sent.map_err(io::Error::from);
        self.report(sent, Session::on_written, Session::on_write_blocked);
    }

    fn left(&self, until: Option<Instant>) -> Option<Duration> {
        until.map(|until| until.saturating_duration_since(self.now.monotonic))
    }

    /// Waits for room, or for time alone.
    fn wait_for_room(&mut self, wait: Wait) {
        let timeout = self
            .left(wait.until)
            .and_then(|left| Timespec::try_from(left).ok());
        let events = match wait.write {
            true => PollFlags::OUT,
            false => PollFlags::empty(),
        };
        let stream = PollFd::new(&self.connection.stream, events);
        let ready = poll(&mut [stream], timeout.as_ref());
        self.now = os::now();
        match ready {
            Ok(0) => self.session.on_timeout(self.now),
            Ok(_) if !wait.write => {
                // Nothing was asked for: the peer has gone.
                let gone = ErrorKind::ConnectionReset.into();
                self.session.on_socket_error(&gone, self.now);
            }
            _ => self.session.on_writable(self.now),
        }
    }

    fn read(&mut self, until: Option<Instant>) {
        let mut stream = &self.connection.stream;
        let left = self.left(until);
        (self.connection.idle).store(self.session.is_idle(), Ordering::SeqCst);
        if self.control.stopping().is_some() {
            self.connection.end_if_idle();
        }
        let read = set_blocking(stream, &mut self.blocking, true)
            .and_then(|()| limit(stream, &mut self.read_timeout, left))
            .and_then(|()| stream.read(self.session.read_slot()));
        self.connection.idle.store(false, Ordering::SeqCst);
        self.report(read, Session::on_read, Session::on_timeout);
    }

    /// Tells the session what has become of a read or write.
    fn report(
        &mut self,
        moved: io::Result<usize>,
        on_moved: fn(&mut Session, usize, Now),
        on_blocked: fn(&mut Session, Now),
    ) {
        self.now = os::now();
        let error = match moved {
            Ok(n) => return on_moved(&mut self.session, n, self.now),
            Err(error) => error,
        };
        match error.kind() {
            ErrorKind::Interrupted => {}
            ErrorKind::WouldBlock => {
                self.read_timeout = None;
                on_blocked(&mut self.session, self.now);
            }
            _ => self.session.on_socket_error(&error, self.now),
        }
    }
}

fn set_blocking(stream: &TcpStream, is: &mut bool, wanted: bool) -> io::Result<()> {
    match std::mem::replace(is, wanted) == wanted {
        true => Ok(()),
        false => stream.set_nonblocking(!wanted),
    }
}

/// Lets the next read wait until `until` at most; [`ErrorKind::WouldBlock`] if that has come. A timeout
/// that is too short does no harm, and setting it costs a system call: so it is set only where it is
/// too long (by more than 1/64, for the clock runs on) or no longer known.
fn limit(
    stream: &TcpStream,
    known: &mut Option<Duration>,
    left: Option<Duration>,
) -> io::Result<()> {
    match left {
        Some(Duration::ZERO) => Err(ErrorKind::WouldBlock.into()),
        Some(needed) if known.is_none_or(|known| needed < known - known / 64) => {
            *known = Some(needed);
            stream.set_read_timeout(*known)
        }
        _ => Ok(()),
    }
}
