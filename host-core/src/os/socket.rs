//! A client's socket, without waiting for it.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::SockRef;

use crate::{Now, Session, Wait};

/// Reads what `socket` has now into `slot`, and returns how many bytes; 0 is the end of the stream.
///
/// # Errors
///
/// `WouldBlock` if it has nothing now; else those of `recv`, but not `Interrupted`.
pub fn receive(socket: impl AsFd, slot: &mut [u8]) -> io::Result<usize> {
    let receive = || rustix::net::recv(&socket, &mut *slot, RecvFlags::DONTWAIT);
    let (n, _) = retry_on_intr(receive)?;
    Ok(n)
}

/// No signal tells of a peer that has gone. Apple's systems have no such flag; there it is left to Rust's
/// runtime, which ignores SIGPIPE from the start.
#[cfg(not(target_vendor = "apple"))]
const NOSIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NOSIGNAL: SendFlags = SendFlags::empty();

/// Lets a packet that is not full wait for what is sent next, where there is such a flag.
#[cfg(target_os = "linux")]
const MORE: SendFlags = SendFlags::MORE;
#[cfg(not(target_os = "linux"))]
const MORE: SendFlags = SendFlags::empty();

/// Writes what `socket` takes now of `slices`, and returns how many bytes. `more` says that more is sent at
/// once, so that both leave together (`MSG_MORE`).
///
/// # Errors
///
/// `WouldBlock` if it takes nothing now; else those of `send`, but not `Interrupted`. No signal is
/// raised.
pub fn send(socket: impl AsFd, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    let mut flags = SendFlags::DONTWAIT | NOSIGNAL;
    flags.set(MORE, more);
    Ok(retry_on_intr(|| match slices {
        // Costs less than the general call.
        [slice] => rustix::net::send(&socket, slice, flags),
        _ => rustix::net::sendmsg(&socket, slices, &mut SendAncillaryBuffer::default(), flags),
    })?)
}

/// Does what [`Step::ShutdownWrite`](crate::Step::ShutdownWrite) says. That fails only when the
/// peer has gone.
pub fn shutdown_write(socket: impl AsFd) {
    let _ = SockRef::from(&socket).shutdown(Shutdown::Write);
}

/// Lets the close be a reset, for [`Step::Reset`](crate::Step::Reset).
pub fn reset(socket: impl AsFd) {
    let _ = SockRef::from(&socket).set_linger(Some(Duration::ZERO));
}

/// Waits for one of the things that `wait` names, `most` at most, and returns those that hold. None
/// holds when the time is over.
///
/// # Errors
///
/// Those of `poll`, but not `Interrupted`; that of a broken socket, where no read would tell it.
pub fn wait(
    socket: impl AsFd,
    backend: Option<BorrowedFd<'_>>,
    wait: Wait,
    most: Duration,
) -> io::Result<Wait> {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, wait.read);
    flags.set(PollFlags::OUT, wait.write);
    let backend = backend.filter(|_| wait.backend);
    let mut fds = vec![PollFd::new(&socket, flags)];
    fds.extend(backend.as_ref().map(|fd| PollFd::new(fd, PollFlags::IN)));
    let most = Timespec::try_from(most).ok();
    match poll(&mut fds, most.as_ref()) {
        Err(Errno::INTR) | Ok(_) => {}
        Err(errno) => return Err(errno.into()),
    }
    let broken = PollFlags::ERR | PollFlags::HUP;
    let holds = |n: usize, flags: PollFlags| {
        let fd = fds.get(n);
        fd.is_some_and(|fd| fd.revents().intersects(flags))
    };
    if holds(0, broken) && !wait.read {
        let error = SockRef::from(&socket).take_error()?;
        return Err(error.unwrap_or_else(|| io::ErrorKind::ConnectionReset.into()));
    }
    Ok(Wait {
        read: holds(0, PollFlags::IN | broken),
        write: holds(0, PollFlags::OUT),
        backend: holds(1, PollFlags::IN | broken),
        until: None,
    })
}

/// Tells `session` of one of the things that `wait` names, if it holds now; returns whether one does, or the
/// socket is broken.
pub fn look(socket: impl AsFd, session: &mut Session, wait: Wait, now: Now) -> bool {
    let backend = session.backend().map(|(_, fd)| fd);
    match self::wait(&socket, backend, wait, Duration::ZERO) {
        Ok(ready) if ready.backend => session.on_backend(now),
        Ok(ready) if ready.write => session.on_writable(now),
        Ok(ready) if ready.read => match receive(&socket, session.read_slot()) {
            Ok(n) => session.on_read(n, now),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(error) => session.on_socket_error(&error, now),
        },
        Ok(_) => return false,
        Err(error) => session.on_socket_error(&error, now),
    }
    true
}

#[cfg(test)]
mod tests;
