//! Servers for the comparison of drivers: `server driver-std DIR`, `server bare-epoll`; `--help` says more.
//! With `DRIVER=driver-std` it is that driver, with its own arguments.

use std::env;
use std::process::ExitCode;

use benches::drivers::serve;

fn main() -> ExitCode {
    if let Ok(name) = env::var("DRIVER") {
        return serve::run(&name);
    }
    match serve::main(env::args_os()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("server: {error}");
            ExitCode::FAILURE
        }
    }
}
