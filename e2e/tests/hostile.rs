//! Clients and files that misbehave.
#![cfg(target_os = "linux")]

use std::process::Command;
use std::time::Duration;

use e2e::{Driver, End, Site, Wire, encode, eventually, for_each_driver, noise};

for_each_driver!(
    reader_that_stops,
    pipeline_without_reading,
    file_that_shrinks,
    file_that_grows,
    reset_in_the_middle,
    vanishing_clients,
    descriptors_run_out,
    few_descriptors_from_the_start,
    connections_run_out,
    last_answer_is_whole_whatever_comes_behind_it,
);

const MIB: u64 = 1 << 20;

/// Reads the head and the first `len` bytes of the content.
fn start_download(site: &Site, target: &str, len: usize) -> Wire {
    let mut client = site.client();
    client.wire.send(encode("GET", target, &[]));
    assert_eq!(client.head().status, 200);
    client.wire.read_exact(len);
    client.wire
}

fn reader_that_stops(driver: &Driver) {
    let site = Site::patient(driver, "", "");
    site.sparse("huge.bin", 1024 * MIB);
    site.write("a.txt", "hello");
    assert_eq!(site.get("/a.txt").text(), "hello");
    let before = site.server.resident();
    let stopped = start_download(&site, "/huge.bin", 64 << 20);
    for _ in 0..200 {
        assert_eq!(site.get("/a.txt").text(), "hello");
    }
    let grown = site.server.resident().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more");
    drop(stopped);
}

/// Answers wait in the files, not in memory.
fn pipeline_without_reading(driver: &Driver) {
    let site = Site::patient(driver, "", "");
    let content = noise(60_000);
    site.write("a.bin", &content);
    assert!(site.get("/a.bin").body == content);
    let before = site.server.resident();
    let mut client = site.client();
    client.wire.send(encode("GET", "/a.bin", &[]).repeat(1000));
    for _ in 0..200 {
        assert_eq!(site.get("/none").status, 404);
    }
    let grown = site.server.resident().saturating_sub(before);
    assert!(grown < 8 * 1024, "{grown} KiB more");
    for _ in 0..1000 {
        assert!(client.response("GET").body == content);
    }
}

/// Less than promised must look like less than promised.
fn file_that_shrinks(site: &Site) {
    for left in [0, 10 * MIB] {
        let file = site.sparse("shrinks.bin", 64 * MIB);
        let read = 4 << 20;
        let mut wire = start_download(site, "/shrinks.bin", read);
        file.set_len(left).expect("truncate");
        let (rest, _) = wire.read_to_end();
        let sent = (read + rest.len()) as u64;
        assert!(sent < 64 * MIB, "{sent} bytes of a file of {left}");
    }
}

/// What is appended after the head was sent is not part of the answer.
fn file_that_grows(site: &Site) {
    let len = 16 * MIB;
    let file = site.sparse("grows.bin", len);
    let mut client = site.client();
    client.wire.send(encode("GET", "/grows.bin", &[]));
    assert_eq!(client.head().field("content-length"), len.to_string());
    file.set_len(2 * len).expect("extend");
    client.wire.read_exact(len as usize);
    site.write("a.txt", "hello");
    assert_eq!(client.get("/a.txt").text(), "hello");
}

fn reset_in_the_middle(site: &Site) {
    site.sparse("big.bin", 64 * MIB);
    site.write("a.txt", "hello");
    site.get("/a.txt");
    let before = site.server.descriptors();
    for read in [0, 1, 1 << 20] {
        start_download(site, "/big.bin", read).reset();
    }
    let mut wire = site.wire();
    wire.send("GET /a");
    wire.reset();
    site.wire().reset();
    assert!(eventually(|| site.server.descriptors() <= before));
    assert_eq!(site.get("/a.txt").text(), "hello");
}

