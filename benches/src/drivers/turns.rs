//! The table: servers in turns, so that what slows the machine slows all of them.

use std::io;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use super::Bench;
use super::contenders::Contender;
use super::load::{Load, Until};
use super::process::Process;
use super::work::Work;

/// How one server has done one kind of work.
pub struct Row {
    /// What it is called.
    pub server: &'static str,
    /// Whose processor time is the unit.
    pub floor: &'static str,
    /// Requests (or MiB) in a second; the median of all turns.
    pub rate: f64,
    /// Microseconds of its processor time for each; the median.
    pub cpu: f64,
    /// That as a multiple of the floor's in the same round: median, lower and upper quartile.
    pub ratio: Option<[f64; 3]>,
    /// Microseconds that half of the answers took at most.
    pub p50: f64,
    /// Microseconds that 99 of 100 took at most.
    pub p99: f64,
}

/// A server at work.
struct Runner<'b> {
    contender: &'b Contender,
    process: Process,
    load: Load,
    latency: Histogram<u64>,
    rates: Vec<f64>,
    cpu: Vec<f64>,
}

/// Lets all servers do the work `rounds` times, each as long as `turn` says.
pub fn measure(bench: &Bench, work: &Work, rounds: usize, turn: Until) -> Vec<Row> {
    let started = bench.takers(work).filter_map(|contender| {
        let runner = Runner::start(bench, work, contender);
        bench.tried(work.name, contender, runner)
    });
    let mut runners: Vec<Runner<'_>> = started.collect();
    for _ in 0..rounds {
        runners.retain_mut(|runner| {
            let ran = runner.run(work, turn);
            bench.tried(work.name, runner.contender, ran).is_some()
        });
    }
    let cpu = |name: &str| {
        let floor = runners.iter().find(|runner| runner.contender.name == name);
        floor.map(|floor| &floor.cpu)
    };
    let row = |runner: &Runner<'_>| runner.row(cpu(runner.contender.floor));
    runners.iter().map(row).collect()
}

impl<'b> Runner<'b> {
    fn start(bench: &Bench, work: &Work, contender: &'b Contender) -> io::Result<Self> {
        let process = contender.start(work, &bench.site, bench.server, &[])?;
        let mut load = Load::open(work.job(&process)?)?;
        load.run(Until::Requests((2 * work.connections * work.depth) as u64))?;
        Ok(Self {
            contender,
            process,
            latency: load.take_latency(),
            load,
            rates: Vec::new(),
            cpu: Vec::new(),
        })
    }

    fn run(&mut self, work: &Work, turn: Until) -> io::Result<()> {
        // Back into the caches.
        let few = Until::Requests((work.connections * work.depth) as u64);
        self.load.run(few)?;
        self.load.take_latency();
        let (cpu, start) = (self.process.cpu()?, Instant::now());
        let units = self.load.run(turn)? as f64 * work.units();
        let (took, cpu) = (start.elapsed(), self.process.cpu()? - cpu);
        self.rates.push(units / took.as_secs_f64());
        self.cpu.push(microseconds(cpu) / units);
        let latency = self.load.take_latency();
        self.latency += latency;
        Ok(())
    }

    fn row(&self, floor: Option<&Vec<f64>>) -> Row {
        let ratio = floor.map(|floor| {
            let ratios = self.cpu.iter().zip(floor).map(|(own, it)| own / it);
            let ratios: Vec<f64> = ratios.collect();
            [0.5, 0.25, 0.75].map(|part| quantile(&ratios, part))
        });
        let at = |quantile| self.latency.value_at_quantile(quantile) as f64 / 1000.0;
        Row {
            server: self.contender.name,
            floor: self.contender.floor,
            rate: quantile(&self.rates, 0.5),
            cpu: quantile(&self.cpu, 0.5),
            ratio,
            p50: at(0.5),
            p99: at(0.99),
        }
    }
}

pub(crate) fn microseconds(time: Duration) -> f64 {
    time.as_nanos() as f64 / 1000.0
}

pub(crate) fn quantile(values: &[f64], part: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * part).round() as usize]
}

/// The first lines of the table.
pub fn print_head() {
    println!("| work | server | per second | CPU µs each | ratio | p50 µs | p99 µs |");
    println!("|---|---|--:|--:|--:|--:|--:|");
}

/// The lines of one kind of work.
pub fn print(work: &Work, rows: &[Row]) {
    for row in rows {
        let ratio = match row.ratio {
            _ if row.server == row.floor => "floor".into(),
            Some([median, lower, upper]) => format!("{median:.2} ({lower:.2}–{upper:.2})"),
            None => String::new(),
        };
        let (name, server, unit) = (work.name, row.server, work.unit());
        println!(
            "| {name} | {server} | {:.0}{unit} | {:.2} | {ratio} | {:.0} | {:.0} |",
            row.rate, row.cpu, row.p50, row.p99,
        );
    }
}
