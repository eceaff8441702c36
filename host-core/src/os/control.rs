//! What a running server is told from outside, as threads and event loops see it.

use std::io::{self, ErrorKind, Read, Write};
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Listener;
use crate::Server;

/// What is served, and where.
///
/// ```
/// use std::net::TcpListener;
/// use host_core::os::{Root, Service};
/// use host_core::{Server, Site};
///
/// # fn main() -> std::io::Result<()> {
/// let server = Server::new(Site::new(Root::open(".".as_ref())?));
/// let service = Service::new(server, [TcpListener::bind("127.0.0.1:0")?])?;
/// // The same sockets, and something else to serve.
/// let server = Server::new(Site::new(Root::open("/".as_ref())?));
/// let other = Service { server: server.into(), ..service.clone() };
/// assert_eq!(other.listeners, service.listeners);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Service {
    /// The rules for new connections.
    pub server: Arc<Server>,
    /// Where they come in.
    pub listeners: Vec<Listener>,
}

impl Service {
    /// A server on `sockets` that listen.
    ///
    /// # Errors
    ///
    /// Those of [`Listener::new`].
    pub fn new(
        server: impl Into<Arc<Server>>,
        sockets: impl IntoIterator<Item: Into<OwnedFd>>,
    ) -> io::Result<Self> {
        let listeners = sockets.into_iter().map(Listener::new);
        Ok(Self {
            server: server.into(),
            listeners: listeners.collect::<Result<_, _>>()?,
        })
    }

    /// Lets `open`, what a driver has made of listeners, be that of the listeners of this service: `make`
    /// makes what is new, and what is not needed any more is returned.
    ///
    /// # Errors
    ///
    /// Those of `make`; then nothing has changed.
    pub fn open<T>(
        &self,
        open: &mut Vec<T>,
        listener_of: impl Fn(&T) -> &Listener,
        mut make: impl FnMut(&Listener) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        let place = |listener: &Listener, open: &[T]| {
            let mut listeners = open.iter().map(&listener_of);
            listeners.position(|it| it == listener)
        };
        let new = self.listeners.iter();
        let new = new.filter(|it| place(it, open).is_none());
        let mut made: Vec<T> = new.map(&mut make).collect::<io::Result<_>>()?;
        for listener in &self.listeners {
            if let Some(kept) = place(listener, open) {
                made.push(open.swap_remove(kept));
            }
        }
        Ok(mem::replace(open, made))
    }
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Stop {
    /// Answers that are being sent may end, for
    /// [`worker_shutdown_timeout`](Server::worker_shutdown_timeout) at most.
    Graceful = 1,
    /// All connections are cut at once.
    Fast,
}

/// Stops a running server, or gives it something else to serve. Clones are handles of the same
/// server; any thread may use them.
///
/// ```
/// use host_core::os::{Control, Stop};
///
/// let control = Control::new();
/// let elsewhere = control.clone();
/// assert_eq!(control.stopping(), None);
/// elsewhere.stop(Stop::Graceful);
/// elsewhere.stop(Stop::Fast);
/// elsewhere.stop(Stop::Graceful); // less than what was asked for
/// assert_eq!(control.stopping(), Some(Stop::Fast));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// The [`Stop`] that was asked for, or 0.
    stop: AtomicU8,
    /// The number of reloads.
    generation: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What the last reload brought, until a stop.
    service: Option<Service>,
    /// The other ends of the subscriptions.
    wakers: Vec<UnixStream>,
}

impl Control {
    /// A control that nobody has used yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for the end. Asking again changes nothing, unless it is for a faster one.
    pub fn stop(&self, stop: Stop) {
        let mut state = self.shared.lock();
        self.shared.stop.fetch_max(stop as u8, Ordering::SeqCst);
        // Nobody is to listen there any more.
        let unused = state.service.take();
        self.shared.wake(&mut state);
        drop(state);
        drop(unused);
    }

    /// The end that was asked for, if any.
    pub fn stopping(&self) -> Option<Stop> {
        match self.shared.stop.load(Ordering::SeqCst) {
            0 => None,
            1 => Some(Stop::Graceful),
            _ => Some(Stop::Fast),
        }
    }

