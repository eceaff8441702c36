//! Addresses for servers that cannot choose their own.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

/// The first of the ports that no system gives to whoever asks for any, and how many they are.
const PORTS: (u32, u32) = (10_000, 22_768);

/// An address of this machine that nobody listens on, another one at each call.
///
/// The kernel gives ports of this range to nobody: not to another server that listens on port 0, and not
/// to a client, which could otherwise meet itself where it waits for the server.
///
/// ```
/// let address = e2e::free_address();
/// assert_ne!(address, e2e::free_address());
/// std::net::TcpListener::bind(address).unwrap();
/// ```
pub fn free_address() -> SocketAddr {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    // Processes that run at the same time begin at different places.
    let start = process::id().wrapping_mul(61);
    loop {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.0 + start.wrapping_add(call) % PORTS.1;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port as u16));
        if TcpStream::connect(address).is_err() {
            return address;
        }
    }
}
