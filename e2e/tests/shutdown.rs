//! How a server ends: SIGTERM and SIGINT cut everything, SIGQUIT lets answers complete.

use std::fs::File;
use std::net::TcpStream;
use std::path::Path;

use e2e::{
    Client, DEADLINE, Directives, Driver, Scripts, Server, encode, eventually, for_each_driver,
};
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
const LARGE: u64 = 64 << 20;

/// A server of `/a.txt` with these directives at the top. Where it lingers, it does so for longer
/// than the test.
fn site(driver: &Driver, main: &str) -> Scripts {
    let directives = Directives {
        main,
        http: "lingering_time 1h; lingering_timeout 1h;",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.file("a.txt", "hello");
    site
}

/// The server ends by itself and says that all is well.
fn assert_exit(server: &mut Server) {
    let status = server.exit_within(DEADLINE);
    let status = status.expect("it goes on running");
    assert_eq!(status.code(), Some(0), "{}", server.stderr());
}

fn refuses(site: &Scripts) -> bool {
    eventually(|| TcpStream::connect(site.address()).is_err())
}

/// A connection on which a download has begun.
fn start_download(folder: &Path, mut client: Client) -> Client {
    let file = File::create(folder.join("large.bin")).expect("create");
    file.set_len(LARGE).expect("set_len");
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
        let mut site = site(driver, "");
        site.server.signal(signal);
        assert_exit(&mut site.server);
    }
}

fn idle_connections(driver: &Driver) {
    for signal in ALL {
        let mut site = site(driver, "");
        let mut silent = site.client();
        let mut used = site.client();
        assert_eq!(used.get("/a.txt").text(), "hello");
        site.server.signal(signal);
        used.wire.read_to_end();
        silent.wire.read_to_end();
        assert_exit(&mut site.server);
    }
}

fn fast_stop_cuts_a_download(driver: &Driver) {
    for signal in FAST {
        let mut site = site(driver, "");
        let client = start_download(&site.path(""), site.client());
        site.server.signal(signal);
        assert_exit(&mut site.server);
        assert_cut(client);
    }
}

fn graceful_stop_completes_a_download(driver: &Driver) {
    let mut site = site(driver, "");
    let mut client = start_download(&site.path(""), site.client());
    site.server.signal(Signal::QUIT);
    assert!(refuses(&site), "it goes on accepting");
    client.wire.read_exact(LARGE as usize);
    client.wire.assert_end();
    assert_exit(&mut site.server);
}

/// The client could not know; the server is stopped while the request arrives, so that it finds
/// the request and the signal at the same time.
fn graceful_stop_answers_what_was_sent(driver: &Driver) {
    let mut site = site(driver, "");
    let mut client = site.client();
    assert_eq!(client.get("/a.txt").text(), "hello");
    site.server.freeze();
    client.wire.send(encode("GET", "/a.txt", &[]));
    site.server.signal(Signal::QUIT);
    site.server.thaw();
    // It may see the request first, so the answer need not say that the connection ends.
    assert_eq!(client.response("GET").text(), "hello");
    client.wire.assert_end();
    // A client that sees the end goes; for another one the server would linger.
    drop(client);
    assert_exit(&mut site.server);
}

/// Of a crowd that waits, those who have asked are answered; unless the stop is a fast one.
fn stops_amid_a_crowd(driver: &Driver) {
    for signal in ALL {
        let mut site = site(driver, "worker_processes 1;");
        let mut crowd: Vec<_> = (0..150).map(|_| site.client()).collect();
        for client in &mut crowd {
            assert_eq!(client.get("/a.txt").text(), "hello");
        }
        let (asked, idle) = crowd.split_at_mut(50);
        if signal == Signal::QUIT {
            // While the process stands still, so that the signal comes when they have asked.
            site.server.freeze();
            for client in &mut *asked {
                client.wire.send(encode("GET", "/a.txt", &[]));
            }
            site.server.signal(signal);
            site.server.thaw();
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
        assert_exit(&mut site.server);
    }
}

fn graceful_stop_has_an_end(driver: &Driver) {
    let mut site = driver.site(&["--worker-shutdown-timeout", "0"]);
    let client = start_download(&site.path(""), site.client());
    site.server.signal(Signal::QUIT);
    assert_exit(&mut site.server);
    assert_cut(client);
}

fn fast_stop_ends_a_graceful_one(driver: &Driver) {
    for signal in FAST {
        let mut site = site(driver, "");
        let client = start_download(&site.path(""), site.client());
        site.server.signal(Signal::QUIT);
        assert!(refuses(&site), "it goes on accepting");
        site.server.signal(signal);
        assert_exit(&mut site.server);
        assert_cut(client);
    }
}

/// Both are pending when the process goes on, so it has no time to end of the first.
fn second_signal(driver: &Driver) {
    let mut site = site(driver, "");
    let stalled = start_download(&site.path(""), site.client());
    site.server.freeze();
    FAST.iter().for_each(|signal| site.server.signal(*signal));
    site.server.thaw();
    let status = site.server.exit_within(DEADLINE).expect("it goes on");
    let codes = FAST.map(|signal| Some(128 + signal.as_raw()));
    assert!(codes.contains(&status.code()), "{status}");
    drop(stalled);
}
