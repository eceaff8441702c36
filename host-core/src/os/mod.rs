//! The answers to a session's questions: the only part that touches files, sockets, processes and
//! clocks.

mod backend;
mod change;
pub(crate) mod children;
mod config;
mod configured;
mod control;
mod explain;
mod file;
mod file_cache;
mod links;
pub(crate) mod listen;
mod listener;
mod log;
mod lookup;
mod notify;
mod pid;
mod process;
mod reaper;
mod root;
mod signals;
mod socket;
mod socket_file;
mod spawn;
mod spool;
mod starter;
mod startup;
mod store;
mod tree;
mod user;
mod zone;

use std::time::{Instant, SystemTime};

pub use backend::{Backend, exchange};
pub use change::{Progress, change};
pub use children::Turn;
pub(crate) use config::Disk;
pub use control::{Control, Service, Stop, Subscription};
pub use file::{OpenFile, read_file, send_file};
pub use file_cache::{FileCache, MEMORY_FILE_MAX, MEMORY_MAX};
pub use listener::{Accepted, Listener, Spare};
pub use log::LogWriter;
pub use lookup::lookup;
pub use root::Root;
pub use socket::{look, receive, reset, send, shutdown_write, wait};
pub use spawn::spawn;
pub use spool::{SpoolFile, spool};
pub use startup::{Serve, run};
pub(crate) use zone::local;

use crate::Now;

/// Reads both clocks.
pub fn now() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::now(),
    }
}
