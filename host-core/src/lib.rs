//! The hosting rules of a web server, without its sockets.
//!
//! A [`Session`] is one client connection over [`h1_core`]: it decides which file a request names,
//! what the answer is, how long the peer may take and what the log says. It reads no socket and no
//! clock. A driver asks it [`step`](Session::step) and does what the [`Step`] says; [`os`] has the
//! functions that do it.
//!
//! ```
//! use std::io::{IoSlice, Read, Write};
//! use std::net::{SocketAddr, TcpStream};
//! use std::sync::Arc;
//!
//! use host_core::{Server, Session, Step, os};
//!
//! fn serve(mut socket: TcpStream, peer: SocketAddr, server: Arc<Server>) -> std::io::Result<()> {
//!     let mut session = Session::new(server, peer, os::now());
//!     loop {
//!         match session.step(os::now()) {
//!             Step::Lookup(lookup) => {
//!                 let found = os::lookup(&lookup);
//!                 session.on_found(found, os::now());
//!             }
//!             Step::ReadFile(mut read) => {
//!                 let n = os::read_file(&mut read);
//!                 session.on_file_read(n, os::now());
//!             }
//!             Step::Write { .. } => {
//!                 let mut iov = [IoSlice::new(&[]); 16];
//!                 let slices = session.slices(&mut iov);
//!                 match socket.write_vectored(&iov[..slices]) {
//!                     Ok(n) => session.on_written(n, os::now()),
//!                     Err(error) => session.on_socket_error(&error, os::now()),
//!                 }
//!             }
//!             Step::SendFile(send) => {
//!                 match os::send_file(&socket, &send) {
//!                     Ok(n) => session.on_written(n, os::now()),
//!                     Err(error) => session.on_socket_error(&error, os::now()),
//!                 }
//!             }
//!             Step::Spool(mut part) => {
//!                 let spooled = os::spool(&mut part);
//!                 session.on_spooled(spooled, os::now());
//!             }
//!             Step::Change(mut change) => {
//!                 let changed = os::change(&mut change);
//!                 session.on_changed(changed, os::now());
//!             }
//!             Step::Spawn(mut spawn) => {
//!                 let started = os::spawn(&mut spawn);
//!                 session.on_spawned(started, os::now());
//!             }
//!             Step::Exchange(mut exchange) => {
//!                 let moved = os::exchange(&mut exchange);
//!                 session.on_exchanged(moved, os::now());
//!             }
//!             // A real driver also watches `wait.until` and `wait.backend`, and `Step::Read` does not
//!             // wait.
//!             Step::Wait(_) | Step::Read => {
//!                 match socket.read(session.read_slot()) {
//!                     Ok(n) => session.on_read(n, os::now()),
//!                     Err(error) => session.on_socket_error(&error, os::now()),
//!                 }
//!             }
//!             Step::Log(log) => log.writer.write(log.lines),
//!             Step::ShutdownWrite => socket.shutdown(std::net::Shutdown::Write)?,
//!             Step::Reset | Step::Close => return Ok(()),
//!         }
//!     }
//! }
//! ```

mod cgi;
pub mod cli;
pub mod config;
mod date;
mod files;
mod json;
mod limits;
pub mod os;
mod passwords;
mod path;
mod proxy_protocol;
mod reply;
mod route;
mod server;
mod session;
mod step;

pub use path::{CleanPath, PathError};
pub use server::{Return, Server, Site};
pub use session::{Parked, Peer, Pool, Session};
pub use step::{
    Caching, Change, Changed, Deed, Entry, Exchange, Exit, Found, Links, Log, Lookup, Moved, Now,
    Output, ReadFile, SendFile, Spawn, SpawnContent, Spool, Started, Step, Wait,
};
