//! CGI scripts behind the drivers and behind other servers: requests per second, and the processor time of
//! server and scripts together. The servers work in turns.

mod contenders;

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tempfile::TempDir;

use crate::drivers::answer::{Expected, fetch};
use crate::drivers::load::{Job, Load, Until};
use crate::drivers::process::Process;
use crate::drivers::turns::{microseconds, quantile};

pub use contenders::{Contender, contenders};

/// Connections, each with one request under way.
const CLIENTS: usize = 16;

/// The one that the others are compared with.
const UNIT: &str = "lighttpd";

/// A script that says hello.
#[derive(Clone, Copy)]
pub struct Script {
    /// What it is written in.
    pub name: &'static str,
    /// An interpreter that has to be there.
    needs: Option<&'static str>,
    text: &'static str,
}

/// All scripts. Each says how long its answer is, so that all servers frame it in the same way.
pub const SCRIPTS: [Script; 3] = [
    Script {
        name: "compiled",
        needs: None,
        text: "",
    },
    Script {
        name: "sh",
        needs: Some("/bin/sh"),
        text: "#!/bin/sh\nprintf 'Content-Type: text/plain\\nContent-Length: 6\\n\\nhello\\n'\n",
    },
    Script {
        name: "python",
        needs: Some("/usr/bin/python3"),
        text: "#!/usr/bin/python3\nprint('Content-Type: text/plain\\nContent-Length: 6\\n\\nhello')\n",
    },
];

/// The scripts in a temporary folder, and room for the files of servers beside it.
pub struct Site {
    folder: TempDir,
}

impl Site {
    /// Writes all scripts; `compiled` is the program among them.
    ///
    /// # Errors
    ///
    /// Those of writing.
    pub fn new(compiled: &str) -> io::Result<Self> {
        let site = Self {
            folder: TempDir::new()?,
        };
        // For a server that becomes another user.
        fs::set_permissions(site.folder.path(), Permissions::from_mode(0o755))?;
        fs::create_dir_all(site.beside("root/cgi-bin"))?;
        for script in SCRIPTS {
            let path = site.beside("root/cgi-bin").join(script.name);
            match script.needs {
                None => drop(fs::copy(compiled, &path)?),
                Some(_) => fs::write(&path, script.text)?,
            }
            fs::set_permissions(&path, Permissions::from_mode(0o755))?;
        }
        Ok(site)
    }

    /// A path beside the folder that is served.
    pub fn beside(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A server at work.
struct Runner<'c> {
    contender: &'c Contender,
    process: Process,
    load: Load,
    latency: Histogram<u64>,
    rates: Vec<f64>,
    cpu: Vec<f64>,
}

impl<'c> Runner<'c> {
    fn start(contender: &'c Contender, site: &Site, script: Script) -> io::Result<Self> {
        let process = contender.start(site)?;
        let path = format!("/cgi-bin/{}", script.name);
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").into_bytes();
        let (found, content) = fetch(process.address, &request)?;
        let expected = Expected {
            status: 200,
            len: 6,
        };
        if found != expected || content != b"hello\n" {
            return Err(io::Error::other(format!("the answer is wrong: {found:?}")));
        }
        let mut load = Load::open(Job {
            address: process.address,
            request,
            expected,
            connections: CLIENTS,
            depth: 1,
            close: false,
        })?;
        load.run(Until::Requests(2 * CLIENTS as u64))?;
        Ok(Self {
            contender,
            process,
            latency: load.take_latency(),
            load,
            rates: Vec::new(),
            cpu: Vec::new(),
        })
    }

    fn run(&mut self, turn: Until) -> io::Result<()> {
        let (cpu, start) = (self.process.cpu_of_all()?, Instant::now());
        let requests = self.load.run(turn)? as f64;
        let took = start.elapsed();
        let cpu = self.process.cpu_of_all()? - cpu;
        self.rates.push(requests / took.as_secs_f64());
        self.cpu.push(microseconds(cpu) / requests);
        let latency = self.load.take_latency();
        self.latency += latency;
        Ok(())
    }

    fn print(&self, script: Script, unit: Option<&Runner<'_>>) {
        let against = |own: &[f64], other: Option<&[f64]>| match other {
            None => String::new(),
            Some(other) => {
                let ratios: Vec<f64> = own.iter().zip(other).map(|(own, it)| own / it).collect();
                let [median, lower, upper] = [0.5, 0.25, 0.75].map(|part| quantile(&ratios, part));
                format!("{median:.2} ({lower:.2}–{upper:.2})")
            }
        };
        let rates = against(&self.rates, unit.map(|unit| &unit.rates[..]));
        let (rate, p50, p99) = (
            quantile(&self.rates, 0.5),
            self.latency.value_at_quantile(0.5) / 1000,
            self.latency.value_at_quantile(0.99) / 1000,
        );
        let cpu = match self.contender.tells_all_cpu {
            true => {
                let ratios = against(&self.cpu, unit.map(|unit| &unit.cpu[..]));
                format!("{:.0} | {ratios}", quantile(&self.cpu, 0.5))
            }
            false => "not told | ".into(),
        };
        let (name, server) = (script.name, self.contender.name);
        println!("| {name} | {server} | {rate:.0} | {rates} | {cpu} | {p50} | {p99} |");
    }
}

/// Prints the table; the number of servers that failed.
///
/// # Errors
///
/// When the scripts cannot be written.
pub fn table(
    contenders: &[Contender],
    compiled: &str,
    rounds: usize,
    turn: Option<Duration>,
) -> io::Result<usize> {
    let site = Site::new(compiled)?;
    let turn = turn.map_or(Until::Requests(CLIENTS as u64), Until::Elapsed);
    let mut failures = 0;
    println!(
        "| script | server | per second | to {UNIT} | CPU µs each | to {UNIT} | p50 µs | p99 µs |"
    );
    println!("|---|---|--:|--:|--:|--:|--:|--:|");
    for script in SCRIPTS {
        if let Some(program) = script.needs.filter(|program| !Path::new(program).exists()) {
            eprintln!("!! SKIPPED: there is no {program}");
            continue;
        }
        let mut told = |contender: &Contender, error: io::Error| {
            failures += 1;
            eprintln!("!! FAILED: {}: {}: {error}", script.name, contender.name);
        };
        let mut runners = Vec::new();
        for contender in contenders {
            match Runner::start(contender, &site, script) {
                Ok(runner) => runners.push(runner),
                Err(error) => told(contender, error),
            }
        }
        for _ in 0..rounds {
            runners.retain_mut(|runner| {
                let ran = runner.run(turn);
                ran.map_err(|error| told(runner.contender, error)).is_ok()
            });
        }
        let unit = runners.iter().find(|runner| runner.contender.name == UNIT);
        runners.iter().for_each(|runner| runner.print(script, unit));
    }
    Ok(failures)
}
