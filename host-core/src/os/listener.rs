//! Sockets that clients connect to.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use rustix::io::Errno;
#[cfg(not(target_vendor = "apple"))]
use rustix::net::SocketFlags;
use rustix::net::{SocketAddrAny, SocketAddrUnix, getsockname};
use socket2::{Domain, Protocol, Socket, Type};

use super::listen::Options;
use crate::config::model::Address;
use crate::{Peer, Server};

/// Connections that the kernel holds for us to accept; nginx's default.
pub(super) const BACKLOG: i32 = 511;

/// Bytes of a connection that the kernel holds though they cannot be sent yet.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 128 * 1024;

/// A socket that clients connect to. Clones are handles of the same one, and equal to it; it is closed
/// with the last of them.
///
/// It does not block, and neither do the connections that it brings. These
///
/// * send at once (`TCP_NODELAY`);
/// * take urgent bytes as bytes like others, where a read would stop short of them (`SO_OOBINLINE`);
/// * hold little that the client cannot take yet (`TCP_NOTSENT_LOWAT`), so that they can be written to
///   each time that a slow client has read a part, and not only after minutes.
///
/// The last only on Linux. Elsewhere connections may not inherit the second from their listener.
///
/// ```
/// use std::net::{TcpListener, TcpStream};
/// use host_core::os::{Listener, Root, Spare};
/// use host_core::{Server, Site};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = Listener::new(TcpListener::bind("127.0.0.1:0")?)?;
/// let client = TcpStream::connect(listener.local_addr().unwrap())?;
/// let accepted = Spare::new().accept(&listener)?;
/// let server = Server::new(Site::new(Root::open("/".as_ref())?));
/// assert_eq!(accepted.peer(&server).address, client.local_addr().ok());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Listener {
    bound: Arc<Bound>,
}

#[derive(Debug)]
struct Bound {
    socket: Socket,
    /// Where it is bound to.
    address: Address,
    backlog: AtomicI32,
    /// What it is a sibling of: as long as one of them is open, all can be had again.
    first: Option<Arc<Bound>>,
}

impl Listener {
    /// Prepares a socket that listens.
    ///
    /// # Errors
    ///
    /// Those of setting the options.
    pub fn new(socket: impl Into<OwnedFd>) -> io::Result<Self> {
        Self::with(socket.into().into(), BACKLOG)
    }

    pub(super) fn with(socket: Socket, backlog: i32) -> io::Result<Self> {
        Self::beside(None, socket, backlog)
    }

    fn beside(first: Option<Arc<Bound>>, socket: Socket, backlog: i32) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let address = getsockname(&socket)?;
        let address = match SocketAddrUnix::try_from(address.clone()) {
            Ok(unix) => Address::Unix(path(&unix)),
            Err(_) => {
                set_options(&socket)?;
                Address::Ip(address.try_into()?)
            }
        };
        let bound = Bound {
            address,
            socket,
            backlog: backlog.into(),
            first,
        };
        Ok(Self {
            bound: Arc::new(bound),
        })
    }

    /// Listens on `address`. With `shared` it can have [siblings](Self::sibling).
    pub(super) fn bind(address: SocketAddr, options: &Options, shared: bool) -> io::Result<Self> {
        let socket = socket(address, options.ipv6only)?;
        socket.bind(&address.into())?;
        socket.listen(options.backlog)?;
        // Set before, it would let a second server of the same user take half of the connections.
        if shared {
            socket.set_reuse_port(true)?;
        }
        Self::with(socket, options.backlog)
    }

    fn accept(&self) -> io::Result<Accepted> {
        let (stream, address) = accept(&self.bound.socket)?;
        let address = match (&self.bound.address, address) {
            (Address::Ip(_), Some(address)) => Some(address.try_into()?),
            _ => None,
        };
        #[cfg(not(target_os = "linux"))]
        if address.is_some() {
            // Where it fails, the peer has gone already.
            let _ = socket2::SockRef::from(&stream).set_tcp_nodelay(true);
        }
        Ok(Accepted {
            stream,
            address,
            bound: Arc::clone(&self.bound),
        })
    }

    /// Where it is bound to; `None` is a unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match self.bound.address {
            Address::Ip(address) => Some(address),
            Address::Unix(_) => None,
        }
    }

    /// Another socket with the same address and a queue of its own (`SO_REUSEPORT`): the kernel deals
    /// out the connections among them, so that workers need not compete for each. Where there can be
    /// none it is a handle of the same socket.
    ///
    /// Listeners of [`run`](super::run) can have siblings when
    /// [`worker_processes`](Server::worker_processes) is more than 1; those of a service manager or of
    /// a library's user seldom can.
    ///
    /// ```
    /// # fn main() -> std::io::Result<()> {
    /// let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    /// let listener = host_core::os::Listener::new(listener)?;
    /// assert_eq!(listener.sibling(), listener);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn sibling(&self) -> Self {
        self.try_sibling().unwrap_or_else(|_| self.clone())
    }

    fn try_sibling(&self) -> io::Result<Self> {
        let Bound {
            socket: ours,
            address,
            backlog,
            first,
        } = &*self.bound;
        let Address::Ip(address) = *address else {
            return Err(Errno::AFNOSUPPORT.into());
        };
        let ipv6only = address.is_ipv6() && ours.only_v6()?;
        let socket = socket(address, ipv6only)?;
        socket.set_reuse_port(true)?;
        socket.bind(&address.into())?;
        let backlog = backlog.load(Relaxed);
        socket.listen(backlog)?;
        let first = first.as_ref().unwrap_or(&self.bound);
        Self::beside(Some(Arc::clone(first)), socket, backlog)
    }

    /// Takes over what a reload says of the queue, and of siblings to come.
    pub(super) fn adjust(&self, backlog: i32, shared: bool) -> io::Result<()> {
        let Bound {
            socket,
            backlog: before,
            ..
        } = &*self.bound;
        if before.swap(backlog, Relaxed) != backlog {
            socket.listen(backlog)?;
        }
        match shared && self.local_addr().is_some() {
            true => socket.set_reuse_port(true),
            false => Ok(()),
        }
    }

    pub(super) fn downgrade(&self) -> WeakListener {
        WeakListener(Arc::downgrade(&self.bound))
    }
}

