//! The tokio driver: [`host_core`] with a task for each connection.
//!
//! * [`serve`] runs within any tokio runtime with I/O and time; [`serve_blocking`] brings one.
//! * One task accepts. At most [`worker_connections`](host_core::Server::worker_connections) are
//!   served at the same time; further clients wait in the listen queue of the kernel until a
//!   connection ends.
//! * The same holds when the system has no more descriptors or memory; it is asked again after
//!   100 ms, and a client that there is no descriptor for is turned away.
//! * A connection that waits for a request has no buffers, only its task: about 1200 bytes.
//! * Files are opened and read within the task, as nginx does it by default: what is in the page
//!   cache costs less than to hand it to another thread. On disks that are slow and cold, use
//!   more [workers](host_core::Server::worker_processes).
//! * A connection that has moved 256 KiB lets others have their turn.
//! * A panic ends the connection that it happened in, and nothing else.
//! * A graceful stop first accepts who is in the listen queue. Then connections that wait for a
//!   request end at once, unless that request has arrived already; those that are new have two seconds
//!   for it; others end with their answer, or are cut off after
//!   [`worker_shutdown_timeout`](host_core::Server::worker_shutdown_timeout). A
//!   fast stop cuts all of them at once, and so does dropping the future.
//!
//! ```
//! use std::{io, net::TcpListener};
//! use host_core::{Server, Site, os::{Control, Root, Service, Stop}};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> io::Result<()> {
//!     let server = Server::new(Site::new(Root::open(".".as_ref())?));
//!     let service = Service::new(server, [TcpListener::bind("127.0.0.1:0")?])?;
//!     let control = Control::new();
//!     let ctrl_c = control.clone();
//!     tokio::spawn(async move {
//!         let _ = tokio::signal::ctrl_c().await;
//!         ctrl_c.stop(Stop::Graceful);
//!     });
//! #   control.stop(Stop::Graceful);
//!     driver_tokio::serve(service, control).await
//! }
//! ```

mod conn;
mod connections;
mod server;
mod socket;
mod turn;

pub use server::{serve, serve_blocking};
