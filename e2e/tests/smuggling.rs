//! Requests that two readers could take for different ones: each is refused with one answer and
//! the connection ends, so that nothing after it is ever a request.
//!
//! `corpus/*.txt` holds one request per line: the expected status, a name, and the bytes, in
//! which `\r`, `\n`, `\t`, `\\` and `\x1f` are escapes and `\{text*9}` is `text` nine times.

use std::panic::{AssertUnwindSafe, catch_unwind};

use e2e::{Client, End, Site, Wire, encode, for_each_driver};

for_each_driver!(
    accepted_requests,
    refused_heads,
    refused_framing,
    refused_sizes,
    refused_chunks,
    tls_client_hello,
);

type Send = fn(&mut Wire, &[u8]);

/// A line of the corpus.
struct Row {
    status: u16,
    name: &'static str,
    bytes: Vec<u8>,
}

fn rows(corpus: &'static str) -> impl Iterator<Item = Row> {
    let lines = corpus.lines();
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (status, rest) = line.split_once(' ').expect("a status");
        let (name, bytes) = rest.trim_start().split_once(' ').expect("a name");
        Row {
            status: status.parse().expect("a number"),
            name,
            bytes: unescape(bytes.trim_start()),
        }
    })
}

fn unescape(text: &str) -> Vec<u8> {
    let Some((plain, escape)) = text.split_once('\\') else {
        return text.as_bytes().to_vec();
    };
    let (bytes, rest) = match escape.split_at(1) {
        ("r", rest) => (b"\r".to_vec(), rest),
        ("n", rest) => (b"\n".to_vec(), rest),
        ("t", rest) => (b"\t".to_vec(), rest),
        ("\\", rest) => (b"\\".to_vec(), rest),
        ("x", rest) => {
            let byte = u8::from_str_radix(&rest[..2], 16).expect("two digits");
            (vec![byte], &rest[2..])
        }
        ("{", rest) => {
            let (inner, rest) = rest.split_once('}').expect("a brace");
            let (inner, times) = inner.rsplit_once('*').expect("a number");
            let times = times.parse().expect("a number");
            (unescape(inner).repeat(times), rest)
        }
        _ => panic!("escape in {text}"),
    };
    [plain.as_bytes(), &bytes, &unescape(rest)].concat()
}

/// Sends each row, and a request after it, in one piece and byte by byte; tells of all that fail.
fn for_each_row(site: &Site, corpus: &'static str, check: fn(&mut Client, &Row)) {
    site.write("a.txt", "hello");
    site.write("smuggled", "SMUGGLED");
    let mut failed = Vec::new();
    for row in rows(corpus) {
        let bytes = [&row.bytes, encode("GET", "/smuggled", &[]).as_bytes()].concat();
        let sends: [(&str, Send); 2] = [
            ("whole", |wire, bytes| wire.send(bytes)),
            ("bytewise", |wire, bytes| wire.send_bytewise(bytes)),
        ];
        let ways = if bytes.len() < 2000 { 2 } else { 1 };
        for (way, send) in &sends[..ways] {
            let attempt = || {
                let mut client = site.client();
                send(&mut client.wire, &bytes);
                check(&mut client, &row);
            };
            if catch_unwind(AssertUnwindSafe(attempt)).is_err() {
                failed.push(format!("{} {way}", row.name));
            }
        }
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn refused(client: &mut Client, row: &Row) {
    let response = client.response("GET");
    assert_eq!(response.status, row.status, "{}", row.name);
    assert!(
        response.says("close"),
        "{}: {:?}",
        row.name,
        response.fields
    );
    client.wire.assert_end();
}

/// The neighbours of what is refused; the request after them is answered.
fn accepted_requests(site: &Site) {
    for_each_row(site, include_str!("corpus/accepted.txt"), |client, row| {
        let response = client.response("GET");
        assert_eq!(response.status, row.status, "{}", row.name);
        assert_eq!(client.response("GET").text(), "SMUGGLED", "{}", row.name);
    });
}

fn refused_heads(site: &Site) {
    for_each_row(site, include_str!("corpus/heads.txt"), refused);
}

fn refused_framing(site: &Site) {
    for_each_row(site, include_str!("corpus/framing.txt"), refused);
}

fn refused_sizes(site: &Site) {
    for_each_row(site, include_str!("corpus/sizes.txt"), refused);
}

/// The head is fine, so the file may be sent before the first bad byte has come.
fn refused_chunks(site: &Site) {
    for_each_row(site, include_str!("corpus/chunks.txt"), |client, row| {
        let response = client.response("GET");
        let status = response.status;
        assert!(
            status == 200 || status == row.status,
            "{}: {status}",
            row.name
        );
        assert_ne!(response.body, b"SMUGGLED", "{}", row.name);
        let (rest, end) = client.wire.read_to_end();
        let rest = rest.escape_ascii().to_string();
        assert_eq!((rest.as_str(), end), ("", End::Eof), "{}", row.name);
    });
}

/// No need to wait for more: no request starts like that.
fn tls_client_hello(site: &Site) {
    for len in [1, 11] {
        let mut client = site.client();
        client
            .wire
            .send(&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..len]);
        assert_eq!(client.response("GET").status, 400, "{len} bytes");
        client.wire.assert_end();
    }
}
