//! One connection: does what its session asks for while a thread is lent to it.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use host_core::{Now, Parked, Pool as Sessions, Server, Session, Step, Wait, os};
use mio::Interest;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::pool::Pool;

/// How long a thread waits together with its connection: a client that goes on does so soon, and is
/// then served without a detour.
const PATIENCE: Duration = Duration::from_millis(100);

/// A client's socket and its session, between the turns that threads give it.
pub(crate) struct Connection {
    stream: TcpStream,
    state: State,
    /// What its next turn waits for.
    pub(crate) interest: Interest,
    /// Its session knows of a graceful stop.
    pub(crate) draining: bool,
    /// Whether the socket's calls wait. Not while a file is sent: no deadline could end a `sendfile`.
    blocking: bool,
}

enum State {
    Parked(Parked),
    Active(Session),
}

impl Connection {
    /// # Errors
    ///
    /// When the peer has gone already.
    pub(crate) fn new(
        stream: TcpStream,
        peer: SocketAddr,
        server: Arc<Server>,
    ) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            stream,
            state: State::Parked(Parked::new(server, peer, os::now())),
            interest: Interest::READABLE,
            draining: false,
            // Elsewhere it is inherited from the listener.
            blocking: cfg!(target_os = "linux"),
        })
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// When to give it a turn even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Parked(parked) => parked.deadline(),
            State::Active(session) => session.deadline(),
        }
    }

    /// Serves the client until it is to be waited for, or the connection is over: then the socket is
    /// closed. `late` says that the deadline has come. Buffers are those of `sessions`.
    pub(crate) fn turn(self, late: bool, pool: &Pool, sessions: &mut Sessions) -> Option<Self> {
        let now = os::now();
        let session = match self.state {
            State::Parked(_) if late => return None,
            State::Parked(parked) => sessions.wake(parked, now),
            State::Active(mut session) => {
                match late {
                    true => session.on_timeout(now),
                    false => session.on_writable(now),
                }
                session
            }
        };
        let mut turn = Turn {
            pool,
            stream: self.stream,
            session,
            now,
            draining: false,
            blocking: self.blocking,
            has_read: false,
        };
        loop {
            match turn.step() {
                Next::Step => {}
                Next::Wait(interest) => return Some(turn.end(interest, sessions)),
                Next::Over => {
                    sessions.put(turn.session);
                    return None;
                }
            }
        }
    }
}

/// A connection while a thread is lent to it.
struct Turn<'p> {
    pool: &'p Pool,
    stream: TcpStream,
    session: Session,
    now: Now,
    draining: bool,
    blocking: bool,
    has_read: bool,
}

enum Next {
    Step,
    /// Nothing more can be done before this.
    Wait(Interest),
    Over,
}

impl Turn<'_> {
    fn end(self, interest: Interest, sessions: &mut Sessions) -> Connection {
        Connection {
            stream: self.stream,
            state: match self.session.park(sessions) {
                Ok(parked) => State::Parked(parked),
                Err(session) => State::Active(session),
            },
            interest,
            draining: self.draining,
            blocking: self.blocking,
        }
    }

    /// Does one thing that the session asks for.
    fn step(&mut self) -> Next {
        if self.pool.is_cut() {
            return Next::Over;
        }
        if self.pool.is_stopping() {
            self.draining = true;
            self.session.drain();
        }
        let stream = &self.stream;
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
                if !self.pool.has_spare() {
                    // Its turn comes again after that of the others.
                    return Next::Wait(Interest::WRITABLE);
                }
            }
            Step::Read => {
                let read = os::receive(stream, self.session.read_slot());
                self.report(read, Session::on_read, Session::on_read_blocked);
            }
            Step::ShutdownWrite => os::shutdown_write(stream),
            Step::Wait(wait) => return self.wait(wait),
            Step::Reset => {
                os::reset(stream);
                return Next::Over;
            }
            Step::Close => return Next::Over,
        }
        Next::Step
    }

    fn write(&mut self) {
        let mut slices = [IoSlice::new(&[]); 16];
        let count = self.session.slices(&mut slices);
        let sent = os::send(&self.stream, &slices[..count]);
        self.report(sent, Session::on_written, Session::on_write_blocked);
    }

    /// Waits for the socket as long as there is patience: none if others need the thread or the
    /// deadline is near.
    fn wait(&mut self, wait: Wait) -> Next {
        let deadline = self.now.monotonic + PATIENCE;
        let patient = self.pool.has_spare() && wait.until.is_none_or(|until| until > deadline);
        match wait.write {
            true if patient => self.wait_for_room(),
            true => Next::Wait(Interest::WRITABLE),
            false if patient || !self.has_read => self.read(patient),
            false => Next::Wait(Interest::READABLE),
        }
    }

    fn wait_for_room(&mut self) -> Next {
        let timeout = Timespec::try_from(PATIENCE).ok();
        let stream = PollFd::new(&self.stream, PollFlags::OUT);
        let ready = poll(&mut [stream], timeout.as_ref());
        self.now = os::now();
        if ready == Ok(0) {
            return Next::Wait(Interest::WRITABLE);
        }
        self.session.on_writable(self.now);
        Next::Step
    }

    fn read(&mut self, patient: bool) -> Next {
        self.has_read = true;
        let (mut stream, slot) = (&self.stream, self.session.read_slot());
        let read = match patient {
            true => set_blocking(stream, &mut self.blocking, true).and_then(|()| stream.read(slot)),
            false => os::receive(stream, slot),
        };
        let waits = (read.as_ref()).is_err_and(|error| error.kind() == ErrorKind::WouldBlock);
        self.report(read, Session::on_read, |_, _| {});
        match waits {
            true => Next::Wait(Interest::READABLE),
            false => Next::Step,
        }
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
            ErrorKind::WouldBlock => on_blocked(&mut self.session, self.now),
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
