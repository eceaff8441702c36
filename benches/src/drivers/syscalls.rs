//! System calls for each request, as strace counts them.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::Bench;
use super::contenders::Contender;
use super::load::{Load, Until};
use super::process::Process;
use super::work::{WORKS, Work};

const STRACE: [&str; 6] = ["strace", "-f", "-c", "-U", "name,calls", "-o"];

type Counts = BTreeMap<String, u64>;

/// Prints for each server and some kinds of work the system calls of one request: what twice the requests
/// need more than `requests`.
pub fn table(bench: &Bench, requests: u64) {
    if !can_trace() {
        eprintln!("!! SKIPPED: there is no strace that counts system calls here");
        return;
    }
    println!("\n| work | server | system calls for each request | |");
    println!("|---|---|--:|---|");
    let chosen = [
        "keep-alive-1",
        "connection-each",
        "file-1KiB",
        "file-100KiB",
    ];
    for work in WORKS.iter().filter(|work| chosen.contains(&work.name)) {
        for contender in bench.takers(work) {
            let measured = measure(bench, work, contender, requests);
            let Some(each) = bench.tried("syscalls", contender, measured) else {
                continue;
            };
            let sum: f64 = each.iter().map(|(_, n)| n).sum();
            let names = each.iter().map(|(name, n)| format!("{name} {n:.2}"));
            let names = names.collect::<Vec<_>>().join(", ");
            println!(
                "| {} | {} | {sum:.2} | {names} |",
                work.name, contender.name
            );
        }
    }
}

/// It may be missing, too old, or forbidden.
fn can_trace() -> bool {
    let [program, options @ ..] = STRACE;
    let mut command = Command::new(program);
    command
        .args(options)
        .args(["/dev/null", "true"])
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn measure(
    bench: &Bench,
    work: &Work,
    contender: &Contender,
    requests: u64,
) -> io::Result<Vec<(String, f64)>> {
    let once = count(bench, work, contender, requests)?;
    let twice = count(bench, work, contender, 2 * requests)?;
    Ok(each(&once, &twice, requests))
}

/// Calls for each request, the most frequent first.
fn each(once: &Counts, twice: &Counts, requests: u64) -> Vec<(String, f64)> {
    let before = |name| once.get(name).copied().unwrap_or_default();
    let mut each: Vec<_> = twice
        .iter()
        .map(|(name, &n)| {
            (
                name.clone(),
                n.saturating_sub(before(name)) as f64 / requests as f64,
            )
        })
        .filter(|(_, n)| *n >= 0.005)
        .collect();
    each.sort_by(|a, b| b.1.total_cmp(&a.1));
    each
}

/// One request at a time: with more the batches depend on chance.
fn count(bench: &Bench, work: &Work, contender: &Contender, requests: u64) -> io::Result<Counts> {
    let report = bench.site.beside("strace");
    let to = report.to_string_lossy();
    let before = [&STRACE[..], &[&to]].concat();
    let process = contender.start(work, &bench.site, bench.server, &before)?;
    let mut job = work.job(&process)?;
    job.connections = 1;
    Load::open(job)?.run(Until::Requests(requests))?;
    end_traced(process)?;
    read(&report)
}

/// Ends the server; strace then writes its report and ends as well.
fn end_traced(strace: Process) -> io::Result<()> {
    let id = strace.id();
    let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
    for child in children.split_whitespace() {
        if let Some(child) = child.parse().ok().and_then(Pid::from_raw) {
            kill_process(child, Signal::KILL)?;
        }
    }
    strace.wait()
}

fn read(report: &Path) -> io::Result<Counts> {
    let text = fs::read_to_string(report)?;
    let entry = |line: &str| {
        let (name, calls) = line.split_once(' ')?;
        Some((name.to_owned(), calls.trim().parse().ok()?))
    };
    let counts = text.lines().filter_map(entry);
    Ok(counts.filter(|(name, _)| name != "total").collect())
}
