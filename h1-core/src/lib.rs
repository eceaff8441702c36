//! A sans-IO HTTP/1.1 protocol engine.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod body;
mod chunked;
mod deadline;
mod encode;
mod error;
mod event;
mod head;
mod limits;
mod recv;
mod send;
mod server;
mod state;
mod token;

pub use deadline::{Deadlines, Phase, Timeouts};
pub use error::{Error, ErrorKind, SendError};
pub use event::{Awaiting, Event};
pub use head::fields::Fields;
pub use head::target::TargetForm;
pub use head::{Body, RequestHead};
pub use limits::Limits;
pub use recv::RecvBuf;
pub use send::{SendQueue, Transmit};
pub use server::ServerConnection;
pub use state::State;
pub use token::{Method, Status, Version};

/// No fields at all, where a call asks for some.
pub const NO_FIELDS: [(&str, &[u8]); 0] = [];
