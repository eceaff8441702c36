//! The blocking driver: [`host_core`] over the sockets and threads of the standard library.
//!
//! * One thread, the caller's, accepts, and watches the connections that wait (with epoll or kqueue, both
//!   behind mio). It sleeps until there is something to do.
//! * Other threads are lent to connections that have something to do, at most 128 for each of
//!   [`worker_processes`](host_core::Server::worker_processes). They are started when they are needed, and
//!   end when they have had no work for 10 seconds. If there are not enough, connections queue for them.
//! * A thread stays with its connection until that has had nothing to read for 100 ms, so that a request
//!   of a busy client costs two calls of the system: one that reads, one that writes. If no other thread
//!   is left it goes to the next connection at once, and between two parts of a large file. A client that
//!   does not take what it has asked for gives its thread back at once.
//! * A connection that waits for a request has no thread and no buffers: it costs less than 1 KiB. One in
//!   the middle of something keeps its buffers. So idle and slow clients, however many, keep none
//!   from being served.
//! * At most [`worker_connections`](host_core::Server::worker_connections) are open at the same
//!   time. When all are taken, nothing is accepted: further clients wait in the listen queue of the
//!   kernel until a connection ends.
//! * The same holds when the system has no more descriptors, memory or threads; it is asked again after
//!   100 ms, and a client that there is no descriptor for is turned away.
//! * After a reload the connections that there were end as at a graceful stop, but in their own time.
//! * A panic ends the connection that it happened in, and nothing else.
//! * A graceful stop first accepts who is in the listen queue. Then connections that wait for a
//!   request end at once, unless that request has arrived already; those that are new have two seconds
//!   for it; others end with their answer, or are cut off after
//!   [`worker_shutdown_timeout`](host_core::Server::worker_shutdown_timeout). A
//!   fast stop cuts all of them at once.
//!
//! ```
//! use std::net::TcpListener;
//! use host_core::{Server, Site, os::{Control, Root, Service, Stop}};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Server::new(Site::new(Root::open(".".as_ref())?));
//! let service = Service::new(server, [TcpListener::bind("127.0.0.1:0")?])?;
//! let control = Control::new();
//! # control.stop(Stop::Graceful);
//! driver_std::serve(service, control)
//! # }
//! ```

mod conn;
mod parking;
mod pool;
mod server;

pub use server::serve;
