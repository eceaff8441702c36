//! A reverse proxy over blocking sockets: a server to its clients, a client to one upstream server.
//! One thread for each connection, one upstream connection for each request; the content of a
//! request is carried first, then the answer.
//!
//! `cargo run -p h1-core --example proxy 127.0.0.1:8000`, then `curl http://127.0.0.1:8080/`

use std::error::Error;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;
use std::{iter, thread};

use h1_core::{
    Body, ClientConnection, ClientEvent, Event, Fields, Limits, Method, NO_FIELDS, RecvBuf,
    RequestHead, ResponseHead, SendError, SendQueue, ServerConnection, State, Status, TargetForm,
    Transmit,
};

/// The server behind the proxy, and how long it may be silent.
#[derive(Clone, Copy)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) timeout: Duration,
}

/// Accepts connections for ever.
pub(crate) fn serve(listener: &TcpListener, upstream: Upstream) -> io::Result<()> {
    loop {
        let (socket, _) = listener.accept()?;
        thread::spawn(move || converse(socket, upstream).map_err(|error| eprintln!("{error}")));
    }
}

/// One of the two sides: a socket, and what h1-core keeps about it.
struct Peer<C> {
    socket: TcpStream,
    conn: C,
    rx: RecvBuf,
    tx: SendQueue,
}

impl<C> Peer<C> {
    fn new(socket: TcpStream, timeout: Duration, conn: C) -> io::Result<Self> {
        socket.set_read_timeout(Some(timeout))?;
        socket.set_write_timeout(Some(timeout))?;
        let (rx, tx) = (RecvBuf::new(&Limits::default()), SendQueue::new());
        Ok(Self {
            socket,
            conn,
            rx,
            tx,
        })
    }

    fn read(&mut self) -> io::Result<()> {
        match self.socket.read(self.rx.unfilled()) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) => self.rx.close(),
            read => self.rx.filled(read?),
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        while !self.tx.is_empty() {
            let mut iov = [IoSlice::new(&[]); 8];
            if let Transmit::Slices(n) = self.tx.transmit(&mut iov) {
                let written = self.socket.write_vectored(&iov[..n])?;
                self.tx.advance(written as u64);
            }
        }
        Ok(())
    }
}

/// One connection of a client.
fn converse(socket: TcpStream, upstream: Upstream) -> Result<(), Box<dyn Error>> {
    let conn = ServerConnection::new(Limits::default());
    let mut client = Peer::new(socket, upstream.timeout, conn)?;
    while !client.conn.wants_close() {
        match client.conn.next_event(&mut client.rx) {
            Ok(Event::Request(request)) => {
                let asked_head = request.method() == Method::Head;
                match ask(&request, upstream) {
                    Ok(upstream) => relay(&mut client, upstream, asked_head)?,
                    Err(status) => give_up(&mut client, status),
                }
            }
            // Content that the upstream server did not want.
            Ok(Event::Data(_) | Event::EndOfMessage(_)) => {}
            Ok(Event::NeedData) => client.read()?,
            Ok(Event::Paused) => client.conn.next_cycle()?,
            Ok(Event::Closed) => break,
            Err(error) => client.conn.send_error(&mut client.tx, error)?,
        }
        client.write()?;
    }
    Ok(())
}

/// Sends the head of the request on. An error is the status to answer with.
fn ask(request: &RequestHead<'_>, upstream: Upstream) -> Result<Peer<ClientConnection>, Status> {
    let target = match (request.form(), request.query()) {
        (TargetForm::Authority, _) => return Err(Status::NOT_IMPLEMENTED),
        (TargetForm::Asterisk, _) => "*".to_owned(),
        (_, Some(query)) => format!("{}?{query}", request.path()),
        (_, None) => request.path().to_owned(),
    };
    let address = upstream.address.to_string();
    let host = iter::once(("Host", request.host().unwrap_or(&address).as_bytes()));
    let others =
        end_to_end(request.fields()).filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
    let fields = host.chain(others).chain([("Via", &b"1.1 proxy"[..])]);

    let method = request.method();
    let mut upstream = connect(upstream).map_err(gateway_status)?;
    let (conn, tx) = (&mut upstream.conn, &mut upstream.tx);
    conn.disable_keep_alive();
    conn.send_request(tx, method.as_str(), &target, fields, request.body())
        .map_err(|_| Status::BAD_GATEWAY)?;
    upstream.write().map_err(gateway_status)?;
    Ok(upstream)
}

fn connect(upstream: Upstream) -> io::Result<Peer<ClientConnection>> {
    let socket = TcpStream::connect_timeout(&upstream.address, upstream.timeout)?;
    let conn = ClientConnection::new(Limits::default());
    Peer::new(socket, upstream.timeout, conn)
}

/// Carries content there and the answer back.
fn relay(
    client: &mut Peer<ServerConnection>,
    mut upstream: Peer<ClientConnection>,
    asked_head: bool,
) -> Result<(), Box<dyn Error>> {
    client.conn.send_continue(&mut client.tx)?;
    client.write()?;
    while carry_content(client, &mut upstream)? {}
    while matches!(client.conn.state(), State::SendResponse | State::SendBody) {
        if let Err(status) = carry_answer(client, &mut upstream, asked_head) {
            give_up(client, status);
        }
        client.write()?;
    }
    Ok(())
}

