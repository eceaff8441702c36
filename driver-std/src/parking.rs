//! The connections that no thread is lent to.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Registry, Token};
use slab::Slab;

use crate::conn::Connection;

/// Connections whose sockets the poller watches, each until it is taken out.
pub(crate) struct Parking {
    registry: Registry,
    slots: Slab<Connection>,
    deadlines: BTreeSet<(Instant, usize)>,
}

impl Parking {
    /// For the poller of `registry`. Its tokens are small numbers.
    pub(crate) fn new(registry: Registry) -> Self {
        Self {
            registry,
            slots: Slab::new(),
            deadlines: BTreeSet::new(),
        }
    }

    /// Watches `connection`. If it cannot be watched, it is closed.
    pub(crate) fn insert(&mut self, connection: Connection) -> io::Result<()> {
        let slot = self.slots.vacant_entry();
        let (token, fd) = (Token(slot.key()), connection.stream().as_raw_fd());
        self.registry
            .register(&mut SourceFd(&fd), token, connection.interest)?;
        let deadline = connection.deadline().map(|at| (at, token.0));
        self.deadlines.extend(deadline);
        slot.insert(connection);
        Ok(())
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<Connection> {
        let connection = self.slots.try_remove(token.0)?;
        if let Some(at) = connection.deadline() {
            self.deadlines.remove(&(at, token.0));
        }
        let fd = connection.stream().as_raw_fd();
        // It was registered, so this cannot fail; if it did, there would be a turn for nothing.
        let _ = self.registry.deregister(&mut SourceFd(&fd));
        Some(connection)
    }

    /// The deadline that comes first.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Takes out one whose deadline has come.
    pub(crate) fn expired(&mut self, now: Instant) -> Option<Connection> {
        let (_, key) = self.deadlines.first().filter(|(at, _)| *at <= now)?;
        self.remove(Token(*key))
    }

    /// Takes out all.
    pub(crate) fn clear(&mut self) -> Vec<Connection> {
        let tokens: Vec<_> = self.slots.iter().map(|(key, _)| Token(key)).collect();
        tokens
            .into_iter()
            .filter_map(|it| self.remove(it))
            .collect()
    }
}
