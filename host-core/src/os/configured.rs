//! A server of a configuration: `-c` and what goes with it.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::process::Signal;

use super::children::Children;
use super::listen::Sockets;
use super::pid::{self, PidFile};
use super::signals::{self, Administration};
use super::startup::{afford, announce, because, set_open_file_limit};
use super::user::Account;
use super::{Control, FileCache, LogWriter, Serve, Service, notify, reaper};
use crate::Server;
use crate::cli::{self, Nginx};
use crate::config::model::{Level, Main};
use crate::config::{Config, Overrides};
use crate::date;
use crate::route::Process;
use crate::server::counters::Counters;

/// Does what the flags ask for.
pub(super) fn run(name: &'static str, flags: Nginx, serve: Serve) -> Result<(), String> {
    let path = flags.config.clone().unwrap_or_default();
    let overrides = Overrides {
        prefix: flags.prefix.clone(),
        globals: flags.globals.clone(),
        error_log: flags.error_log.clone(),
    };
    let (config, warnings) = match Config::load(&path, &overrides) {
        Ok(loaded) => loaded,
        Err(problems) => {
            let _ = write!(io::stderr(), "{problems}");
            return Err(failed(&path));
        }
    };
    if !flags.quiet {
        let _ = write!(io::stderr(), "{warnings}");
    }
    match flags.signal {
        Some(signal) => tell_running(&config.model.main, signal),
        None if flags.test || flags.dump => {
            test(name, &flags, &path, &config);
            Ok(())
        }
        None => start(name, path, overrides, config, serve),
    }
}

fn failed(path: &Path) -> String {
    format!("configuration file {} test failed", path.display())
}

fn test(name: &str, flags: &Nginx, path: &Path, config: &Config) {
    if !flags.quiet {
        let path = path.display();
        let _ = writeln!(
            io::stderr(),
            "{name}: the configuration file {path} syntax is ok\n\
             {name}: configuration file {path} test is successful"
        );
    }
    if flags.dump {
        let _ = io::stdout().write_all(config.dump().as_bytes());
    }
}

fn tell_running(main: &Main, signal: cli::Signal) -> Result<(), String> {
    let path = (main.pid.as_deref()).ok_or("the configuration names no pid file")?;
    pid::signal(
        path,
        match signal {
            cli::Signal::Stop => Signal::TERM,
            cli::Signal::Quit => Signal::QUIT,
            cli::Signal::Reload => Signal::HUP,
            cli::Signal::Reopen => Signal::USR1,
        },
    )
}

fn start(
    name: &'static str,
    path: PathBuf,
    overrides: Overrides,
    config: Config,
    serve: Serve,
) -> Result<(), String> {
    // Scripts get none of what we were started with; our own descriptors have the flag from the start.
    close_fds::set_fds_cloexec_threadsafe(3, &[]);
    let main = &config.model.main;
    let account = match &main.user {
        Some((user, group)) if rustix::process::geteuid().is_root() => {
            let name = group.as_ref().map(|group| format!("{user}:{group}"));
            Some(Account::find(&name.unwrap_or_else(|| user.clone()))?)
        }
        _ => None,
    };
    let (pid, daemon) = (main.pid.clone(), main.daemon);
    let mut server = prepare(name, config);
    if server.hosting.listens.is_empty() {
        return Err("the configuration has no server".into());
    }
    let shared = server.worker_processes > 1;
    let (sockets, listeners) = Sockets::open(&server.hosting.listens, shared)?;
    if daemon {
        // Before any thread is started: only this one goes on.
        nix::unistd::daemon(true, false)
            .map_err(io::Error::from)
            .map_err(because("cannot become a daemon"))?;
        server.hosting.process = process();
    }
    let _pid = pid.as_deref().map(PidFile::write).transpose()?;
    let mut configuration = Configuration {
        name,
        path,
        overrides,
        sockets: Arc::new(Mutex::new(sockets)),
        logs: Arc::default(),
        error_logs: Vec::new(),
        told: Vec::new(),
        counters: Arc::clone(&server.hosting.counters),
        children: Arc::clone(&server.hosting.children),
    };
    server.logs = configuration.open_logs(&server, account.as_ref())?;
    server.error_logs = configuration.open_error_logs(&server, account.as_ref())?;
    if let Some(account) = account {
        account
            .assume()
            .map_err(because("cannot change the user"))?;
    }
    let open = Arc::clone(&configuration.logs);
    let sockets = Arc::clone(&configuration.sockets);
    let shown = std::path::absolute(&configuration.path).unwrap_or_default();
    let control = Control::new();
    signals::handle(control.clone(), configuration).map_err(because("cannot handle signals"))?;
    if !daemon {
        announce(name, &shown, &listeners);
    }
    notify::ready();
    let errors = server.error_logs.clone();
    let server = server.into();
    let ended = serve(Service { server, listeners }, control);
    lock(&sockets).remove_files();
    reaper::end();
    errors.iter().for_each(LogWriter::flush);
    for (_, log) in &*lock(&open) {
        log.flush();
    }
    ended.map_err(because("cannot go on serving"))
}

