//! The connections that there are: how many, and how to wake them.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use host_core::os::{Control, Stop};
use slab::Slab;

/// How a connection should end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Another server has replaced that of the connection.
    Retire,
    Drain,
    Cut,
}

#[derive(Debug, Default)]
pub(crate) struct Connections {
    ending: Control,
    /// The connections of the generations before are to end.
    generation: AtomicU32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// An entry for each connection; those that have waited can be woken.
    wakers: Slab<Option<Waker>>,
    /// Waits for the end of a connection.
    acceptor: Option<Waker>,
}

impl Connections {
    /// Another connection.
    pub(crate) fn enter(self: &Arc<Self>) -> Place {
        Place {
            key: self.lock().wakers.insert(None),
            connections: Arc::clone(self),
            generation: self.generation.load(Ordering::SeqCst),
            wakes: false,
        }
    }

    /// Waits until there are fewer than `most`, and says by how many.
    pub(crate) fn poll_room(&self, cx: &Context<'_>, most: usize) -> Poll<usize> {
        let mut state = self.lock();
        match most.saturating_sub(state.wakers.len()) {
            0 => {
                state.acceptor = Some(cx.waker().clone());
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }

    /// Waits until there are none.
    pub(crate) fn poll_empty(&self, cx: &Context<'_>) -> Poll<()> {
        self.poll_room(cx, 1).map(drop)
    }

    /// Tells all connections to end.
    pub(crate) fn end(&self, ending: Stop) {
        self.ending.stop(ending);
        self.wake();
    }

    /// Tells those that there are to end gracefully.
    pub(crate) fn retire(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        let wakers: Vec<_> = (self.lock().wakers.iter())
            .filter_map(|(_, waker)| waker.clone())
            .collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds the lock can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection's place among the others, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    connections: Arc<Connections>,
    key: usize,
    generation: u32,
    /// Its task can be woken: it is the same one, with the same waker, all the time.
    wakes: bool,
}

impl Place {
    /// How the connection should end, if it should.
    pub(crate) fn ending(&self) -> Option<Ending> {
        let retired = self.connections.generation.load(Ordering::SeqCst) != self.generation;
        match self.connections.ending.stopping() {
            Some(Stop::Fast) => Some(Ending::Cut),
            Some(Stop::Graceful) => Some(Ending::Drain),
            None => retired.then_some(Ending::Retire),
        }
    }

    /// Lets [`Connections::end`] wake the task, which has `seen` what it should do until then.
    pub(crate) fn wait(&mut self, cx: &Context<'_>, seen: Option<Ending>) {
        if std::mem::replace(&mut self.wakes, true) {
            return;
        }
        if let Some(waker) = self.connections.lock().wakers.get_mut(self.key) {
            *waker = Some(cx.waker().clone());
        }
        // It came before the waker did.
        if self.ending() != seen {
            cx.waker().wake_by_ref();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.connections.lock();
        let (_own, acceptor) = (state.wakers.try_remove(self.key), state.acceptor.take());
        drop(state);
        acceptor.into_iter().for_each(Waker::wake);
    }
}

#[cfg(test)]
mod tests;
