//! The access log: one line per request in the combined format, whatever the request holds.

use std::time::{Duration, SystemTime};

use e2e::{DEADLINE, Driver, Site, encode, for_each_driver};
use rustix::process::Signal;

for_each_driver!(
    combined_format,
    status_and_bytes,
    odd_bytes_are_escaped,
    refused_heads,
    unfinished_download,
    last_line,
    off,
);

/// `peer - - [time] "request" status bytes "referer" "user agent"`
#[derive(Debug)]
struct Line {
    peer: String,
    time: String,
    request: String,
    status: u16,
    bytes: u64,
    referer: String,
    agent: String,
}

fn parse(line: &str) -> Line {
    assert!(line.bytes().all(|b| matches!(b, b' '..=b'~')), "{line:?}");
    let parts: Vec<_> = line.split('"').collect();
    let [start, request, numbers, referer, " ", agent, ""] = parts[..] else {
        panic!("not three quoted parts: {line}");
    };
    let (peer, time) = start.split_once(" - - [").expect("peer and time");
    let (status, bytes) = numbers.trim().split_once(' ').expect("two numbers");
    Line {
        peer: peer.into(),
        time: time.trim_end_matches("] ").into(),
        request: request.into(),
        status: status.parse().expect("status"),
        bytes: bytes.parse().expect("bytes"),
        referer: referer.into(),
        agent: agent.into(),
    }
}

fn log(site: &Site, count: usize) -> Vec<Line> {
    site.log(count).iter().map(|line| parse(line)).collect()
}

/// `10/Oct/2000:13:55:36 +0000`
fn log_time(time: SystemTime) -> String {
    let date = httpdate::fmt_http_date(time);
    let parts: Vec<_> = date.split([' ', ',']).collect();
    let [_, "", day, month, year, clock, "GMT"] = parts[..] else {
        panic!("{date}");
    };
    format!("{day}/{month}/{year}:{clock} +0000")
}

fn combined_format(site: &Site) {
    site.write("a.txt", "hello");
    let fields = [("Referer", "http://from/"), ("User-Agent", "test/1 (x)")];
    let start = SystemTime::now();
    site.client().request("GET", "/a.txt?b=c", &fields);
    let lines = log(site, 1);
    let [line] = &lines[..] else { panic!() };
    assert_eq!(line.peer, "127.0.0.1");
    assert_eq!(line.request, "GET /a.txt?b=c HTTP/1.1");
    assert_eq!((line.status, line.bytes), (200, 5));
    assert_eq!(line.referer, "http://from/");
    assert_eq!(line.agent, "test/1 (x)");
    let seconds = (0..=DEADLINE.as_secs()).map(|n| log_time(start + Duration::from_secs(n)));
    assert!(
        seconds.into_iter().any(|time| time == line.time),
        "{line:?}"
    );
}

fn status_and_bytes(site: &Site) {
    site.write("a.txt", "hello");
    site.write("big.bin", e2e::noise(300_000));
    std::fs::create_dir(site.path("dir")).expect("mkdir");
    let mut client = site.client();
    let cases: [(_, _, &[(&str, &str)], _); 10] = [
        ("GET", "/a.txt", &[], 200),
        ("HEAD", "/a.txt", &[], 200),
        ("GET", "/big.bin", &[], 200),
        ("GET", "/big.bin", &[("Range", "bytes=5-70000")], 206),
        ("GET", "/a.txt", &[("Range", "bytes=9-")], 416),
        ("GET", "/a.txt", &[("If-None-Match", "*")], 304),
        ("GET", "/none", &[], 404),
        ("GET", "/dir", &[], 301),
        ("GET", "/dir/", &[], 200),
        ("OPTIONS", "*", &[], 204),
    ];
    let mut sent = Vec::new();
    for (method, target, fields, status) in cases {
        let response = client.request(method, target, fields);
        assert_eq!(response.status, status, "{method} {target}");
        sent.push(response.body.len() as u64);
    }
    for ((line, case), bytes) in log(site, cases.len()).iter().zip(cases).zip(sent) {
        let (method, target, _, status) = case;
        assert_eq!(line.request, format!("{method} {target} HTTP/1.1"));
        assert_eq!((line.status, line.bytes), (status, bytes), "{line:?}");
        assert_eq!((line.referer.as_str(), line.agent.as_str()), ("-", "-"));
    }
}

