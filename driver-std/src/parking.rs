//! The connections that no thread is lent to.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsRawFd;
use std::time::Instant;

use mio::unix::SourceFd;
use mio::{Events, Interest, Registry, Token};
use slab::Slab;

use crate::conn::Connection;

/// Connections whose sockets a poller watches, if more than time is waited for, until they are taken out. It is always the same one, that of
/// the `registry`; tokens are small numbers.
#[derive(Default)]
pub(crate) struct Parking {
    slots: Slab<Connection>,
    deadlines: BTreeSet<(Instant, usize)>,
}

impl Parking {
    /// Watches `connection`. If it cannot be watched, it is closed.
    pub(crate) fn insert(&mut self, registry: &Registry, connection: Connection) -> io::Result<()> {
        let slot = self.slots.vacant_entry();
        let (key, fd) = (slot.key(), connection.stream.as_raw_fd());
        if let Some(interest) = connection.interest {
            registry.register(&mut SourceFd(&fd), Token(key), interest)?;
        }
        if let Some(backend) = connection.backend() {
            registry.register(&mut SourceFd(&backend), Token(key), Interest::READABLE)?;
        }
        self.deadlines
            .extend(connection.deadline().map(|at| (at, key)));
        slot.insert(connection);
        Ok(())
    }

    /// Takes out those of these events, and those whose deadline has come.
    pub(crate) fn take(
        &mut self,
        registry: &Registry,
        events: &Events,
        now: Instant,
    ) -> Vec<Connection> {
        let expired = self.deadlines.range(..=(now, usize::MAX));
        let events = events.iter().map(|it| it.token().0);
        let keys: Vec<_> = events.chain(expired.map(|it| it.1)).collect();
        let remove = |key| self.remove(registry, key);
        keys.into_iter().filter_map(remove).collect()
    }

    /// Takes out all.
    pub(crate) fn clear(&mut self, registry: &Registry) -> Vec<Connection> {
        let keys = 0..self.slots.capacity();
        keys.filter_map(|key| self.remove(registry, key)).collect()
    }

    fn remove(&mut self, registry: &Registry, key: usize) -> Option<Connection> {
        let connection = self.slots.try_remove(key)?;
        if let Some(at) = connection.deadline() {
            self.deadlines.remove(&(at, key));
        }
        let fd = connection.stream.as_raw_fd();
        // Fails where only time was waited for; if it did elsewhere, there would be a turn for nothing.
        let _ = registry.deregister(&mut SourceFd(&fd));
        if let Some(backend) = connection.backend() {
            let _ = registry.deregister(&mut SourceFd(&backend));
        }
        Some(connection)
    }

    /// The deadline that comes first.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(at, _)| *at)
    }
}
