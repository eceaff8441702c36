//! How fast an answer is sent: `limit_rate`.

use std::io::IoSlice;
use std::time::{Duration, Instant};

use super::Inner;
use crate::Now;

/// So many bytes each second, and some at first; fair to the second, as in nginx.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    rate: u64,
    after: u64,
    since: Instant,
    sent: u64,
    /// What may be written now.
    pub(super) allowed: u64,
    /// When more may be, once nothing may.
    pub(super) until: Option<Instant>,
}

impl Pace {
    /// `None` if there is no limit.
    pub(super) fn new((rate, after): (u64, u64), now: Now) -> Option<Self> {
        let pace = Self {
            rate,
            after,
            since: now.monotonic,
            sent: 0,
            allowed: 0,
            until: None,
        };
        (pace.rate > 0).then_some(pace)
    }

    /// Whether anything may be written now.
    pub(super) fn may_write(&mut self, now: Now) -> bool {
        let seconds = now
            .monotonic
            .saturating_duration_since(self.since)
            .as_secs()
            + 1;
        let all = self.rate.saturating_mul(seconds).saturating_add(self.after);
        self.allowed = all.saturating_sub(self.sent);
        self.until = match self.allowed {
            0 => self.since.checked_add(Duration::from_secs(seconds)),
            _ => None,
        };
        self.until.is_none()
    }

    pub(super) fn sent(&mut self, n: u64) {
        self.sent += n;
        self.allowed = self.allowed.saturating_sub(n);
    }
}

impl Inner {
    /// As many of the queued slices as may be written now.
    pub(super) fn allowed_slices<'a>(&'a self, iov: &mut [IoSlice<'a>], mut most: u64) -> usize {
        let mut count = 0;
        for (slot, slice) in iov.iter_mut().zip(self.tx.slices()) {
            if most == 0 {
                break;
            }
            let part = usize::try_from(most).map_or(slice.len(), |most| most.min(slice.len()));
            *slot = IoSlice::new(&slice[..part]);
            most -= part as u64;
            count += 1;
        }
        count
    }
}
