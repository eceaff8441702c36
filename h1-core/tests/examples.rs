//! The examples do what they say, over loopback sockets where they need some.
#![cfg(feature = "std")]
#![allow(clippy::unwrap_used)]

#[path = "../examples/echo_in_memory.rs"]
mod echo_in_memory;
#[path = "../examples/proxy.rs"]
mod proxy;
#[path = "../examples/tiny_client.rs"]
mod tiny_client;
#[path = "../examples/tiny_server.rs"]
mod tiny_server;
#[path = "../examples/websocket.rs"]
mod websocket;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use h1_core::Status;
use tungstenite::Message;

/// Runs `serve` for the rest of the test on a free port.
fn start<E: Send + 'static>(
    serve: impl FnOnce(&TcpListener) -> Result<(), E> + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || serve(&listener).is_ok());
    address
}

/// All that the server says to `request`, the last one.
fn exchange(server: SocketAddr, request: &str) -> String {
    let mut socket = TcpStream::connect(server).unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    socket.write_all(request.as_bytes()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn echo_in_memory_answers_with_the_content() {
    let echo =
        |input: &str| String::from_utf8(echo_in_memory::echo(input.as_bytes()).unwrap()).unwrap();
    let head = |target| {
        format!("HTTP/1.1 200 OK\r\nX-Target: {target}\r\nTransfer-Encoding: chunked\r\n\r\n")
    };
    let two = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello\
               GET /b HTTP/1.1\r\nHost: x\r\n\r\n";
    let answers = format!(
        "{}5\r\nhello\r\n0\r\n\r\n{}0\r\n\r\n",
        head("/a"),
        head("/b")
    );
    assert_eq!(echo(two), answers);
    let trailers = "PUT /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
                    2\r\nhi\r\n0\r\nSum: 1\r\n\r\n";
    assert_eq!(
        echo(trailers),
        format!("{}2\r\nhi\r\n0\r\nSum: 1\r\n\r\n", head("/c"))
    );
    assert!(echo("GET /\r\n").starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

#[test]
fn tiny_client_fetches_from_tiny_server() {
    let server = start(tiny_server::serve);
    let (status, content) = tiny_client::get(&format!("{server}/hello?x")).unwrap();
    assert_eq!((status, content), (Status::OK, b"GET /hello?x\n".to_vec()));
    assert!(
        tiny_client::get(&server.to_string())
            .unwrap()
            .1
            .starts_with(b"GET /\n")
    );
}

#[test]
fn tiny_server_keeps_the_connection() {
    let server = start(tiny_server::serve);
    let post = "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\n";
    assert_eq!(
        exchange(server, &post.repeat(3)),
        format!("{head}POST /a\n").repeat(3)
    );
    let refused = exchange(server, "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
    assert!(refused.starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

#[test]
fn websocket_speaks_with_tungstenite() {
    let server = start(websocket::serve);
    let socket = TcpStream::connect(server).unwrap();
    let (mut socket, answer) = tungstenite::client(format!("ws://{server}/"), socket).unwrap();
    assert_eq!(answer.status().as_u16(), 101);
    let long = vec![7; 100_000];
    for message in [
        Message::text("hello"),
        Message::binary(long),
        Message::text(""),
    ] {
        socket.send(message.clone()).unwrap();
        assert_eq!(socket.read().unwrap(), message);
    }
    socket.close(None).unwrap();
    while let Ok(message) = socket.read() {
        assert!(message.is_close());
    }
}

#[test]
fn websocket_reads_a_frame_right_behind_the_request() {
    let server = start(websocket::serve);
    let mut socket = TcpStream::connect(server).unwrap();
    // The key and the answer to it are those of RFC 6455, section 1.3; the frame says "Hello"
    // (section 5.7).
    let request = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let frame = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    socket
        .write_all(&[request.as_bytes(), &frame].concat())
        .unwrap();
    let head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nConnection: upgrade\r\n\r\n";
    let wanted = [head.as_bytes(), b"\x81\x05Hello"].concat();
    let mut found = vec![0; wanted.len()];
    socket.read_exact(&mut found).unwrap();
    assert_eq!(
        found.escape_ascii().to_string(),
        wanted.escape_ascii().to_string()
    );
}

#[test]
fn websocket_refuses_what_is_no_handshake() {
    let server = start(websocket::serve);
    let refused = exchange(server, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_eq!(
        refused,
        "HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Content-Length: 0\r\nConnection: close, upgrade\r\n\r\n"
    );
    assert!(exchange(server, "GET /\r\n").starts_with("HTTP/1.1 400 "));
}

/// A proxy before a server that reads exactly `requests`, each on a connection of its own, and
/// gives its answer to each.
fn proxy_before(script: &[(&str, &str)], timeout: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let script: Vec<_> = script
        .iter()
        .map(|(a, b)| (a.to_string(), b.to_string()))
        .collect();
    thread::spawn(move || {
        for (request, answer) in script {
            let (mut socket, _) = listener.accept().unwrap();
            let mut found = vec![0; request.len()];
            socket.read_exact(&mut found).unwrap();
            assert_eq!(String::from_utf8(found).unwrap(), request);
            socket.write_all(answer.as_bytes()).unwrap();
        }
    });
    start(move |listener| proxy::serve(listener, proxy::Upstream { address, timeout }))
}

const PATIENT: Duration = Duration::from_secs(30);

#[test]
fn proxy_carries_messages_without_what_is_for_one_hop() {
    let via = "Via: 1.1 proxy\r\n";
    for (request, forwarded, answer, received) in [
        // Fields: those of the hop stay behind, also those that Connection names.
        (
            "GET /a?b HTTP/1.1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\
             Upgrade: x\r\nX-End: 2\r\nHost: x\r\n\r\n",
            format!("GET /a?b HTTP/1.1\r\nHost: x\r\nX-End: 2\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n\
             X-End: 2\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nX-End: 2\r\nContent-Length: 2\r\n\r\nhi",
        ),
        // The absolute form becomes the origin form, and its host counts.
        (
            "GET http://y?b HTTP/1.1\r\nHost: y\r\n\r\n",
            format!("GET /?b HTTP/1.1\r\nHost: y\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
        ),
        // Content in chunks with trailers, both ways.
        (
            "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\nSum: 1\r\n\r\n",
            format!(
                "PUT / HTTP/1.1\r\nHost: x\r\n{via}Transfer-Encoding: chunked\r\n\
                 Connection: close\r\n\r\n2\r\nhi\r\n0\r\nSum: 1\r\n\r\n"
            ),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\nSum: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nho\r\n0\r\nSum: 2\r\n\r\n",
        ),
        // Informational responses are passed on.
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\n\
             Content-Length: 5\r\n\r\n",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\n\
             Content-Length: 5\r\n\r\n",
        ),
        // HEAD has a length and no content.
        (
            "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n",
            format!("HEAD / HTTP/1.1\r\nHost: x\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
        ),
        // What lasts until the close is cut into chunks.
        (
            "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.0 200 OK\r\n\r\nhi",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
        ),
        // To HTTP/1.0: no chunks, no trailers, no informational responses.
        (
            "GET / HTTP/1.0\r\nHost: x\r\n\r\n",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{via}Connection: close\r\n\r\n"),
            "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhi\r\n0\r\nSum: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi",
        ),
    ] {
        let proxy = proxy_before(&[(&forwarded, answer)], PATIENT);
        assert_eq!(exchange(proxy, request), received, "{request}");
    }
}

#[test]
fn proxy_tells_a_waiting_client_to_go_on() {
    let forwarded = "PUT / HTTP/1.1\r\nHost: x\r\nVia: 1.1 proxy\r\nContent-Length: 2\r\n\
        Connection: close\r\n\r\nhi";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
    let proxy = proxy_before(&[(forwarded, answer)], PATIENT);
    let mut socket = TcpStream::connect(proxy).unwrap();
    let head = b"PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    socket.write_all(head).unwrap();
    let mut go_on = [0; 25];
    socket.read_exact(&mut go_on).unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    socket.write_all(b"hi").unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let mut received = String::new();
    socket.read_to_string(&mut received).unwrap();
    assert_eq!(received, answer);
}

#[test]
fn proxy_goes_on_with_the_next_request() {
    let forwarded = "POST / HTTP/1.1\r\nHost: x\r\nVia: 1.1 proxy\r\nContent-Length: 2\r\n\
        Connection: close\r\n\r\nhi";
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nho";
    let proxy = proxy_before(&[(forwarded, answer); 3], PATIENT);
    let request = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi";
    assert_eq!(exchange(proxy, &request.repeat(3)), answer.repeat(3));
}

#[test]
fn proxy_answers_for_a_server_that_does_not() {
    let get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    let forwarded = "GET / HTTP/1.1\r\nHost: x\r\nVia: 1.1 proxy\r\nConnection: close\r\n\r\n";
    let begun = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe";
    let end = "Content-Length: 0\r\nConnection: close\r\n\r\n";
    let bad = format!("HTTP/1.1 502 Bad Gateway\r\n{end}");
    for (answer, received) in [
        ("", &*bad),
        ("HTTP/1.1 2", &bad),
        ("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", &bad),
        ("HTTP/1.1 101 X\r\n\r\n", &bad),
        // The client sees that something is missing.
        (begun, begun),
    ] {
        let proxy = proxy_before(&[(forwarded, answer)], PATIENT);
        assert_eq!(exchange(proxy, get), received, "{answer}");
    }
    // An address without a listener, one that never accepts, and what no reverse proxy does.
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(elsewhere.local_addr().unwrap()).unwrap();
    let gone = proxy::Upstream {
        address: client.local_addr().unwrap(),
        timeout: PATIENT,
    };
    let proxy = start(move |listener| proxy::serve(listener, gone));
    assert_eq!(exchange(proxy, get), bad);
    let connect = exchange(proxy, "CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n");
    assert_eq!(connect, format!("HTTP/1.1 501 Not Implemented\r\n{end}"));

    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let timeout = Duration::from_secs(2);
    let upstream = proxy::Upstream { address, timeout };
    let proxy = start(move |listener| proxy::serve(listener, upstream));
    assert_eq!(
        exchange(proxy, get),
        format!("HTTP/1.1 504 Gateway Timeout\r\n{end}")
    );
}
