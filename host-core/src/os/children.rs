//! How many scripts run at a time, and who waits.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::io::ioctl_fionbio;

use crate::config::model::CgiChildren;

/// The places for scripts of a process.
#[derive(Debug)]
pub(crate) struct Children {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    limits: CgiChildren,
    taken: usize,
    waiting: VecDeque<Arc<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    /// The place, once there is one.
    place: Mutex<Option<Place>>,
    waker: OwnedFd,
}

/// The place of a script that runs, until this is dropped.
#[derive(Debug)]
pub(super) struct Place {
    children: Arc<Children>,
}

/// Somebody who waits for a place. Its descriptor ([`AsFd`]) can be read once there is one.
#[derive(Debug)]
pub struct Turn {
    children: Arc<Children>,
    waiter: Arc<Waiter>,
    ready: OwnedFd,
}

/// What comes of a wish for a place.
#[derive(Debug)]
pub(super) enum Entry {
    Place(Place),
    Turn(Turn),
    /// Nobody more may wait.
    Full,
}

impl Children {
    pub(crate) fn new(limits: CgiChildren) -> Self {
        let state = State {
            limits,
            taken: 0,
            waiting: VecDeque::new(),
        };
        Self {
            state: Mutex::new(state),
        }
    }

    pub(crate) fn limits(&self) -> CgiChildren {
        lock(&self.state).limits
    }

    /// Other limits hold from now on, for those who are there, too.
    pub(crate) fn limit(self: &Arc<Self>, limits: CgiChildren) {
        let mut state = lock(&self.state);
        state.limits = limits;
        self.admit(&mut state);
    }

    /// Gives places to those who wait, as many as there are.
    fn admit(self: &Arc<Self>, state: &mut State) {
        while state.taken < state.limits.most
            && let Some(waiter) = state.waiting.pop_front()
        {
            state.taken += 1;
            let children = Arc::clone(self);
            *lock(&waiter.place) = Some(Place { children });
            // A pipe that is empty takes a byte.
            let _ = rustix::io::write(&waiter.waker, &[0]);
        }
    }

    /// Takes a place, or the last one in the queue.
    pub(super) fn enter(self: &Arc<Self>) -> io::Result<Entry> {
        let mut state = lock(&self.state);
        if state.taken < state.limits.most {
            state.taken += 1;
            let children = Arc::clone(self);
            return Ok(Entry::Place(Place { children }));
        }
        if state.waiting.len() >= state.limits.queue {
            return Ok(Entry::Full);
        }
        let (ready, waker) = io::pipe()?;
        ioctl_fionbio(&waker, true)?;
        let waiter = Arc::new(Waiter {
            place: Mutex::default(),
            waker: waker.into(),
        });
        state.waiting.push_back(Arc::clone(&waiter));
        Ok(Entry::Turn(Turn {
            children: Arc::clone(self),
            waiter,
            ready: ready.into(),
        }))
    }
}

impl Turn {
    /// The place, if it is there.
    pub(super) fn place(&self) -> Option<Place> {
        lock(&self.waiter.place).take()
    }
}

impl AsFd for Turn {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ready.as_fd()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let own = |waiter: &Arc<Waiter>| Arc::ptr_eq(waiter, &self.waiter);
        lock(&self.children.state).waiting.retain(|it| !own(it));
        // If it came just now, it is the next one's.
        let place = self.place();
        drop(place);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = lock(&self.children.state);
        state.taken -= 1;
        self.children.admit(&mut state);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds a lock can leave the state half changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
