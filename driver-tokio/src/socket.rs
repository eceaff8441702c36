//! Sockets: used at once where that is possible, else when they are ready.

use std::io::{self, ErrorKind, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::task::{Context, Poll, ready};

use host_core::{SendFile, os};
use tokio::io::Interest;
use tokio::net;

/// A client's socket.
#[derive(Debug)]
pub(crate) enum Socket {
    /// Not known to the runtime: many connections end without a wait.
    New(OwnedFd),
    /// The runtime watches sockets of any kind as if they were these.
    Watched(net::UnixStream),
    /// The runtime could not take it.
    Lost,
}

impl Socket {
    /// Whether a read may bring something.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Watched(stream) => stream.poll_read_ready(cx),
            _ => Poll::Ready(Ok(())),
        }
    }

    /// Reads into `slot`, which has room.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        slot: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            let read = match self {
                Self::Watched(stream) => read_watched(stream, slot),
                _ => self.read(slot),
            };
            match read {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(self.watch()?.poll_read_ready(cx))?;
                }
                read => return Poll::Ready(read),
            }
        }
    }

    /// Reads what there is into `slot`.
    pub(crate) fn read(&self, slot: &mut [u8]) -> io::Result<usize> {
        os::receive(self.fd()?, slot)
    }

    /// Whether a write may be of use again.
    pub(crate) fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch()?.poll_write_ready(cx)
    }

    pub(crate) fn write(&self, slices: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        let fd = self.fd()?;
        self.sending(|| os::send(fd, slices, more))
    }

    pub(crate) fn send_file(&self, part: &SendFile<'_>) -> io::Result<usize> {
        let fd = self.fd()?;
        self.sending(|| os::send_file(fd, part))
    }

    /// Tries once more if that would block, so that the runtime learns of it and nothing that
    /// happens between the two is missed.
    fn sending(&self, send: impl Fn() -> io::Result<usize>) -> io::Result<usize> {
        match (send(), self) {
            (Err(error), Self::Watched(stream)) if error.kind() == ErrorKind::WouldBlock => {
                stream.try_io(Interest::WRITABLE, send)
            }
            (sent, _) => sent,
        }
    }

    fn watch(&mut self) -> io::Result<&net::UnixStream> {
        if let Self::New(_) = self
            && let Self::New(stream) = std::mem::replace(self, Self::Lost)
        {
            *self = Self::Watched(net::UnixStream::from_std(stream.into())?);
        }
        match self {
            Self::Watched(stream) => Ok(stream),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    pub(crate) fn fd(&self) -> io::Result<BorrowedFd<'_>> {
        match self {
            Self::New(stream) => Ok(stream.as_fd()),
            Self::Watched(stream) => Ok(stream.as_fd()),
            Self::Lost => Err(ErrorKind::NotConnected.into()),
        }
    }
}

/// When there was less than `slot` holds there is no more: the runtime is told so, in place of another
/// call that would only hear that.
fn read_watched(stream: &net::UnixStream, slot: &mut [u8]) -> io::Result<usize> {
    let mut last = None;
    let read = stream.try_io(Interest::READABLE, || match os::receive(stream, slot)? {
        n if n < slot.len() => {
            last = Some(n);
            Err(ErrorKind::WouldBlock.into())
        }
        n => Ok(n),
    });
    last.map_or(read, Ok)
}

/// Something that can be waited for until it is readable. It is watched as if it were a
/// socket, which, other than the runtime's `AsyncFd`, needs no unsafe code.
#[derive(Debug)]
pub(crate) struct Watched<T> {
    watch: net::UnixStream,
    pub(crate) inner: T,
}

impl<T: AsFd> Watched<T> {
    /// Watches `inner`, which does not block.
    pub(crate) fn new(inner: T) -> io::Result<Self> {
        Ok(Self {
            watch: watch(inner.as_fd())?,
            inner,
        })
    }

    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.watch.poll_read_ready(cx)
    }

    /// Does `io` if it was readable. If that would block, it is not any more.
    pub(crate) fn try_io<R>(&self, io: impl FnOnce(&T) -> io::Result<R>) -> io::Result<R> {
        self.watch.try_io(Interest::READABLE, || io(&self.inner))
    }
}

fn watch(fd: BorrowedFd<'_>) -> io::Result<net::UnixStream> {
    let same = UnixStream::from(fd.try_clone_to_owned()?);
    same.set_nonblocking(true)?;
    net::UnixStream::from_std(same)
}

/// What tells when the backend of a session has something to say.
#[derive(Debug)]
pub(crate) struct Watch {
    /// That of the backend.
    pub(crate) number: u64,
    watch: net::UnixStream,
}

impl Watch {
    pub(crate) fn new(number: u64, fd: BorrowedFd<'_>) -> io::Result<Self> {
        let watch = watch(fd)?;
        Ok(Self { number, watch })
    }

    /// Waits for the next change.
    pub(crate) fn poll(&self, cx: &mut Context<'_>) -> Poll<()> {
        if self.watch.poll_read_ready(cx).is_pending() {
            return Poll::Pending;
        }
        let _ = self
            .watch
            .try_io::<()>(Interest::READABLE, || Err(ErrorKind::WouldBlock.into()));
        Poll::Ready(())
    }
}
