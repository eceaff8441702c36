use super::Selection::{Part, Parts, Unsatisfiable, Whole};
use super::select;

#[test]
fn one_range_of_a_thousand_bytes() {
    let cases = [
        // RFC 9110 §14.1.2, with its representation of 10000 bytes cut to 1000.
        ("bytes=0-499", Part(0..500)),
        ("bytes=500-999", Part(500..1000)),
        ("bytes=-500", Part(500..1000)),
        ("bytes=500-", Part(500..1000)),
        ("bytes=0-0", Part(0..1)),
        ("bytes=-1", Part(999..1000)),
        ("bytes=999-999", Part(999..1000)),
        // Clamped to what exists.
        ("bytes=0-", Part(0..1000)),
        ("bytes=0-999", Part(0..1000)),
        ("bytes=0-1000", Part(0..1000)),
        ("bytes=-1000", Part(0..1000)),
        ("bytes=-1001", Part(0..1000)),
        ("bytes=5-18446744073709551615", Part(5..1000)),
        ("bytes=5-99999999999999999999999", Part(5..1000)),
        ("bytes=-99999999999999999999999", Part(0..1000)),
        ("bytes=000-0009", Part(0..10)),
        // Units are case-insensitive; a list may have empty elements and white space.
        ("BYTES=1-2", Part(1..3)),
        ("bytes= 1-2", Part(1..3)),
        ("bytes=1-2,", Part(1..3)),
        ("bytes=,1-2 ,\t,", Part(1..3)),
        // Nothing there.
        ("bytes=1000-", Unsatisfiable),
        ("bytes=1000-2000", Unsatisfiable),
        ("bytes=99999999999999999999999-", Unsatisfiable),
        ("bytes=-0", Unsatisfiable),
        ("bytes=-000", Unsatisfiable),
        // Several ranges, other units and nonsense are ignored.
        ("bytes=0-1,3-4", Parts(vec![0..2, 3..5])),
        ("items=0-1", Whole),
        ("bytes", Whole),
        ("bytes=", Whole),
        ("bytes=,", Whole),
        ("bytes=-", Whole),
        ("bytes=--1", Whole),
        ("bytes=2-1", Whole),
        ("bytes=1", Whole),
        ("bytes=a-b", Whole),
        ("bytes=0x1-2", Whole),
        ("bytes=+1-2", Whole),
        ("bytes=1 - 2", Whole),
        ("bytes =1-2", Whole),
        ("bytes=1-2-3", Whole),
        ("bytes:1-2", Whole),
        ("", Whole),
    ];
    for (value, expected) in cases {
        assert_eq!(select(value.as_bytes(), 1000, None), expected, "{value}");
    }
}

#[test]
fn edges_of_the_length() {
    let cases = [
        ("bytes=0-", 0, Unsatisfiable),
        ("bytes=0-0", 0, Unsatisfiable),
        ("bytes=-0", 0, Unsatisfiable),
        ("bytes=-5", 0, Whole),
        ("bytes=0-0", 1, Part(0..1)),
        ("bytes=1-", 1, Unsatisfiable),
        ("bytes=-1", u64::MAX, Part(u64::MAX - 1..u64::MAX)),
        ("bytes=0-18446744073709551615", u64::MAX, Part(0..u64::MAX)),
    ];
    for (value, len, expected) in cases {
        assert_eq!(
            select(value.as_bytes(), len, None),
            expected,
            "{value} of {len} bytes"
        );
    }
}

#[test]
fn several_ranges_of_a_thousand_bytes() {
    let many = |n: u64| {
        let ranges: Vec<_> = (0..n).map(|n| format!("{}-{}", 3 * n, 3 * n)).collect();
        format!("bytes={}", ranges.join(","))
    };
    let each = |n: u64| Parts((0..n).map(|n| 3 * n..3 * n + 1).collect());
    let overlapping = |n: u64| format!("bytes={}", vec!["0-"; n as usize].join(","));
    for (value, most, expected) in [
        ("bytes=0-0,2-2", None, Parts(vec![0..1, 2..3])),
        // Their order stays.
        ("bytes=-1,0-0", None, Parts(vec![999..1000, 0..1])),
        (
            "bytes=9-9 , 5-6,\t1-2",
            None,
            Parts(vec![9..10, 5..7, 1..3]),
        ),
        // Those that overlap or touch are one, in the place of the first.
        ("bytes=0-4,5-9", None, Part(0..10)),
        ("bytes=5-9,0-4", None, Part(0..10)),
        ("bytes=0-99,50-60", None, Part(0..100)),
        ("bytes=20-,0-4,10-30", None, Parts(vec![10..1000, 0..5])),
        ("bytes=8-8,0-0,2-2,1-1", None, Parts(vec![8..9, 0..3])),
        ("bytes=0-0,0-0", None, Part(0..1)),
        ("bytes=0-,0-", None, Part(0..1000)),
        // Some of them exist.
        ("bytes=1000-,0-0", None, Part(0..1)),
        ("bytes=0-0,2000-3000,5-5", None, Parts(vec![0..1, 5..6])),
        ("bytes=1000-,2000-", None, Unsatisfiable),
        ("bytes=-0,1000-", None, Unsatisfiable),
        // One that is wrong spoils all.
        ("bytes=0-0,x", None, Whole),
        ("bytes=0-0,5-4", None, Whole),
        ("bytes=x,0-0", None, Whole),
        ("bytes=1000-,2-1", None, Whole),
        // Too many.
        ("bytes=0-0,2-2", Some(1), Whole),
        ("bytes=0-0,1-1", Some(1), Part(0..2)),
        ("bytes=0-0,2-2", Some(2), Parts(vec![0..1, 2..3])),
        (&many(64), None, each(64)),
        (&many(65), None, Whole),
        (&many(65), Some(1000), Whole),
        (&overlapping(256), None, Part(0..1000)),
        (&overlapping(257), None, Whole),
    ] {
        let selected = select(value.as_bytes(), 1000, most);
        assert_eq!(selected, expected, "{value} {most:?}");
    }
}

/// What is selected is what the ranges name, byte by byte.
#[test]
fn no_byte_is_lost_or_sent_twice() {
    let mut seed = 7u64;
    let mut below = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % n
    };
    for _ in 0..2000 {
        let (mut wanted, mut text) = ([false; 40], String::from("bytes="));
        for _ in 0..2 + below(6) {
            let first = below(40);
            let last = first + below(8);
            text.push_str(&format!("{first}-{last},"));
            wanted[first as usize..=(last as usize).min(39)].fill(true);
        }
        let parts = match select(text.as_bytes(), 40, None) {
            Part(range) => vec![range],
            Parts(parts) => parts,
            other => panic!("{text}: {other:?}"),
        };
        let mut sent = [false; 40];
        for n in parts.into_iter().flatten() {
            assert!(!sent[n as usize], "{text}: {n} twice");
            sent[n as usize] = true;
        }
        assert_eq!(sent, wanted, "{text}");
    }
}
