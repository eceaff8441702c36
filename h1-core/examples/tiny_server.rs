//! A server over blocking sockets, one thread for each connection. It answers with what was asked.
//! `driver-std` has what is missing here: finer deadlines, a bound on threads, a lingering close.
//!
//! `cargo run -p h1-core --example tiny_server`, then `curl http://127.0.0.1:8080/hello`

use std::error::Error;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, Status, Transmit};

/// Accepts connections for ever.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(|| converse(socket).map_err(|error| eprintln!("{error}")));
    }
}

/// One connection, from its first byte to its last.
fn converse(mut socket: TcpStream) -> Result<(), Box<dyn Error>> {
    socket.set_read_timeout(Some(Duration::from_secs(30)))?;
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    while !conn.wants_close() {
        match socket.read(rx.unfilled()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Ok(0) => rx.close(),
            read => rx.filled(read?),
        }
        // All that can be answered without another read.
        loop {
            match conn.next_event(&mut rx) {
                Ok(Event::Request(request)) => {
                    let text = format!("{} {}\n", request.method(), request.target());
                    let fields = [("Content-Type", "text/plain")];
                    let body = Body::Length(text.len() as u64);
                    conn.send_response(&mut tx, Status::OK, fields, body)?;
                    conn.send_data(&mut tx, text.into())?;
                }
                Ok(Event::Data(_) | Event::EndOfMessage(_)) => {}
                // The next request is here already.
                Ok(Event::Paused) if conn.next_cycle().is_ok() => {}
                Ok(Event::NeedData | Event::Paused | Event::Closed) => break,
                Err(error) => break conn.send_error(&mut tx, error)?,
            }
        }
        send(&mut socket, &mut tx)?;
    }
    Ok(())
}

/// Writes all that is queued, several pieces at a time.
fn send(socket: &mut TcpStream, tx: &mut SendQueue) -> io::Result<()> {
    while !tx.is_empty() {
        let mut iov = [IoSlice::new(&[]); 8];
        if let Transmit::Slices(n) = tx.transmit(&mut iov) {
            let written = socket.write_vectored(&iov[..n])?;
            tx.advance(written as u64);
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "the tests call `serve`")]
fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("http://{}/", listener.local_addr()?);
    serve(&listener)
}
