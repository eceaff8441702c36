//! What both roles of a connection do alike.

use std::fmt;

use bytes::Bytes;
use h1_core::{
    Awaiting, ClientConnection, ClientEvent, Error, ErrorKind, Event, Fields, RecvBuf, RequestHead,
    ResponseHead, SendError, SendQueue, ServerConnection, State,
};

use crate::log::{self, Lines};

/// Field lines to send.
pub(crate) type Given<'f> = &'f [(&'f str, &'f [u8])];

/// An event of either role with what it lent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    Informational(Head),
    /// Of a request, or of a final response.
    Head(Head),
    Data(Vec<u8>),
    End(Lines),
    NeedData,
    Paused,
    Closed,
    Error(Error),
}

/// A head of either kind: method and target, or status and reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) start: (String, String),
    pub(crate) fields: Lines,
    pub(crate) body: h1_core::Body,
}

/// A connection of either role.
pub(crate) trait Peer: Clone + fmt::Debug {
    /// This side and the other one.
    fn states(&self) -> (State, State);
    fn event(&mut self, rx: &mut RecvBuf) -> Got;
    /// The last head once more.
    fn head(&self, rx: &RecvBuf) -> Option<Head>;
    fn awaiting(&self, rx: &RecvBuf) -> Awaiting;
    fn body_received(&self) -> u64;
    fn wants_close(&self) -> bool;
    fn set_body_limit(&mut self, max: u64) -> Result<(), Error>;
    fn disable_keep_alive(&mut self);
    fn refuse(&mut self, kind: ErrorKind) -> Error;
    fn next_cycle(&mut self) -> Result<(), SendError>;
    fn send_data(&mut self, tx: &mut SendQueue, data: Bytes) -> Result<(), SendError>;
    fn send_slice(&mut self, tx: &mut SendQueue, data: &[u8]) -> Result<(), SendError>;
    fn send_external(&mut self, tx: &mut SendQueue, len: u64) -> Result<(), SendError>;
    fn send_end(&mut self, tx: &mut SendQueue) -> Result<(), SendError>;
    fn send_trailers(&mut self, tx: &mut SendQueue, fields: Given) -> Result<(), SendError>;
    fn send_failed(&mut self);
}

macro_rules! peer {
    ($conn:ty, $head:ident) => {
        impl Peer for $conn {
            fn states(&self) -> (State, State) {
                (self.state(), self.peer_state())
            }

            fn event(&mut self, rx: &mut RecvBuf) -> Got {
                match self.next_event(rx) {
                    Ok(event) => Got::from(event),
                    Err(error) => Got::Error(error),
                }
            }

            fn head(&self, rx: &RecvBuf) -> Option<Head> {
                self.$head(rx).map(Head::from)
            }

            fn awaiting(&self, rx: &RecvBuf) -> Awaiting {
                self.awaiting(rx)
            }

            fn body_received(&self) -> u64 {
                self.body_received()
            }

            fn wants_close(&self) -> bool {
                self.wants_close()
            }

            fn set_body_limit(&mut self, max: u64) -> Result<(), Error> {
                self.set_body_limit(max)
            }

            fn disable_keep_alive(&mut self) {
                self.disable_keep_alive();
            }

            fn refuse(&mut self, kind: ErrorKind) -> Error {
                self.refuse(kind)
            }

            fn next_cycle(&mut self) -> Result<(), SendError> {
                self.next_cycle()
            }

            fn send_data(&mut self, tx: &mut SendQueue, data: Bytes) -> Result<(), SendError> {
                self.send_data(tx, data)
            }

            fn send_slice(&mut self, tx: &mut SendQueue, data: &[u8]) -> Result<(), SendError> {
                self.send_slice(tx, data)
            }

            fn send_external(&mut self, tx: &mut SendQueue, len: u64) -> Result<(), SendError> {
                self.send_external(tx, len)
            }

            fn send_end(&mut self, tx: &mut SendQueue) -> Result<(), SendError> {
                self.send_end(tx)
            }

            fn send_trailers(
                &mut self,
                tx: &mut SendQueue,
                fields: Given,
            ) -> Result<(), SendError> {
                self.send_trailers(tx, fields.iter().copied())
            }

            fn send_failed(&mut self) {
                self.send_failed();
            }
        }
    };
}

peer!(ServerConnection, request);
peer!(ClientConnection, response);

impl From<Event<'_>> for Got {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Request(head) => Self::Head(head.into()),
            Event::Data(bytes) => Self::Data(bytes.to_vec()),
            Event::EndOfMessage(trailers) => Self::end(trailers),
            Event::NeedData => Self::NeedData,
            Event::Paused => Self::Paused,
            Event::Closed => Self::Closed,
        }
    }
}

impl From<ClientEvent<'_>> for Got {
    fn from(event: ClientEvent<'_>) -> Self {
        match event {
            ClientEvent::Informational(head) => Self::Informational(head.into()),
            ClientEvent::Response(head) => Self::Head(head.into()),
            ClientEvent::Data(bytes) => Self::Data(bytes.to_vec()),
            ClientEvent::EndOfMessage(trailers) => Self::end(trailers),
            ClientEvent::NeedData => Self::NeedData,
            ClientEvent::Paused => Self::Paused,
            ClientEvent::Closed => Self::Closed,
        }
    }
}

impl Got {
    fn end(trailers: Fields<'_>) -> Self {
        Self::End(log::lines(trailers))
    }
}

impl From<RequestHead<'_>> for Head {
    fn from(head: RequestHead<'_>) -> Self {
        Self {
            start: (head.method().to_string(), head.target().to_owned()),
            fields: log::lines(head.fields()),
            body: head.body(),
        }
    }
}

impl From<ResponseHead<'_>> for Head {
    fn from(head: ResponseHead<'_>) -> Self {
        let reason = String::from_utf8_lossy(head.reason()).into_owned();
        Self {
            start: (head.status().to_string(), reason),
            fields: log::lines(head.fields()),
            body: head.body(),
        }
    }
}
