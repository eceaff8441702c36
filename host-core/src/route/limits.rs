//! How often, and how many at a time, and how fast: `limit_req`, `limit_conn`, `limit_rate`. Each request is
//! counted once, whatever locations it goes through.

use std::time::Duration;

use h1_core::Status;

use super::flow::{Flow, Outcome};
use super::state::Phase;
use super::trace::Note;
use super::variables::View;
use super::{Route, Rules};
use crate::config::model::{Amount, Level, LimitDelay, LimitReq, Place};
use crate::config::read_size;
use crate::limits::{Refused, Zone};

/// What `limit_req` says of a request.
struct Judged<'l> {
    limit: &'l LimitReq,
    zone: &'l Zone,
    /// Thousandths of a request above the rate.
    excess: u64,
    verdict: Verdict,
}

enum Verdict {
    Passes,
    Waits(Duration),
    Refused,
}

impl Judged<'_> {
    /// `$limit_req_status`
    fn status(&self) -> &'static str {
        match (&self.verdict, self.limit.dry_run) {
            (Verdict::Passes, _) => "PASSED",
            (Verdict::Waits(_), false) => "DELAYED",
            (Verdict::Waits(_), true) => "DELAYED_DRY_RUN",
            (Verdict::Refused, false) => "REJECTED",
            (Verdict::Refused, true) => "REJECTED_DRY_RUN",
        }
    }
}

