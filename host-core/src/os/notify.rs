//! What a service manager is told (systemd's `sd_notify`).

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How long a manager may take to make room for a message: a signal waits for that.
const PATIENCE: Duration = Duration::from_millis(100);

/// The server accepts connections, the first or again.
pub(super) fn ready() {
    notify("READY=1");
}

/// A reload has begun.
pub(super) fn reloading() {
    // The time tells the manager's own request from earlier ones.
    let now = clock_gettime(ClockId::Monotonic);
    let micros = now.tv_sec * 1_000_000 + now.tv_nsec / 1000;
    notify(&format!("RELOADING=1\nMONOTONIC_USEC={micros}"));
}

/// The server ends.
pub(super) fn stopping() {
    notify("STOPPING=1");
}

/// Sends `state` to the socket that `NOTIFY_SOCKET` names, if it names one. A manager that does not
/// listen is its own problem.
fn notify(state: &str) {
    if let Some(socket) = env::var_os("NOTIFY_SOCKET") {
        let _ = send(&socket, state);
    }
}

fn send(socket: &OsStr, state: &str) -> io::Result<usize> {
    let ours = UnixDatagram::unbound()?;
    ours.set_write_timeout(Some(PATIENCE))?;
    ours.send_to_addr(state.as_bytes(), &address(socket)?)
}

/// A leading `@` stands for the zero byte of an abstract name.
fn address(socket: &OsStr) -> io::Result<SocketAddr> {
    #[cfg(target_os = "linux")]
    if let Some(name) = socket.as_encoded_bytes().strip_prefix(b"@") {
        return <SocketAddr as std::os::linux::net::SocketAddrExt>::from_abstract_name(name);
    }
    SocketAddr::from_pathname(socket)
}
