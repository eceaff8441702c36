//! `cargo bench -p benches --bench drivers [-- OPTIONS] [WORK...]`: the drivers beside other servers; a table,
//! memory, system calls, a chart, then criterion's statistics. `--help` says more.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use benches::drivers::contenders::contenders;
use benches::drivers::load::{Load, Until};
use benches::drivers::work::{WORKS, Work};
use benches::drivers::{Bench, chart, memory, syscalls, turns};
use clap::Parser;
use criterion::{Criterion, PlottingBackend, Throughput};

/// The drivers beside other servers
#[derive(Parser)]
struct Args {
    /// Only work whose name contains one of these; also "memory", "syscalls", "criterion"
    work: Vec<String>,
    /// Only servers whose name contains this, and the bare loops; repeat it for more
    #[arg(long)]
    server: Vec<String>,
    /// Turns of each server
    #[arg(long, default_value = "15")]
    rounds: usize,
    /// Milliseconds of a turn
    #[arg(long, default_value = "40")]
    turn: u64,
    /// Write the chart of the ratios here
    #[arg(long)]
    chart: Option<PathBuf>,
    /// Everything once, to see that it works
    #[arg(long)]
    test: bool,
    /// From cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        eprintln!("!! SKIPPED: only Linux tells the processor time of another process well enough");
        return ExitCode::SUCCESS;
    }
    match run(&Args::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("drivers: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Args {
    fn wants(&self, name: &str) -> bool {
        self.work.is_empty() || self.work.iter().any(|work| name.contains(work))
    }

    fn turn(&self, work: &Work) -> Until {
        match self.test {
            true => Until::Requests((work.connections * work.depth) as u64),
            false => Until::Elapsed(Duration::from_millis(self.turn)),
        }
    }
}

/// The number of failures.
fn run(args: &Args) -> io::Result<usize> {
    let mut contenders = contenders();
    contenders.retain(|contender| {
        let named = |name: &String| contender.name.contains(name.as_str());
        args.server.is_empty() || contender.name == contender.floor || args.server.iter().any(named)
    });
    let bench = Bench::new(env!("CARGO_BIN_EXE_server"), contenders)?;
    table(&bench, args)?;
    if args.wants("memory") {
        memory::table(&bench, if args.test { 100 } else { 10_000 });
    }
    if args.wants("syscalls") {
        syscalls::table(&bench, if args.test { 10 } else { 500 });
    }
    if args.wants("criterion") && !args.test {
        statistics(&bench)?;
    }
    Ok(bench.failures.get())
}

fn table(bench: &Bench, args: &Args) -> io::Result<()> {
    let works: Vec<&Work> = WORKS.iter().filter(|work| args.wants(work.name)).collect();
    if works.is_empty() {
        return Ok(());
    }
    turns::print_head();
    let mut groups = Vec::new();
    for work in works {
        let rounds = if args.test { 1 } else { args.rounds };
        let rows = turns::measure(bench, work, rounds, args.turn(work));
        turns::print(work, &rows);
        groups.push((work.name, rows));
    }
    match &args.chart {
        Some(path) => std::fs::write(path, chart::svg(&groups)),
        None => Ok(()),
    }
}

/// What criterion calls time here is the processor time of the server.
fn statistics(bench: &Bench) -> io::Result<()> {
    let mut criterion = Criterion::default()
        .plotting_backend(PlottingBackend::Plotters)
        .nresamples(10_000)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1));
    let chosen = ["keep-alive-64", "16-pipelined-x-64", "file-1KiB"];
    for work in WORKS.iter().filter(|work| chosen.contains(&work.name)) {
        let mut group = criterion.benchmark_group(format!("drivers/{}", work.name));
        group.throughput(Throughput::Elements(1));
        for contender in bench.takers(work) {
            let process = contender.start(work, &bench.site, bench.server, &[])?;
            let mut load = Load::open(work.job(&process)?)?;
            group.bench_function(contender.name, |bencher| {
                bencher.iter_custom(|requests| {
                    let before = process.cpu().expect("its clock");
                    load.run(Until::Requests(requests)).expect("right answers");
                    process.cpu().expect("its clock") - before
                });
            });
        }
        group.finish();
    }
    criterion.final_summary();
    Ok(())
}
