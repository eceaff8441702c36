//! `cargo bench -p benches --bench cgi [-- OPTIONS]`: CGI scripts behind the drivers, lighttpd and Apache.

use std::process::ExitCode;
use std::time::Duration;

use benches::cgi::{contenders, table};
use clap::Parser;

/// CGI scripts behind the drivers, lighttpd and Apache
#[derive(Parser)]
struct Args {
    /// Only servers whose name contains this, and lighttpd; repeat it for more
    #[arg(long)]
    server: Vec<String>,
    /// Turns of each server
    #[arg(long, default_value = "9")]
    rounds: usize,
    /// Milliseconds of a turn
    #[arg(long, default_value = "400")]
    turn: u64,
    /// Everything once, to see that it works
    #[arg(long)]
    test: bool,
    /// From cargo
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        eprintln!("!! SKIPPED: only Linux tells the processor time of other processes well enough");
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let mut contenders = contenders(env!("CARGO_BIN_EXE_server"));
    contenders.retain(|contender| {
        let named = |name: &String| contender.name.contains(name.as_str());
        args.server.is_empty() || contender.name == "lighttpd" || args.server.iter().any(named)
    });
    let rounds = if args.test { 1 } else { args.rounds };
    let turn = (!args.test).then_some(Duration::from_millis(args.turn));
    match table(&contenders, env!("CARGO_BIN_EXE_hello"), rounds, turn) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("cgi: {error}");
            ExitCode::FAILURE
        }
    }
}
