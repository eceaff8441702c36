//! Connections that break off at every place, and crowds that do nothing: others are served meanwhile,
//! nothing is left behind, and waiting costs no processor time.
#![cfg(target_os = "linux")]

use e2e::{Client, Driver, End, Site, Wire, encode, eventually, for_each_driver};
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

for_each_driver!(
    reset_after_each_byte,
    end_of_input_after_each_byte,
    reset_after_each_part_of_the_answer,
    everything_one_byte_at_a_time,
    idle_crowd,
    stopped_crowd,
    crowd_above_the_descriptors,
    more_workers_than_descriptors,
    crowds_at_a_stop,
    crowds_take_turns,
);

const MIB: u64 = 1 << 20;

/// Two requests, each with something of its own.
fn requests() -> String {
    encode("HEAD", "/a.txt", &[("Connection", "keep-alive")])
        + "POST /a.txt HTTP/1.1\r\nHost: e2e\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        + &encode("GET", "/a.txt", &[("Connection", "close")])
}

fn prepare(site: &Site) -> usize {
    site.write("a.txt", "hello");
    assert_eq!(site.get("/a.txt").text(), "hello");
    site.server.descriptors()
}

/// All is as it was at the start, and waiting costs nothing.
fn assert_calm(site: &Site, descriptors: usize) {
    let back = eventually(|| site.server.descriptors() <= descriptors);
    let now = site.server.descriptors();
    assert!(back, "{now} descriptors, {descriptors} at the start");
    assert!(site.server.rests());
    assert_eq!(site.get("/a.txt").text(), "hello");
}

fn reset_after_each_byte(site: &Site) {
    let descriptors = prepare(site);
    let requests = requests();
    for cut in 0..=requests.len() {
        let mut wire = site.wire();
        wire.send(&requests[..cut]);
        wire.reset();
    }
    assert_calm(site, descriptors);
}

/// What is whole is answered, what is not is refused, and the connection ends in order.
fn end_of_input_after_each_byte(site: &Site) {
    let descriptors = prepare(site);
    let requests = requests();
    let ends: Vec<_> = requests
        .match_indices("\r\n\r\n")
        .map(|(at, _)| at + 4)
        .collect();
    let [head, post, content, get] = ends[..] else {
        panic!("{ends:?}")
    };
    for cut in 0..=requests.len() {
        let mut wire = site.wire();
        wire.send(&requests[..cut]);
        wire.finish();
        let (bytes, end) = wire.read_to_end();
        let text = String::from_utf8_lossy(&bytes);
        let statuses: Vec<_> = text
            .match_indices("HTTP/1.1 ")
            .map(|(at, _)| &text[at + 9..][..3])
            .collect();
        let mut expected = Vec::new();
        expected.extend((cut >= head).then_some("200"));
        expected.extend((cut >= post).then_some("405"));
        expected.extend((cut >= get).then_some("200"));
        let whole = [0, head, content, get].contains(&cut) || (post..content).contains(&cut);
        expected.extend((!whole).then_some("400"));
        assert_eq!((statuses, end), (expected, End::Eof), "{cut}: {text}");
    }
    assert_calm(site, descriptors);
}

fn reset_after_each_part_of_the_answer(site: &Site) {
    let descriptors = prepare(site);
    site.sparse("big.bin", 64 * MIB);
    for read in (0..20).map(|n| (1 << n) - 1) {
        let mut wire = site.wire();
        wire.send(encode("GET", "/big.bin", &[]).repeat(2));
        wire.read_exact(read);
        wire.reset();
    }
    assert_calm(site, descriptors);
}

fn everything_one_byte_at_a_time(site: &Site) {
    let descriptors = prepare(site);
    let mut wire = site.wire();
    wire.send_bytewise(requests());
    let (bytes, _) = wire.read_to_end();
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("HTTP/1.1 ").count(), 3, "{text}");
    assert!(text.ends_with("\r\n\r\nhello"), "{text}");
    drop(wire);
    assert_calm(site, descriptors);
}

