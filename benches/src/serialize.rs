//! Response heads: status, five fields and the length.

use std::hint::black_box;
use std::io::Write;

use h1_core::{Body, SendQueue, ServerConnection, Status};

use crate::body::after;
use crate::exchange::FIELDS;
use crate::{Contest, input};

/// One head.
pub fn contests() -> Vec<Contest> {
    let mut writer = Writer::new();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    writer.write(&FIELDS, &mut ours);
    vec![
        Contest::new("serialize/response-head", ours.len(), move || {
            writer.write(black_box(&FIELDS), &mut ours);
            black_box(&ours);
        })
        .rival("write! into Vec", None, move || {
            formatted(
                black_box(200),
                black_box(&FIELDS),
                black_box(5),
                &mut theirs,
            );
            black_box(&theirs);
        }),
    ]
}

/// Writes response heads with h1-core, again and again to the same request.
pub struct Writer {
    /// A connection whose request has been read.
    template: ServerConnection,
    tx: SendQueue,
}

impl Writer {
    /// A writer that has queued nothing.
    pub fn new() -> Self {
        Self {
            template: after(&input::curl()).0,
            tx: SendQueue::new(),
        }
    }

    /// Puts the bytes of a head with these fields into `out`.
    pub fn write(&mut self, fields: &[(&str, &str)], out: &mut Vec<u8>) {
        let mut conn = self.template.clone();
        let fields = fields.iter().copied();
        conn.send_response(&mut self.tx, Status::OK, fields, Body::Length(5))
            .unwrap();
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

/// Puts the same head into `out` with the standard library. Checks nothing.
pub fn formatted(status: u16, fields: &[(&str, &str)], length: u64, out: &mut Vec<u8>) {
    out.clear();
    write!(out, "HTTP/1.1 {status} OK\r\n").unwrap();
    for (name, value) in fields {
        write!(out, "{name}: {value}\r\n").unwrap();
    }
    write!(out, "Content-Length: {length}\r\n\r\n").unwrap();
}
