//! Chunked content, against a decoder that is written straight from the grammar.

mod reference;

use h1_core::{
    Body, ClientConnection, ClientEvent, Event, Fields, Limits, RecvBuf, SendQueue,
    ServerConnection, raw,
};

use self::reference::Reference;
use crate::input::{self, LIMITS};
use crate::log::{self, Lines};

/// Reads limits from the first bytes and chunked content from the rest, as a server, as a client,
/// by the parsers alone, and by the reference.
///
/// # Panics
///
/// If one of them refuses what another takes, or sees other content, other trailer fields or
/// another end.
pub fn chunked(data: &[u8]) {
    let Some((first, body)) = data.split_first_chunk::<LIMITS>() else {
        return;
    };
    let limits = Limits {
        // Heads are not what this is about.
        method: 4,
        request_line: 64,
        head: 128,
        body: u64::MAX,
        ..input::limits(first)
    };
    let limits = Limits {
        fields: limits.fields.max(2),
        ..limits
    };
    let expected = Reference::read(body, &limits);
    assert_eq!(by_server(body, limits), expected, "server, {limits:?}");
    assert_eq!(by_client(body, limits), expected, "client, {limits:?}");
    assert_eq!(by_raw(body, limits), expected, "raw, {limits:?}");
}

/// What is read of an input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    content: Vec<u8>,
    trailers: Lines,
    end: End,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum End {
    /// The content is whole; so many bytes follow it.
    Whole(usize),
    /// It is malformed, or beyond a limit.
    Refused,
    /// So far it is neither.
    #[default]
    More,
}

fn by_server(body: &[u8], limits: Limits) -> Read {
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut read = Read::default();
    feed(&mut rx, &[head, body].concat(), |rx| {
        loop {
            match conn.next_event(rx) {
                Ok(Event::Request(request)) => assert_eq!(request.body(), Body::Chunked),
                Ok(Event::Data(bytes)) => read.content.extend(bytes),
                Ok(Event::EndOfMessage(trailers)) => return read.whole(trailers),
                Ok(Event::NeedData) => return true,
                Ok(other) => panic!("{other:?}"),
                Err(_) => return read.refused(),
            }
        }
    })
    .add_to(&mut read);
    read
}

fn by_client(body: &[u8], limits: Limits) -> Read {
    let (mut conn, mut rx) = (ClientConnection::new(limits), RecvBuf::new(&limits));
    let (tx, host) = (&mut SendQueue::new(), [("Host", "a")]);
    conn.send_request(tx, "GET", "/", host, Body::None).unwrap();
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut read = Read::default();
    feed(&mut rx, &[head, body].concat(), |rx| {
        loop {
            match conn.next_event(rx) {
                Ok(ClientEvent::Response(head)) => assert_eq!(head.body(), Body::Chunked),
                Ok(ClientEvent::Data(bytes)) => read.content.extend(bytes),
                Ok(ClientEvent::EndOfMessage(trailers)) => return read.whole(trailers),
                Ok(ClientEvent::NeedData) => return true,
                Ok(other) => panic!("{other:?}"),
                Err(_) => return read.refused(),
            }
        }
    })
    .add_to(&mut read);
    read
}

fn by_raw(mut body: &[u8], limits: Limits) -> Read {
    let mut chunks = raw::Chunks::new(&limits);
    let mut read = Read::default();
    loop {
        let Ok((chunk, len)) = chunks.decode(body) else {
            read.refused();
            return read;
        };
        body = &body[len..];
        match chunk {
            raw::Chunk::Data(bytes) => read.content.extend(bytes),
            raw::Chunk::NeedData => return read,
            raw::Chunk::End => break,
        }
    }
    match raw::trailers(body, &limits, &mut raw::Index::new()) {
        Ok(Some((trailers, len))) => {
            read.whole(trailers);
            read.end = End::Whole(body.len() - len);
        }
        Ok(None) => {}
        Err(_) => drop(read.refused()),
    }
    read
}

/// The bytes behind the content, where it is whole.
struct Behind(usize);

/// Gives `input` to `read` as fast as it fits, until `read` wants no more.
fn feed(rx: &mut RecvBuf, mut input: &[u8], mut read: impl FnMut(&mut RecvBuf) -> bool) -> Behind {
    while !input.is_empty() {
        let n = rx.receive(input);
        input = &input[n..];
        if !read(rx) {
            break;
        }
        assert!(n > 0, "no room and no progress");
    }
    Behind(rx.pending().len() + input.len())
}

impl Behind {
    fn add_to(self, read: &mut Read) {
        if let End::Whole(behind) = &mut read.end {
            *behind = self.0;
        }
    }
}

impl Read {
    fn whole(&mut self, trailers: Fields<'_>) -> bool {
        self.trailers = log::lines(trailers);
        self.end = End::Whole(0);
        false
    }

    fn refused(&mut self) -> bool {
        self.end = End::Refused;
        false
    }
}
