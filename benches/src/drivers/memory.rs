//! What an idle connection costs in memory.

use std::io;

use rustix::process::{Resource, getrlimit, setrlimit};

use super::Bench;
use super::contenders::Contender;
use super::load::Load;
use super::work::WORKS;

/// Descriptors for everything but connections.
const OTHERS: u64 = 64;

/// Prints for each server the memory that `connections` take on which one request was answered and none is
/// under way. The kernel's part, the sockets, is not in it.
pub fn table(bench: &Bench, connections: usize) {
    let needed = connections as u64 + OTHERS;
    if !raise_open_file_limit(needed) {
        eprintln!("!! SKIPPED: memory needs {needed} open files, more than we may have");
        return;
    }
    println!("\n| server | idle connections | KiB before | KiB with them | bytes each |");
    println!("|---|--:|--:|--:|--:|");
    for contender in bench.takers(&WORKS[0]) {
        let name = contender.name;
        let measured = measure(bench, contender, connections);
        if let Some((before, after)) = bench.tried("memory", contender, measured) {
            let each = after.saturating_sub(before) * 1024 / connections as u64;
            println!("| {name} | {connections} | {before} | {after} | {each} |");
        }
    }
}

fn measure(bench: &Bench, contender: &Contender, connections: usize) -> io::Result<(u64, u64)> {
    let work = &WORKS[0];
    let process = contender.start(work, &bench.site, bench.server, &[])?;
    let mut job = work.job(&process)?;
    let before = process.pss()?;
    job.connections = connections;
    let _idle = Load::open(job)?;
    Ok((before, process.pss()?))
}

/// Lifts our own limit, which servers inherit; whether it is enough.
fn raise_open_file_limit(needed: u64) -> bool {
    let mut limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|maximum| maximum < needed) {
        return false;
    }
    limit.current = limit.maximum;
    // macOS refuses what it calls unlimited.
    setrlimit(Resource::Nofile, limit).is_ok()
}
