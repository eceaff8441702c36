//! Listeners: from the command line, from a service manager, and more of the same.

use std::collections::BTreeSet;
use std::io;
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;

use listenfd::ListenFd;
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::startup::because;
use crate::cli::Listen;
use crate::config::model::Address;
use crate::route::Listening;

/// Connections that the kernel holds for us to accept; nginx's default.
const BACKLOG: i32 = 511;

/// Listens on the addresses of `listen`, or takes the sockets that a service manager has opened
/// (`LISTEN_FDS` of systemd's socket activation), which go before them.
pub(super) fn listen(listen: &[Listen], shared: bool) -> Result<Vec<TcpListener>, String> {
    let mut listeners = passed().map_err(because("cannot take the sockets of LISTEN_FDS"))?;
    if listeners.is_empty() {
        for listen in listen {
            listeners.extend(listen_on(listen, shared)?);
        }
    }
    Ok(listeners)
}

/// Listens on the addresses of a configuration, as [`listen`] does.
pub(super) fn listen_as(addresses: &[Listening], shared: bool) -> Result<Vec<TcpListener>, String> {
    let mut listeners = passed().map_err(because("cannot take the sockets of LISTEN_FDS"))?;
    if listeners.is_empty() {
        for listening in addresses.iter().filter(|it| it.bind) {
            let Address::Ip(address) = listening.address else {
                let place = &listening.place;
                return Err(format!(
                    "{place}: listening on unix sockets is not supported yet"
                ));
            };
            let listener = bind(address, shared || listening.reuseport, &listening.options)
                .map_err(because(format!("cannot listen on {address}")))?;
            listeners.push(listener);
        }
    }
    Ok(listeners)
}

/// What `listen` says about a socket.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) backlog: i32,
    pub(crate) ipv6only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backlog: BACKLOG,
            ipv6only: true,
        }
    }
}

fn passed() -> io::Result<Vec<TcpListener>> {
    let mut passed = ListenFd::from_env();
    let taken = (0..passed.len()).map(|n| passed.take_tcp_listener(n));
    taken.filter_map(Result::transpose).collect()
}

/// Listens on every address that a host stands for, without those that this machine does not have:
/// `localhost` often means `::1` as well where there is no IPv6.
fn listen_on(listen: &Listen, shared: bool) -> Result<Vec<TcpListener>, String> {
    let addresses = (listen.host.as_str(), listen.port)
        .to_socket_addrs()
        .map_err(because(format!("cannot listen on {listen}")))?;
    let mut listeners = Vec::new();
    let mut failure = format!("cannot listen on {listen}: it has no address");
    for address in addresses.collect::<BTreeSet<_>>() {
        match bind(address, shared, &Options::default()) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let fatal = !is_absent(&error);
                failure = because(format!("cannot listen on {address}"))(error);
                if fatal {
                    return Err(failure);
                }
            }
        }
    }
    if listeners.is_empty() {
        return Err(failure);
    }
    Ok(listeners)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
    )
}

/// With `shared` the listener can have siblings.
fn bind(address: SocketAddr, shared: bool, options: &Options) -> io::Result<TcpListener> {
    let socket = socket(address, options.ipv6only)?;
    socket.bind(&address.into())?;
    // Set before, it would let a second server of the same user take half of the connections.
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.listen(options.backlog)?;
    Ok(socket.into())
}

fn socket(address: SocketAddr, ipv6only: bool) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the process before to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(ipv6only)?;
    }
    Ok(socket)
}

/// Another listener on the address of `listener`, with a queue of its own (`SO_REUSEPORT`): the
/// kernel deals out the connections among them, so that workers need not compete for each.
///
/// # Errors
///
/// `AddrInUse` where `listener` was not made for that. Those of [`run`](super::run) are when
/// [`worker_processes`](crate::Server::worker_processes) is more than 1; those of a service
/// manager or of a library's user seldom are: share them with
/// [`TcpListener::try_clone`] instead.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
/// let another = host_core::os::reuseport_sibling(&listener).or_else(|_| listener.try_clone())?;
/// assert_eq!(another.local_addr()?, listener.local_addr()?);
/// # Ok(())
/// # }
/// ```
pub fn reuseport_sibling(listener: &TcpListener) -> io::Result<TcpListener> {
    let address = listener.local_addr()?;
    let ipv6only = address.is_ipv6() && SockRef::from(listener).only_v6()?;
    let socket = socket(address, ipv6only)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A descriptor that is kept to be given up when there is no other: with it a client is accepted and
/// turned away at once, which otherwise would wait for nothing.
///
/// ```
/// use std::io;
/// use std::net::TcpListener;
/// use host_core::os::Spare;
///
/// /// Accepts all who wait now. An error says that the system has no means for more: ask again later.
/// fn accept(listener: &TcpListener, spare: &mut Spare) -> io::Result<()> {
///     loop {
///         match listener.accept() {
///             Ok((_stream, peer)) => println!("{peer}"),
///             Err(error) => {
///                 if !spare.excuse(listener, error)? {
///                     return Ok(());
///                 }
///             }
///         }
///     }
/// }
/// # let listener = TcpListener::bind("127.0.0.1:0").unwrap();
/// # listener.set_nonblocking(true).unwrap();
/// # accept(&listener, &mut Spare::new()).unwrap();
/// ```
#[derive(Debug)]
pub struct Spare {
    file: Option<OwnedFd>,
}

impl Spare {
    /// Takes a descriptor, if there is one.
    pub fn new() -> Self {
        let file = UnixDatagram::unbound().ok().map(OwnedFd::from);
        Self { file }
    }

    /// What an `error` of accepting on `listener` means: whether another client may wait.
    ///
    /// # Errors
    ///
    /// The error, when the system has no descriptor or memory for more; one client was turned away.
    pub fn excuse(&mut self, listener: &TcpListener, error: io::Error) -> io::Result<bool> {
        match Errno::from_io_error(&error) {
            // The peer has gone meanwhile, or a firewall keeps it out.
            Some(Errno::CONNABORTED | Errno::PROTO | Errno::PERM | Errno::INTR) => Ok(true),
            _ if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
            _ => {
                self.file = None;
                drop(listener.accept());
                *self = Self::new();
                Err(error)
            }
        }
    }
}

impl Default for Spare {
    fn default() -> Self {
        Self::new()
    }
}
