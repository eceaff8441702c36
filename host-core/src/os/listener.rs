//! Sockets that clients connect to.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicI32, Ordering::Relaxed};
use std::sync::{Arc, Weak};

use rustix::io::Errno;
#[cfg(not(target_vendor = "apple"))]
use rustix::net::SocketFlags;
use rustix::net::{SocketAddrAny, getsockname};
use socket2::{Domain, Protocol, Socket, Type};

use super::listen::Options;
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
/// use std::io::ErrorKind;
/// use std::net::{TcpListener, TcpStream};
/// use host_core::os::{Listener, Root};
/// use host_core::{Server, Site};
///
/// # fn main() -> std::io::Result<()> {
/// let listener = Listener::new(TcpListener::bind("127.0.0.1:0")?)?;
/// assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
/// let client = TcpStream::connect(listener.local_addr())?;
/// let accepted = listener.accept()?;
/// let server = Server::new(Site::new(Root::open("/".as_ref())?));
/// assert_eq!(accepted.peer(&server).address, client.local_addr()?);
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
    address: SocketAddr,
    backlog: AtomicI32,
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

    fn with(socket: Socket, backlog: i32) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        set_options(&socket)?;
        let address = getsockname(&socket)?;
        let bound = Bound {
            address: address.try_into()?,
            socket,
            backlog: backlog.into(),
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

    /// The next connection that waits.
    ///
    /// # Errors
    ///
    /// `WouldBlock` when none waits; else those of `accept`, of which [`Spare::excuse`] knows what they
    /// mean.
    pub fn accept(&self) -> io::Result<Accepted> {
        let (stream, address) = accept(&self.bound.socket)?;
        #[cfg(not(target_os = "linux"))]
        {
            // Where it fails, the peer has gone already.
            let _ = socket2::SockRef::from(&stream).set_tcp_nodelay(true);
        }
        Ok(Accepted {
            stream,
            address,
            listener: self.bound.address,
        })
    }

    /// Where it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.bound.address
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
        } = &*self.bound;
        let ipv6only = address.is_ipv6() && ours.only_v6()?;
        let socket = socket(*address, ipv6only)?;
        socket.set_reuse_port(true)?;
        socket.bind(&(*address).into())?;
        let backlog = backlog.load(Relaxed);
        socket.listen(backlog)?;
        Self::with(socket, backlog)
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
        match shared {
            true => socket.set_reuse_port(true),
            false => Ok(()),
        }
    }

    pub(super) fn downgrade(&self) -> WeakListener {
        WeakListener(Arc::downgrade(&self.bound))
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
    address: SocketAddr,
    listener: SocketAddr,
}

impl Accepted {
    /// Both ends, for a connection that `server` serves.
    pub fn peer(&self, server: &Server) -> Peer {
        Peer::of(server, self.address, || {
            match self.listener.ip().is_unspecified() {
                true => Ok(getsockname(&self.stream)?.try_into()?),
                false => Ok(self.listener),
            }
        })
    }
}

/// A [`Listener`] as long as somebody else has a handle of it.
#[derive(Debug)]
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
fn accept(listener: &Socket) -> io::Result<(OwnedFd, SocketAddr)> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (stream, peer) = rustix::net::acceptfrom_with(listener, flags)?;
    Ok((stream, ip(peer)?))
}

/// A connection, which does not block, and its other end.
#[cfg(target_vendor = "apple")]
fn accept(listener: &Socket) -> io::Result<(OwnedFd, SocketAddr)> {
    let (stream, _) = listener.accept()?;
    stream.set_nonblocking(true)?;
    let peer = rustix::net::getpeername(&stream)?;
    Ok((stream.into(), ip(peer)?))
}

fn ip(address: Option<SocketAddrAny>) -> io::Result<SocketAddr> {
    let address = address.ok_or(Errno::AFNOSUPPORT)?;
    Ok(address.try_into()?)
}

/// A descriptor that is kept to be given up when there is no other: with it a client is accepted and
/// turned away at once, which otherwise would wait for nothing.
///
/// ```
/// use std::io;
/// use host_core::os::{Listener, Spare};
///
/// /// Accepts all who wait now. An error says that the system has no means for more: ask again later.
/// fn accept(listener: &Listener, spare: &mut Spare) -> io::Result<()> {
///     loop {
///         match listener.accept() {
///             Ok(accepted) => println!("{accepted:?}"),
///             Err(error) => {
///                 if !spare.excuse(listener, error)? {
///                     return Ok(());
///                 }
///             }
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

    /// What an `error` of accepting on `listener` means: whether another client may wait.
    ///
    /// # Errors
    ///
    /// The error, when the system has no descriptor or memory for more; one client was turned away.
    pub fn excuse(&mut self, listener: &Listener, error: io::Error) -> io::Result<bool> {
        match Errno::from_io_error(&error) {
            // The peer has gone meanwhile, or a firewall keeps it out.
            Some(Errno::CONNABORTED | Errno::PROTO | Errno::PERM | Errno::INTR) => Ok(true),
            Some(Errno::AGAIN) => Ok(false),
            _ => {
                self.file = None;
                drop(accept(&listener.bound.socket));
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
