//! From the command line to a running server.

use std::env;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;

use rustix::fs::Access;
use rustix::process::{Resource, geteuid, getrlimit, setrlimit};

use super::listen::Sockets;
use super::signals::{self, Administration};
use super::user::Account;
use super::{Control, Listener, LogWriter, Root, Service, configured, listen, notify};
use crate::cli::{self, AccessLog, Args, Workers};
use crate::{Server, Site};

/// What a driver is: it serves from the start with this service, as long and in the way that the
/// control tells it.
pub type Serve = fn(Service, Control) -> io::Result<()>;

/// The whole of a program that serves a folder: reads the command line, prepares what it asks for,
/// says on standard output where it listens, and serves until a signal ends it.
///
/// Signals mean what they mean to nginx: SIGTERM and SIGINT stop fast, SIGQUIT gracefully, SIGHUP
/// reads the command line again, SIGUSR1 opens the log file anew. systemd may pass the listeners
/// (`LISTEN_FDS`), and is told when the server is ready, reloads and stops (`NOTIFY_SOCKET`).
///
/// The exit code is 0 after a stop, and 1 after a failure, which one line on standard error
/// explains; 128 + n after a second SIGTERM or SIGINT.
pub fn run(name: &'static str, version: &'static str, serve: Serve) -> ExitCode {
    let explain = env::args_os().nth(1).is_some_and(|word| word == "explain");
    let ended = match cli::parse(name, version, env::args_os()) {
        _ if explain => super::explain::run(name, env::args_os().skip(1)),
        Ok(args) if args.nginx.build => {
            build(name, version);
            Ok(())
        }
        Ok(args) if args.nginx.config.is_some() => configured::run(name, args.nginx, serve),
        Ok(args) => start(name, args, serve),
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

/// Says what this is and can do.
fn build(name: &str, version: &str) {
    let directives = crate::config::supported().join(" ");
    let _ = writeln!(
        io::stdout(),
        "{name} version {version}\nprotocols: HTTP/1.0 HTTP/1.1\ndirectives: {directives}"
    );
}

/// What is wrong with the command line: the first line of a longer text.
fn misuse(error: &clap::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    format!("{} (see --help)", line.trim_start_matches("error: "))
}

fn start(name: &'static str, args: Args, serve: Serve) -> Result<(), String> {
    let listeners = listen::listen(&args.listen(), processes(&args) > 1)?;
    let account = account(name, &args)?;
    let access_log = open_log(&args.access_log, account.as_ref())?;
    let wanted = (processes(&args), args.connections.get());
    let (workers, connections) = afford(name, wanted, listeners.len(), 0, None);
    if let Some(account) = account {
        account
            .assume()
            .map_err(because("cannot change the user"))?;
    }
    let command_line = CommandLine {
        name,
        args,
        access_log,
        workers,
        connections,
        sockets: Sockets::fixed(&listeners),
    };
    let server = command_line.server()?;
    // The folder has been opened by this path.
    let dir = std::path::absolute(&command_line.args.dir).unwrap_or_default();
    let control = Control::new();
    signals::handle(control.clone(), command_line).map_err(because("cannot handle signals"))?;
    announce(name, &dir, &listeners);
    notify::ready();
    let log = server.access_log.clone();
    let server = server.into();
    let ended = serve(Service { server, listeners }, control);
    if let Some(log) = log {
        log.flush();
    }
    ended.map_err(because("cannot go on serving"))
}

/// What a server is made of, now and at each reload.
struct CommandLine {
    name: &'static str,
    args: Args,
    access_log: Option<LogWriter>,
    workers: usize,
    connections: usize,
    sockets: Sockets,
}

impl CommandLine {
    fn server(&self) -> Result<Server, String> {
        let args = &self.args;
        let failure = because(format!("cannot serve {}", args.dir.display()));
        let mut server = Server::new(open_site(args).map_err(failure)?);
        server.worker_processes = self.workers;
        server.worker_connections = self.connections;
        server.worker_shutdown_timeout = args.worker_shutdown_timeout;
        server.access_log = self.access_log.clone();
        Ok(server)
    }

    fn reopen_log(&self) -> Result<(), String> {
        let log = self.access_log.as_ref();
        log.map_or(Ok(()), LogWriter::reopen)
            .map_err(because("cannot open the access log again"))
    }

    /// The value, or a line on standard error.
    fn tell<T>(&self, result: Result<T, String>) -> Option<T> {
        let tell = |failure| drop(writeln!(io::stderr(), "{}: {failure}", self.name));
        result.map_err(tell).ok()
    }
}

impl Administration for CommandLine {
    fn reload(&mut self) -> Option<Service> {
        let server = self.server();
        let server = self.tell(server.and_then(|server| self.reopen_log().map(|()| server)))?;
        Some(Service {
            server: server.into(),
            listeners: self.sockets.listeners(),
        })
    }

    fn reopen(&mut self) {
        self.tell(self.reopen_log());
    }
}

fn processes(args: &Args) -> usize {
    match args.workers {
        Workers::Exactly(n) => n.get(),
        Workers::Auto => thread::available_parallelism().map_or(1, usize::from),
    }
}

/// Whom to become, if that was asked for and root asks.
fn account(name: &str, args: &Args) -> Result<Option<Account>, String> {
    let Some(user) = &args.user else {
        return Ok(None);
    };
    if !geteuid().is_root() {
        let _ = writeln!(
            io::stderr(),
            "{name}: --user is ignored, as only root can change it"
        );
        return Ok(None);
    }
    Account::find(user).map(Some)
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

/// Opens the log; one in a file will be opened again, so it becomes that of `account`.
fn open_log(log: &AccessLog, account: Option<&Account>) -> Result<Option<LogWriter>, String> {
    let path = match log {
        AccessLog::Off => return Ok(None),
        AccessLog::Stdout => return Ok(Some(LogWriter::new(io::stdout()))),
        AccessLog::File(path) => path,
    };
    let failure = because(format!("cannot open the access log {}", path.display()));
    let log = LogWriter::open_for(path, account).map_err(failure)?;
    Ok(Some(log))
}

/// Descriptors for everything but connections and workers: standard streams, log, root, signals and
/// what a reload adds.
const OWN: usize = 18;

/// Those of each worker beside its listeners: a poller, what wakes it, and a spare one.
const WORKER: usize = 5;

/// As many of the workers and connections as the limit on open files allows, with `others` open and a
/// file for each connection: one that is accepted with the last descriptor could be told nothing but
/// 503.
pub(super) fn afford(
    name: &str,
    (workers, connections): (usize, usize),
    listeners: usize,
    others: usize,
    files: Option<u64>,
) -> (usize, usize) {
    let Some(files) = set_open_file_limit(files) else {
        return (workers, connections);
    };
    let tell = |most, what, wanted| {
        let _ = writeln!(
            io::stderr(),
            "{name}: {files} open files allow {most} {what}, not {wanted}"
        );
    };
    let left = usize::try_from(files).unwrap_or(usize::MAX);
    let left = left.saturating_sub(OWN + others);
    let most = (left.saturating_sub(2) / (listeners + WORKER)).max(1);
    if most < workers {
        tell(most, "workers", workers);
    }
    let workers = workers.min(most);
    let most = (left.saturating_sub(workers * (listeners + WORKER)) / 2).max(1);
    if most < connections {
        tell(most, "connections at a time", connections);
    }
    (workers, connections.min(most))
}

/// Sets the limit on open files, or lifts it as far as the process may, and returns it; where that
/// fails, the old limit holds. `None` is no limit.
pub(super) fn set_open_file_limit(files: Option<u64>) -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.maximum = limit.maximum.map(|maximum| maximum.max(files.unwrap_or(0)));
    limit.current = files.or(limit.maximum);
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current
}

/// Says where to find the server. A standard output that is closed does not stop it.
pub(super) fn announce(name: &str, dir: &Path, listeners: &[Listener]) {
    let mut stdout = io::stdout().lock();
    for listener in listeners {
        let _ = writeln!(stdout, "{name}: serving {} on {listener}", dir.display());
    }
    let _ = stdout.flush();
}

/// Turns an error into a line such as `cannot listen on [::]:80: permission denied`.
pub(super) fn because(failure: impl Into<String>) -> impl FnOnce(io::Error) -> String {
    let failure = failure.into();
    move |error| {
        let text = error.to_string();
        let reason = text.split(" (os error").next().unwrap_or_default();
        let (first, rest) = reason.split_at(reason.chars().next().map_or(0, char::len_utf8));
        format!("{failure}: {}{rest}", first.to_lowercase())
    }
}
