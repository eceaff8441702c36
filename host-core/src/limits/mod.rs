//! Zones: how often requests come, and how many are answered, by a key. All workers share them.

mod connections;
mod requests;
#[cfg(test)]
mod tests;

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::config::model;
use crate::config::template::Template;
use connections::Connections;
pub(crate) use connections::Ticket;
pub(crate) use requests::Refused;
use requests::Requests;

/// Bytes of a zone for each key: so it has room for as many as in nginx.
const ENTRY: u64 = 128;

/// Parts of a zone, each with a lock of its own.
const SHARDS: usize = 8;

/// A zone with fewer keys is not divided.
const WHOLE: usize = 1024;

/// What stands for a key. Nobody without the seed can find two that share it.
pub(super) type Key = u128;

/// A `limit_req_zone` or `limit_conn_zone`.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    /// What requests are counted by.
    pub(crate) key: Template,
    seeds: [RandomState; 2],
    counts: Counts,
}

#[derive(Debug)]
enum Counts {
    Requests(Requests),
    Connections(Arc<Connections>),
}

impl Zone {
    pub(crate) fn new(zone: model::Zone) -> Self {
        let keys = usize::try_from(zone.size / ENTRY)
            .unwrap_or(usize::MAX)
            .max(1);
        Self {
            name: zone.name,
            key: zone.key,
            seeds: Default::default(),
            counts: match zone.rate {
                Some(rate) => Counts::Requests(Requests::new(rate, keys)),
                None => Counts::Connections(Arc::new(Connections::new(keys))),
            },
        }
    }

    fn hash(&self, key: &[u8]) -> Key {
        let [high, low] = [0, 1].map(|n| u128::from(self.seeds[n].hash_one(key)));
        high << 64 | low
    }

    /// Whether a request with this key may come now: what of the limit it exceeds, in thousandths of
    /// a request. With `account` it has come.
    pub(crate) fn request(
        &self,
        key: &[u8],
        burst: u64,
        account: bool,
        now: Instant,
    ) -> Result<u64, Refused> {
        match &self.counts {
            Counts::Requests(requests) => requests.lookup(self.hash(key), burst, account, now),
            Counts::Connections(_) => Ok(0),
        }
    }

    /// Requests in a thousand seconds.
    pub(crate) fn rate(&self) -> u64 {
        match &self.counts {
            Counts::Requests(requests) => requests.rate,
            Counts::Connections(_) => u64::MAX,
        }
    }

    /// Counts a request with this key, unless there are `most` or no room for more keys.
    pub(crate) fn enter(&self, key: &[u8], most: u64) -> Option<Ticket> {
        match &self.counts {
            Counts::Connections(connections) => connections.enter(self.hash(key), most),
            Counts::Requests(_) => None,
        }
    }
}

/// Values that are found by parts of a key, so that workers seldom wait for each other.
#[derive(Debug)]
struct Sharded<T> {
    shards: Vec<Mutex<T>>,
}

impl<T> Sharded<T> {
    /// For `keys`; `make` is given those of one part.
    fn new(keys: usize, make: impl Fn(usize) -> T) -> Self {
        let count = if keys < WHOLE { 1 } else { SHARDS };
        let shards = (0..count).map(|_| Mutex::new(make(keys / count)));
        Self {
            shards: shards.collect(),
        }
    }

    /// What is guarded is whole at any time.
    fn lock(&self, key: Key) -> MutexGuard<'_, T> {
        let shard = &self.shards[key as usize % self.shards.len()];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
