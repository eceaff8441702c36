//! Bytes in.

use alloc::vec::Vec;
use core::fmt;

use crate::Limits;
use crate::head::fields::FieldIndex;

/// The bytes received and not yet read: a window that slides over one allocation.
///
/// Bytes come in with [`receive`](RecvBuf::receive), or without a copy by reading into
/// [`unfilled`](RecvBuf::unfilled). Events lend them out; what an event has lent is dropped by the
/// next call that reads. When the buffer is full it takes no more: that is the back-pressure.
///
/// ```
/// # use h1_core::{Event, Limits, RecvBuf, ServerConnection};
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mut socket: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// use std::io::Read;
///
/// let limits = Limits::default();
/// let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
/// let n = socket.read(rx.unfilled())?;
/// rx.filled(n);
/// assert!(matches!(conn.next_event(&mut rx)?, Event::Request(_)));
/// # Ok(())
/// # }
/// ```
pub struct RecvBuf {
    /// Zeroed once, so that a socket can read into all of it.
    storage: Vec<u8>,
    /// The first byte that the last event lent.
    start: usize,
    /// How many it lent.
    lent: usize,
    /// The first pending byte.
    next: usize,
    end: usize,
    closed: bool,
    /// The first size of `storage`.
    first: usize,
    /// Where the field lines of the last head or trailer section lie.
    pub(crate) index: Vec<FieldIndex>,
}

impl RecvBuf {
    /// An empty buffer. It allocates [`Limits::buffer`] bytes when the first ones come, and
    /// more only for a head or a trailer section that needs it.
    pub fn new(limits: &Limits) -> Self {
        Self {
            storage: Vec::new(),
            start: 0,
            lent: 0,
            next: 0,
            end: 0,
            closed: false,
            first: limits.buffer.max(1) as usize,
            index: Vec::new(),
        }
    }

    /// Copies as many of `bytes` as fit, and returns how many those are.
    ///
    /// ```
    /// # use h1_core::{Limits, RecvBuf};
    /// let mut rx = RecvBuf::new(&Limits { buffer: 4, ..Default::default() });
    /// assert_eq!(rx.receive(b"abcdef"), 4);
    /// assert_eq!(rx.pending(), b"abcd");
    /// ```
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let room = self.unfilled();
        let n = room.len().min(bytes.len());
        room[..n].copy_from_slice(&bytes[..n]);
        self.filled(n);
        n
    }

    /// The room for more bytes; empty when the buffer is full.
    pub fn unfilled(&mut self) -> &mut [u8] {
        if self.storage.is_empty() {
            self.storage.resize(self.first, 0);
        }
        // A move must be paid for by at least as many bytes read before it.
        let scarce = self.storage.len() - self.end < self.storage.len() / 2;
        if scarce && self.end - self.start <= self.start {
            self.compact();
        }
        &mut self.storage[self.end..]
    }

    /// The first `n` bytes of [`unfilled`](RecvBuf::unfilled) have been written. More than there
    /// was room for is a mistake of the caller: a panic in debug builds, cut to the room otherwise.
    pub fn filled(&mut self, n: usize) {
        let room = self.storage.len() - self.end;
        debug_assert!(n <= room, "filled {n} bytes of {room}");
        self.end += n.min(room);
    }

    /// The stream has ended: no byte will come after those received.
    pub fn close(&mut self) {
        self.closed = true;
    }

    /// Whether [`close`](RecvBuf::close) was called.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// The bytes that no event has lent yet. After a switch of protocols they are the first ones of
    /// the other protocol.
    pub fn pending(&self) -> &[u8] {
        &self.storage[self.next..self.end]
    }

    /// Drops `n` pending bytes, or as many as there are: those that stand before the first message and belong
    /// to none, such as what a proxy says about the connection.
    ///
    /// ```
    /// # use h1_core::{Limits, RecvBuf};
    /// let mut rx = RecvBuf::new(&Limits::default());
    /// rx.receive(b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n");
    /// rx.skip(15);
    /// assert_eq!(rx.pending(), b"GET / HTTP/1.1\r\n");
    /// ```
    pub fn skip(&mut self, n: usize) {
        let n = n.min(self.pending().len());
        self.discard(n);
    }

    /// Drops all bytes. For a connection that reads no further message, as after an error: one that is
    /// in the middle of a message would take what comes next for its middle.
    pub fn clear(&mut self) {
        self.start = 0;
        self.lent = 0;
        self.next = 0;
        self.end = 0;
    }

    /// The bytes that the last event lent.
    pub(crate) fn lent(&self) -> &[u8] {
        &self.storage[self.start..self.start + self.lent]
    }

    /// The pending bytes while none are lent, and where to note the field lines in them.
    #[inline]
    pub(crate) fn parts(&mut self) -> (&mut [u8], &mut Vec<FieldIndex>) {
        debug_assert_eq!(self.start, self.next);
        (&mut self.storage[self.next..self.end], &mut self.index)
    }

    /// Drops `skipped` pending bytes and lends the next `n`.
    pub(crate) fn lend(&mut self, skipped: usize, n: usize) {
        self.start = self.next + skipped;
        self.lent = n;
        self.next = self.start + n;
    }

    /// Lets `join` move pending bytes to those that are lent. It is given all bytes and how many are
    /// lent, and returns how many those are then and how many behind them go with them. Returns by how
    /// much they grew.
    pub(crate) fn join(
        &mut self,
        join: impl FnOnce(&mut [u8], usize) -> (usize, usize),
    ) -> (usize, usize) {
        let before = self.lent;
        let (lent, gap) = join(&mut self.storage[self.start..self.end], before);
        self.lent = lent;
        self.next = self.start + lent + gap;
        (lent - before, gap)
    }

    /// Drops what was lent and `n` bytes after it.
    pub(crate) fn discard(&mut self, n: usize) {
        self.next += n;
        self.start = self.next;
        self.lent = 0;
        if self.next == self.end {
            self.clear();
            if self.storage.len() > self.first {
                self.storage.truncate(self.first);
                self.storage.shrink_to_fit();
            }
        }
    }

    /// Makes room for a head or a trailer section that has not come whole; it has `whole` bytes at
    /// most.
    pub(crate) fn make_room(&mut self, whole: usize) {
        if self.end < self.storage.len() {
            return;
        }
        match self.start {
            0 => {
                let size = (self.storage.len() * 2).min(whole);
                let more = size.saturating_sub(self.storage.len());
                self.storage.reserve_exact(more);
                self.storage.resize(self.storage.len() + more, 0);
            }
            _ => self.compact(),
        }
    }

    fn compact(&mut self) {
        if self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            self.next -= self.start;
            self.end -= self.start;
            self.start = 0;
        }
    }
}

impl fmt::Debug for RecvBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvBuf")
            .field("pending", &self.pending().len())
            .field("capacity", &self.storage.len())
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
