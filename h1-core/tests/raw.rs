//! The parsers alone say what the connections say.
#![allow(clippy::unwrap_used)]

use h1_core::raw::{self, Chunk, Chunks, Index};
use h1_core::{
    Body, ClientConnection, ClientEvent, ErrorKind, Event, Limits, Method, RecvBuf, SendQueue,
    ServerConnection,
};

const REQUESTS: [&str; 22] = [
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.0\r\n\r\n",
    "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nrest",
    "GET http://b/c?d HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n",
    "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Empty:\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/2.0\r\n\r\n",
    "GET /\r\n",
    "VERYLONGMETHOD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /long/long/long/long/long/long/long/long/long/long/long/long/long HTTP/1.1\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nX: long long long long long long long long long long long long \
     long long long long long long long long long long long long\r\n\r\n",
];

const RESPONSES: [&str; 12] = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "HTTP/1.1 200\r\n\r\nhi",
    "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX: a\r\n \tb\r\n\r\n",
    "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    "HTTP/1.1 20 OK\r\n\r\n",
    "HTTP/3.0 200 OK\r\n\r\n",
    "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n",
];

/// Bounds that a few of the inputs pass.
fn limits() -> Limits {
    Limits {
        method: 9,
        request_line: 64,
        head: 128,
        fields: 3,
        chunk_line: 16,
        trailers: 32,
        ..Limits::default()
    }
}

/// What a server reads first, and the bytes behind it.
fn by_server(input: &[u8]) -> String {
    let (mut conn, mut rx) = (ServerConnection::new(limits()), RecvBuf::new(&limits()));
    rx.receive(input);
    let head = match conn.next_event(&mut rx) {
        Ok(Event::Request(head)) => format!("{head:?}"),
        Ok(other) => return format!("{other:?}"),
        Err(error) => return format!("{error:?}"),
    };
    format!("{head} {:?}", rx.pending())
}

/// What a client reads first that has asked with `method`, and the bytes behind it.
fn by_client(method: &str, input: &[u8]) -> String {
    let (mut conn, mut rx) = (ClientConnection::new(limits()), RecvBuf::new(&limits()));
    let target = if method == "CONNECT" { "a:443" } else { "/" };
    let mut tx = SendQueue::new();
    conn.send_request(&mut tx, method, target, [("Host", "a")], Body::None)
        .unwrap();
    rx.receive(input);
    let head = match conn.next_event(&mut rx) {
        Ok(ClientEvent::Informational(head) | ClientEvent::Response(head)) => format!("{head:?}"),
        Ok(other) => return format!("{other:?}"),
        Err(error) => return format!("{error:?}"),
    };
    format!("{head} {:?}", rx.pending())
}

#[test]
fn requests_are_those_of_a_server() {
    let mut index = Index::new();
    for request in REQUESTS {
        let input = request.as_bytes();
        let found = match raw::request_head(input, &limits(), &mut index) {
            Ok(Some((head, len))) => format!("{head:?} {:?}", &input[len..]),
            Ok(None) => "NeedData".to_owned(),
            Err(error) => format!("{error:?}"),
        };
        assert_eq!(found, by_server(input), "{request}");
    }
}

#[test]
fn responses_are_those_of_a_client() {
    let mut index = Index::new();
    for response in RESPONSES {
        for method in ["GET", "HEAD", "CONNECT"] {
            let mut input = response.as_bytes().to_vec();
            let rest = input.clone();
            let found = match raw::response_head(&mut input, method.into(), &limits(), &mut index) {
                Ok(Some((head, len))) => format!("{head:?} {:?}", &rest[len..]),
                Ok(None) => "NeedData".to_owned(),
                Err(error) => format!("{error:?}"),
            };
            assert_eq!(
                found,
                by_client(method, response.as_bytes()),
                "{method} {response}"
            );
        }
    }
}

#[test]
fn a_head_is_there_once_its_last_byte_is() {
    let mut index = Index::new();
    let request = REQUESTS[6].as_bytes();
    for end in 0..request.len() {
        let found = raw::request_head(&request[..end], &limits(), &mut index).unwrap();
        assert!(found.is_none(), "{end}");
    }
    let mut response = RESPONSES[7].as_bytes().to_vec();
    for end in 0..response.len() {
        let piece = &mut response[..end];
        let found = raw::response_head(piece, Method::Get, &limits(), &mut index).unwrap();
        assert!(found.is_none(), "{end}");
    }
    // The folded line is one already; that changes nothing.
    let found = raw::response_head(&mut response, Method::Get, &limits(), &mut index).unwrap();
    assert_eq!(found.unwrap().0.fields().get("x"), Some(&b"a   \tb"[..]));
}

