//! The blocking driver: [`host_core`] over the sockets and threads of the standard library.
//!
//! * One thread, the caller's, accepts; it sleeps in `poll` until there is something to do.
//! * Each connection has a thread of its own as long as it lives. Threads are started when they are
//!   needed, taken over by later connections, and end when they have had no work for 10 seconds.
//! * At most [`worker_connections`](host_core::Server::worker_connections) are served at the same
//!   time. When all are taken, nothing is accepted: further clients wait in the listen queue of the
//!   kernel until a connection ends, and meanwhile no processor time is used.
//! * The same holds when the system has no more descriptors, memory or threads; it is asked again
//!   every 100 ms, and a client that there is no descriptor for is turned away.
//! * A panic ends the connection that it happened in, and nothing else.
//! * A graceful stop first accepts who is in the listen queue. Then connections that wait for a
//!   request end at once, unless that request has arrived already; others end with their answer, or
//!   are cut off after [`worker_shutdown_timeout`](host_core::Server::worker_shutdown_timeout). A
//!   fast stop cuts all of them at once.
//!
//! ```
//! use std::{net::TcpListener, sync::Arc};
//! use host_core::{Server, Site, os::{Control, Root, Stop}};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Server::new(Site::new(Root::open(".".as_ref())?));
//! let control = Control::new();
//! # control.stop(Stop::Graceful);
//! driver_std::serve(Arc::new(server), vec![TcpListener::bind("127.0.0.1:0")?], control)
//! # }
//! ```

mod conn;
mod parking;
mod pool;
mod server;

pub use server::serve;
