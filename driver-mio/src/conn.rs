//! One connection: does what its session asks for, a turn at a time.

use std::io::{self, ErrorKind, IoSlice};
use std::mem;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Instant;

use host_core::os::{self, Accepted};
use host_core::{Now, Parked, Pool, Server, Session, Step, Wait};
use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::timers::Timer;

/// What a connection may use up in one turn before others have theirs: so many bytes sent or read from
/// files, and each call of the system counts as [`CALL`] of them.
const TURN: usize = 256 * 1024;
const CALL: usize = 2 * 1024;

/// Marks the token of a connection's backend.
pub(crate) const BACKEND: usize = 1 << (usize::BITS / 2 - 1);

/// Slices that one write takes: those of one answer are fewer than few.
const FEW: usize = 4;
const MANY: usize = 64;

/// Bytes, also urgent ones.
#[cfg(target_os = "linux")]
const READABLE: Interest = Interest::READABLE.add(Interest::PRIORITY);
#[cfg(not(target_os = "linux"))]
const READABLE: Interest = Interest::READABLE;

/// A client's socket and its session.
pub(crate) struct Connection {
    stream: OwnedFd,
    state: State,
    /// Its place in the timers.
    pub(crate) timer: Timer,
    /// Whether it waits for its next turn.
    pub(crate) queued: bool,
    /// What the events tell of.
    watched: Option<Interest>,
    /// The socket may have bytes to read.
    readable: bool,
    /// The client will send no more, or has sent urgent bytes: a read that stops short of that is not the
    /// last.
    ended: bool,
    /// The socket takes bytes again.
    writable: bool,
    /// Nothing can be read or written any more.
    broken: bool,
    /// The number of the backend that the events tell of, too.
    backend: Option<u64>,
    /// It may have something to say.
    backend_ready: bool,
}

enum State {
    Parked(Parked),
    Active(Session),
    /// A turn has taken it, and returned it unless the connection is over.
    Taken,
}

/// How a turn ends.
pub(crate) enum Turn {
    /// Nothing more can be done before an event of this kind.
    Wait(Interest),
    /// There is more to do, and it is others' turn.
    Again,
    /// The connection is to be closed.
    Over,
}

/// What has come of one step.
enum Done {
    /// So many bytes were sent.
    Used(usize),
    Waits(Interest),
    Over,
}

impl Connection {
    pub(crate) fn new(accepted: Accepted, server: Arc<Server>, now: Now) -> Self {
        let peer = accepted.peer(&server);
        Self {
            stream: accepted.stream,
            state: State::Parked(Parked::new(server, peer, now)),
            timer: Timer::default(),
            queued: false,
            watched: None,
            // The request often comes along with the connection.
            readable: true,
            ended: false,
            writable: false,
            broken: false,
            backend: None,
            backend_ready: false,
        }
    }

