//! How a server ends: SIGTERM and SIGINT let answers complete, the second one does not.

use std::net::TcpStream;
use std::time::Duration;

use e2e::{Client, Driver, Site, encode, eventually, for_each_driver};
use rustix::process::Signal;

for_each_driver!(
    idle_server,
    idle_connections,
    download_in_flight,
    request_already_sent,
    second_signal,
);

const SIGNALS: [Signal; 2] = [Signal::TERM, Signal::INT];
const SOON: Duration = Duration::from_secs(2);
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

fn idle_server(driver: &Driver) {
    for signal in SIGNALS {
        let mut site = driver.site(&[]);
        site.server.signal(signal);
        assert_exit(&mut site);
    }
}

fn idle_connections(driver: &Driver) {
    for signal in SIGNALS {
        let mut site = driver.site(&[]);
        site.write("a.txt", "hello");
        let mut silent = site.client();
        let mut used = site.client();
        assert_eq!(used.get("/a.txt").text(), "hello");
        site.server.signal(signal);
        used.wire.assert_end();
        silent.wire.read_to_end();
        assert_exit(&mut site);
    }
}

fn download_in_flight(driver: &Driver) {
    for signal in SIGNALS {
        let mut site = driver.site(&[]);
        let mut client = start_download(&site);
        site.server.signal(signal);
        assert!(refuses(&site), "it goes on accepting");
        client.wire.read_exact(LARGE as usize);
        client.wire.assert_end();
        assert_exit(&mut site);
    }
}

/// The client could not know; the server is stopped while the request arrives, so that it finds
/// the request and the signal at the same time.
fn request_already_sent(driver: &Driver) {
    for signal in SIGNALS {
        let mut site = driver.site(&[]);
        site.write("a.txt", "hello");
        let mut client = site.client();
        assert_eq!(client.get("/a.txt").text(), "hello");
        site.server.signal(Signal::STOP);
        client.wire.send(encode("GET", "/a.txt", &[]));
        site.server.signal(signal);
        site.server.signal(Signal::CONT);
        // It may see the request first, so the answer need not say that the connection ends.
        assert_eq!(client.response("GET").text(), "hello");
        client.wire.assert_end();
        // A client that sees the end goes; for another one the server would linger.
        drop(client);
        assert_exit(&mut site);
    }
}

fn second_signal(driver: &Driver) {
    for first in SIGNALS {
        for second in SIGNALS {
            let mut site = driver.site(&[]);
            let stalled = start_download(&site);
            site.server.signal(first);
            assert!(refuses(&site), "it goes on accepting");
            site.server.signal(second);
            let status = site.server.exit_within(SOON);
            assert!(status.is_some(), "{first:?}, {second:?}: it goes on");
            drop(stalled);
        }
    }
}
