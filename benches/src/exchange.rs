//! Whole exchanges on a connection that is kept: from the request's bytes to the answer's.

use std::hint::black_box;

use bytes::Bytes;
use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, Status};

use crate::body::take;
use crate::rivals::hyper::Hyper;
use crate::{Contest, input};

/// The content of an answer.
pub const CONTENT: &[u8] = b"hello";

/// The fields of an answer.
pub const FIELDS: [(&str, &str); 5] = [
    ("server", "benches/1.0"),
    ("content-type", "text/plain; charset=utf-8"),
    ("cache-control", "public, max-age=3600"),
    ("etag", "\"5f2b7a90-1c5f\""),
    ("date", "Fri, 20 Nov 2026 09:19:06 GMT"),
];

/// One request, and many in one read.
pub fn contests() -> Vec<Contest> {
    vec![
        contest("exchange/browser", input::browser()),
        contest("exchange/curl-16-pipelined", input::curl().repeat(16)),
    ]
}

fn contest(name: &'static str, requests: Vec<u8>) -> Contest {
    let theirs = Bytes::from(requests.clone());
    let mut server = Server::new(Body::Length(CONTENT.len() as u64));
    let mut hyper = Hyper::new();
    let (mut answers, mut their_answers) = (Vec::new(), Vec::new());
    Contest::new(name, requests.len(), move || {
        server.serve(black_box(&requests), &mut answers);
        black_box(&answers);
    })
    .rival("hyper", 0.25, move || {
        hyper.serve(black_box(theirs.clone()), &mut their_answers);
        black_box(&their_answers);
    })
}

/// A server connection of h1-core over a socket in memory. It answers everything alike.
pub struct Server {
    conn: ServerConnection,
    rx: RecvBuf,
    tx: SendQueue,
    body: Body,
}

impl Server {
    /// A new connection; its answers are framed as `body`.
    pub fn new(body: Body) -> Self {
        let limits = Limits::default();
        Self {
            conn: ServerConnection::new(limits),
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
            body,
        }
    }

    /// Reads `requests`, and puts the answers to all of them into `answers`.
    pub fn serve(&mut self, mut requests: &[u8], answers: &mut Vec<u8>) {
        answers.clear();
        while !requests.is_empty() {
            let n = self.rx.receive(requests);
            requests = &requests[n..];
            self.events();
            self.tx
                .slices()
                .for_each(|slice| answers.extend_from_slice(slice));
            self.tx.advance(self.tx.queued());
        }
    }

    fn events(&mut self) {
        loop {
            match self.conn.next_event(&mut self.rx) {
                Ok(Event::Request(request)) => {
                    black_box(&request);
                    self.answer();
                }
                Ok(Event::Data(content)) => take(content),
                Ok(Event::EndOfMessage(_)) => {}
                Ok(Event::Paused) => self.conn.next_cycle().unwrap(),
                Ok(Event::NeedData | Event::Closed) => break,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn answer(&mut self) {
        let (conn, tx) = (&mut self.conn, &mut self.tx);
        conn.send_response(tx, Status::OK, FIELDS, self.body)
            .unwrap();
        conn.send_data(tx, Bytes::from_static(CONTENT)).unwrap();
        conn.send_end(tx).unwrap();
    }
}