/// In each way that a client can go: silently, in order or with a reset; before, within and
/// after a request; without reading, or after a part of the answer.
fn vanishing_clients(site: &Site) {
    site.sparse("big.bin", 64 * MIB);
    site.get("/");
    let before = site.server.descriptors();
    let requests = encode("GET", "/big.bin", &[]).repeat(2);
    for dice in noise(400).chunks(2) {
        let mut wire = site.wire();
        let cut = usize::from(dice[0]) % (requests.len() + 1);
        wire.send(&requests[..cut]);
        if dice[1] & 1 != 0 {
            wire.finish();
        }
        if dice[1] & 2 != 0 && cut > requests.len() / 2 {
            wire.read_exact(usize::from(dice[0]) << 8);
        }
        if dice[1] & 4 != 0 {
            wire.reset();
        }
    }
    let back = eventually(|| site.server.descriptors() <= before);
    let now = site.server.descriptors();
    assert!(back, "{now} descriptors, {before} at the start");
    assert_eq!(site.get("/").status, 200);
}

/// A full table must not become a busy loop around accept.
fn descriptors_run_out(site: &Site) {
    site.write("a.txt", "hello");
    assert_eq!(site.get("/a.txt").text(), "hello");
    let idle = site.server.descriptors();
    // After its start, at which it would have asked for fewer connections.
    site.server.limit_descriptors(idle as u64 + 8);
    let wires: Vec<_> = (0..60).map(|_| site.wire()).collect();
    assert!(
        eventually(|| site.server.descriptors() >= idle + 7),
        "none is missing"
    );
    assert!(site.server.rests());
    drop(wires);
    // Those who have gone still stand in the queue, so the first who come may be turned away.
    let request = encode("GET", "/a.txt", &[("Connection", "close")]);
    assert!(eventually(|| {
        let mut wire = site.wire();
        wire.try_send(&request) && wire.read_to_end().0.ends_with(b"hello")
    }));
    assert!(eventually(|| site.server.descriptors() <= idle));
}

/// With few descriptors from the start, clients wait instead, and each is served in full.
fn few_descriptors_from_the_start(driver: &Driver) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 32; exec \"$0\" \"$@\""]);
    shell.arg(driver.binary());
    let site = Site::launch(shell, &["--workers", "1"]);
    site.write("a.txt", "hello");
    let mut clients: Vec<_> = (0..20).map(|_| site.client()).collect();
    for client in &mut clients {
        let close = [("Connection", "close")];
        client.wire.send(encode("GET", "/a.txt", &close));
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").text(), "hello");
    }
    let told = site.server.stderr();
    assert!(told.contains("32 open files allow 4 connections"), "{told}");
}

fn connections_run_out(driver: &Driver) {
    let site = driver.site(&["--connections", "2"]);
    site.write("a.txt", "hello");
    let mut served = [site.client(), site.client()];
    for client in &mut served {
        assert_eq!(client.get("/a.txt").text(), "hello");
    }
    let mut third = site.client();
    third.wire.send(encode("GET", "/a.txt", &[]));
    assert!(third.wire.is_quiet(Duration::from_millis(300)));
    let [mut first, second] = served;
    assert_eq!(first.get("/a.txt").text(), "hello");
    drop(second);
    assert_eq!(third.response("GET").text(), "hello");
    assert_eq!(first.get("/a.txt").text(), "hello");
}

/// A close with unread bytes in the kernel would destroy the answer on its way (RFC 9112, section 9.6).
fn last_answer_is_whole_whatever_comes_behind_it(site: &Site) {
    site.sparse("big.bin", 64 * MIB);
    let mut client = site.client();
    client
        .wire
        .send(encode("GET", "/big.bin", &[("Connection", "close")]));
    assert_eq!(client.head().status, 200);
    client.wire.read_exact(1 << 20);
    client
        .wire
        .send("\r\nGET /big.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.wire.read_exact(63 << 20).len(), 63 << 20);
    assert_eq!(client.wire.read_to_end(), (Vec::new(), End::Eof));

    let mut client = site.client();
    client
        .wire
        .send(encode("HEAD", "/big.bin", &[]).repeat(999));
    for _ in 0..999 {
        assert_eq!(client.response("HEAD").status, 200);
    }
    client.wire.send(encode("GET", "/big.bin", &[]));
    assert!(client.head().says("close"));
    client.wire.read_exact(1 << 20);
    client.wire.send(encode("GET", "/big.bin", &[]));
    client.wire.read_exact(63 << 20);
    assert_eq!(client.wire.read_to_end(), (Vec::new(), End::Eof));
}
