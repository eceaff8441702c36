use std::time::Duration;

use crate::config::value::{Unit, nearest, network, number, size, time};

#[test]
fn times() {
    use Unit::{Milliseconds, Seconds};
    for (text, unit, milliseconds) in [
        ("30", Seconds, Some(30_000)),
        ("30s", Milliseconds, Some(30_000)),
        ("1h30m", Seconds, Some(5_400_000)),
        ("1h 30m", Milliseconds, Some(5_400_000)),
        ("1m30", Seconds, Some(90_000)),
        ("500ms", Milliseconds, Some(500)),
        ("1s500ms", Milliseconds, Some(1500)),
        ("1d", Milliseconds, Some(86_400_000)),
        ("2w", Milliseconds, Some(14 * 86_400_000)),
        ("0", Seconds, Some(0)),
        ("1y", Seconds, Some(365 * 86_400_000)),
        ("1M", Seconds, Some(30 * 86_400_000)),
        // Units of the other kind.
        ("500ms", Seconds, None),
        ("1y", Milliseconds, None),
        ("1M", Milliseconds, None),
        // Order, doubles and noise.
        ("30m1h", Seconds, None),
        ("1h1h", Seconds, None),
        ("", Seconds, None),
        ("s", Seconds, None),
        ("1x", Seconds, None),
        ("-1", Seconds, None),
        ("1.5h", Seconds, None),
        (" 1", Seconds, None),
        ("99999999999999999999", Seconds, None),
        ("9999999999y", Seconds, None),
    ] {
        let expected = milliseconds.map(Duration::from_millis);
        assert_eq!(time(text, unit), expected, "{text:?} {unit:?}");
    }
}

#[test]
fn sizes_and_numbers() {
    for (text, bytes) in [
        ("0", Some(0)),
        ("512", Some(512)),
        ("8k", Some(8 << 10)),
        ("8K", Some(8 << 10)),
        ("10m", Some(10 << 20)),
        ("2G", Some(2 << 30)),
        ("", None),
        ("k", None),
        ("1t", None),
        ("-1", None),
        ("+1", None),
        ("1 k", None),
        ("99999999999999999999", None),
        ("9223372036854775807", Some(i64::MAX as u64)),
        ("9223372036854775807k", None),
    ] {
        assert_eq!(size(text), bytes, "{text:?}");
    }
    assert_eq!(number("+1"), None);
    assert_eq!(number("007"), Some(7));
}

#[test]
fn networks() {
    for (text, expected) in [
        ("192.0.2.1", "Ip(192.0.2.1, 32) false"),
        ("192.0.2.0/24", "Ip(192.0.2.0, 24) false"),
        ("192.0.2.1/24", "Ip(192.0.2.0, 24) true"),
        ("0.0.0.0/0", "Ip(0.0.0.0, 0) false"),
        ("1.2.3.4/0", "Ip(0.0.0.0, 0) true"),
        ("2001:db8::/32", "Ip(2001:db8::, 32) false"),
        ("2001:db8::1/64", "Ip(2001:db8::, 64) true"),
        ("::/0", "Ip(::, 0) false"),
        ("unix:", "Unix false"),
    ] {
        let (network, cut) = network(text).unwrap();
        assert_eq!(format!("{network:?} {cut}"), expected, "{text:?}");
    }
    for text in [
        "",
        "all",
        "192.0.2",
        "192.0.2.1/33",
        "::/129",
        "192.0.2.1/",
        "a.example",
        "1.2.3.4/-1",
    ] {
        assert!(network(text).is_none(), "{text:?}");
    }
}

#[test]
fn suggestions() {
    let names = ["root", "listen", "location", "access_log"];
    for (name, near) in [
        ("rot", Some("root")),
        ("lisen", Some("listen")),
        ("lcoation", Some("location")),
        ("acces_log", Some("access_log")),
        ("x", None),
        ("f", None),
        ("proxy", None),
    ] {
        assert_eq!(nearest(name, names.into_iter()), near, "{name}");
    }
}
