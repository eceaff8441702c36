//! Who is at the ends of a connection.

use std::io;
use std::net::SocketAddr;

use crate::Server;
use crate::config::model::Address;

/// The ends of a connection.
///
/// An address alone is that of the client: enough for a server with one address. On one with several
/// the connection is served as one to the first of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The client; `None` is one of a unix socket.
    pub address: Option<SocketAddr>,
    /// Our end, where it decides about the virtual server.
    pub(crate) local: Option<SocketAddr>,
    /// What it has come in at, where that is known: its place in the list of what is listened on.
    pub(super) listen: Option<usize>,
}

impl Peer {
    /// The client at `address` on a connection to `local`.
    pub fn new(address: SocketAddr, local: SocketAddr) -> Self {
        Self {
            local: Some(local),
            ..address.into()
        }
    }

    /// The client at `address` of a listener on `bound`. Our end is asked for, which takes a call of the
    /// system, only where it decides something.
    pub(crate) fn of(
        server: &Server,
        address: Option<SocketAddr>,
        bound: &Address,
        local: impl FnOnce() -> io::Result<SocketAddr>,
    ) -> Self {
        let (local, listen) = match bound {
            Address::Ip(bound) if !bound.ip().is_unspecified() => (Some(*bound), None),
            // Where it fails, the peer is gone already.
            Address::Ip(_) if server.hosting.needs_local() => (local().ok(), None),
            Address::Ip(_) => (None, None),
            Address::Unix(_) => (None, server.hosting.listen_at(bound)),
        };
        Self {
            address,
            local,
            listen,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(address: SocketAddr) -> Self {
        Self {
            address: Some(address),
            local: None,
            listen: None,
        }
    }
}