impl View<'_> {
    pub(super) fn check_limits(&self, route: &mut Route) -> Flow {
        self.believe_proxy(route);
        let settings = &self.rules(route).settings;
        if route.limit_req_status.is_empty()
            && !settings.limit_req.is_empty()
            && let Some(judged) = self.limit_requests(route, &settings.limit_req)
        {
            route.limit_req_status = judged.status();
            self.complain_of_rate(route, &judged);
            match judged.verdict {
                _ if judged.limit.dry_run => {}
                Verdict::Passes => {}
                Verdict::Waits(delay) => {
                    let until = self.now.monotonic.checked_add(delay);
                    return Flow::End(Outcome::Wait(until.unwrap_or(self.now.monotonic)));
                }
                Verdict::Refused => return self.fail(route, judged.limit.status),
            }
        }
        if route.limit_conn_status.is_empty() && !settings.limit_conn.is_empty() {
            let rules = self.rules(route);
            if let Some(flow) = self.limit_connections(route, rules) {
                return flow;
            }
        }
        route.phase = Phase::Access;
        Flow::On
    }

    /// What the limits say of a request, which counts where all let it in; `None` if none is about it.
    fn limit_requests<'l>(
        &'l self,
        route: &mut Route,
        limits: &'l [LimitReq],
    ) -> Option<Judged<'l>> {
        let mut keys = Vec::with_capacity(limits.len());
        for limit in limits {
            let key = self.key(route, limit.zone);
            keys.extend(key.map(|(zone, key)| (limit, zone, key)));
        }
        for (limit, zone, key) in &keys {
            route.sink.note(|| {
                let (rate, unit) = match zone.rate() {
                    rate if rate.is_multiple_of(1000) => (rate / 1000, "r/s"),
                    rate => (rate * 60 / 1000, "r/m"),
                };
                let more = match limit.delay {
                    LimitDelay::NoDelay => " at once",
                    _ => "",
                };
                let burst = limit.burst;
                let limits = format!("{rate}{unit}, {burst} more{more}");
                note(
                    "limit_req",
                    zone,
                    key,
                    &limits,
                    limit.status,
                    limit.dry_run,
                    &limit.place,
                )
            });
        }
        let now = self.now.monotonic;
        // The last one counts as it is looked at, as nobody may come in between.
        let last = keys.len().checked_sub(1)?;
        let mut waits = Vec::with_capacity(keys.len());
        for (n, (limit, zone, key)) in keys.iter().enumerate() {
            match zone.request(key, limit.burst, n == last, now) {
                Ok(excess) if n == last => waits.push((*limit, *zone, excess)),
                Ok(_) => {}
                Err(Refused(excess)) => {
                    return Some(Judged {
                        limit,
                        zone,
                        excess,
                        verdict: Verdict::Refused,
                    });
                }
            }
        }
        for (limit, zone, key) in keys.iter().take(last) {
            let excess = zone.request(key, u64::MAX, true, now).unwrap_or_default();
            waits.push((*limit, *zone, excess));
        }
        let wait = |&(limit, zone, excess): &(_, _, _)| delay(limit, zone, excess);
        let longest = waits.into_iter().max_by_key(wait)?;
        let (limit, zone, excess) = longest;
        Some(Judged {
            limit,
            zone,
            excess,
            verdict: match wait(&longest) {
                Duration::ZERO => Verdict::Passes,
                wait => Verdict::Waits(wait),
            },
        })
    }

    fn complain_of_rate(&self, route: &mut Route, judged: &Judged<'_>) {
        let Judged {
            limit,
            zone,
            excess,
            verdict,
        } = judged;
        let (level, what) = match verdict {
            Verdict::Passes => return,
            Verdict::Refused => (limit.log_level, "limiting requests"),
            Verdict::Waits(_) => (below(limit.log_level), "delaying request"),
        };
        self.complain(route, level, || {
            let comma = if what.starts_with("delaying") {
                ","
            } else {
                ""
            };
            let (whole, rest) = (excess / 1000, excess % 1000);
            let dry_run = dry_run(limit.dry_run);
            format!(
                "{what}{dry_run}, excess: {whole}.{rest:03}{comma} by zone \"{}\"",
                zone.name
            )
        });
    }

    fn limit_connections(&self, route: &mut Route, rules: &Rules) -> Option<Flow> {
        for limit in &rules.settings.limit_conn {
            let Some((zone, key)) = self.key(route, limit.zone) else {
                continue;
            };
            route.limit_conn_status = "PASSED";
            route.sink.note(|| {
                let limits = format!("{} at a time", limit.connections);
                note(
                    "limit_conn",
                    zone,
                    &key,
                    &limits,
                    limit.status,
                    limit.dry_run,
                    &limit.place,
                )
            });
            if let Some(ticket) = zone.enter(&key, limit.connections) {
                route.tickets.push(ticket);
                continue;
            }
            self.complain(route, limit.log_level, || {
                let dry_run = if limit.dry_run { ", dry run," } else { "" };
                format!("limiting connections{dry_run} by zone \"{}\"", zone.name)
            });
            route.tickets.clear();
            if limit.dry_run {
                route.limit_conn_status = "REJECTED_DRY_RUN";
                break;
            }
            route.limit_conn_status = "REJECTED";
            return Some(self.fail(route, limit.status));
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

    /// Bytes of the answer in a second, and those before; the former are `$limit_rate` from now on.
    pub(crate) fn rates(&self, route: &mut Route) -> (u64, u64) {
        let settings = &self.rules(route).settings;
        let rate = match route.limit_rate {
            Some(rate) => rate,
            None => self.amount(route, &settings.limit_rate),
        };
        route.limit_rate = Some(rate);
        match rate {
            0 => (0, 0),
            _ => (rate, self.amount(route, &settings.limit_rate_after)),
        }
    }

    /// As with nginx, what is no size is 0.
    fn amount(&self, route: &mut Route, amount: &Amount) -> u64 {
        let template = match amount {
            Amount::Fixed(amount) => return *amount,
            Amount::Variable(template) => template,
        };
        let mut text = route.take_scratch();
        self.expand(route, template, &mut text);
        let amount = read_size(&text).unwrap_or_default();
        route.give_scratch(text);
        amount
    }
}

/// What a limit does to a request.
fn note(
    name: &str,
    zone: &Zone,
    key: &[u8],
    limits: &str,
    status: Status,
    is_dry_run: bool,
    place: &Place,
) -> Note {
    let (zone, key, dry_run) = (&zone.name, key.escape_ascii(), dry_run(is_dry_run));
    Note::Rule {
        what: "limit",
        text: format!(
            "{name} zone \"{zone}\", key \"{key}\": {limits}, beyond that {}{dry_run}",
            status.code()
        ),
        place: Some(place.clone()),
    }
}

/// The level at which nginx tells of delays.
fn below(level: Level) -> Level {
    match level {
        Level::Error => Level::Warn,
        Level::Warn => Level::Notice,
        _ => Level::Info,
    }
}

fn dry_run(is: bool) -> &'static str {
    if is { ", dry run" } else { "" }
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