/// Whatever is logged can be read back, so no two requests look the same.
fn odd_bytes_are_escaped(site: &Site) {
    site.write("a.txt", "hello");
    let odd: [&[u8]; 8] = [
        b"plain",
        b"\" 200 5 \"-\" \"",
        b"back\\slash",
        b"\\x22",
        b"\\\"",
        b"caf\xe9",
        "ünïcödé".as_bytes(),
        b"a\tb",
    ];
    let mut client = site.client();
    for value in odd {
        let fields = [b"User-Agent: ", value, b"\r\nReferer: ", value].concat();
        let head = b"GET /a.txt HTTP/1.1\r\nHost: e2e\r\n";
        client.wire.send([head, &fields[..], b"\r\n\r\n"].concat());
        assert_eq!(client.response("GET").status, 200);
    }
    for (line, value) in log(site, odd.len()).iter().zip(odd) {
        assert_eq!(unescape(&line.agent), value, "{line:?}");
        assert_eq!(unescape(&line.referer), value, "{line:?}");
    }
    // Accepted or not, such a target stays within its quotes.
    let targets = ["/\"", "/\" 200 5 \"-\" \"-", "/\\", "/a'b", "/<x>"];
    for (n, target) in targets.into_iter().enumerate() {
        site.get(target);
        let line = log(site, odd.len() + n + 1).pop().expect("a line");
        let whole = format!("GET {target} HTTP/1.1");
        let same = unescape(&line.request) == whole.as_bytes();
        assert!(same || line.status == 400, "{line:?}");
    }
}

fn refused_heads(site: &Site) {
    let heads: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nHost: e2e\r\nX : y\r\n\r\n",
        b"GET /a\x1b[31m\" HTTP/1.1\r\nHost: e2e\r\n\r\n",
        b"GET /a\nb HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01",
        b"GET /\xff HTTP/1.1\r\n\r\n",
    ];
    for (sent, head) in heads.iter().enumerate() {
        let mut client = site.client();
        client.wire.send(head);
        let response = client.response("GET");
        assert_eq!(response.status, 400);
        let line = log(site, sent + 1).pop().expect("a line");
        assert_eq!(line.status, 400, "{line:?}");
        assert_eq!(line.bytes, response.body.len() as u64, "{line:?}");
        let read = unescape(&line.request);
        assert!(read == b"-" || head.starts_with(&read), "{line:?}");
    }
}

fn unfinished_download(site: &Site) {
    let len = 64 << 20;
    site.sparse("big.bin", len);
    let mut client = site.client();
    client.wire.send(encode("GET", "/big.bin", &[]));
    assert_eq!(client.head().status, 200);
    client.wire.read_exact(1 << 20);
    client.wire.reset();
    let lines = log(site, 1);
    assert_eq!(lines[0].status, 200);
    assert!((1 << 20..len).contains(&lines[0].bytes), "{:?}", lines[0]);
}

/// It is written before the process ends.
fn last_line(driver: &Driver) {
    for signal in [Signal::QUIT, Signal::TERM] {
        let mut site = driver.site(&[]);
        site.write("a.txt", "hello");
        let mut client = site.client();
        assert_eq!(client.get("/a.txt").text(), "hello");
        // Once its second answer is here, the line of the first has been handed over.
        assert_eq!(client.get("/none").status, 404);
        drop(client);
        site.server.signal(signal);
        assert!(site.server.exit_within(DEADLINE).is_some());
        let text = std::fs::read_to_string(site.outside("log")).expect("log");
        let least = if signal == Signal::QUIT { 2 } else { 1 };
        assert!((least..=2).contains(&text.lines().count()), "{text}");
    }
}

fn off(driver: &Driver) {
    let site = driver.site(&["--access-log", "off"]);
    site.write("a.txt", "hello");
    assert_eq!(site.get("/a.txt").text(), "hello");
    assert!(!site.path("off").exists() && !site.outside("off").exists());
}

/// nginx's escapes, and Apache's for quotes and backslashes.
fn unescape(text: &str) -> Vec<u8> {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().expect("a part").as_bytes().to_vec();
    while let Some(part) = parts.next() {
        if let Some(hex) = part.strip_prefix('x') {
            bytes.push(u8::from_str_radix(&hex[..2], 16).expect("hex digits"));
            bytes.extend(hex[2..].bytes());
        } else if part.is_empty() {
            bytes.push(b'\\');
            bytes.extend(parts.next().expect("a part").bytes());
        } else {
            panic!("escape: {text}");
        }
    }
    bytes
}
