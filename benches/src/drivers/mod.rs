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

/// What all measures share.
pub struct Bench {
    /// The files that are served.
    pub site: work::Site,
    /// Who takes part.
    pub contenders: Vec<contenders::Contender>,
    /// The binary with our own servers.
    pub server: &'static str,
}

impl Bench {
    /// Those who do this kind of work.
    pub fn takers(
        &self,
        work: &work::Work,
    ) -> impl Iterator<Item = (usize, &contenders::Contender)> {
        let all = self.contenders.iter().enumerate();
        all.filter(|(_, contender)| contender.takes(work))
    }
}
