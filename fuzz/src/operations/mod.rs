//! Calls in any order.

mod queue;
mod side;

use arbitrary::Arbitrary;
use h1_core::{
    Body, ClientConnection, Error, ErrorKind, NO_FIELDS, SendError, SendQueue, ServerConnection,
    State,
};

use self::side::Side;
use crate::input::{self, LIMITS};
use crate::peer::Peer;
use crate::script::{self, Code, Field, Line};

/// Calls on a server and a client, whose output can be handed to the other.
#[derive(Arbitrary, Debug)]
pub struct Operations<'a> {
    limits: [u8; LIMITS],
    calls: Vec<(Role, Call<'a>)>,
}

#[derive(Arbitrary, Debug)]
enum Role {
    Server,
    Client,
}

#[derive(Arbitrary, Debug)]
enum Call<'a> {
    Receive(&'a [u8]),
    /// A well-known message.
    ReceiveKnown(u8),
    /// So many bytes that the other side has queued.
    ReceiveSent(u16),
    Fill(&'a [u8]),
    CloseInput,
    ClearInput,
    NextEvent,
    NextCycle,
    SetBodyLimit(u16),
    DisableKeepAlive,
    Refuse(u8),
    SendHead(Line<'a>, Code, Vec<Field<'a>>, Framing),
    SendInformational(Code, Vec<Field<'a>>),
    SendContinue,
    SendError(u8),
    SendData(u8),
    SendExternal(u8),
    /// A hole; shifted, as a queue counts no further than to `u64::MAX`.
    SendHuge(u64),
    SendEnd,
    SendTrailers(Vec<Field<'a>>),
    SendFailed,
    Advance(u16),
    ClearQueue,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Framing {
    None,
    Short(u8),
    Length(u64),
    Chunked,
    UntilClose,
}

/// Does the calls.
///
/// # Panics
///
/// If a call breaks what holds after every call: a failed one changes nothing (but `send_error`), final states stay,
/// nothing is sent in them, an error stays, a queue holds what was queued.
pub fn operations(script: Operations) {
    let limits = input::limits(&script.limits);
    let mut server = Side::new(ServerConnection::new(limits), limits);
    let mut client = Side::new(ClientConnection::new(limits), limits);
    for (role, call) in &script.calls {
        match role {
            Role::Server => server.checked(|side| call.run(side, &mut client)),
            Role::Client => client.checked(|side| call.run(side, &mut server)),
        }
    }
}

impl Call<'_> {
    fn run<C: Sender, D: Peer>(&self, side: &mut Side<C>, other: &mut Side<D>) {
        match self {
            Self::Receive(bytes) => drop(side.receive(bytes)),
            Self::ReceiveKnown(n) => drop(side.receive(known(*n))),
            Self::ReceiveSent(n) => receive_sent(side, other, *n),
            Self::Fill(bytes) => side.fill(bytes),
            Self::CloseInput => side.rx.close(),
            Self::ClearInput => side.clear_input(),
            Self::NextEvent => side.next_event(),
            Self::NextCycle => side.next_cycle(),
            Self::SetBodyLimit(max) => side.set_body_limit(u64::from(*max)),
            Self::DisableKeepAlive => side.conn().disable_keep_alive(),
            Self::Refuse(n) => side.refuse(kind(*n)),
            Self::SendFailed => side.conn().send_failed(),
            Self::Advance(n) => side.advance(u64::from(*n)),
            Self::ClearQueue => side.clear_queue(),
            Self::SendData(n) => {
                let data = script::content(script::size(*n));
                side.send(|conn, tx| match n % 2 {
                    0 => conn.send_data(tx, data.clone()),
                    _ => conn.send_slice(tx, &data),
                });
            }
            Self::SendExternal(n) => {
                side.send(|conn, tx| conn.send_external(tx, script::size(*n)));
            }
            Self::SendHuge(len) => side.send(|conn, tx| conn.send_external(tx, *len >> 16)),
            Self::SendEnd => side.send(|conn, tx| conn.send_end(tx)),
            Self::SendTrailers(fields) => {
                let given = script::given(fields);
                side.send(|conn, tx| conn.send_trailers(tx, &given));
            }
            Self::SendError(_) => drop(side.give_up(|conn, tx| conn.send_own(tx, self))),
            _ => side.send(|conn, tx| conn.send_own(tx, self)),
        }
    }
}

/// The calls of one role alone.
trait Sender: Peer {
    /// Nothing where the other role has the call.
    fn send_own(&mut self, tx: &mut SendQueue, call: &Call<'_>) -> Result<(), SendError>;
}

impl Sender for ServerConnection {
    fn send_own(&mut self, tx: &mut SendQueue, call: &Call<'_>) -> Result<(), SendError> {
        match call {
            Call::SendHead(_, code, fields, framing) => {
                let given = script::given(fields);
                self.send_response(tx, code.status(), given, framing.body())
            }
            Call::SendInformational(code, fields) => {
                self.send_informational(tx, code.status(), script::given(fields))
            }
            Call::SendContinue => self.send_continue(tx),
            Call::SendError(n) => {
                let error = Error {
                    kind: kind(*n),
                    field: Error::NO_FIELD,
                    at: 0,
                };
                let sent = self.send_error(tx, error);
                assert!(self.wants_close() || self.state() == State::Switched);
                sent
            }
            _ => Ok(()),
        }
    }
}

impl Sender for ClientConnection {
    fn send_own(&mut self, tx: &mut SendQueue, call: &Call<'_>) -> Result<(), SendError> {
        match call {
            Call::SendHead(line, _, fields, framing) => {
                let (method, target) = line.parts();
                let host = [("Host", &b"a"[..])];
                let given = host.into_iter().chain(script::given(fields));
                self.send_request(tx, method, target, given, framing.body())
            }
            Call::SendInformational(..) => self.send_request(tx, "GET", "/", NO_FIELDS, Body::None),
            _ => Ok(()),
        }
    }
}

impl Framing {
    fn body(self) -> Body {
        match self {
            Self::None => Body::None,
            Self::Short(n) => Body::Length(script::size(n)),
            Self::Length(len) => Body::Length(len),
            Self::Chunked => Body::Chunked,
            Self::UntilClose => Body::UntilClose,
        }
    }
}

/// Hands up to `n` bytes from the queue of `other` to `side`; holes are zeros.
fn receive_sent<C: Peer, D: Peer>(side: &mut Side<C>, other: &mut Side<D>, n: u16) {
    let bytes: Vec<u8> = match other.tx.external() {
        Some(len) => vec![0; len.min(n.into()) as usize],
        None => other
            .tx
            .slices()
            .flatten()
            .copied()
            .take(n.into())
            .collect(),
    };
    let n = side.receive(&bytes);
    other.advance(n as u64);
}

fn kind(n: u8) -> ErrorKind {
    ErrorKind::ALL[usize::from(n) % ErrorKind::ALL.len()]
}

fn known(n: u8) -> &'static [u8] {
    const KNOWN: [&[u8]; 11] = [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: other\r\n\r\n",
        b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    ];
    KNOWN[usize::from(n) % KNOWN.len()]
}
