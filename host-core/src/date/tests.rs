use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{OwnFields, expressible, fmt_log, fmt_minute, format};

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn three_spellings_of_a_date() {
    let cases = [
        (
            0,
            "Thu, 01 Jan 1970 00:00:00 GMT",
            "01/Jan/1970:00:00:00 +0000",
            "1970-01-01 00:00",
        ),
        (
            784_111_777,
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "06/Nov/1994:08:49:37 +0000",
            "1994-11-06 08:49",
        ),
        (
            1_582_934_400,
            "Sat, 29 Feb 2020 00:00:00 GMT",
            "29/Feb/2020:00:00:00 +0000",
            "2020-02-29 00:00",
        ),
        (
            1_791_072_000,
            "Sun, 04 Oct 2026 00:00:00 GMT",
            "04/Oct/2026:00:00:00 +0000",
            "2026-10-04 00:00",
        ),
        (
            1_798_761_599,
            "Thu, 31 Dec 2026 23:59:59 GMT",
            "31/Dec/2026:23:59:59 +0000",
            "2026-12-31 23:59",
        ),
        (
            253_402_300_799,
            "Fri, 31 Dec 9999 23:59:59 GMT",
            "31/Dec/9999:23:59:59 +0000",
            "9999-12-31 23:59",
        ),
    ];
    for (seconds, http, log, minute) in cases {
        assert_eq!(&*format(at(seconds)), http);
        assert_eq!(&*fmt_log(at(seconds)), log);
        assert_eq!(&*fmt_minute(at(seconds)), minute);
    }
}

#[test]
fn every_month_has_its_number() {
    for month in 1..=12 {
        // The 15th or so of each month of 2025.
        let text = fmt_minute(at(1_736_899_200 + (month - 1) * 2_629_746));
        assert_eq!(text[5..7], format!("{month:02}"), "{}", &*text);
    }
}

#[test]
fn dates_that_http_cannot_express_are_moved_to_the_nearest_that_it_can() {
    let before = UNIX_EPOCH - Duration::from_secs(1);
    let after = at(253_402_300_800);
    assert_eq!(&*format(before), "Thu, 01 Jan 1970 00:00:00 GMT");
    assert_eq!(&*format(after), "Fri, 31 Dec 9999 23:59:59 GMT");
    assert_eq!([before, after].map(expressible), [false, false]);
    assert_eq!([at(0), at(253_402_300_799)].map(expressible), [true, true]);
}

#[test]
fn the_cache_follows_the_clock_in_both_directions() {
    let mut own = OwnFields::new();
    for (seconds, server) in [
        (0, "a"),
        (1_000_000_000, "a"),
        (1_000_000_000, "b"),
        (1_000_000_001, "b"),
        (999_999_999, "b"),
    ] {
        let wall = at(seconds) + Duration::from_millis(999);
        let lines = format!("Server: {server}\r\nDate: {}\r\n", &*format(wall));
        assert_eq!(own.at(server, wall).as_bytes(), lines.as_bytes());
    }
}