/// The server of a configuration, without its logs.
fn prepare(name: &str, config: Config) -> Server {
    let automatic = config.model.main.worker_processes.is_none();
    let files = config.model.main.worker_rlimit_nofile;
    let mut server = Server::of_model(config.model, process());
    if automatic {
        server.worker_processes = thread::available_parallelism().map_or(1, usize::from);
    }
    let cached = cached_files(&server, files);
    // A server has a folder open, too.
    let others = server.hosting.servers.len() + cached;
    let listeners = server.hosting.listens.iter().filter(|it| it.bind).count();
    let wanted = (server.worker_processes, server.worker_connections);
    (server.worker_processes, server.worker_connections) =
        afford(name, wanted, listeners, others, files);
    let workers = server.worker_processes;
    let parts = (server.hosting.caches.len() * workers).max(1);
    for cache in &mut server.hosting.caches {
        cache.divide(workers, cached / parts);
    }
    server
}

/// Descriptors for files that stay open: what the caches want, but leave most of them to connections.
fn cached_files(server: &Server, files: Option<u64>) -> usize {
    const SHARE: u64 = 4;

    let caches = server.hosting.caches.iter().map(FileCache::max);
    let wanted = caches.fold(0, usize::saturating_add);
    let wanted = wanted.saturating_mul(server.worker_processes);
    let most = set_open_file_limit(files).map_or(u64::MAX, |files| files / SHARE);
    wanted.min(usize::try_from(most).unwrap_or(usize::MAX))
}

pub(super) fn process() -> Process {
    Process {
        id: std::process::id(),
        hostname: crate::config::Source::hostname(&super::config::Disk),
    }
}

/// What a server is made of, now and at each reload.
struct Configuration {
    name: &'static str,
    path: PathBuf,
    overrides: Overrides,
    sockets: Arc<Mutex<Sockets>>,
    /// The open logs: a file that stays in the configuration is not opened twice.
    logs: Logs,
    error_logs: Vec<(Option<PathBuf>, LogWriter)>,
    /// Those of the process, and from which level on.
    told: Vec<(LogWriter, Level)>,
    /// They go on.
    counters: Arc<Counters>,
    children: Arc<Children>,
}

/// Nothing that holds a lock leaves things half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

type Logs = Arc<Mutex<Vec<(Option<PathBuf>, LogWriter)>>>;

