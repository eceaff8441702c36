//! What a running server is told from outside, as threads and event loops see it.

use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Server;

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
    /// What the last reload brought.
    server: Option<Arc<Server>>,
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
        self.shared.stop.fetch_max(stop as u8, Ordering::SeqCst);
        self.shared.wake(&mut self.shared.lock());
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

    /// The end of a connection that began in this [`generation`](Self::generation), if it is to end: as
    /// was asked for, or gracefully after a reload.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use host_core::{Server, Site, os::{Control, Root, Stop}};
    /// # fn main() -> std::io::Result<()> {
    /// # let server = Arc::new(Server::new(Site::new(Root::open("/".as_ref())?)));
    /// let control = Control::new();
    /// let old = control.generation();
    /// assert_eq!(control.ending(old), None);
    /// control.reload(server);
    /// assert_eq!(control.ending(old), Some(Stop::Graceful));
    /// assert_eq!(control.ending(control.generation()), None);
    /// # Ok(())
    /// # }
    /// ```
    pub fn ending(&self, generation: u64) -> Option<Stop> {
        let retired = self.generation() != generation;
        let stopping = self.stopping();
        stopping.or(retired.then_some(Stop::Graceful))
    }

    /// Lets new connections be served by `server`; those that there are keep theirs and end
    /// gracefully.
    pub fn reload(&self, server: Arc<Server>) {
        let mut state = self.shared.lock();
        let before = state.server.replace(server);
        self.shared.generation.fetch_add(1, Ordering::SeqCst);
        self.shared.wake(&mut state);
        drop(state);
        // May wait for its log to be written out.
        drop(before);
    }

    /// A descriptor for one thread or event loop, which serves `server` until a reload.
    ///
    /// # Errors
    ///
    /// When the process may not open two more descriptors.
    pub fn subscribe(&self, server: &Arc<Server>) -> io::Result<Subscription> {
        let (reader, waker) = UnixStream::pair()?;
        reader.set_nonblocking(true)?;
        waker.set_nonblocking(true)?;
        let mut state = self.shared.lock();
        if self.stopping().is_some() || state.server.is_some() {
            wake(&waker);
        }
        state.wakers.push(waker);
        drop(state);
        Ok(Subscription {
            control: self.clone(),
            reader,
            server: Arc::clone(server),
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
/// look at [`stopping`](Self::stopping) and [`server`](Self::server): in this order no change is
/// missed.
///
/// ```
/// use std::sync::Arc;
/// use host_core::os::{Control, Root, Stop};
/// use host_core::{Server, Site};
///
/// # fn main() -> std::io::Result<()> {
/// let old = Arc::new(Server::new(Site::new(Root::open("/".as_ref())?)));
/// let new = Arc::new(Server::new(Site::new(Root::open("/tmp".as_ref())?)));
/// let control = Control::new();
/// let mut subscription = control.subscribe(&old)?;
/// assert!(Arc::ptr_eq(subscription.server(), &old));
/// control.reload(new.clone());
/// control.stop(Stop::Fast);
/// subscription.clear();
/// assert!(Arc::ptr_eq(subscription.server(), &new));
/// assert_eq!(subscription.stopping(), Some(Stop::Fast));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscription {
    control: Control,
    reader: UnixStream,
    server: Arc<Server>,
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

    /// What a new connection is served by. Takes no lock unless it has changed.
    pub fn server(&mut self) -> &Arc<Server> {
        let shared = &self.control.shared;
        if shared.generation.load(Ordering::SeqCst) != self.generation {
            let state = shared.lock();
            // Both change under the lock.
            self.generation = shared.generation.load(Ordering::SeqCst);
            if let Some(server) = &state.server {
                self.server = Arc::clone(server);
            }
        }
        &self.server
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