#[test]
fn length_is_declared_where_no_content_comes() {
    let mut index = Index::new();
    for (method, head, declared, body) in [
        (
            "GET",
            "200 OK\r\nContent-Length: 25",
            Some(25),
            Body::Length(25),
        ),
        ("HEAD", "200 OK\r\nContent-Length: 25", Some(25), Body::None),
        ("GET", "304 No\r\ncontent-length: 25", Some(25), Body::None),
        ("HEAD", "200 OK\r\nContent-Type: a/b", None, Body::None),
        ("GET", "200 OK\r\nContent-Length: 0", Some(0), Body::None),
    ] {
        let mut input = format!("HTTP/1.1 {head}\r\n\r\n").into_bytes();
        let found = raw::response_head(&mut input, method.into(), &limits(), &mut index);
        let (response, _) = found.unwrap().unwrap();
        let found = (response.declared_length(), response.body());
        assert_eq!(found, (declared, body), "{method} {head}");
    }
}

#[test]
fn heads_print_what_they_decide_and_values_as_text() {
    let mut index = Index::new();
    let request = raw::request_head(REQUESTS[8].as_bytes(), &limits(), &mut index);
    assert_eq!(
        format!("{:?}", request.unwrap().unwrap().0),
        "RequestHead { method: Get, target: \"/\", version: Http11, body: None, keep_alive: true, \
         expects_continue: false, upgrade: Some(\"b\"), \
         fields: {\"Host\": \"a\", \"Connection\": \"upgrade\", \"Upgrade\": \"b\"} }"
    );
    let mut response = *b"HTTP/1.1 200 OK\r\nX: \xe4\"\r\nContent-Length: 2\r\n\r\n";
    let response = raw::response_head(&mut response, Method::Get, &limits(), &mut index);
    assert_eq!(
        format!("{:?}", response.unwrap().unwrap().0),
        "ResponseHead { status: Status(200), version: Http11, body: Length(2), keep_alive: true, \
         fields: {\"X\": \"\\xe4\\\"\", \"Content-Length\": \"2\"} }"
    );
}

/// The content of chunks that come in pieces of `len` bytes, and the bytes behind them.
fn chunks(input: &[u8], len: usize) -> Result<(Vec<u8>, Vec<u8>), ErrorKind> {
    let mut chunks = Chunks::new(&limits());
    let mut content = Vec::new();
    let mut pieces = input.chunks(len);
    let mut piece: &[u8] = &[];
    loop {
        let (chunk, read) = chunks.decode(piece).map_err(|error| error.kind)?;
        piece = &piece[read..];
        match chunk {
            Chunk::Data(bytes) => content.extend_from_slice(bytes),
            Chunk::NeedData => piece = pieces.next().ok_or(ErrorKind::UnexpectedEof)?,
            Chunk::End => {
                let rest = piece.iter().chain(pieces.flatten()).copied();
                return Ok((content, rest.collect()));
            }
        }
    }
}

#[test]
fn chunks_in_any_pieces() {
    for (input, result) in [
        ("0\r\n\r\n", Ok(("", "\r\n"))),
        ("5\r\nhello\r\n0\r\n\r\nrest", Ok(("hello", "\r\nrest"))),
        (
            "2;a=b\r\nhe\r\n03\r\nllo\r\n0\r\nX: y\r\n\r\n",
            Ok(("hello", "X: y\r\n\r\n")),
        ),
        ("5\r\nhello\r\n", Err(ErrorKind::UnexpectedEof)),
        ("5\r\nhel", Err(ErrorKind::UnexpectedEof)),
        ("5\r\nhello0\r\n\r\n", Err(ErrorKind::BadChunk)),
        ("x\r\n", Err(ErrorKind::BadChunk)),
        ("5\nhello", Err(ErrorKind::BareLf)),
        (
            "5;aaaaaaaaaaaaaaaaaa\r\nhello\r\n",
            Err(ErrorKind::ChunkLineTooLong),
        ),
    ] {
        for len in 1..=input.len() {
            let found = chunks(input.as_bytes(), len);
            let result = result.map(|(a, b)| (a.as_bytes().to_vec(), b.as_bytes().to_vec()));
            assert_eq!(found, result, "{input} in pieces of {len}");
        }
    }
}

#[test]
fn trailers_end_with_an_empty_line() {
    let mut index = Index::new();
    for (input, result) in [
        ("\r\nrest", Ok(Some((0, 2)))),
        ("A: 1\r\nB: 2\r\n\r\nrest", Ok(Some((2, 14)))),
        ("", Ok(None)),
        ("A: 1\r\nB", Ok(None)),
        ("A : 1\r\n\r\n", Err(ErrorKind::SpaceBeforeColon)),
        (
            "A: 1\r\nContent-Length: 5\r\n\r\n",
            Err(ErrorKind::ForbiddenTrailer),
        ),
        (
            "A: 1234567890123456789012345678\r\n\r\n",
            Err(ErrorKind::TrailersTooLarge),
        ),
    ] {
        let found = raw::trailers(input.as_bytes(), &limits(), &mut index);
        let found = found.map(|whole| whole.map(|(fields, len)| (fields.len(), len)));
        assert_eq!(found.map_err(|error| error.kind), result, "{input}");
    }
}
