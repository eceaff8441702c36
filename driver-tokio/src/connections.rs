//! The connections that there are: how many, and how to wake them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use host_core::os::{Control, Stop};
use slab::Slab;

#[derive(Debug, Default)]
pub(crate) struct Connections {
    /// What they know of a stop, and of reloads.
    control: Control,
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
            generation: self.control.generation(),
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

    /// Tells the control of a stop or a reload, and the connections that there are.
    pub(crate) fn tell(&self, change: impl FnOnce(&Control)) {
        change(&self.control);
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
    generation: u64,
    /// Its task can be woken: it is the same one, with the same waker, all the time.
    wakes: bool,
}

impl Place {
    /// How the connection should end, if it should.
    pub(crate) fn ending(&self) -> Option<Stop> {
        self.connections.control.ending(self.generation)
    }

    /// Lets [`Connections::tell`] wake the task, which has `seen` what it should do until then.
    pub(crate) fn wait(&mut self, cx: &Context<'_>, seen: Option<Stop>) {
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
