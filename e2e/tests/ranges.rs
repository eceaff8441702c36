//! Range requests (RFC 9110, section 14).

use std::fs::File;
use std::time::{Duration, SystemTime};

use e2e::{Client, Site, for_each_driver, noise};

for_each_driver!(
    one_range,
    ignored_ranges,
    ranges_beyond_the_end,
    ranges_of_an_empty_file,
    fields_of_a_part,
    if_range,
    range_on_head,
    range_and_conditions,
    ranges_of_a_large_file,
);

const CONTENT: &str = "0123456789abcdefghij";

fn prepare(site: &Site) -> Client {
    let path = site.write("a.txt", CONTENT);
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
    File::open(path)
        .and_then(|file| file.set_modified(modified))
        .expect("mtime");
    site.client()
}

fn one_range(site: &Site) {
    let mut client = prepare(site);
    let cases = [
        ("bytes=0-0", 0, 0),
        ("bytes=0-", 0, 19),
        ("bytes=19-", 19, 19),
        ("bytes=5-9", 5, 9),
        ("bytes=-1", 19, 19),
        ("bytes=-20", 0, 19),
        ("bytes=-21", 0, 19),
        ("bytes=-99999999999999999999999999", 0, 19),
        ("bytes=10-19", 10, 19),
        ("bytes=10-20", 10, 19),
        ("bytes=10-18446744073709551615", 10, 19),
        ("bytes=10-18446744073709551616", 10, 19),
        ("bytes=007-0009", 7, 9),
        ("BYTES=5-9", 5, 9),
        ("bytes=0-,0-,0-,0-", 0, 19),
        ("bytes=5-6,7-9", 5, 9),
    ];
    for (range, first, last) in cases {
        let response = client.request("GET", "/a.txt", &[("Range", range)]);
        assert_eq!(response.status, 206, "{range}");
        let expected = format!("bytes {first}-{last}/20");
        assert_eq!(response.field("content-range"), expected, "{range}");
        assert_eq!(response.text(), &CONTENT[first..=last], "{range}");
    }
}

fn ignored_ranges(site: &Site) {
    let mut client = prepare(site);
    for range in [
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5",
        "bytes=9-5",
        "bytes=1-2x",
        "bytes=1-2-3",
        "bytes=--1",
        "bytes=+1-2",
        "bytes=1-+2",
        "bytes=0x1-2",
        "bytes 0-1",
        "bytes:0-1",
        "lines=1-2",
        "0-1",
        "",
        "bytes=0-1,5-4",
    ] {
        let response = client.request("GET", "/a.txt", &[("Range", range)]);
        assert_eq!(response.status, 200, "{range}");
        assert_eq!(response.get("content-range"), None, "{range}");
        assert_eq!(response.text(), CONTENT, "{range}");
    }
}

fn ranges_beyond_the_end(site: &Site) {
    let mut client = prepare(site);
    for range in [
        "bytes=20-",
        "bytes=20-30",
        "bytes=18446744073709551615-",
        "bytes=18446744073709551616-",
        "bytes=-0",
    ] {
        let response = client.request("GET", "/a.txt", &[("Range", range)]);
        assert_eq!(response.status, 416, "{range}");
        assert_eq!(response.field("content-range"), "bytes */20", "{range}");
    }
    assert_eq!(client.get("/a.txt").text(), CONTENT);
}

fn ranges_of_an_empty_file(site: &Site) {
    site.write("empty.txt", "");
    let mut client = site.client();
    for range in ["bytes=0-", "bytes=0-0", "bytes=1-"] {
        let response = client.request("GET", "/empty.txt", &[("Range", range)]);
        assert_eq!(response.status, 416, "{range}");
        assert_eq!(response.field("content-range"), "bytes */0");
    }
    // Satisfiable by the letter, yet no Content-Range can say so.
    let response = client.request("GET", "/empty.txt", &[("Range", "bytes=-1")]);
    assert!(matches!(response.status, 200 | 416), "{}", response.status);
}