    /// The number of reloads so far: that of a connection which begins now.
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::SeqCst)
    }

    /// Lets the connections that there are end gracefully, as a reload does.
    pub fn retire(&self) {
        let mut state = self.shared.lock();
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        self.shared.wake(&mut state);
    }

    /// The end of a connection that began in this [`generation`](Self::generation), if it is to end: as
    /// was asked for, or gracefully after a reload.
    ///
    /// ```
    /// use host_core::os::{Control, Stop};
    ///
    /// let control = Control::new();
    /// let old = control.generation();
    /// assert_eq!(control.ending(old), None);
    /// control.retire();
    /// assert_eq!(control.ending(old), Some(Stop::Graceful));
    /// assert_eq!(control.ending(control.generation()), None);
    /// ```
    pub fn ending(&self, generation: u64) -> Option<Stop> {
        let retired = self.generation() != generation;
        let stopping = self.stopping();
        stopping.or(retired.then_some(Stop::Graceful))
    }

    /// Lets new connections come in at the listeners of `service`, and be served by its server. Listeners
    /// that it shares with the service before go on; others are closed when those who wait there have
    /// been accepted. Connections keep their server and end gracefully. After a stop nothing changes.
    pub fn reload(&self, service: Service) {
        let mut state = self.shared.lock();
        if self.stopping().is_some() {
            return;
        }
        let before = state.service.replace(service);
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        self.shared.wake(&mut state);
        drop(state);
        // May wait for its log to be written out.
        drop(before);
    }

    /// A descriptor for one thread or event loop.
    ///
    /// # Errors
    ///
    /// When the process may not open two more descriptors.
    pub fn subscribe(&self) -> io::Result<Subscription> {
        let (reader, waker) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let mut state = self.shared.lock();
        if self.stopping().is_some() || state.service.is_some() {
            wake(&waker);
        }
        state.wakers.push(waker);
        drop(state);
        Ok(Subscription {
            control: self.clone(),
            reader,
            generation: 0,
        })
    }
}

impl Shared {
    /// No call below leaves the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes all subscribers, and forgets those that have gone.
    fn wake(&self, state: &mut State) {
        state.wakers.retain(wake);
    }
}

/// Makes the other end readable; false if it is closed.
fn wake(mut waker: &UnixStream) -> bool {
    loop {
        match waker.write(&[0]) {
            Ok(_) => return true,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A pair that is full is readable already.
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// The changes that a [`Control`] brings, for one thread or event loop.
///
/// As a descriptor ([`AsFd`]) it becomes readable at each change, and is so from the start if there
/// was one before. Put it into a poll set; when it is readable call [`clear`](Self::clear), then
/// [`stopping`](Self::stopping) and [`reloaded`](Self::reloaded): in this order no change is missed.
///
/// ```
/// use std::net::TcpListener;
/// use host_core::os::{Control, Root, Service, Stop};
/// use host_core::{Server, Site};
///
/// # fn main() -> std::io::Result<()> {
/// let control = Control::new();
/// let mut subscription = control.subscribe()?;
/// assert!(subscription.reloaded().is_none());
///
/// let server = Server::new(Site::new(Root::open("/tmp".as_ref())?));
/// let service = Service::new(server, [TcpListener::bind("127.0.0.1:0")?])?;
/// control.reload(service.clone());
/// subscription.clear();
/// assert_eq!(subscription.reloaded().unwrap().listeners, service.listeners);
/// assert!(subscription.reloaded().is_none());
///
/// control.stop(Stop::Fast);
/// subscription.clear();
/// assert_eq!(subscription.stopping(), Some(Stop::Fast));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    control: Control,
    reader: UnixStream,
    /// The reloads that were looked at.
    generation: u64,
}

impl Subscription {
    /// The descriptor is not readable again before the next change. Never waits.
    pub fn clear(&self) {
        let mut bytes = [0; 64];
        loop {
            match (&self.reader).read(&mut bytes) {
                Ok(n) if n == bytes.len() => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => return,
            }
        }
    }

    /// The end that was asked for, if any.
    pub fn stopping(&self) -> Option<Stop> {
        self.control.stopping()
    }

    /// What the last reload has brought, if that was not asked before. Takes no lock unless there was
    /// one.
    pub fn reloaded(&mut self) -> Option<Service> {
        let shared = &self.control.shared;
        if shared.generation.load(Ordering::SeqCst) == self.generation {
            return None;
        }
        let state = shared.lock();
        // Both change under the lock.
        self.generation = shared.generation.load(Ordering::SeqCst);
        state.service.clone()
    }
}

impl AsFd for Subscription {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }
}

impl AsRawFd for Subscription {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}
