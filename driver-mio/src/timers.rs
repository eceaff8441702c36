//! When to look at a connection again.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Instant;

use mio::Token;

/// Entries of connections that have gone, above which they are swept out when they are the most.
const STALE_MAX: usize = 1024;

/// Moments at which connections are looked at.
///
/// Each connection keeps the [`Timer`] of its earliest entry. One that is to be looked at later than that
/// needs no new entry: it will be looked at too early, and then told the moment that holds by
/// then. So a deadline that moves with each request costs nothing.
#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Instant, Token)>>,
    stale: usize,
}

/// The earliest entry of one connection, if it has one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Timer(Option<Instant>);

impl Timers {
    /// Looks at `token`, whose timer this is, no later than `until`.
    pub(crate) fn set(&mut self, timer: &mut Timer, token: Token, until: Option<Instant>) {
        if let Some(until) = until
            && timer.0.is_none_or(|at| until < at)
        {
            self.stale += usize::from(timer.0.is_some());
            timer.0 = Some(until);
            self.heap.push(Reverse((until, token)));
        }
    }

    /// The connection with this timer has gone. `timer_of` finds those of the others.
    pub(crate) fn forget(&mut self, timer: Timer, timer_of: impl FnMut(Token) -> Option<Timer>) {
        self.stale += usize::from(timer.0.is_some());
        if self.stale > STALE_MAX && self.stale > self.heap.len() / 2 {
            self.sweep(timer_of);
        }
    }

    fn sweep(&mut self, mut timer_of: impl FnMut(Token) -> Option<Timer>) {
        self.heap
            .retain(|Reverse((at, token))| timer_of(*token) == Some(Timer(Some(*at))));
        self.stale = 0;
    }

    /// When the next entry is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Takes out an entry that is due. It counts if it [`is`](Timer::is) that of its connection.
    pub(crate) fn pop(&mut self, now: Instant) -> Option<(Instant, Token)> {
        self.next().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    /// The entry that was taken out belonged to nobody.
    pub(crate) fn was_stale(&mut self) {
        self.stale = self.stale.saturating_sub(1);
    }
}

impl Timer {
    /// Whether this is the entry of that moment.
    pub(crate) fn is(self, at: Instant) -> bool {
        self.0 == Some(at)
    }
}

#[cfg(test)]
mod tests;
