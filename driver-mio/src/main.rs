//! Serves a folder; `--help` says how.

use std::process::ExitCode;

fn main() -> ExitCode {
    host_core::os::run("driver-mio", env!("CARGO_PKG_VERSION"), driver_mio::serve)
}
