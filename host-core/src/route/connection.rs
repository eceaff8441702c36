//! The ends of a connection, as variables and rules see them.

use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::Route;
use super::variables::{View, write};
use crate::config::model::Address;
use crate::config::template::Known;
use crate::proxy_protocol::Proxied;

/// What stands for an address where there is none.
const UNIX: &[u8] = b"unix:";

impl<'v> View<'v> {
    /// The client, or whom a proxy speaks for; `None` is a client of a unix socket.
    fn peer(&self, route: &Route) -> Option<SocketAddr> {
        route.peer.or(self.client.peer)
    }

    pub(crate) fn ip(&self, route: &Route) -> Option<IpAddr> {
        self.peer(route).map(|peer| peer.ip())
    }

    pub(super) fn push_of_connection(
        &self,
        route: &Route,
        known: Known,
        out: &mut Vec<u8>,
    ) -> bool {
        let (client, peer) = (self.client, self.peer(route));
        // A port that is not known is 0.
        let port = |end: Option<SocketAddr>| end.map(|end| end.port()).filter(|port| *port > 0);
        match known {
            Known::Connection => write(out, format_args!("{}", client.number)),
            Known::ConnectionRequests => write(out, format_args!("{}", client.requests)),
            Known::RemoteAddr => push_address(peer, out),
            Known::RealipRemoteAddr => push_address(client.peer, out),
            Known::BinaryRemoteAddr => match peer.map(|peer| peer.ip()) {
                Some(IpAddr::V4(ip)) => out.extend_from_slice(&ip.octets()),
                Some(IpAddr::V6(ip)) => out.extend_from_slice(&ip.octets()),
                None => out.extend_from_slice(UNIX),
            },
            Known::RemotePort => write_some(out, port(peer)),
            Known::RealipRemotePort => write_some(out, port(client.peer)),
            Known::ServerPort => write_some(out, port(client.local)),
            _ => match (client.local, self.socket_path()) {
                (Some(local), _) => write(out, format_args!("{}", local.ip())),
                (None, Some(path)) => {
                    out.extend_from_slice(UNIX);
                    out.extend_from_slice(path.as_os_str().as_bytes());
                }
                (None, None) => return false,
            },
        }
        true
    }

    pub(super) fn push_proxied(&self, known: Known, out: &mut Vec<u8>) -> bool {
        let Some(Proxied {
            source,
            destination,
        }) = self.client.proxied()
        else {
            return false;
        };
        match known {
            Known::ProxyProtocolAddr => write(out, format_args!("{}", source.ip())),
            Known::ProxyProtocolPort => write(out, format_args!("{}", source.port())),
            Known::ProxyProtocolServerAddr => write(out, format_args!("{}", destination.ip())),
            _ => write(out, format_args!("{}", destination.port())),
        }
        true
    }

    /// The unix socket that the client has come to.
    fn socket_path(&self) -> Option<&'v Path> {
        match &self.hosting.listens.get(self.client.listen())?.address {
            Address::Unix(path) => Some(path),
            Address::Ip(_) => None,
        }
    }
}

fn push_address(end: Option<SocketAddr>, out: &mut Vec<u8>) {
    match end {
        Some(end) => write(out, format_args!("{}", end.ip())),
        None => out.extend_from_slice(UNIX),
    }
}

fn write_some(out: &mut Vec<u8>, number: Option<u16>) {
    if let Some(number) = number {
        write(out, format_args!("{number}"));
    }
}