    /// When to look at it even if nothing happens.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match &self.state {
            State::Parked(parked) => parked.deadline(),
            State::Active(session) => session.deadline(),
            State::Taken => None,
        }
    }

    pub(crate) fn on_event(&mut self, event: &Event) {
        self.readable |= event.is_readable() || event.is_error();
        self.ended |= event.is_read_closed() || event.is_priority();
        self.writable |= event.is_writable() || event.is_error();
        self.broken |= event.is_error() || event.is_write_closed();
    }

    /// There is an event of the backend.
    pub(crate) fn on_backend_event(&mut self) {
        self.backend_ready = true;
    }

    /// A deadline has come. Returns whether the connection goes on.
    pub(crate) fn on_timeout(&mut self, now: Now) -> bool {
        match &mut self.state {
            State::Active(session) => {
                session.on_timeout(now);
                true
            }
            State::Parked(_) | State::Taken => false,
        }
    }

    /// Whether it is served by `server`.
    pub(crate) fn is_of(&self, server: &Arc<Server>) -> bool {
        match &self.state {
            State::Parked(parked) => parked.is_of(server),
            State::Active(session) => session.is_of(server),
            State::Taken => false,
        }
    }

    /// A graceful stop has begun, or the connection's server was replaced.
    pub(crate) fn drain(&mut self, pool: &mut Pool, now: Now) {
        self.state = match mem::replace(&mut self.state, State::Taken) {
            State::Parked(parked) => State::Active(pool.wake(parked, now)),
            state => state,
        };
        if let State::Active(session) = &mut self.state {
            session.drain();
        }
    }

    /// Lets `registry` tell of what the connection waits for. It tells of each change once and goes on
    /// telling, so this is a call of the system at first, and once more if the socket is ever full.
    pub(crate) fn watch(
        &mut self,
        registry: &Registry,
        token: Token,
        wanted: Interest,
    ) -> io::Result<()> {
        if let State::Active(session) = &self.state
            && let Some((number, fd)) = session.backend()
            && self.backend != Some(number)
        {
            let token = Token(token.0 | BACKEND);
            registry.register(&mut SourceFd(&fd.as_raw_fd()), token, Interest::READABLE)?;
            self.backend = Some(number);
        }
        let fd = self.stream.as_raw_fd();
        let mut source = SourceFd(&fd);
        match self.watched {
            Some(watched) if watched == wanted || watched.is_writable() => return Ok(()),
            Some(_) => registry.reregister(&mut source, token, wanted)?,
            None => registry.register(&mut source, token, wanted)?,
        }
        self.watched = Some(wanted);
        Ok(())
    }

    /// Does what the session asks for until it waits or the turn is used up.
    pub(crate) fn turn(&mut self, pool: &mut Pool, now: Now) -> Turn {
        let mut session = match mem::replace(&mut self.state, State::Taken) {
            State::Parked(parked) if !self.readable => {
                self.state = State::Parked(parked);
                return Turn::Wait(Interest::READABLE);
            }
            State::Parked(parked) => {
                let mut session = pool.wake(parked, now);
                self.read(&mut session, now);
                session
            }
            State::Active(session) => session,
            State::Taken => return Turn::Over,
        };
        let mut left = TURN;
        while left > 0 {
            let used = match self.step(&mut session, now) {
                Done::Used(bytes) => bytes,
                Done::Waits(interest) => {
                    self.state = match session.park(pool) {
                        Ok(parked) => State::Parked(parked),
                        Err(session) => State::Active(session),
                    };
                    return Turn::Wait(interest);
                }
                Done::Over => {
                    pool.put(session);
                    return Turn::Over;
                }
            };
            left = left.saturating_sub(CALL + used);
        }
        self.state = State::Active(session);
        Turn::Again
    }

    /// Does one thing that the session asks for.
    fn step(&mut self, session: &mut Session, now: Now) -> Done {
        match session.step(now) {
            Step::Lookup(lookup) => {
                let found = os::lookup(&lookup);
                session.on_found(found, now);
            }
            Step::ReadFile(mut part) => {
                let len = part.buf.len();
                let read = os::read_file(&mut part);
                session.on_file_read(read, now);
                // Few bytes may come of it, after much work.
                return Done::Used(len);
            }
            Step::Spool(mut part) => {
                let spooled = os::spool(&mut part);
                session.on_spooled(spooled, now);
            }
            Step::Change(mut change) => {
                let changed = os::change(&mut change);
                session.on_changed(changed, now);
                // A part is much work.
                return Done::Used(TURN);
            }
            Step::Spawn(mut spawn) => {
                let started = os::spawn(&mut spawn);
                session.on_spawned(started, os::now());
            }
            Step::Exchange(mut exchange) => {
                let moved = os::exchange(&mut exchange);
                session.on_exchanged(moved, now);
            }
            Step::Log(log) => log.writer.write(log.lines),
            Step::Write { more } => return Done::Used(self.write(session, more, now)),
            Step::SendFile(part) => {
                let sent = os::send_file(&self.stream, &part);
                return Done::Used(self.on_sent(session, sent, now));
            }
            Step::Read => self.read(session, now),
            Step::Wait(Wait { read: true, .. }) if self.readable => self.read(session, now),
            Step::Wait(Wait { write: true, .. }) if self.writable => session.on_writable(now),
            Step::Wait(Wait { backend: true, .. }) if mem::take(&mut self.backend_ready) => {
                session.on_backend(now);
            }
            // Reads and writes tell it themselves.
            Step::Wait(Wait { read: false, .. }) if self.broken => {
                session.on_socket_error(&ErrorKind::ConnectionReset.into(), now);
            }
            Step::Wait(Wait { write: false, .. }) => return Done::Waits(READABLE),
            Step::Wait(_) => return Done::Waits(READABLE.add(Interest::WRITABLE)),
            Step::ShutdownWrite => os::shutdown_write(&self.stream),
            Step::Reset => {
                os::reset(&self.stream);
                return Done::Over;
            }
            Step::Close => return Done::Over,
        }
        Done::Used(0)
    }

    /// Reads once. A read that does not fill its room has emptied the socket, and there will be an
    /// event for what comes next: asking again would only cost a call.
    fn read(&mut self, session: &mut Session, now: Now) {
        let slot = session.read_slot();
        let room = slot.len();
        match os::receive(&self.stream, slot) {
            Ok(n) => {
                self.readable = n == room || (self.ended && n > 0);
                session.on_read(n, now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable = false;
                session.on_read_blocked(now);
            }
            Err(error) => session.on_socket_error(&error, now),
        }
    }

    /// Writes once. As with reading, a short write has filled the socket.
    fn write(&mut self, session: &mut Session, more: bool, now: Now) -> usize {
        let mut slices = [IoSlice::new(&[]); FEW];
        let count = session.slices(&mut slices);
        let (offered, written) = match count {
            FEW => self.write_many(session, more),
            _ => self.write_slices(&slices[..count], more),
        };
        let short = written.as_ref().is_ok_and(|n| *n < offered);
        let written = self.on_sent(session, written, now);
        if short {
            self.on_full(session, now);
        }
        written
    }

    /// Apart, as so many slices take time to prepare.
    #[cold]
    fn write_many(&self, session: &Session, more: bool) -> (usize, io::Result<usize>) {
        let mut slices = [IoSlice::new(&[]); MANY];
        let count = session.slices(&mut slices);
        self.write_slices(&slices[..count], more)
    }

    /// How many bytes there were, and how many of them were written.
    fn write_slices(&self, slices: &[IoSlice<'_>], more: bool) -> (usize, io::Result<usize>) {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        (offered, os::send(&self.stream, slices, more))
    }

    /// Tells the session what has become of a write; returns how many bytes have gone.
    fn on_sent(&mut self, session: &mut Session, sent: io::Result<usize>, now: Now) -> usize {
        match sent {
            Ok(n) => {
                session.on_written(n, now);
                return n;
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.on_full(session, now),
            Err(error) => session.on_socket_error(&error, now),
        }
        0
    }

    fn on_full(&mut self, session: &mut Session, now: Now) {
        self.writable = false;
        session.on_write_blocked(now);
    }
}
