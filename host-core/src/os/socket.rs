//! A client's socket, without waiting for it.

use std::io::{self, IoSlice};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::time::Duration;

use rustix::io::retry_on_intr;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags};
use socket2::SockRef;

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

/// Writes what `socket` takes now of `slices`, and returns how many bytes.
///
/// # Errors
///
/// `WouldBlock` if it takes nothing now; else those of `send`, but not `Interrupted`. No signal is
/// raised.
pub fn send(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
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
