//! The event loop driver: [`host_core`] over [`mio`], as nginx does it.
//!
//! ```
//! use std::{net::TcpListener, sync::Arc};
//! use host_core::{Server, Site, os::{Control, Root, Stop}};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Server::new(Site::new(Root::open(".".as_ref())?));
//! let control = Control::new();
//! # control.stop(Stop::Graceful);
//! driver_mio::serve(Arc::new(server), vec![TcpListener::bind("127.0.0.1:0")?], control)
//! # }
//! ```

mod acceptor;
mod conn;
mod gate;
mod server;
mod table;
mod timers;
mod worker;

pub use server::serve;
