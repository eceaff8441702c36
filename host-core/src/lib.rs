//! The hosting rules of a web server, without its sockets.

pub mod cli;
mod date;
mod files;
pub mod os;
mod path;
mod reply;
mod server;
mod session;
mod step;

pub use path::{CleanPath, PathError};
pub use server::{Server, Site};
pub use session::Session;
pub use step::{Entry, Found, Lookup, Now, ReadFile, SendFile, Step, Wait};
