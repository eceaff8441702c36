//! One connection: does what its session asks for.

use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{Shutdown as Half, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use host_core::os::{self, Shutdown};
use host_core::{Now, Server, Session, Step};
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
        // Where these fail, the peer is gone already and the first read says so.
        let _ = stream.set_nodelay(true);
        if cfg!(not(target_os = "linux")) {
            // Elsewhere it is inherited from the listener.
            let _ = stream.set_nonblocking(false);
        }
        let idle = AtomicBool::new(false);
        Self { stream, peer, idle }
    }

    /// Serves the client until the connection is over. The socket closes with `self`.
    pub(crate) fn serve(&self, server: &Arc<Server>, stop: &Shutdown) {
        let now = os::now();
        let mut driver = Driver {
            connection: self,
            server,
            stop,
            session: Session::new(server.clone(), self.peer, now),
            now,
            read_timeout: None,
            write_timeout: None,
        };
        while driver.step() {}
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
    server: &'c Arc<Server>,
    stop: &'c Shutdown,
    session: Session,
    now: Now,
    /// The timeouts of the socket, where they are known to be long enough.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Driver<'_> {
    /// Does one thing that the session asks for; `false` when the connection is over.
    fn step(&mut self) -> bool {
        // Again and again is no harm. An idle session is told after its last read instead.
        if self.stop.is_triggered() && !self.session.is_idle() {
            self.session.drain();
        }
        let deadline = self.session.deadline();
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
            Step::Log(lines) => {
                if let Some(log) = &self.server.access_log {
                    log.write(lines);
                }
            }
            Step::Write => self.write(),
            Step::SendFile(part) => {
                let set = |timeout| stream.set_write_timeout(timeout);
                let sent = limit(&mut self.write_timeout, deadline, self.now, set)
                    .and_then(|()| os::send_file(stream, &part));
                self.report(sent, Session::on_written);
            }
            Step::ShutdownWrite => self.connection.shutdown(Half::Write),
            // The write itself waits: this socket blocks.
            Step::Wait(wait) if wait.write => self.session.on_writable(self.now),
            Step::Wait(wait) if wait.read => self.read(wait.until),
            Step::Wait(wait) => {
                let until = wait.until.unwrap_or(self.now.monotonic);
                thread::sleep(until.saturating_duration_since(self.now.monotonic));
                self.report(Err(ErrorKind::WouldBlock.into()), Session::on_read);
            }
            Step::Reset => {
                let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
                return false;
            }
            Step::Close => return false,
        }
        true
    }

    fn write(&mut self) {
        let mut stream = &self.connection.stream;
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.session.slices(&mut slices);
        let deadline = self.session.deadline();
        let set = |timeout| stream.set_write_timeout(timeout);
        let written = limit(&mut self.write_timeout, deadline, self.now, set).and_then(|()| {
            match &slices[..count] {
                [slice] => stream.write(slice),
                slices => stream.write_vectored(slices),
            }
        });
        self.report(written, Session::on_written);
    }

    fn read(&mut self, until: Option<Instant>) {
        let mut stream = &self.connection.stream;
        let was_idle = self.session.is_idle();
        self.connection.idle.store(was_idle, Ordering::SeqCst);
        if self.stop.is_triggered() {
            self.connection.end_if_idle();
        }
        let set = |timeout| stream.set_read_timeout(timeout);
        let read = limit(&mut self.read_timeout, until, self.now, set)
            .and_then(|()| stream.read(self.session.read_slot()));
        self.connection.idle.store(false, Ordering::SeqCst);
        let done = was_idle && read.is_ok();
        self.report(read, Session::on_read);
        if done && self.stop.is_triggered() {
            self.session.drain();
        }
    }

    /// Tells the session what has become of a read or write.
    fn report(&mut self, moved: io::Result<usize>, on_moved: fn(&mut Session, usize, Now)) {
        self.now = os::now();
        match moved {
            Ok(n) => on_moved(&mut self.session, n, self.now),
            Err(error) => match error.kind() {
                ErrorKind::Interrupted => {}
                ErrorKind::WouldBlock => {
                    (self.read_timeout, self.write_timeout) = (None, None);
                    self.session.on_timeout(self.now);
                }
                _ => self.session.on_socket_error(&error, self.now),
            },
        }
    }
}

/// Lets the next call wait until `until` at most; [`ErrorKind::WouldBlock`] if that has come.
///
/// A timeout that is too short costs the session a question now and then, setting it each time
/// would cost every request a system call: so it is set again only where it is too long (by more
/// than 1/64, for the clock runs on) or has run out and is no longer known.
fn limit(
    known: &mut Option<Duration>,
    until: Option<Instant>,
    now: Now,
    set: impl FnOnce(Option<Duration>) -> io::Result<()>,
) -> io::Result<()> {
    match until.map(|until| until.saturating_duration_since(now.monotonic)) {
        Some(Duration::ZERO) => Err(ErrorKind::WouldBlock.into()),
        Some(needed) if known.is_none_or(|known| needed < known - known / 64) => {
            *known = Some(needed);
            set(*known)
        }
        _ => Ok(()),
    }
}
