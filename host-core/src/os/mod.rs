//! The answers to a session's questions: the only part that touches files, sockets, processes and
//! clocks.

mod backend;
pub(crate) mod children;
mod config;
mod configured;
mod control;
mod explain;
mod file;
pub(crate) mod listen;
mod log;
mod lookup;
mod notify;
mod pid;
mod process;
mod reaper;
mod root;
mod signals;
mod socket;
mod spawn;
mod spool;
mod startup;
mod user;

use std::time::{Instant, SystemTime};

pub use backend::{Backend, exchange};
pub use children::Turn;
pub(crate) use config::Disk;
pub use control::{Control, Stop, Subscription};
pub use file::{OpenFile, read_file, send_file};
pub use listen::{Spare, prepare, reuseport_sibling};
pub use log::LogWriter;
pub use lookup::lookup;
pub use root::Root;
pub use socket::{receive, reset, send, shutdown_write, wait};
pub use spawn::spawn;
pub use spool::{SpoolFile, spool};
pub use startup::{Serve, run};

use crate::Now;

/// Reads both clocks.
pub fn now() -> Now {
    Now {
        monotonic: Instant::now(),
        wall: SystemTime::now(),
    }
}