/// Carries the next piece of the request's content. Returns whether more is to be sent.
fn carry_content(
    client: &mut Peer<ServerConnection>,
    upstream: &mut Peer<ClientConnection>,
) -> Result<bool, Box<dyn Error>> {
    let (conn, tx) = (&mut upstream.conn, &mut upstream.tx);
    match client.conn.next_event(&mut client.rx) {
        Ok(Event::Data(bytes)) => conn.send_data(tx, bytes.to_vec().into())?,
        Ok(Event::EndOfMessage(trailers)) => conn.send_trailers(tx, end_to_end(trailers))?,
        Ok(_) => client.read()?,
        Err(error) => {
            client.conn.send_error(&mut client.tx, error)?;
            return Ok(false);
        }
    }
    // Where the upstream server reads no more, it may have answered already.
    let written = upstream.write().is_ok();
    Ok(written && upstream.conn.state() == State::SendBody)
}

/// Carries the next piece of the answer. An error is the status to answer with instead.
fn carry_answer(
    client: &mut Peer<ServerConnection>,
    upstream: &mut Peer<ClientConnection>,
    asked_head: bool,
) -> Result<(), Status> {
    let (conn, tx) = (&mut client.conn, &mut client.tx);
    match upstream.conn.next_event(&mut upstream.rx) {
        Ok(ClientEvent::Informational(response)) => {
            let fields = end_to_end(response.fields());
            match conn.send_informational(tx, response.status(), fields) {
                // The client speaks HTTP/1.0.
                Err(SendError::NoInformational) => Ok(()),
                result => result,
            }
        }
        Ok(ClientEvent::Response(response)) => {
            let (status, body) = (response.status(), framing(&response, asked_head));
            conn.send_response(tx, status, end_to_end(response.fields()), body)
        }
        Ok(ClientEvent::Data(bytes)) => conn.send_data(tx, bytes.to_vec().into()),
        // HTTP/1.0 has no trailers.
        Ok(ClientEvent::EndOfMessage(trailers)) => conn
            .send_trailers(tx, end_to_end(trailers))
            .or_else(|_| conn.send_end(tx)),
        Ok(ClientEvent::NeedData) => return upstream.read().map_err(gateway_status),
        Ok(ClientEvent::Paused | ClientEvent::Closed) | Err(_) => return Err(Status::BAD_GATEWAY),
    }
    .map_err(|_| Status::BAD_GATEWAY)
}

/// Answers with `status`; an answer that was begun is broken off, so that the client sees that.
fn give_up(client: &mut Peer<ServerConnection>, status: Status) {
    client.conn.disable_keep_alive();
    let answered = client
        .conn
        .send_response(&mut client.tx, status, NO_FIELDS, Body::None);
    if answered.is_err() {
        client.conn.send_failed();
    }
}

fn gateway_status(error: io::Error) -> Status {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Status::GATEWAY_TIMEOUT,
        _ => Status::BAD_GATEWAY,
    }
}

/// The fields that are for more than the next hop (RFC 9110, section 7.6.1), without the length,
/// which the connection writes, and Expect, which `relay` has answered.
fn end_to_end<'b>(fields: Fields<'b>) -> impl Iterator<Item = (&'b str, &'b [u8])> {
    const HOP_BY_HOP: [&str; 8] = [
        "connection",
        "content-length",
        "expect",
        "keep-alive",
        "proxy-connection",
        "te",
        "transfer-encoding",
        "upgrade",
    ];
    fields.iter().filter(move |(name, _)| {
        let is_name = |option: &[u8]| option.eq_ignore_ascii_case(name.as_bytes());
        !HOP_BY_HOP.iter().any(|hop| is_name(hop.as_bytes()))
            && !fields.tokens("connection").any(is_name)
    })
}

/// How the answer is framed. To HEAD, and with 304, a length is told although nothing follows.
fn framing(response: &ResponseHead<'_>, asked_head: bool) -> Body {
    let length = response.declared_length();
    match (response.body(), response.status()) {
        (Body::UntilClose, _) => Body::Chunked,
        (Body::None, Status::NO_CONTENT | Status::RESET_CONTENT) => Body::None,
        (Body::None, Status::NOT_MODIFIED) => length.map_or(Body::None, Body::Length),
        (Body::None, _) if asked_head => length.map_or(Body::Chunked, Body::Length),
        (body, _) => body,
    }
}

#[allow(dead_code, reason = "the tests call `serve`")]
fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).ok_or("usage: proxy address:port")?;
    let upstream = Upstream {
        address: address.parse()?,
        timeout: Duration::from_secs(30),
    };
    let listener = TcpListener::bind("127.0.0.1:8080")?;
    println!("http://{}/", listener.local_addr()?);
    Ok(serve(&listener, upstream)?)
}
