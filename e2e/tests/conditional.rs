//! Conditional requests (RFC 9110, section 13).

use std::fs::File;
use std::time::{Duration, SystemTime};

use e2e::{Client, Site, for_each_driver};

for_each_driver!(
    if_none_match,
    if_modified_since,
    none_match_wins_over_modified_since,
    if_match,
    if_unmodified_since,
    match_wins_over_unmodified_since,
    not_modified_keeps_the_connection,
    conditions_need_a_file,
    head_is_get_without_content,
);

const MODIFIED: &str = "Mon, 01 Jan 2024 00:00:00 GMT";
const BEFORE: &str = "Sun, 31 Dec 2023 23:59:59 GMT";
const AFTER: &str = "Mon, 01 Jan 2024 00:00:01 GMT";

/// A connection to a site with `/a.txt`, and the entity tag of that file.
fn prepare(site: &Site) -> (Client, String) {
    let path = site.write("a.txt", "hello");
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
    File::open(path)
        .and_then(|file| file.set_modified(modified))
        .expect("mtime");
    let mut client = site.client();
    let response = client.get("/a.txt");
    assert_eq!(response.field("last-modified"), MODIFIED);
    let etag = response.field("etag").to_owned();
    (client, etag)
}

/// The status of GET and HEAD with these fields.
fn check(client: &mut Client, fields: &[(&str, &str)], status: u16) {
    for method in ["GET", "HEAD"] {
        let response = client.request(method, "/a.txt", fields);
        assert_eq!(response.status, status, "{method} {fields:?}");
        if (method, status) == ("GET", 200) {
            assert_eq!(response.text(), "hello", "{fields:?}");
        }
    }
}

fn if_none_match(site: &Site) {
    let (mut client, etag) = prepare(site);
    let bare = etag.trim_matches('"');
    let cases = [
        (etag.clone(), 304),
        ("*".into(), 304),
        (format!("W/{etag}"), 304),
        (format!("\"x\", {etag}"), 304),
        (format!("{etag}, \"x\""), 304),
        (format!("\"x\",W/{etag},\"y\""), 304),
        (format!("\"a,b\" ,\t{etag}"), 304),
        (format!(", {etag}"), 304),
        ("\"x\"".into(), 200),
        ("W/\"x\", \"y\"".into(), 200),
        (format!("\"x{bare}\""), 200),
        (format!("\"a, {bare}\""), 200),
        ("\"\"".into(), 200),
    ];
    for (value, status) in &cases {
        check(&mut client, &[("If-None-Match", value)], *status);
    }
    let lines = [("If-None-Match", "\"x\""), ("if-none-match", &etag)];
    check(&mut client, &lines, 304);
}

fn if_modified_since(site: &Site) {
    let (mut client, _) = prepare(site);
    let cases = [
        (MODIFIED, 304),
        (AFTER, 304),
        ("Monday, 01-Jan-24 00:00:00 GMT", 304),
        ("Mon Jan  1 00:00:00 2024", 304),
        (BEFORE, 200),
        ("Sunday, 31-Dec-23 23:59:59 GMT", 200),
        ("Sun Dec 31 23:59:59 2023", 200),
        ("yesterday", 200),
        ("Mon, 01 Jan 2024 00:00:00", 200),
        ("Mon, 01 Jan 2024 00:00:00 CET", 200),
        ("Mon, 32 Jan 2024 00:00:00 GMT", 200),
        ("1704067200", 200),
        ("", 200),
    ];
    for (value, status) in cases {
        check(&mut client, &[("If-Modified-Since", value)], status);
    }
}

fn none_match_wins_over_modified_since(site: &Site) {
    let (mut client, etag) = prepare(site);
    for (tag, since, status) in [
        ("\"x\"", AFTER, 200),
        ("\"x\"", MODIFIED, 200),
        (etag.as_str(), BEFORE, 304),
    ] {
        let fields = [("If-Modified-Since", since), ("If-None-Match", tag)];
        check(&mut client, &fields, status);
    }
}