impl fmt::Display for Listener {
    /// `http://127.0.0.1:8080/`, `unix:/run/server.sock`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bound.address {
            Address::Ip(address) => write!(f, "http://{address}/"),
            unix => write!(f, "{unix}"),
        }
    }
}

impl PartialEq for Listener {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.bound, &other.bound)
    }
}

impl Eq for Listener {}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.bound.socket.as_fd()
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        self.bound.socket.as_raw_fd()
    }
}

/// A connection that has just come.
#[derive(Debug)]
pub struct Accepted {
    /// The socket.
    pub stream: OwnedFd,
    address: Option<SocketAddr>,
    bound: Arc<Bound>,
}

impl Accepted {
    /// Both ends, for a connection that `server` serves.
    pub fn peer(&self, server: &Server) -> Peer {
        Peer::of(server, self.address, &self.bound.address, || {
            Ok(getsockname(&self.stream)?.try_into()?)
        })
    }
}

/// A [`Listener`] as long as somebody else has a handle of it or of a sibling.
#[derive(Clone, Debug)]
pub(super) struct WeakListener(Weak<Bound>);

impl WeakListener {
    pub(super) fn upgrade(&self) -> Option<Listener> {
        let bound = self.0.upgrade()?;
        Some(Listener { bound })
    }
}

fn socket(address: SocketAddr, ipv6only: bool) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the process before to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(ipv6only)?;
    }
    // Also for a connection that comes before this is a `Listener`.
    set_options(&socket)?;
    Ok(socket)
}

/// Those that connections inherit.
fn set_options(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_nodelay(true)?;
    socket.set_out_of_band_inline(true)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_notsent_lowat(UNSENT)?;
    Ok(())
}

/// A connection, which does not block, and its other end.
#[cfg(not(target_vendor = "apple"))]
fn accept(listener: &Socket) -> rustix::io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    rustix::net::acceptfrom_with(listener, flags)
}

/// A connection, which does not block, and its other end.
#[cfg(target_vendor = "apple")]
fn accept(listener: &Socket) -> io::Result<(OwnedFd, Option<SocketAddrAny>)> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    let peer = rustix::net::getpeername(&stream)?;
    Ok((stream.into(), peer))
}

/// That of a unix socket; one without a path has an empty one.
fn path(address: &SocketAddrUnix) -> PathBuf {
    let bytes = address.path_bytes().unwrap_or_default();
    OsStr::from_bytes(bytes).into()
}

/// Accepts, with a descriptor that is kept to be given up when there is no other: so a client is
/// accepted and turned away at once, which otherwise would wait for nothing.
///
/// ```
/// use std::io;
/// use host_core::os::{Listener, Spare};
///
/// /// Accepts all who wait now. An error says that the system has no means for more: ask again later.
/// fn accept(listener: &Listener, spare: &mut Spare) -> io::Result<()> {
///     loop {
///         match spare.accept(listener) {
///             Ok(accepted) => println!("{accepted:?}"),
///             Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
///             Err(error) => return Err(error),
///         }
///     }
/// }
/// # let listener = Listener::new(std::net::TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
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

    /// The next connection that waits on `listener`.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none waits. Any other one says that the system has no descriptor or memory for
    /// more; one client was turned away.
    pub fn accept(&mut self, listener: &Listener) -> io::Result<Accepted> {
        loop {
            let error = match listener.accept() {
                Ok(accepted) => return Ok(accepted),
                Err(error) => error,
            };
            match Errno::from_io_error(&error) {
                // The peer has gone meanwhile, or a firewall keeps it out.
                Some(Errno::CONNABORTED | Errno::PROTO | Errno::PERM | Errno::INTR) => {}
                Some(Errno::AGAIN) => return Err(error),
                _ => {
                    self.file = None;
                    drop(accept(&listener.bound.socket));
                    *self = Self::new();
                    return Err(error);
                }
            }
        }
    }
}

impl Default for Spare {
    fn default() -> Self {
        Self::new()
    }
}
