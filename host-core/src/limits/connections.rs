//! How many requests are being answered.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use super::{Key, Sharded};

/// Counts of a fixed number of keys at most.
#[derive(Debug)]
pub(super) struct Connections {
    counts: Sharded<HashMap<Key, u64>>,
    /// Those of one part.
    keys: usize,
}

/// A request that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    connections: Arc<Connections>,
    key: Key,
}

impl Connections {
    pub(super) fn new(keys: usize) -> Self {
        let counts = Sharded::new(keys, |_| HashMap::new());
        Self {
            keys: keys / counts.shards.len(),
            counts,
        }
    }

    pub(super) fn enter(self: &Arc<Self>, key: Key, most: u64) -> Option<Ticket> {
        let mut counts = self.counts.lock(key);
        let full = counts.len() >= self.keys;
        match counts.entry(key) {
            Entry::Occupied(mut count) if *count.get() < most => *count.get_mut() += 1,
            Entry::Vacant(count) if !full => drop(count.insert(1)),
            _ => return None,
        }
        Some(Ticket {
            connections: Arc::clone(self),
            key,
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut counts = self.connections.counts.lock(self.key);
        if let Entry::Occupied(mut count) = counts.entry(self.key) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}
