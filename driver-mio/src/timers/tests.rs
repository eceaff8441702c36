use std::time::{Duration, Instant};

use mio::Token;

use super::{STALE_MAX, Timer, Timers};

fn at(start: Instant, seconds: u64) -> Option<Instant> {
    Some(start + Duration::from_secs(seconds))
}

#[test]
fn a_later_deadline_costs_no_entry_and_an_earlier_one_does() {
    let (start, mut timers, mut timer) = (Instant::now(), Timers::default(), Timer::default());
    for (seconds, entries, next) in [(75, 1, 75), (80, 1, 75), (60, 2, 60), (70, 2, 60)] {
        timers.set(&mut timer, Token(1), at(start, seconds));
        assert_eq!(
            (timers.heap.len(), timers.next()),
            (entries, at(start, next))
        );
    }
    timers.set(&mut timer, Token(1), None);
    assert_eq!(timers.heap.len(), 2);
}

#[test]
fn entries_come_out_in_order_once_they_are_due() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    let mut timer = [Timer::default(); 4];
    for n in [2, 1, 3] {
        timers.set(&mut timer[n], Token(n), at(start, n as u64));
    }
    assert_eq!(timers.pop(start), None);
    let now = start + Duration::from_secs(2);
    for n in [1, 2] {
        let (moment, token) = timers.pop(now).expect("it is due");
        assert_eq!(token, Token(n));
        assert!(timer[n].is(moment));
    }
    assert_eq!(timers.pop(now), None);
}

/// As under a load of connections with one request each.
#[test]
fn connections_that_have_gone_leave_no_more_than_a_bound_behind() {
    let (start, mut timers) = (Instant::now(), Timers::default());
    let (mut kept, kept_token) = (Timer::default(), Token(7));
    timers.set(&mut kept, kept_token, at(start, 1_000_000));
    for n in 0..100_000 {
        let mut timer = Timer::default();
        timers.set(&mut timer, Token(8), at(start, n));
        timers.forget(timer, |token| (token == kept_token).then_some(kept));
    }
    assert!(timers.heap.len() <= STALE_MAX + 2, "{}", timers.heap.len());
    assert!(timers.heap.iter().any(|entry| entry.0.1 == kept_token));
}