fn fields_of_a_part(site: &Site) {
    let mut client = prepare(site);
    let whole = client.get("/a.txt");
    let part = client.request("GET", "/a.txt", &[("Range", "bytes=5-9")]);
    assert_eq!(part.field("content-length"), "5");
    for name in ["etag", "last-modified", "content-type"] {
        assert_eq!(part.field(name), whole.field(name));
    }
}

fn if_range(site: &Site) {
    let mut client = prepare(site);
    let etag = client.get("/a.txt").field("etag").to_owned();
    let weak = format!("W/{etag}");
    let list = format!("{etag}, \"x\"");
    let cases = [
        (etag.as_str(), "bytes=5-9", 206),
        ("Mon, 01 Jan 2024 00:00:00 GMT", "bytes=5-9", 206),
        ("\"x\"", "bytes=5-9", 200),
        (&weak, "bytes=5-9", 200), // the comparison is the strong one
        (&list, "bytes=5-9", 200),
        ("*", "bytes=5-9", 200),
        ("Mon, 01 Jan 2024 00:00:01 GMT", "bytes=5-9", 200), // exact match, not "since"
        ("Sun, 31 Dec 2023 23:59:59 GMT", "bytes=5-9", 200),
        ("nonsense", "bytes=5-9", 200),
        (&etag, "bytes=20-", 416),
        ("\"x\"", "bytes=20-", 200),
    ];
    for (validator, range, status) in cases {
        let fields = [("Range", range), ("If-Range", validator)];
        let response = client.request("GET", "/a.txt", &fields);
        assert_eq!(response.status, status, "{fields:?}");
        match status {
            206 => assert_eq!(response.text(), "56789"),
            200 => assert_eq!(response.text(), CONTENT, "{fields:?}"),
            _ => {}
        }
    }
    let response = client.request("GET", "/a.txt", &[("If-Range", &etag)]);
    assert_eq!(response.status, 200, "If-Range without Range");
}

/// Range is defined for GET alone (section 14.2).
fn range_on_head(site: &Site) {
    let mut client = prepare(site);
    for range in ["bytes=5-9", "bytes=20-", "bytes=-0"] {
        let response = client.request("HEAD", "/a.txt", &[("Range", range)]);
        assert_eq!(response.status, 200, "{range}");
        assert_eq!(response.field("content-length"), "20");
        assert_eq!(response.get("content-range"), None);
    }
}

/// Range is evaluated last (section 13.2.2).
fn range_and_conditions(site: &Site) {
    let mut client = prepare(site);
    let etag = client.get("/a.txt").field("etag").to_owned();
    for (name, value, range, status) in [
        ("If-None-Match", etag.as_str(), "bytes=5-9", 304),
        ("If-None-Match", &etag, "bytes=20-", 304),
        ("If-None-Match", "\"x\"", "bytes=5-9", 206),
        ("If-Match", "\"x\"", "bytes=20-", 412),
        ("If-Match", &etag, "bytes=5-9", 206),
    ] {
        let fields = [("Range", range), (name, value)];
        let response = client.request("GET", "/a.txt", &fields);
        assert_eq!(response.status, status, "{fields:?}");
    }
    let response = client.request("GET", "/none", &[("Range", "bytes=0-0")]);
    assert_eq!(response.status, 404);
}

fn ranges_of_a_large_file(site: &Site) {
    let content = noise(3 << 20);
    site.write("large.bin", &content);
    let end = content.len() - 1;
    let mut client = site.client();
    for (first, last) in [
        (0, 65_534),
        (0, 65_535),
        (0, 65_536),
        (1, 65_536),
        (65_535, 65_536),
        (65_536, end),
        (65_530, 131_080),
        (1_048_570, 1_048_580),
        (1_048_575, 1_048_575),
        (1_048_576, 2_097_152),
        (10, end - 10),
        (end, end),
    ] {
        let range = format!("bytes={first}-{last}");
        let response = client.request("GET", "/large.bin", &[("Range", &range)]);
        assert_eq!(response.status, 206, "{range}");
        assert!(response.body == content[first..=last], "{range}");
    }
}
