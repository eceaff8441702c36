//! The answers to a session's questions: the only part that touches files, sockets, processes and
//! clocks.

mod config;
mod configured;
mod control;
mod explain;
mod file;
mod file_cache;
mod links;
pub(crate) mod listen;
mod log;
mod lookup;
mod notify;
mod pid;
mod root;

mod signals;
mod socket;
mod startup;
mod user;
mod zone;

use std::time::{Instant, SystemTime};

pub(crate) use config::Disk;
pub use control::{Control, Stop, Subscription};
pub use file::{OpenFile, read_file, send_file};
pub use file_cache::{FileCache, MEMORY_FILE_MAX, MEMORY_MAX};
pub use listen::{Spare, prepare, reuseport_sibling};
pub use log::LogWriter;
pub use lookup::lookup;
pub use root::Root;
pub use socket::{receive, reset, send, shutdown_write};
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
