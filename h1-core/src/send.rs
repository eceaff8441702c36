//! Bytes out.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::fmt;
#[cfg(feature = "std")]
use std::io::IoSlice;

use bytes::{Buf, Bytes};

/// Content up to this length is copied beside the bytes around it, so that a small message is one
/// slice; longer content is shared.
const COPY_MAX: usize = 256;

/// Scratch bytes already sent that may lie before those still to be sent.
const DEAD_MAX: usize = 4096;

/// Scratch bytes that an empty queue keeps for the next message.
const KEPT: usize = 16 * 1024;

/// A run of bytes to send.
enum Segment {
    /// So many of the scratch bytes.
    Own(usize),
    Shared(Bytes),
    /// So many bytes that the caller writes itself.
    External(u64),
}

/// The bytes to be sent, in order.
///
/// Small pieces, such as heads and the lines around chunks, lie in one buffer that is kept;
/// content is shared; bytes that the caller will write itself, such as those of a file, are holes
/// of a given length.
///
/// ```
/// # use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, Status, Transmit};
/// # use std::io::{IoSlice, Write};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let limits = Limits::default();
/// # let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// # rx.receive(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
/// # conn.next_event(&mut rx)?;
/// # let mut socket = Vec::new();
/// let mut tx = SendQueue::new();
/// conn.send_response(&mut tx, Status::OK, [("X", "y")], Body::Length(2))?;
/// conn.send_data(&mut tx, "hi".into())?;
///
/// loop {
///     let mut iov = [IoSlice::new(&[]); 8];
///     let Transmit::Slices(n) = tx.transmit(&mut iov) else { break };
///     let written = socket.write_vectored(&iov[..n])?;
///     tx.advance(written as u64);
/// }
/// assert_eq!(socket, b"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nhi");
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
pub struct SendQueue {
    segments: VecDeque<Segment>,
    /// The bytes of the `Own` segments, behind `dead` bytes that have been sent.
    scratch: Vec<u8>,
    dead: usize,
    queued: u64,
}

/// What to send next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transmit {
    /// So many slices, at least one.
    Slices(usize),
    /// So many bytes that the caller announced with
    /// [`send_external`](crate::ServerConnection::send_external) and writes itself.
    External(u64),
    /// Nothing.
    Idle,
}

impl SendQueue {
    /// An empty queue. It allocates when something is queued.
    pub fn new() -> Self {
        Self::default()
    }

    /// The bytes still to be sent, external ones included. Callers stop producing above some
    /// level of it, and go on below another.
    pub fn queued(&self) -> u64 {
        self.queued
    }

    /// Whether everything has been sent.
    pub fn is_empty(&self) -> bool {
        self.queued == 0
    }

    /// What to send next. Fills `iov` from its start with as many slices as there are before the
    /// next external bytes, and as fit.
    #[cfg(feature = "std")]
    pub fn transmit<'q>(&'q self, iov: &mut [IoSlice<'q>]) -> Transmit {
        let mut n = 0;
        for (slot, slice) in iov.iter_mut().zip(self.slices()) {
            *slot = IoSlice::new(slice);
            n += 1;
        }
        match n {
            0 => self.external().map_or(Transmit::Idle, Transmit::External),
            n => Transmit::Slices(n),
        }
    }

    /// The slices before the next external bytes.
    pub fn slices(&self) -> impl Iterator<Item = &[u8]> {
        let mut own = &self.scratch[self.dead..];
        self.segments
            .iter()
            .map_while(move |segment| match segment {
                Segment::Own(len) => {
                    let (slice, rest) = own.split_at(*len);
                    own = rest;
                    Some(slice)
                }
                Segment::Shared(bytes) => Some(bytes.as_ref()),
                Segment::External(_) => None,
            })
    }

    /// The external bytes that come next, if they do.
    pub fn external(&self) -> Option<u64> {
        match self.segments.front() {
            Some(Segment::External(len)) => Some(*len),
            _ => None,
        }
    }

    /// `n` bytes have been sent. More than [`queued`](SendQueue::queued) is a mistake of the
    /// caller: a panic in debug builds, cut to what is queued otherwise.
    pub fn advance(&mut self, n: u64) {
        debug_assert!(n <= self.queued, "sent {n} bytes of {}", self.queued);
        let mut n = n.min(self.queued);
        self.queued -= n;
        while n > 0
            && let Some(segment) = self.segments.front_mut()
        {
            let len = segment.len().min(n);
            n -= len;
            match segment {
                Segment::Own(left) => {
                    *left -= len as usize;
                    self.dead += len as usize;
                }
                Segment::Shared(bytes) => bytes.advance(len as usize),
                Segment::External(left) => *left -= len,
            }
            if segment.len() == 0 {
                self.segments.pop_front();
            }
        }
        self.reclaim();
    }

    /// Drops everything that is queued.
    pub fn clear(&mut self) {
        self.queued = 0;
        self.segments.clear();
        self.reclaim();
    }

    fn reclaim(&mut self) {
        if self.segments.is_empty() {
            self.scratch.clear();
            self.scratch.shrink_to(KEPT);
            self.dead = 0;
        } else if self.dead > DEAD_MAX && self.dead > self.scratch.len() / 2 {
            self.scratch.drain(..self.dead);
            self.dead = 0;
        }
    }

    /// Lets `write` append to the scratch bytes; what it appended is queued, unless it fails.
    pub(crate) fn write<T, E>(
        &mut self,
        write: impl FnOnce(&mut Vec<u8>) -> Result<T, E>,
    ) -> Result<T, E> {
        let before = self.scratch.len();
        let result = write(&mut self.scratch);
        if result.is_err() {
            self.scratch.truncate(before);
        }
        self.own(self.scratch.len() - before);
        result
    }

    pub(crate) fn push(&mut self, data: Bytes) {
        if data.len() <= COPY_MAX {
            self.push_slice(&data);
        } else {
            self.queued = self.queued.saturating_add(data.len() as u64);
            self.segments.push_back(Segment::Shared(data));
        }
    }

    pub(crate) fn push_slice(&mut self, data: &[u8]) {
        self.scratch.extend_from_slice(data);
        self.own(data.len());
    }

    pub(crate) fn push_external(&mut self, len: u64) {
        self.queued = self.queued.saturating_add(len);
        self.segments.push_back(Segment::External(len));
    }

    /// The last `len` scratch bytes are new.
    fn own(&mut self, len: usize) {
        self.queued = self.queued.saturating_add(len as u64);
        match self.segments.back_mut() {
            Some(Segment::Own(last)) => *last += len,
            _ if len > 0 => self.segments.push_back(Segment::Own(len)),
            _ => {}
        }
    }
}

impl Segment {
    fn len(&self) -> u64 {
        match self {
            Self::Own(len) => *len as u64,
            Self::Shared(bytes) => bytes.len() as u64,
            Self::External(len) => *len,
        }
    }
}

impl fmt::Debug for SendQueue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendQueue")
            .field("queued", &self.queued)
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}
