use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrayvec::ArrayString;
use h1_core::{Event, Fields, Limits, RecvBuf, ServerConnection};

use super::Verdict::{Failed, NotModified, Proceed};
use super::{Validators, Verdict};
use crate::config::model::IfModifiedSince;
use crate::config::model::Precompressed;
use crate::os::OpenFile;

/// The last change, and a second to either side.
const AT: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const BEFORE: &str = "Sun, 09 Sep 2001 01:46:39 GMT";
const AFTER: &str = "Sun, 09 Sep 2001 01:46:41 GMT";

fn changed_at() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_000_000_000)
}

/// A representation whose entity tag is `"v"`.
fn dated() -> Validators {
    Validators {
        etag: Some(ArrayString::from("\"v\"").unwrap()),
        last_modified: Some(changed_at()),
    }
}

fn undated() -> Validators {
    Validators {
        etag: None,
        last_modified: None,
    }
}

/// Parses these field lines; `$at` stands for the dates.
fn with_fields<T>(lines: &str, then: impl FnOnce(&Fields<'_>) -> T) -> T {
    let lines = lines
        .replace("$at", AT)
        .replace("$before", BEFORE)
        .replace("$after", AFTER);
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let lines: String = lines.lines().map(|line| format!("{line}\r\n")).collect();
    rx.receive(format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n").as_bytes());
    let Ok(Event::Request(request)) = conn.next_event(&mut rx) else {
        panic!("{lines}")
    };
    then(&request.fields())
}

fn check(validators: &Validators, cases: &[(&str, Verdict)]) {
    for (lines, verdict) in cases {
        let evaluated = with_fields(lines, |fields| {
            validators.evaluate(fields, IfModifiedSince::Before)
        });
        assert_eq!(evaluated, *verdict, "{lines}");
    }
}

#[test]
fn one_precondition() {
    let cases = [
        ("", Proceed),
        // RFC 9110 §13.1.1: the strong comparison.
        ("If-Match: \"v\"", Proceed),
        ("If-Match: \"w\"", Failed),
        ("If-Match: W/\"v\"", Failed),
        ("If-Match: \"u\", \"v\", \"w\"", Proceed),
        ("If-Match: \"u\",\"w\"", Failed),
        ("If-Match: \"u\"\nIf-Match: \"v\"", Proceed),
        ("If-Match: *", Proceed),
        ("If-Match: v", Failed),
        ("If-Match: ", Failed),
        // §13.1.2: the weak comparison.
        ("If-None-Match: \"v\"", NotModified),
        ("If-None-Match: W/\"v\"", NotModified),
        ("If-None-Match: \"w\"", Proceed),
        ("If-None-Match: W/\"w\"", Proceed),
        ("If-None-Match: \"u\", W/\"v\"", NotModified),
        ("If-None-Match: , \"u\",\t,\"v\" ,", NotModified),
        ("If-None-Match: \"u\"\nIf-None-Match: \"v\"", NotModified),
        ("If-None-Match: *", NotModified),
        ("If-None-Match: \"*\"", Proceed),
        ("If-None-Match: v", Proceed),
        ("If-None-Match: w/\"v\"", Proceed),
        ("If-None-Match: \"V\"", Proceed),
        ("If-None-Match: \"v", Proceed),
        ("If-None-Match: ", Proceed),
        // A tag may hold a comma.
        ("If-None-Match: \"a,\"v\",b\"", Proceed),
        ("If-None-Match: \"a,b\", \"v\"", NotModified),
        // §13.1.3
        ("If-Modified-Since: $at", NotModified),
        ("If-Modified-Since: $after", NotModified),
        ("If-Modified-Since: $before", Proceed),
        (
            "If-Modified-Since: Sunday, 09-Sep-01 01:46:40 GMT",
            NotModified,
        ),
        ("If-Modified-Since: Sun Sep  9 01:46:40 2001", NotModified),
        ("If-Modified-Since: yesterday", Proceed),
        ("If-Modified-Since: 1000000000", Proceed),
        ("If-Modified-Since: ", Proceed),
        // §13.1.4
        ("If-Unmodified-Since: $at", Proceed),
        ("If-Unmodified-Since: $after", Proceed),
        ("If-Unmodified-Since: $before", Failed),
        ("If-Unmodified-Since: yesterday", Proceed),
    ];
    check(&dated(), &cases);
}

/// RFC 9110 §13.2.2: If-Match, else If-Unmodified-Since; then If-None-Match, else
/// If-Modified-Since.
#[test]
fn several_preconditions() {
    let cases = [
        ("If-Match: \"v\"\nIf-Unmodified-Since: $before", Proceed),
        ("If-Match: \"w\"\nIf-Unmodified-Since: $at", Failed),
        ("If-None-Match: \"w\"\nIf-Modified-Since: $at", Proceed),
        (
            "If-None-Match: \"v\"\nIf-Modified-Since: $before",
            NotModified,
        ),
        ("If-Match: \"w\"\nIf-None-Match: \"v\"", Failed),
        ("If-Match: \"v\"\nIf-None-Match: \"v\"", NotModified),
        ("If-Match: \"v\"\nIf-Modified-Since: $at", NotModified),
        ("If-Unmodified-Since: $before\nIf-None-Match: \"v\"", Failed),
        (
            "If-Unmodified-Since: $at\nIf-None-Match: \"v\"",
            NotModified,
        ),
        (
            "If-Unmodified-Since: $at\nIf-Modified-Since: $at",
            NotModified,
        ),
    ];
    check(&dated(), &cases);
}

#[test]
fn a_file_without_a_date_matches_only_the_asterisk() {
    let cases = [
        ("If-Match: *", Proceed),
        ("If-Match: \"v\"", Failed),
        ("If-None-Match: *", NotModified),
        ("If-None-Match: \"v\"", Proceed),
        ("If-Modified-Since: $at", Proceed),
        ("If-Unmodified-Since: $before", Proceed),
    ];
    check(&undated(), &cases);
}

/// RFC 9110 §13.1.5
#[test]
fn if_range_needs_this_very_state() {
    let cases = [
        ("", true, true),
        ("If-Range: \"v\"", true, false),
        ("If-Range: W/\"v\"", false, false),
        ("If-Range: \"w\"", false, false),
        ("If-Range: \"v\", \"w\"", false, false),
        ("If-Range: *", false, false),
        ("If-Range: $at", true, false),
        ("If-Range: $after", false, false),
        ("If-Range: $before", false, false),
        ("If-Range: ", false, false),
    ];
    for (lines, for_dated, for_undated) in cases {
        let allowed = with_fields(lines, |fields| {
            let allow = |validators: Validators| validators.allow_range(fields, SystemTime::now());
            (allow(dated()), allow(undated()))
        });
        assert_eq!(allowed, (for_dated, for_undated), "{lines}");
    }
}

/// Within the second of its last change a file could have had two states (RFC 9110, section 8.8.2.2).
#[test]
fn a_date_allows_a_range_once_its_second_is_over() {
    let changed = dated().last_modified.unwrap();
    for (millis, allowed) in [(0, false), (999, false), (1000, true)] {
        let now = changed + Duration::from_millis(millis);
        let allows = with_fields("If-Range: $at", |fields| dated().allow_range(fields, now));
        assert_eq!(allows, allowed, "{millis} ms later");
    }
}

#[test]
fn a_date_that_comes_twice_is_none() {
    for line in ["If-Modified-Since: $at", "If-Unmodified-Since: $before"] {
        let twice = format!("{line}\r\n{line}");
        let verdict = with_fields(&twice, |fields| {
            dated().evaluate(fields, IfModifiedSince::Before)
        });
        assert_eq!(verdict, Verdict::Proceed, "{twice}");
    }
}

fn open(modified: SystemTime, len: u64) -> OpenFile {
    let file = tempfile::tempfile().unwrap();
    file.set_len(len).unwrap();
    file.set_modified(modified).unwrap();
    OpenFile::new(file).unwrap()
}

#[test]
fn the_tag_is_strong_and_changes_with_time_and_length() {
    let tag = |nanos, len| {
        let modified = changed_at() + Duration::from_nanos(nanos);
        let file = open(modified, len);
        Validators::new(&file, None, true, changed_at())
            .etag
            .unwrap()
    };
    assert_eq!(&*tag(0, 5), "\"de0b6b3a7640000-5\"");
    assert_eq!(&*tag(0, 0), "\"de0b6b3a7640000-0\"");
    assert_eq!(&*tag(256, 1 << 40), "\"de0b6b3a7640100-10000000000\"");
    let start = Validators::new(&open(UNIX_EPOCH, 0), None, true, changed_at());
    assert_eq!(start.etag.as_deref(), Some("\"0-0\""));
}

#[test]
fn the_tag_of_any_file_fits() {
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let tag = super::etag(last, u64::MAX, Some(Precompressed::Gzip));
    assert!(tag.starts_with('"') && tag.ends_with("-ffffffffffffffff-gzip\""));
}

/// RFC 9110 §8.8.2.1: Last-Modified is not later than Date.
#[test]
fn the_last_change_is_a_whole_second_and_not_in_the_future() {
    let (file, second) = (
        open(changed_at() + Duration::from_millis(1_999), 0),
        Duration::from_secs(1),
    );
    let seen_at = |now| Validators::new(&file, None, true, now).last_modified;
    assert_eq!(
        seen_at(changed_at() + 9 * second),
        Some(changed_at() + second)
    );
    assert_eq!(seen_at(changed_at() + second / 2), Some(changed_at()));
    assert_eq!(seen_at(UNIX_EPOCH), Some(UNIX_EPOCH));
}
