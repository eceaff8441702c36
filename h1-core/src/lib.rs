//! A sans-IO HTTP/1.1 protocol engine: bytes in, events out; messages in, bytes out.
//!
//! The crate touches no socket, no clock and no thread. A caller moves the bytes and asks what they
//! mean:
//!
//! ```text
//!   socket ──read──▶ RecvBuf ──next_event──▶ Request, Data…, EndOfMessage
//!                                │
//!                        ServerConnection     who may speak, where a message ends
//!                                │
//!   socket ◀─write── SendQueue ◀──send_…──── status, fields, content
//! ```
//!
//! [`ServerConnection`] holds the state and no byte; [`RecvBuf`] and [`SendQueue`] hold the bytes and
//! no rule. So an event borrows the buffer and not the connection, and a request can be
//! answered while it is still lent.
//!
//! # One connection
//!
//! ```
//! use std::io::{IoSlice, Read, Write};
//!
//! use h1_core::{Body, Event, Limits, RecvBuf, SendQueue, ServerConnection, Status, Transmit};
//!
//! fn serve(mut socket: impl Read + Write) -> Result<(), Box<dyn std::error::Error>> {
//!     let limits = Limits::default();
//!     let mut conn = ServerConnection::new(limits);
//!     let (mut rx, mut tx) = (RecvBuf::new(&limits), SendQueue::new());
//!     while !conn.wants_close() && !rx.is_closed() {
//!         match socket.read(rx.unfilled())? {
//!             0 => rx.close(),
//!             n => rx.filled(n),
//!         }
//!         loop {
//!             match conn.next_event(&mut rx) {
//!                 Ok(Event::Request(request)) => {
//!                     let path = request.path().to_owned();
//!                     let fields = [("Content-Type", "text/plain")];
//!                     let body = Body::Length(path.len() as u64);
//!                     conn.send_response(&mut tx, Status::OK, fields, body)?;
//!                     conn.send_data(&mut tx, path.into())?;
//!                 }
//!                 Ok(Event::Data(_content)) => {}
//!                 Ok(Event::EndOfMessage(_trailers)) => {}
//!                 // Both messages are whole: go on with what has come behind.
//!                 Ok(Event::Paused) if conn.next_cycle().is_ok() => {}
//!                 Ok(Event::NeedData | Event::Paused | Event::Closed) => break,
//!                 // Answers, or breaks off the answer that was begun: `wants_close` holds then.
//!                 Err(error) => break drop(conn.send_error(&mut tx, error)),
//!             }
//!         }
//!         loop {
//!             let mut iov = [IoSlice::new(&[]); 8];
//!             let Transmit::Slices(n) = tx.transmit(&mut iov) else { break };
//!             let written = socket.write_vectored(&iov[..n])?;
//!             tx.advance(written as u64);
//!         }
//!     }
//!     Ok(())
//! }
//! # struct Wire(&'static [u8], Vec<u8>);
//! # impl Read for Wire {
//! #     fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> { self.0.read(buf) }
//! # }
//! # impl Write for Wire {
//! #     fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> { self.1.write(buf) }
//! #     fn flush(&mut self) -> std::io::Result<()> { Ok(()) }
//! # }
//! # let mut wire = Wire(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n", Vec::new());
//! # serve(&mut wire).unwrap();
//! # assert_eq!(wire.1, b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n/a");
//! ```
//!
//! The peer's faults come as [`Error`], with a kind, an offset and the status to answer with; a
//! mistake of the caller is a [`SendError`], and changes nothing.
//!
//! # Strictness
//!
//! There is no lenient mode. Lines end in CRLF; names and methods are tokens; a request is refused
//! if two readers could disagree about where it ends: a repeated or malformed Content-Length, one
//! beside Transfer-Encoding, a coding list that does not end in one `chunked`, a bare CR or LF,
//! whitespace around a name, a folded line, a malformed chunk. Each refusal is an [`ErrorKind`] with
//! the section that asks for it.
//!
//! # Deadlines, limits, memory
//!
//! [`Deadlines`] keeps the clocks that [`ServerConnection::awaiting`] starts, on times that the caller
//! passes in. [`Limits`] bounds all that a peer can make grow, and has the formula for memory.
//!
//! # Features
//!
//! * `std` (default) adds [`SendQueue::transmit`], which fills `IoSlice`s. Without it the crate needs
//!   `core` and `alloc`, and [`SendQueue::slices`] does the same job.
//! * `http` adds `interop`: conversions from and to the types of the [`http`](https://docs.rs/http)
//!   crate that keep the case and the order of fields.
//!
//! Those who want a head parser and nothing else find it in [`raw`].
//!
//! # Further reading
//!
//! * [`guide`]: put it into your server
//! * [`states`]: both sides as a drawing and as tables
//! * [`conformance`]: RFC 9112, section by section
//! * [`migration`]: from h11, httparse, hyper and llhttp
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod chunked;
mod client;
mod deadline;
mod docs;
mod encode;
mod error;
mod event;
mod field_lines;
mod head;
mod incoming;
#[cfg(feature = "http")]
pub mod interop;
mod limits;
mod outgoing;
pub mod raw;
mod recv;
mod send;
mod server;
mod state;
mod token;

pub use client::ClientConnection;
pub use deadline::{Deadlines, Phase, Timeouts};
pub use docs::{conformance, guide, migration, states};
pub use error::{Error, ErrorKind, SendError};
pub use event::{Awaiting, ClientEvent, Event};
pub use field_lines::FieldLines;
pub use head::Body;
pub use head::fields::Fields;
pub use head::request::{OwnedRequest, RequestHead};
pub use head::response::ResponseHead;
pub use head::target::TargetForm;
pub use limits::Limits;
pub use recv::RecvBuf;
pub use send::{SendQueue, Transmit};
pub use server::ServerConnection;
pub use state::State;
pub use token::{Method, Status, Version};

pub use bytes::Bytes;

/// No fields at all, where a call asks for some.
pub const NO_FIELDS: [(&str, &[u8]); 0] = [];
