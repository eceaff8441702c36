//! `server`: each of our servers by its name.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Parser;
use h1_core::Status;
use host_core::config::{Config, Overrides};
use host_core::os::{Control, Root, Serve, Service};
use host_core::{Return, Server, Site};

use super::floor::{self, Answer};
use super::hyper;
use super::work::HELLO;

/// Each driver: its name, the floor that it is compared with, and itself.
pub const DRIVERS: [(&str, &str, Serve); 3] = [
    ("driver-mio", "bare-epoll", driver_mio::serve),
    ("driver-std", "bare-blocking", driver_std::serve),
    ("driver-tokio", "bare-epoll", driver_tokio::serve_blocking),
];

/// Servers to be compared: the drivers by their names, bare-epoll, bare-blocking and hyper.
#[derive(Parser)]
struct Args {
    /// Which
    name: String,
    /// The folder that a driver serves
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// ... by this configuration
    #[arg(long)]
    config: Option<PathBuf>,
    /// The port of 127.0.0.1; 0 is any that is free
    #[arg(long, default_value = "0")]
    port: u16,
    /// A bare loop answers with this file
    #[arg(long)]
    file: Option<PathBuf>,
    /// ... which it has read beforehand
    #[arg(long)]
    memory: bool,
    /// A bare loop answers 404
    #[arg(long, conflicts_with = "file")]
    missing: bool,
    /// A bare loop closes the connection after each answer
    #[arg(long)]
    close: bool,
}

/// Serves, and first says where.
///
/// # Errors
///
/// Those of the server, or when there is none of this name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> io::Result<()> {
    let args = Args::parse_from(args);
    let listener = TcpListener::bind(("127.0.0.1", args.port))?;
    println!("{}: on http://{}/", args.name, listener.local_addr()?);
    match args.name.as_str() {
        "bare-epoll" => floor::epoll(listener, answer(&args)?, args.close),
        "bare-blocking" => floor::blocking(&listener, answer(&args)?, args.close),
        "hyper" => hyper::serve(listener),
        name => match DRIVERS.iter().find(|driver| driver.0 == name) {
            Some((_, _, serve)) => drive(*serve, &args, listener),
            None => Err(io::Error::other(format!("there is no server {name}"))),
        },
    }
}

fn answer(args: &Args) -> io::Result<Answer> {
    Ok(match &args.file {
        Some(path) if args.memory => Answer::memory_of(path)?,
        Some(path) => Answer::File(path.clone()),
        None if args.missing => Answer::memory("404 Not Found", b"not found\n"),
        None => Answer::memory("200 OK", HELLO),
    })
}

/// As the driver's own program would with `--workers 1 --access-log off`, but for any number of connections,
/// each of which lasts.
fn drive(serve: Serve, args: &Args, listener: TcpListener) -> io::Result<()> {
    let mut server = match &args.config {
        Some(path) => {
            let loaded = Config::load(path, &Overrides::default());
            let (config, _) = loaded.map_err(|problems| io::Error::other(problems.to_string()))?;
            Server::configured(config)
        }
        None => folder(&args.dir)?,
    };
    server.worker_connections = 1 << 15;
    server.keepalive_requests = u32::MAX;
    serve(Service::new(server, [listener])?, Control::new())
}

fn folder(dir: &Path) -> io::Result<Server> {
    let mut site = Site::new(Root::open(dir)?);
    let hello = Return {
        status: Status::OK,
        content_type: "text/plain".into(),
        body: Bytes::from_static(HELLO),
    };
    site.returns.insert("/plaintext".into(), hello);
    Ok(Server::new(site))
}
