//! One connection: does what its session asks for while a thread is lent to it.

use std::io::{self, ErrorKind, IoSlice, Read};
use std::ops::ControlFlow::{self, Break, Continue};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use host_core::os::{self, Stop};
use host_core::{Now, Parked, Pool as Sessions, SendFile, Session, Step, Wait};
use mio::Interest;

use crate::pool::Pool;

/// How long a thread waits together with its connection: a client that goes on does so soon, and is
/// then served without a detour.
const PATIENCE: Duration = Duration::from_millis(100);

/// A client's socket and its session, between the turns that threads give it.
pub(crate) struct Connection {
    /// Sockets of any kind are used as if they were these.
    pub(crate) stream: UnixStream,
    state: Result<Parked, Session>,
    /// What its next turn waits for, beside its deadline and its backend.
    pub(crate) interest: Option<Interest>,
    /// That of [`Pool::control`] in which it began.
    pub(crate) generation: u64,
}

impl Connection {
    pub(crate) fn new(stream: OwnedFd, parked: Parked, generation: u64) -> Self {
        let stream = UnixStream::from(stream);
        // Where one of these fails, the peer is gone already and the first read says so.
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        Self {
            stream,
            state: Ok(parked),
            interest: Some(Interest::READABLE),
            generation,
        }
    }

    /// Whether it waits for a request, and was not told to end.
    pub(crate) fn is_parked(&self) -> bool {
        self.state.is_ok()
    }

    /// The descriptor of its backend.
    pub(crate) fn backend(&self) -> Option<RawFd> {
        let backend = self.state.as_ref().err()?.backend();
        backend.map(|(_, fd)| fd.as_raw_fd())
    }

    /// When to give it a turn even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        (self.state.as_ref()).map_or_else(Session::deadline, Parked::deadline)
    }

    /// Serves the client until it is to be waited for, or the connection is over: then the socket is
    /// closed. Buffers are those of `sessions`.
    pub(crate) fn turn(self, pool: &Pool, sessions: &mut Sessions) -> Option<Self> {
        let now = os::now();
        let mut session = match self.state {
            Ok(parked) => sessions.wake(parked, now),
            Err(session) => session,
        };
        session.on_writable(now);
        session.on_backend(now);
        let mut turn = Turn {
            pool,
            stream: &self.stream,
            session,
            now,
            looked: None,
        };
        let waits = loop {
            match pool.control.ending(self.generation) {
                None => {}
                Some(Stop::Graceful) => turn.session.drain(),
                Some(Stop::Fast) => return None,
            }
            if let Break(waits) = turn.step() {
                break waits;
            }
        };
        let Some(interest) = waits else {
            sessions.put(turn.session);
            return None;
        };
        Some(Self {
            state: turn.session.park(sessions),
            interest,
            ..self
        })
    }
}

/// A connection while a thread is lent to it.
struct Turn<'t> {
    pool: &'t Pool,
    stream: &'t UnixStream,
    session: Session,
    now: Now,
    /// When it was last asked in this turn what there is.
    looked: Option<Instant>,
}

/// What there is to wait for, if anything but time; `None` when the connection is over.
type Waits = Option<Option<Interest>>;

const READ: Waits = Some(Some(Interest::READABLE));
const WRITE: Waits = Some(Some(Interest::WRITABLE));

