//! Content that flows: each piece of a script's answer leaves at once, whoever does not read makes
//! the script wait, and no memory follows the length of anything.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;

use e2e::{Client, Driver, Scripts, encode, eventually, for_each_driver, is_running};

for_each_driver!(
    events_arrive_one_by_one,
    the_head_arrives_before_the_content,
    a_client_that_does_not_read_makes_the_script_wait,
    a_gibibyte_down,
    a_gibibyte_up,
    a_gibibyte_up_while_the_script_runs,
);

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// KiB by which the server may grow: buffers of a connection, the allocator's leftovers.
const GROWTH: u64 = 8 << 10;

/// Each event is sent when the test has read the one before: nothing holds them back.
fn events_arrive_one_by_one(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let mut gate = site.pipe("gate");
    site.sh(
        "events",
        "printf 'Content-Type: text/event-stream\\n\\n'
        for n in 1 2 3; do printf 'data: %s\\n\\n' $n; read go; done <gate",
    );
    let mut client = site.client();
    client.wire.send(encode("GET", "/cgi-bin/events", &[]));
    assert_eq!(client.head().field("content-type"), "text/event-stream");
    for n in 1..=3 {
        client.expect_chunks(&format!("data: {n}\n\n"));
        writeln!(gate, "go").expect("gate");
    }
    assert_eq!(client.chunk(), b"");
    assert_eq!(client.get("/none").status, 404);
}

fn the_head_arrives_before_the_content(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let mut gate = site.pipe("gate");
    for (n, length) in ["", "Content-Length: 5\\n"].iter().enumerate() {
        let head = format!("printf 'Content-Type: text/plain\\n{length}\\n'");
        let script = format!("{head}; read go <gate; printf hello");
        site.sh(&n.to_string(), &script);
        let mut client = site.client();
        client
            .wire
            .send(encode("GET", &format!("/cgi-bin/{n}"), &[]));
        let head = client.head();
        writeln!(gate, "go").expect("gate");
        match head.get("content-length") {
            None => client.expect_chunks("hello"),
            Some(_) => assert_eq!(client.wire.read_exact(5), b"hello"),
        }
    }
}

/// The state of a process: `R` or `S` and so on.
fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let (_, rest) = stat.rsplit_once(") ").expect("stat");
    rest.chars().next().expect("state")
}

/// Bytes that a process has written.
fn written(pid: u32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).expect("io");
    let line = io.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|n| n.parse().ok()).expect("wchar")
}

/// Takes so much content off the connection without keeping it.
fn take(client: &mut Client, len: usize) {
    let mut left = len;
    while left > 0 {
        let chunk = client.chunk();
        assert!(!chunk.is_empty(), "{left} bytes are missing");
        left = left.saturating_sub(chunk.len());
    }
}

fn a_client_that_does_not_read_makes_the_script_wait(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "endless",
        "echo $$ >pid; printf 'Content-Type: a/b\\n\\n'; exec cat /dev/zero",
    );
    let mut client = site.client();
    client.wire.send(encode("GET", "/cgi-bin/endless", &[]));
    assert_eq!(client.head().status, 200);
    take(&mut client, 4 * MIB);
    let before = site.server.resident();
    let pid = site.pids("pid")[0];
    // It never waits to read: asleep, and no further after a while, it waits to write.
    let mut last = 0;
    let waits = eventually(|| {
        let (now, before) = (written(pid), last);
        last = now;
        now == before && state(pid) == 'S'
    });
    assert!(waits, "it goes on: {last} bytes");
    assert!(last < 64 * MIB as u64, "{last} bytes are on their way");
    assert!(site.server.resident() < before + GROWTH);
    take(&mut client, 64 * MIB);
    assert!(written(pid) > last);
    assert!(site.server.resident() < before + GROWTH);
    drop(client);
    assert!(eventually(|| !is_running(pid)));
}

/// Runs `work`, and asserts that the server's memory stays as it was after the same with little.
fn assert_flat(site: &Scripts, mut work: impl FnMut(usize)) {
    work(4 * MIB);
    let before = site.server.resident();
    work(GIB);
    let after = site.server.resident();
    assert!(after < before + GROWTH, "from {before} to {after} KiB");
}

fn a_gibibyte_down(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "down",
        "printf 'Content-Type: a/b\\n\\n'; exec head -c $QUERY_STRING /dev/zero",
    );
    assert_flat(&site, |len| {
        let mut wire = site.wire();
        let target = format!("/cgi-bin/down?{len}");
        wire.send(encode("GET", &target, &[("Connection", "close")]));
        let (count, last) = wire.count_to_end();
        let len = len as u64;
        assert!((len..len + len / 100).contains(&count), "{count} bytes");
        assert!(
            last.ends_with(b"\0\r\n0\r\n\r\n"),
            "{}",
            last.escape_ascii()
        );
    });
}

/// Sends content of each length to a script that counts it.
fn upload(site: &Scripts) {
    site.sh("up", "printf 'Content-Type: text/plain\\n\\n'; exec wc -c");
    let zeros = vec![0; MIB];
    assert_flat(site, |len| {
        // An answer that begins before all content has come may end the connection.
        let mut client = site.client();
        let head = "POST /cgi-bin/up HTTP/1.1\r\nHost: e2e";
        client
            .wire
            .send(format!("{head}\r\nContent-Length: {len}\r\n\r\n"));
        (0..len / MIB).for_each(|_| client.wire.send(&zeros));
        assert_eq!(client.response("POST").text().trim(), len.to_string());
    });
}

fn a_gibibyte_up(driver: &Driver) {
    upload(&Scripts::new(driver, "client_max_body_size 2g;"));
}

fn a_gibibyte_up_while_the_script_runs(driver: &Driver) {
    upload(&Scripts::new(
        driver,
        "client_max_body_size 2g; cgi_body_buffering off;",
    ));
}
