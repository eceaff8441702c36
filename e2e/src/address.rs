//! Addresses for servers that cannot choose their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
#[cfg(not(target_vendor = "apple"))]
use rustix::net::SocketFlags;
use rustix::net::{AddressFamily, SocketAddrAny, SocketType, bind, getsockname, sockopt};

/// An address of this machine that nobody listens on, another one at each call.
///
/// On Linux this process holds it until it ends, by a socket that is bound and does not listen: the kernel
/// gives the port to nobody who asks for any, neither to another server nor to a client, which
/// could otherwise meet itself where it waits for the server. Whoever asks for this very port gets it, with
/// `SO_REUSEADDR`, which servers set.
///
/// ```
/// let address = e2e::free_address();
/// assert_ne!(address, e2e::free_address());
/// let listener = std::net::TcpListener::bind(address).unwrap();
/// drop(listener);
/// assert!(std::net::TcpStream::connect(address).is_err());
/// ```
pub fn free_address() -> SocketAddr {
    static HELD: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

    let socket = socket();
    sockopt::set_socket_reuseaddr(&socket, true).expect("reuse");
    bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("bind");
    let address: SocketAddrAny = getsockname(&socket).expect("address");
    if cfg!(target_os = "linux") {
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.push(socket);
    }
    address.try_into().expect("IP")
}

#[cfg(not(target_vendor = "apple"))]
fn socket() -> OwnedFd {
    let flags = SocketFlags::CLOEXEC;
    rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).expect("socket")
}

#[cfg(target_vendor = "apple")]
fn socket() -> OwnedFd {
    rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).expect("socket")
}
