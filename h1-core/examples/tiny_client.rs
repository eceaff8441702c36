//! A client over a blocking socket: GET, and the content on standard output.
//!
//! `cargo run -p h1-core --example tiny_client 127.0.0.1:8080/hello`

use std::error::Error;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use h1_core::{Body, ClientConnection, ClientEvent, Limits, RecvBuf, SendQueue, Status};

/// Fetches `host:port/path`.
pub(crate) fn get(url: &str) -> Result<(Status, Vec<u8>), Box<dyn Error>> {
    let (host, path) = url.split_once('/').unwrap_or((url, ""));
    let mut socket = TcpStream::connect(host)?;
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;

    let limits = Limits::default();
    let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    conn.disable_keep_alive(); // one exchange, and the server is to know
    let target = format!("/{path}");
    conn.send_request(&mut tx, "GET", &target, [("Host", host)], Body::None)?;
    for slice in tx.slices() {
        socket.write_all(slice)?;
    }

    let (mut status, mut content) = (Status::OK, Vec::new());
    loop {
        match conn.next_event(&mut rx)? {
            ClientEvent::Informational(_) => {}
            ClientEvent::Response(response) => status = response.status(),
            ClientEvent::Data(bytes) => content.extend_from_slice(bytes),
            ClientEvent::EndOfMessage(_) => return Ok((status, content)),
            ClientEvent::NeedData => match socket.read(rx.unfilled()) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) => rx.close(),
                read => rx.filled(read?),
            },
            // No other protocol was asked for, and an answer is owed.
            ClientEvent::Paused | ClientEvent::Closed => return Err("no answer".into()),
        }
    }
}

#[allow(dead_code, reason = "the tests call `get`")]
fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args()
        .nth(1)
        .ok_or("usage: tiny_client host:port/path")?;
    let (status, content) = get(&url)?;
    eprintln!("{status} {}", status.reason());
    Ok(io::stdout().write_all(&content)?)
}
