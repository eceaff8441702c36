//! How many connections all workers have together.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use mio::Waker;

/// Counts open connections, and wakes those who could open none when one has ended.
pub(crate) struct Gate {
    open: AtomicUsize,
    /// Somebody could open none.
    refused: AtomicBool,
    workers: Vec<Worker>,
}

struct Worker {
    /// It could open none.
    waits: AtomicBool,
    waker: Waker,
}

impl Gate {
    /// With a waker for each worker.
    pub(crate) fn new(wakers: Vec<Waker>) -> Self {
        let worker = |waker| Worker {
            waits: AtomicBool::new(false),
            waker,
        };
        Self {
            open: AtomicUsize::new(0),
            refused: AtomicBool::new(false),
            workers: wakers.into_iter().map(worker).collect(),
        }
    }

    /// Opens a connection of the worker with this number if there are fewer than `most`. If not, it is
    /// woken at the next end of one.
    pub(crate) fn enter(&self, worker: usize, most: usize) -> bool {
        self.try_enter(most) || {
            let worker = self.workers.get(worker);
            worker.inspect(|it| it.waits.store(true, SeqCst));
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
            let waited = |it: &&Worker| it.waits.swap(false, SeqCst);
            for worker in self.workers.iter().filter(waited) {
                // Fails only without memory; then the next end of one that it waits for wakes it.
                let _ = worker.waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests;
