//! What a queue must hold.

use std::collections::VecDeque;

use h1_core::SendQueue;

/// The bytes and holes that were queued and not yet sent.
#[derive(Debug, Default)]
pub(super) struct Expected(VecDeque<Part>);

#[derive(Debug)]
enum Part {
    Bytes(VecDeque<u8>),
    External(u64),
}

impl Expected {
    /// Takes all that `fresh` holds; returns whether that was nothing.
    pub(super) fn append(&mut self, fresh: &mut SendQueue) -> bool {
        let none = fresh.is_empty();
        while !fresh.is_empty() {
            let bytes: Vec<u8> = fresh.slices().flatten().copied().collect();
            match (fresh.external(), self.0.back_mut()) {
                (Some(len), _) => {
                    assert!(bytes.is_empty());
                    self.0.push_back(Part::External(len));
                    fresh.advance(len);
                    continue;
                }
                (None, Some(Part::Bytes(last))) => last.extend(&bytes),
                (None, _) => self
                    .0
                    .push_back(Part::Bytes(bytes.iter().copied().collect())),
            }
            fresh.advance(bytes.len() as u64);
        }
        none
    }

    /// `n` bytes were sent.
    pub(super) fn advance(&mut self, mut n: u64) {
        while let Some(part) = self.0.front_mut()
            && n > 0
        {
            let len = n.min(part.len());
            n -= len;
            match part {
                Part::Bytes(bytes) => drop(bytes.drain(..len as usize)),
                Part::External(left) => *left -= len,
            }
            if part.len() == 0 {
                self.0.pop_front();
            }
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// `tx` holds this.
    pub(super) fn check(&self, tx: &SendQueue) {
        assert_eq!(tx.queued(), self.0.iter().map(Part::len).sum());
        assert_eq!(tx.is_empty(), self.0.is_empty());
        let mut slices = tx.slices().flatten();
        match self.0.front() {
            Some(Part::Bytes(bytes)) => {
                assert!(slices.eq(bytes));
                assert_eq!(tx.external(), None);
            }
            Some(Part::External(len)) => {
                assert_eq!(slices.next(), None);
                assert_eq!(tx.external(), Some(*len));
            }
            None => {
                assert_eq!(slices.next(), None);
                assert_eq!(tx.external(), None);
            }
        }
    }
}

impl Part {
    fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::External(len) => *len,
        }
    }
}
