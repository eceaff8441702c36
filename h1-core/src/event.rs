//! What happens on a connection.

use crate::{Fields, RequestHead};

/// What a server reads from its peer. A request is one `Request`, any number of `Data`, one
/// `EndOfMessage`, in this order.
#[derive(Clone, Copy, Debug)]
pub enum Event<'b> {
    /// A whole request head.
    Request(RequestHead<'b>),
    /// A piece of content, never empty; where it is cut says nothing.
    Data(&'b [u8]),
    /// The request is whole. Holds the trailer fields, of which there are none but after chunked
    /// content.
    EndOfMessage(Fields<'b>),
    /// Nothing more can be read before more bytes are received.
    NeedData,
    /// More has come behind a whole request. It is read once the response is whole and
    /// [`next_cycle`](crate::ServerConnection::next_cycle) was called; never, where the connection
    /// is to be closed after this response (RFC 9112, section 9.6); and it belongs to the other
    /// protocol, where the connection has switched.
    Paused,
    /// The peer has ended its stream, between two messages.
    Closed,
}

/// What the peer is expected to send: which clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// Nothing: its request is whole, or broken.
    Nothing,
    /// The first byte of a request.
    Request,
    /// The rest of a head.
    Head,
    /// The rest of the content or of the trailer section.
    Body,
}
