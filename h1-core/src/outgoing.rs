//! The content of the message that is being sent, in either role.

use alloc::vec::Vec;
use core::convert::Infallible;

use crate::state::Input;
use crate::{Body, SendError, SendQueue, State, Status, encode};

/// What the content of the message must look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing {
    /// No head has been sent.
    None,
    /// The same, and it will answer HEAD: it has no content, whatever it declares.
    Head,
    /// Content is thrown away, as this message has none.
    Discard,
    /// So many bytes are missing.
    Length(u64),
    Chunked,
    UntilClose,
}

/// How a head says what follows it.
#[derive(Clone, Copy)]
pub(crate) enum Declared {
    Silent,
    Length(u64),
    Chunked,
}

impl Outgoing {
    /// For a response to `method`.
    pub(crate) fn answering(method: &[u8]) -> Self {
        match method {
            b"HEAD" => Self::Head,
            _ => Self::None,
        }
    }

    /// Decides how a response is framed (RFC 9112, section 6.3).
    pub(crate) fn response(
        self,
        status: Status,
        body: Body,
        http10: bool,
    ) -> Result<(Declared, Self), SendError> {
        let (framing, outgoing) = match body {
            Body::None => (Declared::Length(0), Self::Length(0)),
            Body::Length(len) => (Declared::Length(len), Self::Length(len)),
            Body::Chunked if !http10 => (Declared::Chunked, Self::Chunked),
            Body::Chunked | Body::UntilClose => (Declared::Silent, Self::UntilClose),
        };
        match status {
            Status::NO_CONTENT | Status::NOT_MODIFIED if body == Body::None => {
                Ok((Declared::Silent, Self::Discard))
            }
            Status::NO_CONTENT => Err(SendError::NoContent(status)),
            Status::NOT_MODIFIED => Ok((framing, Self::Discard)),
            Status::RESET_CONTENT if body != Body::None => Err(SendError::NoContent(status)),
            _ if self == Self::Head => Ok((framing, Self::Discard)),
            _ => Ok((framing, outgoing)),
        }
    }

    /// Decides how a request is framed. Methods that usually bring content say that there is none
    /// (RFC 9110, section 8.6).
    pub(crate) fn request(method: &str, body: Body) -> Result<(Declared, Self), SendError> {
        match body {
            Body::None if matches!(method, "POST" | "PUT" | "PATCH") => {
                Ok((Declared::Length(0), Self::Length(0)))
            }
            Body::None => Ok((Declared::Silent, Self::Length(0))),
            Body::Length(len) => Ok((Declared::Length(len), Self::Length(len))),
            Body::Chunked => Ok((Declared::Chunked, Self::Chunked)),
            Body::UntilClose => Err(SendError::UnframedRequest),
        }
    }

    /// Whether the message is whole with its head.
    pub(crate) fn is_whole(self) -> bool {
        matches!(self, Self::Discard | Self::Length(0))
    }

    /// Lets `push` queue `len` bytes of content, within their framing. Returns what was sent, if
    /// anything was.
    pub(crate) fn content(
        &mut self,
        tx: &mut SendQueue,
        state: State,
        len: u64,
        push: impl FnOnce(&mut SendQueue),
    ) -> Result<Option<Input>, SendError> {
        match self {
            Self::Discard => return Ok(None),
            _ if len == 0 => return Ok(None),
            Self::Length(left) if len > *left => return Err(SendError::TooMuchBody),
            _ if state != State::SendBody => return Err(SendError::WrongState(state)),
            Self::Length(left) => {
                *left -= len;
                push(tx);
            }
            Self::Chunked => {
                write(tx, |out| encode::chunk_size(out, len));
                push(tx);
                write(tx, |out| out.extend_from_slice(b"\r\n"));
            }
            Self::None | Self::Head | Self::UntilClose => push(tx),
        }
        Ok(Some(match self {
            Self::Length(0) => Input::EndOfMessage,
            _ => Input::Data,
        }))
    }

    /// Queues the end of the message with its trailer fields. Returns what was sent, if the message
    /// was not whole before.
    pub(crate) fn end<N, V>(
        &mut self,
        tx: &mut SendQueue,
        state: State,
        fields: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Option<Input>, SendError>
    where
        N: AsRef<str>,
        V: AsRef<[u8]>,
    {
        let mut fields = fields.into_iter().peekable();
        let bare = fields.peek().is_none();
        match self {
            Self::Discard => return Ok(None),
            Self::Length(0) if bare => return Ok(None),
            _ if state != State::SendBody => return Err(SendError::WrongState(state)),
            Self::Length(1..) => return Err(SendError::TooLittleBody),
            Self::Chunked => tx.write(|out| {
                out.extend_from_slice(b"0\r\n");
                encode::trailer_lines(out, fields)?;
                out.extend_from_slice(b"\r\n");
                Ok(())
            })?,
            _ if !bare => return Err(SendError::NoTrailers),
            _ => {}
        }
        Ok(Some(Input::EndOfMessage))
    }
}

impl Declared {
    pub(crate) fn write(self, out: &mut Vec<u8>) {
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

fn write(tx: &mut SendQueue, write: impl FnOnce(&mut Vec<u8>)) {
    let Ok(()) = tx.write::<(), Infallible>(|out| {
        write(out);
        Ok(())
    });
}
