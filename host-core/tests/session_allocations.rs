//! A connection that is kept allocates nothing for answers that need no file.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::io::IoSlice;
use std::net::SocketAddr;
use std::sync::Arc;

use allocation_counter::measure;
use host_core::config::{Config, Overrides};
use host_core::os::now;
use host_core::{Server, Session, Step};

/// Sends a request and takes the answer; returns its bytes.
fn exchange(session: &mut Session, request: &[u8]) -> usize {
    let now = now();
    let mut sent = 0;
    session.read_slot()[..request.len()].copy_from_slice(request);
    session.on_read(request.len(), now);
    loop {
        match session.step(now) {
            Step::Write { .. } => {
                let mut iov = [IoSlice::new(&[]); 16];
                let slices = session.slices(&mut iov);
                let n = iov[..slices].iter().map(|slice| slice.len()).sum();
                session.on_written(n, now);
                sent += n;
            }
            Step::Wait(_) => return sent,
            Step::Log(_) => {}
            step => panic!("{step:?}"),
        }
    }
}

#[test]
fn fixed_answers_of_a_thousand_servers_allocate_nothing() {
    let mut text = String::from("events { }\nhttp {\naccess_log off;\n");
    for n in 0..1000 {
        writeln!(
            text,
            "server {{ listen 127.0.0.1:8080; server_name s{n}.example *.s{n}.example; \
             location / {{ }} location /a/ {{ }} location /a/b/ {{ return 200 $uri; }} \
             location ~ \\.q$ {{ return 200 q; }} location = /plaintext {{ return 200 {n}; }} }}"
        )
        .unwrap();
    }
    text.push('}');
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, text).unwrap();
    let (config, _) = Config::load(&path, &Overrides::default()).unwrap();
    let server = Arc::new(Server::configured(config));
    let peer: SocketAddr = "192.0.2.7:50000".parse().unwrap();
    for (host, target) in [
        ("s7.example", "/plaintext"),
        ("x.s900.example", "/plaintext?q"),
        ("other", "/a/b/c.q"),
    ] {
        let mut session = Session::new(server.clone(), peer, now());
        let request = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        for _ in 0..3 {
            assert!(exchange(&mut session, request.as_bytes()) > 0);
        }
        let count = measure(|| {
            for _ in 0..100 {
                exchange(&mut session, request.as_bytes());
            }
        });
        assert_eq!(count.count_total, 0, "{host} {target}");
    }
}
