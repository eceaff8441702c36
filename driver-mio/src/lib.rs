//! The event loop driver: [`host_core`] over [`mio`], as nginx does it.
//!
//! * [`worker_processes`](host_core::Server::worker_processes) threads, the caller's is one of them, each with
//!   its own event loop. A connection stays with the worker that has accepted it.
//! * Where listeners can have siblings ([`Listener::sibling`](host_core::os::Listener::sibling)), each worker has
//!   its own and the kernel deals out the connections by a hash of their addresses: evenly when there are many, by chance when
//!   there are few. Of 64 connections to 2 workers one gets 24 to 40, of 1000 it gets 470 to 530. Otherwise
//!   all workers wait at the same listener, each connection wakes all, and the fastest gets it: of 1000 that come one after
//!   the other each of 2 workers gets 450 to 550, but of those that come at once one may take all of 64, or most of 1000.
//! * At most [`worker_connections`](host_core::Server::worker_connections) are served at the same time, by all
//!   workers together. When all are taken, nothing is accepted: further clients wait in the listen queue of the
//!   kernel until a connection ends.
//! * The same holds when the system has no more descriptors or memory; it is asked again after
//!   100 ms, and a client that there is no descriptor for is turned away.
//! * A request on a kept connection costs two calls of the system and its share of a wait: events tell of each
//!   change once, and a read or write that stops short is the last one before the next event. A connection that
//!   is over with its first request never becomes part of the poll set.
//! * A connection that waits for a request has no buffers: it costs about 140 bytes. An active
//!   one borrows those of its worker. Nothing is allocated for a request.
//! * A connection that has moved 256 KiB, or made 128 calls, lets others have their turn.
//! * Files are opened and read within the loop, as nginx does it by default: what is in the page
//!   cache costs less than to hand it to another thread. On disks that are slow and cold, use
//!   more workers.
//! * A panic ends the connection that it happened in, and nothing else.
//! * A graceful stop first accepts who is in the listen queues. Then connections that wait for a
//!   request end at once, unless that request has arrived already; those that are new have two seconds
//!   for it; others end with their answer, or are cut off after
//!   [`worker_shutdown_timeout`](host_core::Server::worker_shutdown_timeout). A
//!   fast stop cuts all of them at once.
//!
//! It is written for epoll and kqueue alike, both behind mio. Only epoll has been tested.
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
//! driver_mio::serve(service, control)
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
