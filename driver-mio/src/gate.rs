//! How many connections all workers have together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use mio::Waker;

/// Counts open connections, and wakes those who could open none when one has ended.
pub(crate) struct Gate {
    open: AtomicUsize,
    /// Somebody could open none.
    refused: AtomicBool,
    wakers: Vec<Waker>,
}

impl Gate {
    /// With a waker for each worker.
    pub(crate) fn new(wakers: Vec<Waker>) -> Self {
        Self {
            open: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            wakers,
        }
    }

    /// Opens a connection if there are fewer than `most`. If not, all workers are woken at the next end
    /// of one.
    pub(crate) fn enter(&self, most: usize) -> bool {
        self.try_enter(most) || {
            self.refused.store(true, SeqCst);
            // One may have ended before that was known.
            self.try_enter(most)
        }
    }

    fn try_enter(&self, most: usize) -> bool {
        let more = |open| (open < most).then_some(open + 1);
        self.open.fetch_update(SeqCst, SeqCst, more).is_ok()
    }

    /// A connection has ended.
    pub(crate) fn leave(&self) {
        self.open.fetch_sub(1, SeqCst);
        if self.refused.load(SeqCst) && self.refused.swap(false, SeqCst) {
            for waker in &self.wakers {
                // Fails only without memory; then the next end wakes them.
                let _ = waker.wake();
            }
        }
    }
}
