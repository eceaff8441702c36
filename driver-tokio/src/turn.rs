//! What a session asks for is done here, until it waits or others should have their turn.

use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll, ready};

use host_core::{Now, Session, Step, Wait, os};

use crate::socket::{Socket, Watch};

/// Bytes after which the others have their turn.
const MOST: usize = 256 * 1024;

pub(crate) struct Turn<'s> {
    pub(crate) session: Session,
    socket: &'s mut Socket,
    now: Now,
    /// Bytes read and written.
    moved: usize,
}

/// Why a session does not go on.
pub(crate) enum Pause {
    Wait(Wait),
    /// It has had its turn.
    Yield,
    Over,
}

impl<'s> Turn<'s> {
    pub(crate) fn new(session: Session, socket: &'s mut Socket, now: Now) -> Self {
        Self {
            session,
            socket,
            now,
            moved: 0,
        }
    }

    /// Does what the session asks for until it waits.
    pub(crate) fn advance(&mut self) -> Pause {
        while self.moved < MOST {
            match self.session.step(self.now) {
                Step::Lookup(lookup) => {
                    let found = os::lookup(&lookup);
                    self.now = os::now();
                    self.session.on_found(found, self.now);
                }
                Step::ReadFile(mut part) => {
                    // Few bytes may come of it, after much work.
                    self.moved += part.buf.len();
                    let read = os::read_file(&mut part);
                    self.now = os::now();
                    self.session.on_file_read(read, self.now);
                }
                Step::Spool(mut part) => {
                    let spooled = os::spool(&mut part);
                    self.now = os::now();
                    self.session.on_spooled(spooled, self.now);
                }
                Step::Change(mut change) => {
                    // A part is much work.
                    self.moved = MOST;
                    let changed = os::change(&mut change);
                    self.now = os::now();
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
                    let sent = self.socket.write(&slices[..count], more);
                    self.report(sent, Session::on_written, Session::on_write_blocked);
                }
                Step::SendFile(part) => {
                    let sent = self.socket.send_file(&part);
                    self.now = os::now();
                    self.report(sent, Session::on_written, Session::on_write_blocked);
                }
                Step::Read => {
                    let read = self.socket.read(self.session.read_slot());
                    self.report(read, Session::on_read, Session::on_read_blocked);
                }
                Step::ShutdownWrite => drop(self.socket.fd().map(os::shutdown_write)),
                Step::Wait(wait) => return Pause::Wait(wait),
                Step::Reset => {
                    let _ = self.socket.fd().map(os::reset);
                    return Pause::Over;
                }
                Step::Close => return Pause::Over,
            }
        }
        Pause::Yield
    }

    /// Waits for the socket and the backend.
    pub(crate) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        wait: Wait,
        backend: &mut Option<Box<Watch>>,
    ) -> Poll<()> {
        if wait.backend && self.poll_backend(cx, backend).is_ready() {
            self.now = os::now();
            self.session.on_backend(self.now);
            return Poll::Ready(());
        }
        if wait.write
            && let Poll::Ready(ready) = self.socket.poll_writable(cx)
        {
            let on_ready = |session: &mut Session, _, now| session.on_writable(now);
            self.report(ready.map(|()| 0), on_ready, Session::on_write_blocked);
            return Poll::Ready(());
        }
        match wait.read {
            true => self.poll_more(cx),
            // Nothing else tells of a socket that is of no use any more.
            false if !wait.write && self.look(wait) => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    /// Looks by itself at what the runtime may not tell of; returns whether there is anything.
    pub(crate) fn look(&mut self, wait: Wait) -> bool {
        self.now = os::now();
        let fd = self.socket.fd();
        fd.is_ok_and(|fd| os::look(fd, &mut self.session, wait, self.now))
    }

    fn poll_backend(&self, cx: &mut Context<'_>, watch: &mut Option<Box<Watch>>) -> Poll<()> {
        let Some((number, fd)) = self.session.backend() else {
            return Poll::Pending;
        };
        if watch.as_ref().is_none_or(|it| it.number != number) {
            *watch = Watch::new(number, fd).map(Box::new).ok();
        }
        // What cannot be watched is looked at.
        watch.as_ref().map_or(Poll::Ready(()), |it| it.poll(cx))
    }

    /// The time has come that the session waited for. Asked with an older one it would wait again, and
    /// again.
    pub(crate) fn on_timeout(&mut self) {
        self.now = os::now();
        self.session.on_timeout(self.now);
    }

    /// Waits for bytes. In the middle of a request first asks again: a read stops short of urgent bytes.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.session.is_idle()
            && let Ok(n) = self.socket.read(self.session.read_slot())
        {
            self.report(Ok(n), Session::on_read, Session::on_timeout);
            return Poll::Ready(());
        }
        self.poll_read(cx)
    }

    /// Waits for bytes.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let read = ready!(self.socket.poll_read(cx, self.session.read_slot()));
        self.report(read, Session::on_read, Session::on_timeout);
        Poll::Ready(())
    }

    /// Tells the session what has become of a read or write.
    fn report(
        &mut self,
        moved: io::Result<usize>,
        on_moved: fn(&mut Session, usize, Now),
        on_blocked: fn(&mut Session, Now),
    ) {
        match moved {
            Ok(n) => {
                self.moved += n;
                on_moved(&mut self.session, n, self.now);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                on_blocked(&mut self.session, self.now);
            }
            Err(error) => self.session.on_socket_error(&error, self.now),
        }
    }
}
