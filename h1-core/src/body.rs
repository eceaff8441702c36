//! Where the content of a message ends.

use crate::chunked::ChunkDecoder;
use crate::head::parse::FieldParser;
use crate::{Body, Limits};

/// What is left of the message that is being read.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BodyReader {
    /// Nothing.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks.
    Chunked(ChunkDecoder),
    /// The trailer section behind the last chunk.
    Trailers(FieldParser),
    /// More than the limit; all that the limit allows has been lent.
    OverLimit,
}

impl BodyReader {
    pub(crate) fn new(body: Body, limits: &Limits) -> Self {
        match body {
            Body::Length(len) => Self::Length(len),
            Body::Chunked => Self::Chunked(ChunkDecoder::new(limits)),
            Body::None | Body::UntilClose => Self::None,
        }
    }
}