impl Configuration {
    /// Everything is made before anything changes.
    fn load(&mut self) -> Result<Service, String> {
        let (config, warnings) = Config::load(&self.path, &self.overrides)
            .map_err(|problems| format!("{problems}{}", failed(&self.path)))?;
        let mut server = prepare(self.name, config);
        server.hosting.counters = Arc::clone(&self.counters);
        if server.hosting.listens.is_empty() {
            return Err("the configuration has no server".into());
        }
        let shared = server.worker_processes > 1;
        let followed = lock(&self.sockets).follow(&server.hosting.listens, shared);
        let (sockets, listeners) = followed?;
        server.logs = self.open_logs(&server, None)?;
        server.error_logs = self.open_error_logs(&server, None)?;
        *lock(&self.sockets) = sockets;
        self.children.limit(server.hosting.children.limits());
        server.hosting.children = Arc::clone(&self.children);
        if !warnings.is_empty() {
            self.complain(Level::Warn, &warnings.to_string());
        }
        Ok(Service {
            server: server.into(),
            listeners,
        })
    }

    /// Opens the logs of a server that are not open yet.
    fn open_logs(
        &mut self,
        server: &Server,
        account: Option<&Account>,
    ) -> Result<Vec<LogWriter>, String> {
        let mut open = lock(&self.logs);
        let mut logs = Vec::new();
        for path in &server.hosting.logs {
            let known = open.iter().find(|(known, _)| known == path);
            let log = match (known, path) {
                (Some((_, log)), _) => log.clone(),
                (None, None) => LogWriter::new(io::stdout()),
                (None, Some(path)) => open_log(path, account)?,
            };
            logs.push(log);
        }
        let paths = server.hosting.logs.iter().cloned();
        *open = paths.zip(logs.iter().cloned()).collect();
        Ok(logs)
    }

    /// Opens the error logs of a server that are not open yet.
    fn open_error_logs(
        &mut self,
        server: &Server,
        account: Option<&Account>,
    ) -> Result<Vec<LogWriter>, String> {
        let mut logs = Vec::new();
        for path in &server.hosting.error_logs {
            let known = self.error_logs.iter().find(|(known, _)| known == path);
            logs.push(match (known, path) {
                (Some((_, log)), _) => log.clone(),
                (None, None) => LogWriter::new(io::stderr()),
                (None, Some(path)) => open_log(path, account)?,
            });
        }
        let paths = server.hosting.error_logs.iter().cloned();
        self.error_logs = paths.zip(logs.iter().cloned()).collect();
        let told = server.hosting.main_error_logs.iter();
        let told = told.filter_map(|&(log, from)| {
            let (path, log) = self.error_logs.get(log)?;
            // Standard error is told in any case.
            path.is_some().then(|| (log.clone(), from))
        });
        self.told = told.collect();
        Ok(logs)
    }

    fn reopen_logs(&self) -> Result<(), String> {
        let open = lock(&self.logs);
        let failure = || because("cannot open a log again");
        let mut open = open.iter().chain(&self.error_logs);
        open.try_for_each(|(_, log)| log.reopen().map_err(failure()))
    }

    /// Says what is wrong on standard error and in the error log.
    fn complain(&self, level: Level, text: &str) {
        let _ = writeln!(io::stderr(), "{}: {text}", self.name);
        self.tell(level, text);
    }

    /// Writes to the error log.
    fn tell(&self, level: Level, text: &str) {
        let time = date::fmt_error(crate::os::now().wall);
        let pid = std::process::id();
        for (log, _) in self.told.iter().filter(|(_, from)| level >= *from) {
            log.write(&format!("{} [{level}] {pid}#{pid}: {text}\n", &*time));
        }
    }
}

impl Administration for Configuration {
    fn reload(&mut self) -> Option<Service> {
        self.tell(Level::Notice, "reconfiguring");
        let service = self.load();
        let failed = |failure: String| self.complain(Level::Emerg, &failure);
        service.map_err(failed).ok()
    }

    fn reopen(&mut self) {
        self.tell(Level::Notice, "reopening logs");
        if let Err(failure) = self.reopen_logs() {
            self.complain(Level::Emerg, &failure);
        }
    }
}

/// One in a file will be opened again, so it becomes that of `account`.
fn open_log(path: &Path, account: Option<&Account>) -> Result<LogWriter, String> {
    let failure = because(format!("cannot open the log {}", path.display()));
    LogWriter::open_for(path, account).map_err(failure)
}
