//! From the command line to a running server.

use std::collections::BTreeSet;
use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::fs::Access;
use rustix::process::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::{LogWriter, Root, Shutdown};
use crate::cli::{self, AccessLog, Args, Listen};
use crate::{Server, Site};

/// What a driver is: it serves on bound listeners until the stop, then lets answers end.
pub type Serve = fn(Arc<Server>, Vec<TcpListener>, Shutdown) -> io::Result<()>;

/// Connections that the kernel holds for us to accept; nginx's default.
const BACKLOG: i32 = 511;

/// The whole of a program that serves a folder: reads the command line, prepares what it asks for,
/// says on standard output where it listens, and serves until SIGINT or SIGTERM.
///
/// The exit code is 0 after a graceful stop, and 1 after a failure, which one line on standard error
/// explains.
pub fn run(name: &'static str, version: &'static str, serve: Serve) -> ExitCode {
    let ended = match cli::parse(name, version, env::args_os()) {
        Ok(args) => start(name, &args, serve),
        Err(help) if help.exit_code() == 0 => {
            let _ = help.print();
            Ok(())
        }
        Err(error) => Err(misuse(&error)),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "{name}: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// What is wrong with the command line: the first line of a longer text.
fn misuse(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("{} (see --help)", line.trim_start_matches("error: "))
}

fn start(name: &str, args: &Args, serve: Serve) -> Result<(), String> {
    let site = open_site(args).map_err(because(format!("cannot serve {}", args.dir.display())))?;
    let mut listeners = Vec::new();
    for listen in args.listen() {
        listeners.extend(listen_on(&listen)?);
    }
    let mut server = Server::new(site);
    server.worker_connections = affordable(name, args.connections.get());
    server.access_log = open_log(&args.access_log)?;
    let stop = Shutdown::new().map_err(because("cannot open a socket pair"))?;
    stop.on_signals()
        .map_err(because("cannot handle signals"))?;
    announce(name, server.site.root.path(), &listeners);
    serve(Arc::new(server), listeners, stop).map_err(because("cannot go on serving"))
}

fn open_site(args: &Args) -> io::Result<Site> {
    // An open folder need not be one that we may look into.
    let needed = match args.no_listing {
        true => Access::EXEC_OK,
        false => Access::EXEC_OK | Access::READ_OK,
    };
    rustix::fs::access(args.dir.join("."), needed)?;
    let mut site = Site::new(Root::open(&args.dir)?);
    site.autoindex = !args.no_listing;
    Ok(site)
}

fn open_log(log: &AccessLog) -> Result<Option<LogWriter>, String> {
    match log {
        AccessLog::Off => Ok(None),
        AccessLog::Stdout => Ok(Some(LogWriter::new(io::stdout()))),
        AccessLog::File(path) => File::options()
            .append(true)
            .create(true)
            .open(path)
            .map(|file| Some(LogWriter::new(file)))
            .map_err(because(format!(
                "cannot open the access log {}",
                path.display()
            ))),
    }
}

/// Listens on every address that a host stands for, without those that this machine does not have:
/// `localhost` often means `::1` as well where there is no IPv6.
fn listen_on(listen: &Listen) -> Result<Vec<TcpListener>, String> {
    let addresses = (listen.host.as_str(), listen.port)
        .to_socket_addrs()
        .map_err(because(format!("cannot listen on {listen}")))?;
    let mut listeners = Vec::new();
    let mut failure = format!("cannot listen on {listen}: it has no address");
    for address in addresses.collect::<BTreeSet<_>>() {
        match bind(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let fatal = !is_absent(&error);
                failure = because(format!("cannot listen on {address}"))(error);
                if fatal {
                    return Err(failure);
                }
            }
        }
    }
    if listeners.is_empty() {
        return Err(failure);
    }
    Ok(listeners)
}

fn is_absent(error: &io::Error) -> bool {
    use rustix::io::Errno;
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
    )
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    // A restart must not wait for the connections of the process before to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Descriptors for everything but connections: standard streams, listeners, log, root, signals.
const OWN_FILES: u64 = 24;

/// As many of the `wanted` connections as the limit on open files allows, with a file open for each:
/// one that is accepted with the last descriptor could be told nothing but 503.
fn affordable(name: &str, wanted: usize) -> usize {
    let Some(files) = raise_open_file_limit() else {
        return wanted;
    };
    let most = usize::try_from(files.saturating_sub(OWN_FILES) / 2).unwrap_or(usize::MAX);
    if most < wanted {
        let _ = writeln!(
            io::stderr(),
            "{name}: {files} open files allow {} connections at a time, not {wanted}",
            most.max(1)
        );
    }
    wanted.min(most.max(1))
}

/// Lifts the limit on open files as far as the process may, and returns it; where that fails, the
/// old limit holds. `None` is no limit.
fn raise_open_file_limit() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Says where to find the server. A standard output that is closed does not stop it.
fn announce(name: &str, dir: &Path, listeners: &[TcpListener]) {
    let mut stdout = io::stdout().lock();
    for address in listeners.iter().filter_map(|it| it.local_addr().ok()) {
        let _ = writeln!(
            stdout,
            "{name}: serving {} on http://{address}/",
            dir.display()
        );
    }
    let _ = stdout.flush();
}

/// Turns an error into a line such as `cannot listen on [::]:80: permission denied`.
fn because(failure: impl Into<String>) -> impl FnOnce(io::Error) -> String {
    let failure = failure.into();
    move |error| {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or_default();
        let (first, rest) = reason.split_at(reason.chars().next().map_or(0, char::len_utf8));
        format!("{failure}: {}{rest}", first.to_lowercase())
    }
}
