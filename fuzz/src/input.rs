//! What an input says besides the bytes on the wire: limits, choices, cuts.

use h1_core::Limits;

/// The bytes of limits at the start of an input.
pub(crate) const LIMITS: usize = 10;

/// Limits that are never above the default ones: 0 stands for the default, 255 for 0.
pub(crate) fn limits(bytes: &[u8; LIMITS]) -> Limits {
    let all = Limits::default();
    let of = |n: usize, unit: u32, default: u32| match bytes[n] {
        0 => default,
        255 => 0,
        b => default.min(u32::from(b) * unit),
    };
    Limits {
        method: of(0, 1, all.method.into()) as u16,
        request_line: of(1, 1, all.request_line),
        head: of(2, 2, all.head),
        fields: of(3, 1, all.fields.into()) as u16,
        chunk_line: of(4, 1, all.chunk_line.into()) as u16,
        chunk_overhead: of(5, 1, all.chunk_overhead),
        trailers: of(6, 1, all.trailers),
        body: match bytes[7] {
            0 => all.body,
            255 => 0,
            b => b.into(),
        },
        informational: of(8, 1, all.informational.into()) as u16,
        buffer: of(9, 1, all.buffer),
    }
}

/// A pseudo-random sequence (xorshift64) that the input seeds.
#[derive(Clone, Debug)]
pub(crate) struct Cuts(u64);

impl Cuts {
    pub(crate) fn new(seed: u16) -> Self {
        Self((u64::from(seed) << 1 | 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A length from 1 to `most`: often short, sometimes all of it.
    pub(crate) fn len(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let longest = [1, 3, 16, 100, 1000, u64::MAX][(self.0 >> 32) as usize % 6];
        1 + (self.0 & 0xffff) % most.min(longest).max(1)
    }

    /// Whether to do a thing that is done half the time.
    pub(crate) fn flip(&mut self) -> bool {
        self.len(2) == 1
    }

    /// `input` in pieces, none empty.
    pub(crate) fn pieces<'i>(&mut self, mut input: &'i [u8]) -> Vec<&'i [u8]> {
        let mut pieces = Vec::new();
        while !input.is_empty() {
            let (piece, rest) = input.split_at(self.len(input.len() as u64) as usize);
            pieces.push(piece);
            input = rest;
        }
        pieces
    }
}
