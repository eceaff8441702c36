//! How often requests come: a leaky bucket for each key, as nginx has it.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::time::Instant;

use super::{Key, Sharded};

/// There were more requests than the limit and the burst allow: so many thousandths of one above the rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u64);

/// Buckets of a fixed number of keys; the one that was not used for the longest time makes room.
#[derive(Debug)]
pub(super) struct Requests {
    /// Requests in a thousand seconds.
    pub(super) rate: u64,
    /// When the first request came.
    start: OnceLock<Instant>,
    buckets: Sharded<Buckets>,
}

impl Requests {
    pub(super) fn new(rate: u64, keys: usize) -> Self {
        Self {
            rate,
            start: OnceLock::new(),
            buckets: Sharded::new(keys, Buckets::new),
        }
    }

    pub(super) fn lookup(
        &self,
        key: Key,
        burst: u64,
        account: bool,
        now: Instant,
    ) -> Result<u64, Refused> {
        let now = now
            .saturating_duration_since(*self.start.get_or_init(|| now))
            .as_millis() as u64;
        let mut buckets = self.buckets.lock(key);
        let (bucket, old) = buckets.touch(key, now);
        let passed = now.saturating_sub(bucket.last);
        let leaked = u128::from(self.rate) * u128::from(passed) / 1000;
        let excess = match old {
            true => (bucket.excess + 1000).saturating_sub(leaked.try_into().unwrap_or(u64::MAX)),
            // The first one exceeds nothing.
            false => 0,
        };
        if excess > burst.saturating_mul(1000) {
            return Err(Refused(excess));
        }
        if account {
            bucket.excess = excess;
            bucket.last = bucket.last.max(now);
            bucket.new = false;
        }
        Ok(excess)
    }
}

/// The bucket of a key, in the order of use.
#[derive(Debug)]
struct Bucket {
    key: Key,
    /// Thousandths of a request above the rate.
    excess: u64,
    /// Milliseconds since the start.
    last: u64,
    /// No request was accounted.
    new: bool,
    older: usize,
    newer: usize,
}

/// The end of the order.
const NONE: usize = usize::MAX;

#[derive(Debug)]
struct Buckets {
    places: HashMap<Key, usize>,
    buckets: Vec<Bucket>,
    oldest: usize,
    newest: usize,
    most: usize,
}

impl Buckets {
    fn new(most: usize) -> Self {
        Self {
            places: HashMap::new(),
            buckets: Vec::new(),
            oldest: NONE,
            newest: NONE,
            most: most.max(1),
        }
    }

    /// The bucket of a key, which is the newest then, and whether it has counted before.
    fn touch(&mut self, key: Key, now: u64) -> (&mut Bucket, bool) {
        let known = self.places.get(&key).copied();
        let place = known.unwrap_or_else(|| self.add(key, now));
        if known.is_some() {
            self.unlink(place);
        }
        self.link(place);
        let bucket = &mut self.buckets[place];
        let old = !bucket.new;
        (bucket, old)
    }

    /// A place for a new key; it is in no order yet.
    fn add(&mut self, key: Key, now: u64) -> usize {
        let bucket = Bucket {
            key,
            excess: 0,
            last: now,
            new: true,
            older: NONE,
            newer: NONE,
        };
        let place = match self.buckets.len() < self.most {
            true => {
                self.buckets.push(bucket);
                self.buckets.len() - 1
            }
            false => {
                let place = self.oldest;
                self.unlink(place);
                self.places.remove(&self.buckets[place].key);
                self.buckets[place] = bucket;
                place
            }
        };
        self.places.insert(key, place);
        place
    }

    fn unlink(&mut self, place: usize) {
        let Bucket { older, newer, .. } = self.buckets[place];
        match self.buckets.get_mut(older) {
            Some(bucket) => bucket.newer = newer,
            None => self.oldest = newer,
        }
        match self.buckets.get_mut(newer) {
            Some(bucket) => bucket.older = older,
            None => self.newest = older,
        }
    }

    fn link(&mut self, place: usize) {
        let older = std::mem::replace(&mut self.newest, place);
        match self.buckets.get_mut(older) {
            Some(bucket) => bucket.newer = place,
            None => self.oldest = place,
        }
        let bucket = &mut self.buckets[place];
        (bucket.older, bucket.newer) = (older, NONE);
    }
}
