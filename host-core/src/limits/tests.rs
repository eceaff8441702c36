use std::time::{Duration, Instant};

use super::Zone;
use super::requests::Refused;
use crate::config::model;
use crate::config::template::Template;

fn zone(size: u64, rate: Option<u64>) -> Zone {
    Zone::new(model::Zone {
        name: "one".into(),
        key: Template::default(),
        size,
        rate,
    })
}

/// nginx's arithmetic: at 2 requests a second each one weighs 1000, and 2 leak each millisecond.
#[test]
fn a_bucket_leaks() {
    let zone = zone(32 << 10, Some(2000));
    let start = Instant::now() + Duration::from_secs(1);
    for (at, burst, excess) in [
        (0, 0, Ok(0)),
        (0, 0, Err(Refused(1000))),
        (499, 0, Err(Refused(2))),
        (500, 0, Ok(0)),
        (500, 2, Ok(1000)),
        (500, 2, Ok(2000)),
        (500, 2, Err(Refused(3000))),
        (750, 2, Err(Refused(2500))),
        (1000, 2, Ok(2000)),
        (60_000, 0, Ok(0)),
        // A clock that another worker has read before.
        (59_000, 1, Ok(1000)),
    ] {
        let now = start + Duration::from_millis(at);
        assert_eq!(zone.request(b"a", burst, true, now), excess, "{at}");
    }
    assert_eq!(zone.request(b"b", 0, true, start), Ok(0), "another key");
}

#[test]
fn a_look_does_not_count() {
    let zone = zone(32 << 10, Some(1000));
    let now = Instant::now();
    for _ in 0..3 {
        assert_eq!(zone.request(b"a", 0, false, now), Ok(0));
    }
    assert_eq!(zone.request(b"a", 0, true, now), Ok(0));
    assert_eq!(zone.request(b"a", 0, false, now), Err(Refused(1000)));
}

/// 32 KiB have room for 256 keys.
#[test]
fn the_oldest_key_makes_room() {
    let zone = zone(32 << 10, Some(1000));
    let now = Instant::now();
    let request = |n: u32| zone.request(&n.to_be_bytes(), 0, true, now);
    for n in 0..256 {
        assert_eq!(request(n), Ok(0));
    }
    assert_eq!(
        request(0),
        Err(Refused(1000)),
        "it is known, and the newest now"
    );
    assert_eq!(request(256), Ok(0), "in place of 1");
    assert_eq!(request(0), Err(Refused(1000)));
    assert_eq!(request(2), Err(Refused(1000)));
    assert_eq!(request(1), Ok(0), "it was forgotten");
}

#[test]
fn tickets() {
    let zone = zone(32 << 10, None);
    let first = zone.enter(b"a", 2);
    let second = zone.enter(b"a", 2);
    assert!(first.is_some() && second.is_some());
    assert!(zone.enter(b"a", 2).is_none());
    assert!(zone.enter(b"b", 2).is_some());
    drop(first);
    assert!(zone.enter(b"a", 2).is_some());
    let all: Vec<_> = (0..300u32)
        .filter_map(|n| zone.enter(&n.to_be_bytes(), 1))
        .collect();
    assert_eq!(all.len(), 255, "nobody makes room for another");
    drop(all);
    assert!(zone.enter(b"c", 1).is_some());
}

#[test]
fn a_large_zone_is_divided() {
    let zone = zone(1 << 20, Some(1000));
    let now = Instant::now();
    let known = (0..4000u32).all(|n| zone.request(&n.to_be_bytes(), 0, true, now).is_ok());
    assert!(known);
    let refused = (0..4000u32).filter(|n| zone.request(&n.to_be_bytes(), 0, true, now).is_err());
    assert_eq!(refused.count(), 4000);
}
