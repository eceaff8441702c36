//! Passwords that were checked, and the time that is left for more: a check may take as long as
//! hundreds of requests.

use std::collections::VecDeque;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::time::{Duration, Instant};

use super::Credentials;

/// Checks that are remembered.
const KEPT: usize = 256;

/// Of a span of time this part at most goes to checks.
const SHARE: u32 = 4;

/// The longest time that a request waits for its check.
const PATIENCE: Duration = Duration::from_secs(10);

/// A check of a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Right,
    Wrong,
    /// There is time for it then, reserved.
    Wait(Instant),
    /// Too many wait.
    Busy,
}

impl Verdict {
    pub(super) fn of(right: bool) -> Self {
        if right { Self::Right } else { Self::Wrong }
    }
}

/// Stands for a hash, a name and a password; whoever sees it learns nothing without the keys.
type Key = [u64; 2];

/// What all connections share.
#[derive(Debug, Default)]
pub(super) struct Checked {
    keys: [RandomState; 2],
    /// The oldest first.
    known: VecDeque<(Key, bool)>,
    /// When the time of all checks so far has been made up for.
    free: Option<Instant>,
}

impl Checked {
    pub(super) fn key(&self, hash: &str, sent: &Credentials) -> Key {
        let all = (hash, sent.name(), sent.password());
        [self.keys[0].hash_one(all), self.keys[1].hash_one(all)]
    }

    pub(super) fn known(&self, key: Key) -> Option<bool> {
        let found = self.known.iter().find(|(known, _)| *known == key);
        found.map(|(_, right)| *right)
    }

    pub(super) fn add(&mut self, key: Key, right: bool) {
        if self.known(key).is_some() {
            return;
        }
        if self.known.len() >= KEPT {
            // Guesses do not drive out those who know.
            let wrong = self.known.iter().position(|(_, right)| !right);
            self.known.remove(wrong.unwrap_or(0));
        }
        self.known.push_back((key, right));
    }

    /// Takes the time for a check that takes `cost`; `None` if it may be done now.
    pub(super) fn reserve(&mut self, cost: Duration, now: Instant) -> Option<Verdict> {
        let start = self.free.map_or(now, |free| free.max(now));
        if start.saturating_duration_since(now) > PATIENCE {
            return Some(Verdict::Busy);
        }
        self.free = start.checked_add(cost.saturating_mul(SHARE));
        (start > now).then_some(Verdict::Wait(start))
    }
}