fn if_match(site: &Site) {
    let (mut client, etag) = prepare(site);
    let cases = [
        (etag.clone(), 200),
        ("*".into(), 200),
        (format!("\"x\", {etag}"), 200),
        ("\"x\"".into(), 412),
        (format!("W/{etag}"), 412), // the comparison is the strong one
        (format!("\"x\", W/{etag}"), 412),
    ];
    for (value, status) in &cases {
        check(&mut client, &[("If-Match", value)], *status);
    }
    // If-Match is evaluated first.
    let fields = [("If-None-Match", etag.as_str()), ("If-Match", "\"x\"")];
    check(&mut client, &fields, 412);
    let fields = [("If-None-Match", etag.as_str()), ("If-Match", &etag)];
    check(&mut client, &fields, 304);
}

fn if_unmodified_since(site: &Site) {
    let (mut client, etag) = prepare(site);
    for (value, status) in [
        (MODIFIED, 200),
        (AFTER, 200),
        ("tomorrow", 200),
        (BEFORE, 412),
        ("Sun Dec 31 23:59:59 2023", 412),
    ] {
        check(&mut client, &[("If-Unmodified-Since", value)], status);
    }
    let fields = [("If-Unmodified-Since", BEFORE), ("If-None-Match", &etag)];
    check(&mut client, &fields, 412);
}

fn match_wins_over_unmodified_since(site: &Site) {
    let (mut client, etag) = prepare(site);
    for (tag, since, status) in [(etag.as_str(), BEFORE, 200), ("\"x\"", AFTER, 412)] {
        let fields = [("If-Unmodified-Since", since), ("If-Match", tag)];
        check(&mut client, &fields, status);
    }
}

fn not_modified_keeps_the_connection(site: &Site) {
    let (mut client, etag) = prepare(site);
    for method in ["GET", "HEAD"] {
        for fields in [
            ("If-None-Match", etag.as_str()),
            ("If-Modified-Since", MODIFIED),
        ] {
            let response = client.request(method, "/a.txt", &[fields]);
            assert_eq!(response.status, 304);
            assert_eq!(response.field("etag"), etag);
            assert!(!response.says("close"));
            // A length, where there is one, is that of the 200.
            assert!(matches!(response.get("content-length"), None | Some("5")));
        }
    }
    assert_eq!(client.get("/a.txt").text(), "hello");
}

/// A condition is evaluated only where the answer would be 2xx (section 13.2.1).
fn conditions_need_a_file(site: &Site) {
    std::fs::create_dir(site.path("dir")).expect("mkdir");
    let mut client = site.client();
    for name in ["If-None-Match", "If-Match"] {
        for (target, status) in [("/none", 404), ("/dir", 301), ("/..", 400)] {
            let response = site.client().request("GET", target, &[(name, "*")]);
            assert_eq!(response.status, status, "{name} {target}");
        }
    }
    let fields = [("If-Unmodified-Since", BEFORE)];
    assert_eq!(client.request("GET", "/none", &fields).status, 404);
}

fn head_is_get_without_content(site: &Site) {
    let (_, etag) = prepare(site);
    site.write("big.bin", e2e::noise(200_000));
    site.write("empty.txt", "");
    site.write("sub/file.txt", "x");
    let plain: &[(&str, &str)] = &[];
    let cases = [
        ("/a.txt", plain, 200),
        ("/big.bin", plain, 200),
        ("/empty.txt", plain, 200),
        ("/sub/", plain, 200),
        ("/sub", plain, 301),
        ("/none", plain, 404),
        ("/..", plain, 400),
        ("/a.txt", &[("If-None-Match", etag.as_str())], 304),
        ("/a.txt", &[("If-Match", "\"x\"")], 412),
        ("/a.txt", &[("Connection", "close")], 200),
    ];
    for (target, fields, status) in cases {
        let [get, head] = ["GET", "HEAD"].map(|method| {
            let mut response = site.client().request(method, target, fields);
            response.fields.retain(|(name, _)| name != "date");
            response
        });
        assert_eq!((get.status, head.status), (status, status), "{target}");
        assert_eq!(get.fields, head.fields, "{target} {fields:?}");
    }
}
