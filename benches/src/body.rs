//! Content: read as pieces, and written in chunks.

use std::hint::black_box;
use std::io::Write;

use bytes::Bytes;
use h1_core::{Body, Event, Limits, NO_FIELDS, RecvBuf, SendQueue, ServerConnection, Status};

use crate::rivals::chunks::Chunks;
use crate::{Contest, input};

/// Chunks large and small, a known length, and chunks out.
pub fn contests() -> Vec<Contest> {
    vec![
        chunked("body/chunked-64x1KiB", input::chunks(64, 1024), 1.0),
        chunked("body/chunked-1024x4", input::chunks(1024, 4), 1.0),
        length("body/length-64KiB", vec![b'x'; 64 * 1024]),
        writing("body/writing-64x1KiB", 64, 1024),
        writing("body/writing-1024x4", 1024, 4),
    ]
}

fn chunked(name: &'static str, content: Vec<u8>, target: f64) -> Contest {
    let again = content.clone();
    let mut reader = Reader::new("Transfer-Encoding: chunked");
    let mut chunks = Chunks::new();
    Contest::new(name, content.len(), move || {
        reader.read(black_box(&content), take);
    })
    .rival("httparse loop", target, move || {
        chunks.read(black_box(&again), take);
    })
}

fn length(name: &'static str, content: Vec<u8>) -> Contest {
    let again = content.clone();
    let mut reader = Reader::new(&format!("Content-Length: {}", content.len()));
    let mut buffer = vec![0; Limits::default().buffer as usize];
    Contest::new(name, content.len(), move || {
        reader.read(black_box(&content), take);
    })
    .rival("copy alone", None, move || {
        for piece in black_box(&again).chunks(buffer.len()) {
            buffer[..piece.len()].copy_from_slice(piece);
            take(&buffer[..piece.len()]);
        }
    })
}

fn writing(name: &'static str, count: usize, len: usize) -> Contest {
    let chunk = Bytes::from(vec![b'x'; len]);
    let theirs = chunk.clone();
    let mut writer = Writer::new();
    let (mut answer, mut out) = (Vec::new(), Vec::new());
    Contest::new(name, count * len, move || {
        writer.write(black_box(&chunk), count, &mut answer);
        black_box(&answer);
    })
    .rival("write! into Vec", None, move || {
        out.clear();
        for _ in 0..count {
            let chunk = black_box(&theirs);
            write!(out, "{:x}\r\n", chunk.len()).unwrap();
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\n\r\n");
        black_box(&out);
    })
}

/// Uses content as a caller does, who has its address and its length in registers.
pub fn take(content: &[u8]) {
    black_box(content.as_ptr());
    black_box(content.len());
}

/// Reads content with h1-core, again and again as of the same request.
pub struct Reader {
    /// A connection whose request has been read.
    template: ServerConnection,
    rx: RecvBuf,
}

impl Reader {
    /// A reader of content that is framed by this field.
    pub fn new(framing: &str) -> Self {
        let (template, rx) = after(&input::post(framing));
        Self { template, rx }
    }

    /// Reads `content`, as from a socket, and hands out what it finds.
    pub fn read(&mut self, mut content: &[u8], mut take: impl FnMut(&[u8])) {
        let mut conn = self.template.clone();
        loop {
            match conn.next_event(&mut self.rx) {
                Ok(Event::Data(data)) => take(data),
                Ok(Event::EndOfMessage(_)) => break,
                Ok(Event::NeedData) => {
                    let n = self.rx.receive(content);
                    assert!(n > 0, "the content has no end");
                    content = &content[n..];
                }
                _ => panic!("no content"),
            }
        }
        self.rx.clear();
    }
}

/// Writes chunked content with h1-core, again and again for the same response.
pub struct Writer {
    /// A connection whose response was begun.
    template: ServerConnection,
    tx: SendQueue,
}

impl Writer {
    /// A writer that stands behind the head.
    pub fn new() -> Self {
        let (mut template, _) = after(&input::curl());
        let mut tx = SendQueue::new();
        template
            .send_response(&mut tx, Status::OK, NO_FIELDS, Body::Chunked)
            .unwrap();
        tx.clear();
        Self { template, tx }
    }

    /// Sends `chunk` so many times, and puts the bytes on the wire into `out`.
    pub fn write(&mut self, chunk: &Bytes, count: usize, out: &mut Vec<u8>) {
        let mut conn = self.template.clone();
        for _ in 0..count {
            conn.send_data(&mut self.tx, chunk.clone()).unwrap();
        }
        conn.send_end(&mut self.tx).unwrap();
        out.clear();
        self.tx
            .slices()
            .for_each(|slice| out.extend_from_slice(slice));
        self.tx.advance(self.tx.queued());
    }
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection that has read this head, and its empty buffer.
pub fn after(head: &[u8]) -> (ServerConnection, RecvBuf) {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    rx.receive(head);
    let event = conn.next_event(&mut rx).unwrap();
    assert!(matches!(event, Event::Request(_)));
    rx.clear();
    (conn, rx)
}
