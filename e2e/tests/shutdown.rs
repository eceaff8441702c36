//! How a server ends: SIGTERM and SIGINT cut everything, SIGQUIT lets answers complete.

use std::net::TcpStream;
use std::time::Duration;

use e2e::{Client, Driver, Site, encode, eventually, for_each_driver};
use rustix::process::Signal;

for_each_driver!(
    idle_server,
    idle_connections,
    fast_stop_cuts_a_download,
    graceful_stop_completes_a_download,
    graceful_stop_answers_what_was_sent,
    stops_amid_a_crowd,
    graceful_stop_has_an_end,
    fast_stop_ends_a_graceful_one,
    second_signal,
);

const FAST: [Signal; 2] = [Signal::TERM, Signal::INT];
const ALL: [Signal; 3] = [Signal::TERM, Signal::INT, Signal::QUIT];
/// Less than the time for which a server lingers.
const SOON: Duration = Duration::from_secs(4);
const LARGE: u64 = 64 << 20;

/// The server ends by itself and says that all is well.
fn assert_exit(site: &mut Site) {
    let status = site.server.exit_within(SOON).expect("it goes on running");
    assert_eq!(status.code(), Some(0), "{}", site.server.stderr());
}

fn refuses(site: &Site) -> bool {
    eventually(|| TcpStream::connect(site.server.address()).is_err())
}

/// A connection on which a download has begun.
fn start_download(site: &Site) -> Client {
    site.sparse("large.bin", LARGE);
    let mut client = site.client();
    client.wire.send(encode("GET", "/large.bin", &[]));
    assert_eq!(client.head().status, 200);
    client
}

fn assert_cut(mut client: Client) {
    let (rest, _) = client.wire.read_to_end();
    assert!((rest.len() as u64) < LARGE, "the answer is whole");
}

fn idle_server(driver: &Driver) {
    for signal in ALL {
        let mut site = driver.site(&[]);
        site.server.signal(signal);
        assert_exit(&mut site);
    }
}

fn idle_connections(driver: &Driver) {
    for signal in ALL {
        let mut site = driver.site(&[]);
        site.write("a.txt", "hello");
        let mut silent = site.client();
        let mut used = site.client();
        assert_eq!(used.get("/a.txt").text(), "hello");
        site.server.signal(signal);
        used.wire.read_to_end();
        silent.wire.read_to_end();
        assert_exit(&mut site);
    }
}

fn fast_stop_cuts_a_download(driver: &Driver) {
    for signal in FAST {
        let mut site = driver.site(&[]);
        let client = start_download(&site);
        site.server.signal(signal);
        assert_exit(&mut site);
        assert_cut(client);
    }
}

fn graceful_stop_completes_a_download(driver: &Driver) {
    let mut site = driver.site(&[]);
    let mut client = start_download(&site);
    site.server.signal(Signal::QUIT);
    assert!(refuses(&site), "it goes on accepting");
    client.wire.read_exact(LARGE as usize);
    client.wire.assert_end();
    assert_exit(&mut site);
}

/// The client could not know; the server is stopped while the request arrives, so that it finds
/// the request and the signal at the same time.
fn graceful_stop_answers_what_was_sent(driver: &Driver) {
    let mut site = driver.site(&[]);
    site.write("a.txt", "hello");
    let mut client = site.client();
    assert_eq!(client.get("/a.txt").text(), "hello");
    site.server.signal(Signal::STOP);
    client.wire.send(encode("GET", "/a.txt", &[]));
    site.server.signal(Signal::QUIT);
    site.server.signal(Signal::CONT);
    // It may see the request first, so the answer need not say that the connection ends.
    assert_eq!(client.response("GET").text(), "hello");
    client.wire.assert_end();
    // A client that sees the end goes; for another one the server would linger.
    drop(client);
    assert_exit(&mut site);
}

/// Of a crowd that waits, those who have asked are answered; unless the stop is a fast one.
fn stops_amid_a_crowd(driver: &Driver) {
    for signal in ALL {
        let mut site = driver.site(&["--workers", "1"]);
        site.write("a.txt", "hello");
        let mut crowd: Vec<_> = (0..150).map(|_| site.client()).collect();
        for client in &mut crowd {
            assert_eq!(client.get("/a.txt").text(), "hello");
        }
        let (asked, idle) = crowd.split_at_mut(50);
        if signal == Signal::QUIT {
            // While the process stands still, so that the signal comes when they have asked.
            site.server.signal(Signal::STOP);
            for client in &mut *asked {
                client.wire.send(encode("GET", "/a.txt", &[]));
            }
            site.server.signal(signal);
            site.server.signal(Signal::CONT);
            for client in asked {
                assert_eq!(client.response("GET").text(), "hello");
            }
        } else {
            site.server.signal(signal);
        }
        for client in idle {
            client.wire.assert_end();
        }
        drop(crowd);
        assert_exit(&mut site);
    }
}

fn graceful_stop_has_an_end(driver: &Driver) {
    let mut site = driver.site(&["--worker-shutdown-timeout", "0"]);
    let client = start_download(&site);
    site.server.signal(Signal::QUIT);
    assert_exit(&mut site);
    assert_cut(client);
}

fn fast_stop_ends_a_graceful_one(driver: &Driver) {
    for signal in FAST {
        let mut site = driver.site(&[]);
        let client = start_download(&site);
        site.server.signal(Signal::QUIT);
        assert!(refuses(&site), "it goes on accepting");
        site.server.signal(signal);
        assert_exit(&mut site);
        assert_cut(client);
    }
}

/// Both are pending when the process goes on, so it has no time to end of the first.
fn second_signal(driver: &Driver) {
    let mut site = driver.site(&[]);
    let stalled = start_download(&site);
    site.server.signal(Signal::STOP);
    FAST.iter().for_each(|signal| site.server.signal(*signal));
    site.server.signal(Signal::CONT);
    let status = site.server.exit_within(SOON).expect("it goes on");
    let codes = FAST.map(|signal| Some(128 + signal.as_raw()));
    assert!(codes.contains(&status.code()), "{status}");
    drop(stalled);
}
