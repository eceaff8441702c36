//! Servers for the comparison of drivers: `server driver-std DIR`, `server bare-epoll`; `--help` says more.

use std::{env, io};

fn main() -> io::Result<()> {
    benches::drivers::serve::main(env::args_os())
}
