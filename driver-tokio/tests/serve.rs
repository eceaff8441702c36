//! Within somebody's program, whatever its runtime. The rest is tested in `e2e`, for every driver.
#![allow(clippy::unwrap_used)]

use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use host_core::os::{Control, Root, Service, Stop};
use host_core::{Server, Site};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// More than the kernel buffers for a client that does not read.
const BIG: u64 = 64 << 20;

fn server() -> (TempDir, Server) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("small"), "small content").unwrap();
    let big = File::create(folder.path().join("big")).unwrap();
    big.set_len(BIG).unwrap();
    let root = Root::open(folder.path()).unwrap();
    (folder, Server::new(Site::new(root)))
}

struct Running {
    address: SocketAddr,
    control: Control,
    serving: JoinHandle<io::Result<()>>,
    _folder: TempDir,
}

impl Running {
    fn new() -> Self {
        let (folder, server) = server();
        let address = e2e::free_address();
        let listener = std::net::TcpListener::bind(address).unwrap();
        let control = Control::new();
        let service = Service::new(server, [listener]).unwrap();
        let serve = driver_tokio::serve(service, control.clone());
        Self {
            address,
            control,
            serving: tokio::spawn(serve),
            _folder: folder,
        }
    }

    async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    async fn stop(self, stop: Stop) {
        self.control.stop(stop);
        let ended = tokio::time::timeout(Duration::from_secs(20), self.serving).await;
        ended.unwrap().unwrap().unwrap();
    }
}

struct Client(TcpStream);

impl Client {
    async fn request(&mut self, path: &str) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n");
        self.0.write_all(request.as_bytes()).await.unwrap();
    }

    /// Reads a head, and not a byte more.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.0.read_u8().await.unwrap());
        }
        String::from_utf8(head).unwrap()
    }

    async fn small(&mut self) -> String {
        let head = self.head().await;
        let mut body = [0; 13];
        self.0.read_exact(&mut body).await.unwrap();
        assert_eq!(&body, b"small content");
        head
    }

    async fn get_small(&mut self) -> String {
        self.request("/small").await;
        self.small().await
    }

    /// Bytes until the end of the stream, or until a reset.
    async fn rest(&mut self) -> u64 {
        let (mut buffer, mut total) = (vec![0; 1 << 16], 0);
        while let Ok(n @ 1..) = self.0.read(&mut buffer).await {
            total += n as u64;
        }
        total
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_come_at_once_are_all_served() {
    let running = Running::new();
    let address = running.address;
    let clients: Vec<_> = (0..200)
        .map(|_| {
            tokio::spawn(async move {
                let mut client = Client(TcpStream::connect(address).await.unwrap());
                client.get_small().await;
                client.get_small().await;
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    running.stop(Stop::Graceful).await;
}

#[tokio::test]
async fn a_graceful_stop_ends_idle_connections_and_lets_answers_end() {
    let running = Running::new();
    let mut idle = running.connect().await;
    idle.get_small().await;
    let mut busy = running.connect().await;
    busy.request("/big").await;
    busy.head().await;
    let (address, control) = (running.address, running.control.clone());
    let stopped = tokio::spawn(running.stop(Stop::Graceful));
    assert_eq!(idle.rest().await, 0);
    assert_eq!(control.stopping(), Some(Stop::Graceful));
    assert_eq!(busy.rest().await, BIG);
    stopped.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn a_fast_stop_cuts_everything() {
    for first in [None, Some(Stop::Graceful)] {
        let running = Running::new();
        let mut idle = running.connect().await;
        idle.get_small().await;
        let mut busy = running.connect().await;
        busy.request("/big").await;
        busy.head().await;
        if let Some(first) = first {
            running.control.stop(first);
            assert_eq!(idle.rest().await, 0);
        }
        running.stop(Stop::Fast).await;
        assert_eq!(idle.rest().await, 0);
        assert!(busy.rest().await < BIG);
    }
}

#[tokio::test]
async fn dropping_the_future_cuts_everything() {
    let running = Running::new();
    let mut idle = running.connect().await;
    idle.get_small().await;
    let mut busy = running.connect().await;
    busy.request("/big").await;
    busy.head().await;
    running.serving.abort();
    assert!(running.serving.await.unwrap_err().is_cancelled());
    assert_eq!(idle.rest().await, 0);
    assert!(busy.rest().await < BIG);
    assert!(TcpStream::connect(running.address).await.is_err());
}