/// Those who have said nothing yet, those who wait after an answer, and those in the middle of a request.
fn idle_crowd(driver: &Driver) {
    const CROWD: usize = 1200;
    if !allow_descriptors(3 * CROWD as u64) {
        return;
    }
    // One worker, of whatever kind.
    let site = Site::patient(driver, "worker_processes 1;", "worker_connections 1300;");
    let descriptors = prepare(&site);
    let mut crowd: Vec<_> = (0..CROWD).map(|_| site.client()).collect();
    for (n, client) in crowd.iter_mut().enumerate() {
        match n % 3 {
            0 => {}
            1 => assert_eq!(client.get("/a.txt").text(), "hello"),
            _ => client.wire.send("GET /a.txt HT"),
        }
    }
    assert!(eventually(|| site.server.descriptors() >= CROWD));
    for _ in 0..50 {
        assert_eq!(site.get("/a.txt").text(), "hello");
    }
    assert!(site.server.rests());
    for client in crowd.iter_mut().skip(1).step_by(3) {
        assert_eq!(client.get("/a.txt").text(), "hello");
    }
    for client in crowd.iter_mut().skip(2).step_by(3) {
        client.wire.send("TP/1.1\r\nHost: e2e\r\n\r\n");
        assert_eq!(client.response("GET").text(), "hello");
    }
    drop(crowd);
    assert_calm(&site, descriptors);
}

/// Whether this process may have so many; says so if not.
fn allow_descriptors(most: u64) -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let set = setrlimit(Resource::Nofile, Rlimit { ..limit });
    let enough = set.is_ok() && limit.maximum.is_none_or(|maximum| maximum >= most);
    if !enough {
        e2e::skipped(&format!("{most} open files are not allowed"));
    }
    enough
}

/// Readers that stop in the middle of a GiB; one of them goes on.
fn stopped_crowd(driver: &Driver) {
    let site = Site::patient(driver, "", "");
    let descriptors = prepare(&site);
    site.sparse("huge.bin", 1024 * MIB);
    let start = |_| {
        let mut wire = site.wire();
        wire.send(encode("GET", "/huge.bin", &[]));
        wire.read_exact(10_000);
        wire
    };
    let mut stopped: Vec<Wire> = (0..50).map(start).collect();
    for _ in 0..50 {
        assert_eq!(site.get("/a.txt").text(), "hello");
    }
    assert!(site.server.rests());
    stopped[0].read_exact(32 << 20);
    drop(stopped);
    assert_calm(&site, descriptors);
}

/// A site of a server that may have 64 descriptors.
fn poor(driver: &Driver, flags: &[&str]) -> Site {
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]);
    shell.arg(driver.binary());
    Site::launch(shell, flags)
}

/// There are fewer then, and they serve.
fn more_workers_than_descriptors(driver: &Driver) {
    let site = poor(driver, &["--workers", "64"]);
    let told = "64 open files allow 7 workers, not 64";
    assert!(
        site.server.stderr().contains(told),
        "{}",
        site.server.stderr()
    );
    let descriptors = prepare(&site);
    assert_calm(&site, descriptors);
}

/// Three times as many clients as descriptors: each waits for its turn.
fn crowd_above_the_descriptors(driver: &Driver) {
    let site = poor(driver, &["--workers", "2"]);
    let descriptors = prepare(&site);
    let mut crowd: Vec<_> = (0..192).map(|_| site.client()).collect();
    assert!(site.server.rests());
    for client in &mut crowd {
        client
            .wire
            .send(encode("GET", "/a.txt", &[("Connection", "close")]));
    }
    for client in &mut crowd {
        assert_eq!(client.response("GET").text(), "hello");
    }
    drop(crowd);
    assert_calm(&site, descriptors);
}

/// A graceful stop answers whom each of the listeners has in its queue.
fn crowds_at_a_stop(driver: &Driver) {
    const QUEUE: usize = 400;
    if !allow_descriptors(8 * QUEUE as u64) {
        return;
    }
    let listen = ["--listen", "127.0.0.1:0"].repeat(3);
    let site = driver.site(&[&["--workers", "1"], &listen[..]].concat());
    site.write("a.txt", "hello");
    site.server.freeze();
    let addresses = site.server.addresses.repeat(QUEUE);
    let mut crowd: Vec<_> = addresses.into_iter().map(Client::connect).collect();
    for client in &mut crowd {
        client.wire.send(encode("GET", "/a.txt", &[]));
    }
    site.server.signal(Signal::QUIT);
    site.server.thaw();
    for client in &mut crowd {
        assert_eq!(client.response("GET").text(), "hello");
    }
}

/// A crowd at one listener does not keep away who comes to another.
fn crowds_take_turns(driver: &Driver) {
    let listen = ["--listen", "127.0.0.1:0"].repeat(2);
    let flags = [&["--workers", "1", "--connections", "1"], &listen[..]].concat();
    for (crowded, calm) in [(0, 1), (1, 0)] {
        let site = driver.site(&flags);
        site.write("a.txt", "hello");
        let connect = |n: usize| Client::connect(site.server.addresses[n]);
        let mut first = connect(crowded);
        assert_eq!(first.get("/a.txt").text(), "hello");
        let _silent = connect(crowded);
        let mut client = connect(calm);
        drop(first);
        assert_eq!(client.get("/a.txt").text(), "hello");
    }
}
