//! However little the socket takes at a time, the bytes come out once and in order.
#![allow(clippy::unwrap_used)]

mod support;

use std::io::IoSlice;

use bytes::Bytes;
use h1_core::{
    Body, Event, Limits, NO_FIELDS, RecvBuf, SendQueue, ServerConnection, Status, Transmit,
};
use support::Random;

/// Stands for a byte that the caller writes itself.
const EXTERNAL: u8 = b'#';

/// Takes up to `room` bytes from the queue.
fn take(tx: &mut SendQueue, out: &mut Vec<u8>, room: usize, slots: usize) {
    let mut iov = [IoSlice::new(&[]); 8];
    let before = out.len();
    match tx.transmit(&mut iov[..slots]) {
        Transmit::Idle => return,
        Transmit::External(n) => out.resize(before + room.min(n as usize), EXTERNAL),
        Transmit::Slices(n) => {
            assert!(n >= 1 && n <= slots);
            let bytes = iov[..n].iter().flat_map(|slice| slice.iter().copied());
            out.extend(bytes.take(room));
        }
    }
    tx.advance((out.len() - before) as u64);
}

fn scenario(seed: u64) {
    let mut random = Random(seed);
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let (mut tx, mut out, mut expected) = (SendQueue::new(), Vec::new(), Vec::new());
    rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(conn.next_event(&mut rx), Ok(Event::Request(_))));
    conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::Chunked)
        .unwrap();
    expected.extend_from_slice(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for n in 0..200 {
        let len = [1, 10, 256, 257, 5000][random.below(5)];
        let fill = if random.below(4) == 0 {
            EXTERNAL
        } else {
            b'a' + (n % 26) as u8
        };
        let content = vec![fill; len];
        expected.extend_from_slice(format!("{len:x}\r\n").as_bytes());
        expected.extend_from_slice(&content);
        expected.extend_from_slice(b"\r\n");
        match fill {
            EXTERNAL => conn.send_external(&mut tx, len as u64).unwrap(),
            _ if n % 2 == 0 => conn.send_slice(&mut tx, &content).unwrap(),
            _ => conn.send_data(&mut tx, Bytes::from(content)).unwrap(),
        }
        for _ in 0..random.below(8) {
            let (room, slots) = (1 + random.below(2000), 1 + random.below(8));
            take(&mut tx, &mut out, room, slots);
        }
        assert_eq!(tx.queued() as usize, expected.len() - out.len());
    }
    conn.send_end(&mut tx).unwrap();
    expected.extend_from_slice(b"0\r\n\r\n");
    while !tx.is_empty() {
        take(&mut tx, &mut out, 1 + random.below(500), 8);
    }
    assert!(out == expected, "seed {seed}");
}

#[test]
fn partial_writes_of_any_size() {
    for seed in 1..=40 {
        scenario(seed);
    }
}

#[test]
fn small_message_is_one_slice_and_long_content_is_not_copied() {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    let long = Bytes::from(vec![b'x'; 257]);
    while !matches!(conn.next_event(&mut rx).unwrap(), Event::Paused) {}
    conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::Length(256))
        .unwrap();
    conn.send_data(&mut tx, long.slice(..256)).unwrap();
    assert_eq!(tx.slices().count(), 1);
    conn.next_cycle().unwrap();
    while !matches!(conn.next_event(&mut rx).unwrap(), Event::NeedData) {}
    conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::Length(257))
        .unwrap();
    conn.send_data(&mut tx, long.clone()).unwrap();
    let slices: Vec<&[u8]> = tx.slices().collect();
    assert_eq!(
        slices.len(),
        2,
        "both heads and the short content, then the long content"
    );
    assert_eq!(slices[1].as_ptr(), long.as_ptr());
}

#[test]
fn queue_that_is_never_empty_stays_small() {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(matches!(conn.next_event(&mut rx), Ok(Event::Request(_))));
    conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::UntilClose)
        .unwrap();
    let content = Bytes::from_static(&[b'x'; 100]);
    let mut places = Vec::new();
    for _ in 0..10_000 {
        conn.send_data(&mut tx, content.clone()).unwrap();
        tx.advance(content.len() as u64);
        places.push(tx.slices().next().unwrap().as_ptr().addr());
    }
    // Where all that was sent is kept, the last thousand lie one behind the other.
    let last = &places[9_000..];
    let span = last.iter().max().unwrap() - last.iter().min().unwrap();
    assert!(span < 50_000, "{span}");
}
