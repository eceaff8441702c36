//! The wish to stop, as threads and event loops see it.

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// A request to stop gracefully that any number of threads can make and see. Clones are handles
/// of the same request.
///
/// As a descriptor ([`AsFd`]) it is readable from the moment that it is triggered, and stays so:
/// put it into a poll set, and never read from it.
///
/// ```
/// # fn main() -> std::io::Result<()> {
/// let stop = host_core::os::Shutdown::new()?;
/// let elsewhere = stop.clone();
/// assert!(!stop.is_triggered());
/// elsewhere.trigger();
/// assert!(stop.is_triggered());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Shutdown {
    triggered: Arc<AtomicBool>,
    pair: Arc<Pair>,
}

#[derive(Debug)]
struct Pair {
    reader: UnixStream,
    writer: UnixStream,
}

impl Shutdown {
    /// A request that nobody has made yet.
    ///
    /// # Errors
    ///
    /// When the process may not open two more descriptors.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        writer.set_nonblocking(true)?;
        Ok(Self {
            triggered: Arc::default(),
            pair: Arc::new(Pair { reader, writer }),
        })
    }

    /// Asks for the stop. Asking again changes nothing.
    pub fn trigger(&self) {
        self.triggered.store(true, Ordering::SeqCst);
        // A pair that is full is readable already.
        let _ = (&self.pair.writer).write(&[0]);
    }

    /// Whether somebody has asked for the stop.
    pub fn is_triggered(&self) -> bool {
        self.triggered.load(Ordering::SeqCst)
    }

    /// Lets SIGINT and SIGTERM trigger it. The second of these signals ends the process at once,
    /// with the exit code that a shell shows for a process that died of it: 130 or 143.
    ///
    /// # Errors
    ///
    /// When a descriptor cannot be duplicated or a handler cannot be installed.
    pub fn on_signals(&self) -> io::Result<()> {
        let signalled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // Handlers run in this order: the first signal must not see its own mark.
            flag::register_conditional_shutdown(signal, 128 + signal, signalled.clone())?;
            flag::register(signal, signalled.clone())?;
            flag::register(signal, self.triggered.clone())?;
            pipe::register(signal, self.pair.writer.try_clone()?)?;
        }
        Ok(())
    }
}

impl AsFd for Shutdown {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pair.reader.as_fd()
    }
}
