//! Once its buffers have been made, a worker allocates nothing for a request or a connection: a few allocations
//! let its tables grow, ten times as many requests need no more of them.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use allocation_counter::measure;
use bytes::Bytes;
use h1_core::Status;
use host_core::os::{Control, Root, Service, Stop};
use host_core::{Return, Server, Site};
use tempfile::TempDir;

const BODY: &str = "Hello, World!";

fn server() -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), BODY.repeat(100)).unwrap();
    let mut site = Site::new(Root::open(folder.path()).unwrap());
    let fixed = Return {
        status: Status::OK,
        content_type: "text/plain".into(),
        body: Bytes::from_static(BODY.as_bytes()),
    };
    site.returns.insert("/fixed".into(), fixed);
    let mut server = Server::new(site);
    server.keepalive_requests = u32::MAX;
    (folder, server)
}

/// Allocations of a worker from its start to its end, with a client that does this.
fn allocations(client: impl FnOnce(SocketAddr) + Send) -> u64 {
    let (_folder, server) = server();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let control = Control::new();
    let mut count = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            client(address);
            control.stop(Stop::Graceful);
        });
        let service = Service::new(server, [listener]).unwrap();
        let serve = || driver_mio::serve(service, control.clone()).unwrap();
        count = measure(serve).count_total;
    });
    count
}

/// Much work costs as few allocations as little work.
fn assert_no_more<W: FnOnce(SocketAddr) + Send>(much: W, little: W, what: &str) {
    let (much, little) = (allocations(much), allocations(little));
    assert!(much < little + 20, "{much} instead of {little}: {what}");
}

/// Sends `requests`, which are `count` of the same, and reads all answers to them.
fn exchange(stream: &mut TcpStream, requests: &str, count: usize) {
    stream.write_all(requests.as_bytes()).unwrap();
    let (mut answers, mut seen) = (vec![0; 64 * 1024], Vec::new());
    let ends = |seen: &[u8]| {
        let text = String::from_utf8_lossy(seen);
        let heads = text.matches("HTTP/1.1 200 OK").count();
        let whole = text.matches(BODY).count().is_multiple_of(count);
        heads == count && whole && text.ends_with(BODY)
    };
    while !ends(&seen) {
        let n = stream.read(&mut answers).unwrap();
        assert!(n > 0, "{}", String::from_utf8_lossy(&seen));
        seen.extend_from_slice(&answers[..n]);
    }
}

fn get(target: &str, fields: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

#[test]
fn the_counter_counts() {
    assert!(allocations(|_| {}) > 0);
}

#[test]
fn requests_on_kept_connections_allocate_nothing() {
    let cases = [
        ("/fixed", 1),
        ("/file", 1),
        ("/none/../fixed", 1),
        ("/fixed", 16),
        ("/file", 16),
    ];
    for (target, pipelined) in cases {
        let work = |times| {
            move |address| {
                let mut streams = [(); 5].map(|()| TcpStream::connect(address).unwrap());
                for n in 0..times {
                    let requests = get(target, "").repeat(pipelined);
                    exchange(&mut streams[n % 5], &requests, pipelined);
                }
            }
        };
        assert_no_more(work(500), work(50), &format!("{pipelined} of {target}"));
    }
}

#[test]
fn connections_with_one_request_allocate_nothing() {
    for target in ["/fixed", "/file"] {
        let work = |times| {
            move |address| {
                for _ in 0..times {
                    let mut stream = TcpStream::connect(address).unwrap();
                    exchange(&mut stream, &get(target, "Connection: close\r\n"), 1);
                }
            }
        };
        assert_no_more(work(300), work(30), target);
    }
}
