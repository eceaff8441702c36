//! How often, and how many at a time: `limit_req`, `limit_conn`. Each request is counted once,
//! whatever locations it goes through.

use std::time::Duration;

use super::flow::{Flow, Outcome};
use super::state::Phase;
use super::variables::View;
use super::{Route, Rules};
use crate::config::model::{LimitDelay, LimitReq};
use crate::limits::Zone;

impl View<'_> {
    pub(super) fn check_limits(&self, route: &mut Route) -> Flow {
        self.believe_proxy(route);
        let settings = &self.rules(route).settings;
        if !settings.limit_req.is_empty() && !std::mem::replace(&mut route.limited, true) {
            match self.limit_requests(route, &settings.limit_req) {
                Ok(Duration::ZERO) => {}
                Ok(delay) => {
                    let until = self.now.monotonic.checked_add(delay);
                    return Flow::End(Outcome::Wait(until.unwrap_or(self.now.monotonic)));
                }
                Err(limit) => return self.fail(route, limit.status),
            }
        }
        if !settings.limit_conn.is_empty() && !std::mem::replace(&mut route.counted, true) {
            let rules = self.rules(route);
            if let Some(flow) = self.limit_connections(route, rules) {
                return flow;
            }
        }
        route.phase = Phase::Access;
        Flow::On
    }

    /// How long a request waits, or which limit refuses it. It counts where all let it in.
    fn limit_requests<'l>(
        &self,
        route: &mut Route,
        limits: &'l [LimitReq],
    ) -> Result<Duration, &'l LimitReq> {
        let mut keys = Vec::with_capacity(limits.len());
        for limit in limits {
            let key = self.key(route, limit.zone);
            keys.extend(key.map(|(zone, key)| (limit, zone, key)));
        }
        let now = self.now.monotonic;
        let (mut wait, mut refused) = (Duration::ZERO, None);
        // The last one counts as it is looked at, as nobody may come in between.
        let last = keys.len().saturating_sub(1);
        for (n, (limit, zone, key)) in keys.iter().enumerate() {
            match zone.request(key, limit.burst, n == last, now) {
                Ok(excess) if n == last => wait = wait.max(delay(limit, zone, excess)),
                Ok(_) => {}
                Err(_) => {
                    refused = Some(*limit);
                    break;
                }
            }
        }
        if let Some(limit) = refused {
            return if limit.dry_run {
                Ok(Duration::ZERO)
            } else {
                Err(limit)
            };
        }
        for (limit, zone, key) in keys.iter().take(last) {
            let excess = zone.request(key, u64::MAX, true, now).unwrap_or_default();
            wait = wait.max(delay(limit, zone, excess));
        }
        match limits.iter().any(|limit| limit.dry_run) {
            true => Ok(Duration::ZERO),
            false => Ok(wait),
        }
    }

    fn limit_connections(&self, route: &mut Route, rules: &Rules) -> Option<Flow> {
        for limit in &rules.settings.limit_conn {
            let Some((zone, key)) = self.key(route, limit.zone) else {
                continue;
            };
            match zone.enter(&key, limit.connections) {
                Some(ticket) => route.tickets.push(ticket),
                None if limit.dry_run => {}
                None => {
                    route.tickets.clear();
                    return Some(self.fail(route, limit.status));
                }
            }
        }
        None
    }

    /// A zone and the key of this request; an empty one is not counted.
    fn key(&self, route: &mut Route, zone: usize) -> Option<(&Zone, Vec<u8>)> {
        let zone = self.hosting.zones.get(zone)?;
        let mut key = Vec::new();
        self.expand(route, &zone.key, &mut key);
        (!key.is_empty()).then_some((zone, key))
    }
}

/// How long a request waits that exceeds the rate by so many thousandths.
fn delay(limit: &LimitReq, zone: &Zone, excess: u64) -> Duration {
    let free = match limit.delay {
        LimitDelay::All => 0,
        LimitDelay::After(requests) => requests.saturating_mul(1000),
        LimitDelay::NoDelay => u64::MAX,
    };
    let over = excess.saturating_sub(free);
    Duration::from_millis(over.saturating_mul(1000) / zone.rate().max(1))
}
