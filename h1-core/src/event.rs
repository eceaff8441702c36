//! What happens on a connection.

use crate::{Fields, RequestHead, ResponseHead};

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

/// What a client reads from its peer. A response is any number of `Informational`, one `Response`,
/// any number of `Data`, one `EndOfMessage`, in this order.
#[derive(Clone, Copy, Debug)]
pub enum ClientEvent<'b> {
    /// An informational response; a final one follows, but after 101, which ends HTTP on this
    /// connection.
    Informational(ResponseHead<'b>),
    /// The head of the final response.
    Response(ResponseHead<'b>),
    /// A piece of content, never empty; where it is cut says nothing.
    Data(&'b [u8]),
    /// The response is whole. Holds the trailer fields, of which there are none but after chunked
    /// content.
    EndOfMessage(Fields<'b>),
    /// Nothing more can be read before more bytes are received.
    NeedData,
    /// The connection has switched, and the bytes in the buffer belong to the other protocol.
    Paused,
    /// The server has ended its stream, and owes no response.
    Closed,
}

/// What the peer is expected to send: which clock runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaiting {
    /// Nothing: its message is whole, or broken; or, in the client's role, nothing was asked.
    Nothing,
    /// The first byte of a message: of a request in the server's role, of a response in the
    /// client's.
    Message,
    /// The rest of a head.
    Head,
    /// The rest of the content or of the trailer section.
    Body,
}
