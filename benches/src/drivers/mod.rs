//! The drivers beside other servers, over sockets of the loopback: processor time, speed, memory and system
//! calls.
//!
//! Every server is a process of its own; the client is this one ([`load`]). Servers that are compared work
//! in turns.

pub mod answer;
pub mod chart;
pub mod contenders;
pub mod floor;
mod hyper;
pub mod load;
pub mod memory;
pub mod process;
pub mod serve;
pub mod syscalls;
pub mod turns;
pub mod work;

use std::cell::Cell;
use std::io;

use contenders::Contender;
use work::{Site, Work};

/// What all measures share.
pub struct Bench {
    /// The files that are served.
    pub site: Site,
    /// Who takes part.
    pub contenders: Vec<Contender>,
    /// The binary with our own servers.
    pub server: &'static str,
    /// How often a server gave no answer, or a wrong one.
    pub failures: Cell<usize>,
}

impl Bench {
    /// The binary `server` and all `contenders`, with files to be served.
    ///
    /// # Errors
    ///
    /// When the files cannot be written.
    pub fn new(server: &'static str, contenders: Vec<Contender>) -> io::Result<Self> {
        Ok(Self {
            site: Site::new()?,
            contenders,
            server,
            failures: Cell::new(0),
        })
    }

    /// Those who do this kind of work.
    pub fn takers(&self, work: &Work) -> impl Iterator<Item = &Contender> {
        let all = self.contenders.iter();
        all.filter(|contender| contender.takes(work))
    }

    /// What a server has done, if it has not failed. A failure is told and counted; the others go on.
    pub fn tried<T>(&self, what: &str, server: &Contender, tried: io::Result<T>) -> Option<T> {
        let told = tried.inspect_err(|error| {
            self.failures.set(self.failures.get() + 1);
            eprintln!("!! FAILED: {what}: {}: {error}", server.name);
        });
        told.ok()
    }
}
