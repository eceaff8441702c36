//! Chunked content by a loop around `httparse::parse_chunk_size`.

use httparse::{Status, parse_chunk_size};

/// As much as an h1-core connection buffers.
const CAPACITY: usize = 16 * 1024;

/// A window of bytes, and where in a chunk it begins.
pub struct Chunks {
    storage: Vec<u8>,
    start: usize,
    end: usize,
    state: State,
}

enum State {
    Size,
    /// So many bytes of a chunk.
    Data(usize),
    /// The line end behind a chunk.
    LineEnd,
    /// The line end behind the last chunk. There may be no trailer field.
    LastLineEnd,
    Done,
}

impl Chunks {
    /// An empty window, before the first chunk.
    pub fn new() -> Self {
        Self {
            storage: vec![0; CAPACITY],
            start: 0,
            end: 0,
            state: State::Size,
        }
    }

    /// Reads the chunked content `input`, as from a socket, and hands out what it finds.
    pub fn read(&mut self, mut input: &[u8], mut data: impl FnMut(&[u8])) {
        self.state = State::Size;
        while !matches!(self.state, State::Done) {
            let n = self.receive(input);
            assert!(n > 0, "the content has no end");
            input = &input[n..];
            while self.piece(&mut data) {}
        }
    }

    fn receive(&mut self, bytes: &[u8]) -> usize {
        self.storage.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let n = bytes.len().min(CAPACITY - self.end);
        self.storage[self.end..self.end + n].copy_from_slice(&bytes[..n]);
        self.end += n;
        n
    }

    /// Reads on; returns whether there was enough for that.
    fn piece(&mut self, data: &mut impl FnMut(&[u8])) -> bool {
        let pending = &self.storage[self.start..self.end];
        let (read, next) = match self.state {
            State::Size => match parse_chunk_size(pending).unwrap() {
                Status::Complete((line, 0)) => (line, State::LastLineEnd),
                Status::Complete((line, size)) => (line, State::Data(size as usize)),
                Status::Partial => return false,
            },
            State::Data(left) => {
                let n = left.min(pending.len());
                if n == 0 {
                    return false;
                }
                data(&pending[..n]);
                match left - n {
                    0 => (n, State::LineEnd),
                    left => (n, State::Data(left)),
                }
            }
            State::LineEnd | State::LastLineEnd => match pending {
                [b'\r', b'\n', ..] => match self.state {
                    State::LineEnd => (2, State::Size),
                    _ => (2, State::Done),
                },
                [] | [b'\r'] => return false,
                _ => panic!("no CRLF behind a chunk"),
            },
            State::Done => return false,
        };
        self.start += read;
        self.state = next;
        true
    }
}

impl Default for Chunks {
    fn default() -> Self {
        Self::new()
    }
}
