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
