//! A WebSocket server that echoes: the handshake by h1-core, the frames by tungstenite.
//!
//! `cargo run -p h1-core --example websocket`, then in a browser's console:
//! `new WebSocket("ws://127.0.0.1:8080").onopen = e => e.target.send("hello")`

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use h1_core::{
    Body, Event, Limits, Method, RecvBuf, RequestHead, SendQueue, ServerConnection, State, Status,
};
use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocket};

/// Accepts connections for ever.
pub(crate) fn serve(listener: &TcpListener) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(|| converse(socket).map_err(|error| eprintln!("{error}")));
    }
}

fn converse(mut socket: TcpStream) -> Result<(), Box<dyn Error>> {
    let Some(first) = switch(&mut socket)? else {
        return Ok(());
    };
    // The client may have sent frames right behind its request: those bytes are in `first`.
    let mut socket = WebSocket::from_partially_read(socket, first, Role::Server, None);
    loop {
        match socket.read() {
            Ok(message) if message.is_text() || message.is_binary() => socket.send(message)?,
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads a request and answers it. Returns the bytes behind it if the connection has switched.
fn switch(socket: &mut TcpStream) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    while conn.peer_state() != State::Switched && !conn.wants_close() {
        match conn.next_event(&mut rx) {
            Ok(Event::Request(request)) => match accept(&request) {
                Some(key) => {
                    let fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Accept", &key)];
                    conn.send_informational(&mut tx, Status::SWITCHING_PROTOCOLS, fields)?;
                }
                None => {
                    let fields = [("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13")];
                    conn.disable_keep_alive();
                    conn.send_response(&mut tx, Status::UPGRADE_REQUIRED, fields, Body::None)?;
                }
            },
            Ok(Event::NeedData) => match socket.read(rx.unfilled())? {
                0 => rx.close(),
                n => rx.filled(n),
            },
            Ok(Event::Data(_) | Event::EndOfMessage(_)) => {}
            Ok(Event::Paused | Event::Closed) => break,
            Err(error) => conn.send_error(&mut tx, error)?,
        }
    }
    for slice in tx.slices() {
        socket.write_all(slice)?;
    }
    Ok((conn.state() == State::Switched).then(|| rx.pending().to_vec()))
}

/// The answer to the client's key, if the request is a good handshake (RFC 6455, section 4.2.1).
/// That Upgrade was also named in Connection, and the version is HTTP/1.1, is known already.
fn accept(request: &RequestHead<'_>) -> Option<String> {
    let protocols = request.upgrade()?.split(',');
    let websocket = protocols
        .map(str::trim)
        .any(|p| p.eq_ignore_ascii_case("websocket"));
    let version = request.fields().get("sec-websocket-version")?;
    let key = request.fields().get("sec-websocket-key")?;
    let good = request.method() == Method::Get && websocket && version == b"13";
    good.then(|| derive_accept_key(key))
}

#[allow(dead_code, reason = "the tests call `serve`")]
fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("ws://{}/", listener.local_addr()?);
    serve(&listener)
}