impl Turn<'_> {
    /// Does one thing that the session asks for. The turn is over when there is something to wait for, or
    /// nothing more to do.
    fn step(&mut self) -> ControlFlow<Waits> {
        match self.session.step(self.now) {
            Step::Lookup(lookup) => {
                let found = os::lookup(&lookup);
                self.session.on_found(found, self.now);
            }
            Step::ReadFile(mut part) => {
                let read = os::read_file(&mut part);
                self.session.on_file_read(read, self.now);
            }
            Step::Spool(mut part) => {
                let spooled = os::spool(&mut part);
                self.session.on_spooled(spooled, self.now);
            }
            Step::Change(mut change) => {
                let changed = os::change(&mut change);
                self.session.on_changed(changed, self.now);
            }
            Step::Spawn(mut spawn) => {
                let started = os::spawn(&mut spawn);
                self.now = os::now();
                self.session.on_spawned(started, self.now);
            }
            Step::Exchange(mut exchange) => {
                let moved = os::exchange(&mut exchange);
                self.session.on_exchanged(moved, self.now);
            }
            Step::Log(log) => log.writer.write(log.lines),
            Step::Write { more } => {
                let mut slices = [IoSlice::new(&[]); 16];
                let count = self.session.slices(&mut slices);
                let sent = os::send(self.stream, &slices[..count], more);
                self.report(sent, Session::on_written, Session::on_write_blocked);
            }
            Step::SendFile(part) => {
                let sent = send_file(self.stream, &part);
                self.report(sent, Session::on_written, Session::on_write_blocked);
                if !self.pool.has_spare() {
                    // Its turn comes again after that of the others.
                    return Break(WRITE);
                }
            }
            Step::Read => {
                let read = os::receive(self.stream, self.session.read_slot());
                self.report(read, Session::on_read, Session::on_read_blocked);
            }
            Step::ShutdownWrite => os::shutdown_write(self.stream),
            Step::Wait(wait) => return self.wait(wait),
            Step::Reset => {
                os::reset(self.stream);
                return Break(None);
            }
            Step::Close => return Break(None),
        }
        Continue(())
    }

    /// Waits for what `wait` names. What has come while nobody looked has come in time.
    fn wait(&mut self, wait: Wait) -> ControlFlow<Waits> {
        let for_time = !(wait.read || wait.write || wait.backend);
        let looked = self.looked.max(for_time.then_some(self.now.monotonic));
        if wait.until.is_some_and(|at| looked >= Some(at)) {
            self.session.on_timeout(self.now);
            return Continue(());
        }
        match wait {
            _ if wait.backend => self.poll(wait),
            _ if wait.write => Break(WRITE),
            _ if wait.read => self.read(wait.until),
            _ => Break(Some(None)),
        }
    }

    /// Waits for socket and backend, with patience unless others need the thread.
    fn poll(&mut self, wait: Wait) -> ControlFlow<Waits> {
        let now = self.now.monotonic;
        let patience = PATIENCE * u32::from(self.pool.has_spare());
        let left = wait.until.map(|at| at.saturating_duration_since(now));
        let most = left.map_or(patience, |left| left.min(patience));
        let backend = self.session.backend().map(|(_, fd)| fd);
        self.looked = Some(now);
        let ready = os::wait(self.stream, backend, wait, most);
        self.now = os::now();
        match ready {
            Ok(ready) if ready.backend => self.session.on_backend(self.now),
            Ok(ready) if ready.write => self.session.on_writable(self.now),
            Ok(ready) if ready.read => {
                let read = os::receive(self.stream, self.session.read_slot());
                self.report(read, Session::on_read, |_, _| {});
            }
            Ok(_) if wait.until.is_some_and(|at| at <= self.now.monotonic) => {}
            Ok(_) => {
                return Break(match (wait.read, wait.write) {
                    (true, true) => Some(Some(Interest::READABLE | Interest::WRITABLE)),
                    (true, false) => READ,
                    (false, true) => WRITE,
                    (false, false) => Some(None),
                });
            }
            Err(error) => self.session.on_socket_error(&error, self.now),
        }
        Continue(())
    }

    /// Reads, with patience unless others need the thread or the deadline is near.
    fn read(&mut self, until: Option<Instant>) -> ControlFlow<Waits> {
        let soon = Some(self.now.monotonic + PATIENCE);
        let patient = self.pool.has_spare() && (until.is_none() || until > soon);
        let slot = self.session.read_slot();
        let read = match patient {
            true => (&*self.stream).read(slot),
            // Not again: others have their turn before.
            false if self.looked.is_some() => return Break(READ),
            false => os::receive(self.stream, slot),
        };
        let blocked = self.report(read, Session::on_read, |_, _| {});
        match blocked && until.is_none_or(|at| self.looked < Some(at)) {
            true => Break(READ),
            false => Continue(()),
        }
    }

    /// Tells the session what has become of a read or write; `true` if nothing has.
    fn report(
        &mut self,
        moved: io::Result<usize>,
        on_moved: fn(&mut Session, usize, Now),
        on_blocked: fn(&mut Session, Now),
    ) -> bool {
        self.looked = Some(self.now.monotonic);
        self.now = os::now();
        let kind = moved.as_ref().map_err(io::Error::kind);
        let is_blocked = matches!(kind, Err(ErrorKind::WouldBlock | ErrorKind::Interrupted));
        match moved {
            Ok(n) => on_moved(&mut self.session, n, self.now),
            Err(_) if is_blocked => on_blocked(&mut self.session, self.now),
            Err(error) => self.session.on_socket_error(&error, self.now),
        }
        is_blocked
    }
}

/// Without waiting, as no deadline could end that.
fn send_file(stream: &UnixStream, part: &SendFile<'_>) -> io::Result<usize> {
    stream.set_nonblocking(true)?;
    let sent = os::send_file(stream, part);
    stream.set_nonblocking(false)?;
    sent
}
