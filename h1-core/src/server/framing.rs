//! How a response says where its content ends, and what content it must then have.

use alloc::vec::Vec;

use crate::{Body, SendError, Status, encode};

/// What the content of the response being sent must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// There is no response yet.
    None,
    /// The same, to HEAD: its response has no content, whatever it declares.
    Head,
    /// Content is thrown away, as the response to HEAD has none.
    Discard,
    /// So many bytes are missing.
    Length(u64),
    Chunked,
    UntilClose,
}

impl Outgoing {
    pub(super) fn new(method: &str) -> Self {
        match method {
            "HEAD" => Self::Head,
            _ => Self::None,
        }
    }

    /// Decides how the response is framed (RFC 9112, section 6.3).
    pub(super) fn frame(
        self,
        status: Status,
        body: Body,
        http10: bool,
    ) -> Result<(Framing, Outgoing), SendError> {
        let (framing, outgoing) = match body {
            Body::None => (Framing::Length(0), Self::Length(0)),
            Body::Length(len) => (Framing::Length(len), Self::Length(len)),
            Body::Chunked if !http10 => (Framing::Chunked, Self::Chunked),
            Body::Chunked | Body::UntilClose => (Framing::Silent, Self::UntilClose),
        };
        match status {
            Status::NO_CONTENT if body == Body::None => Ok((Framing::Silent, Self::Discard)),
            Status::NOT_MODIFIED if body == Body::None => Ok((Framing::Silent, Self::Discard)),
            Status::NO_CONTENT => Err(SendError::NoContent(status)),
            Status::NOT_MODIFIED => Ok((framing, Self::Discard)),
            Status::RESET_CONTENT if body != Body::None => Err(SendError::NoContent(status)),
            _ if self == Self::Head => Ok((framing, Self::Discard)),
            _ => Ok((framing, outgoing)),
        }
    }
}

/// How a response says what follows its head.
#[derive(Clone, Copy)]
pub(super) enum Framing {
    Silent,
    Length(u64),
    Chunked,
}

impl Framing {
    pub(super) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Silent => {}
            Self::Length(len) => {
                out.extend_from_slice(b"Content-Length: ");
                encode::decimal(out, len);
                out.extend_from_slice(b"\r\n");
            }
            Self::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        }
    }
}
