//! All drivers give the same answers, byte for byte but for the date.

use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use e2e::{Driver, End, Site, encode, noise};

const DRIVERS: [&str; 3] = ["driver-std", "driver-mio", "driver-tokio"];

/// The same folder each time, with the same times, as entity tags hold them.
fn site(name: &'static str) -> Site {
    let site = Driver::new(name).site(&[]);
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let files = [
        ("a.txt", b"hello".to_vec()),
        ("empty", Vec::new()),
        ("page.html", noise(1500)),
        ("medium.bin", noise(70_000)),
        ("large.bin", noise(1 << 20)),
        ("sub/index.html", b"index".to_vec()),
        ("sub/100% & more", b"odd".to_vec()),
        ("list/one", b"1".to_vec()),
        ("list/two", b"2".to_vec()),
    ];
    for (file, content) in files {
        let path = site.write(file, content);
        let file = File::options().write(true).open(path).expect("open");
        file.set_modified(time).expect("time");
    }
    fs::create_dir(site.path("list/folder")).expect("mkdir");
    for folder in ["list/folder", "list", "sub", ""] {
        let folder = File::open(site.path(folder)).expect("open");
        folder.set_modified(time).expect("time");
    }
    site
}

/// A hundred connections' worth of bytes and more, none of which needs a deadline to pass.
fn requests() -> Vec<Vec<u8>> {
    let close = ("Connection", "close");
    let encode =
        |method: &str, target: &str, fields: &[_]| encode(method, target, fields).into_bytes();
    let targets = [
        "/",
        "/a.txt",
        "/empty",
        "/page.html",
        "/medium.bin",
        "/large.bin",
        "/sub",
        "/sub/",
        "/list",
        "/list/",
        "/none",
        "/sub/100%25%20&%20more",
        "/%61.txt",
        "/a.txt?query",
        "/../a.txt",
        "/%2e%2e/a.txt",
        "/list/../a.txt",
        "/%00",
        "/%zz",
        "//a.txt",
        "/a.txt/",
    ];
    let methods = ["GET", "HEAD", "OPTIONS"];
    let mut all = Vec::new();
    for target in targets {
        all.extend(methods.map(|method| encode(method, target, &[close])));
    }
    let ranges = [
        "bytes=0-0",
        "bytes=1-",
        "bytes=-2",
        "bytes=9-",
        "bytes=0-1,3-4",
        "bytes=x",
        "lines=1-2",
    ];
    for range in ranges {
        all.push(encode("GET", "/a.txt", &[("Range", range), close]));
        all.push(encode("GET", "/large.bin", &[("Range", range), close]));
    }
    for (name, value) in [
        ("If-None-Match", "*"),
        ("If-Match", "\"none\""),
        ("If-Modified-Since", "Tue, 14 Nov 2023 22:13:20 GMT"),
        ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("Expect", "100-continue"),
        ("Expect", "else"),
    ] {
        all.push(encode("GET", "/a.txt", &[(name, value), close]));
    }
    for method in ["POST", "PUT", "DELETE", "TRACE", "BREW", "CONNECT"] {
        all.push(encode(method, "/a.txt", &[close]));
    }
    let rude: [&[u8]; 12] = [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /a.txt HTTP/1.0\r\n\r\n",
        b"GET /a.txt HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET /a.txt\r\n\r\n",
        b"\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        b"GET /a.txt HTTP/1.1\nHost: a\n\n",
        b"GET /a.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /a.txt HTTP/1.1\r\nHost : a\r\n\r\n",
        b"POST /a.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
        b"POST /a.txt HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ];
    all.extend(rude.map(<[u8]>::to_vec));
    let pipelined = [
        encode("GET", "/a.txt", &[]),
        encode("GET", "/medium.bin", &[]),
        encode("HEAD", "/large.bin", &[]),
        encode("GET", "/none", &[close]),
    ];
    all.push(pipelined.concat());
    all
}

/// What comes back, without the values of Date fields.
fn answer(site: &Site, request: &[u8]) -> (Vec<u8>, End) {
    let mut wire = site.wire();
    wire.send(request);
    wire.finish();
    let (mut answer, end) = wire.read_to_end();
    let mark = b"\r\nDate: ";
    let mut from = 0;
    while let Some(at) = answer[from..].windows(mark.len()).position(|w| w == mark) {
        from += at + mark.len();
        let len = "Tue, 14 Nov 2023 22:13:20 GMT".len();
        answer.drain(from..from + len);
    }
    (answer, end)
}

#[test]
fn all_drivers_give_the_same_answers() {
    let sites = DRIVERS.map(site);
    let requests = requests();
    assert!(requests.len() >= 100, "{}", requests.len());
    for request in requests {
        let [first, others @ ..] = sites.each_ref().map(|site| answer(site, &request));
        let text = request.escape_ascii();
        assert!(!first.0.is_empty(), "{text}");
        for (name, other) in DRIVERS[1..].iter().zip(others) {
            let same = other == first;
            assert!(same, "{name}: {text}\n{}", other.0.escape_ascii());
        }
    }
}
