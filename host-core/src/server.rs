//! What a driver serves: one site, its limits and its times.

pub(crate) mod counters;
mod site;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use h1_core::{Limits, Status, Timeouts};

use crate::config::Config;
use crate::config::model::{Model, VirtualServer};
use crate::os::{LogWriter, Root};
use crate::route::{Hosting, Process};

/// Everything that the connections of a process share; immutable once it serves.
#[derive(Debug)]
pub struct Server {
    /// The number of threads or event loops that share the connections, in drivers that have
    /// such. nginx's `worker_processes`, default 1.
    pub worker_processes: usize,
    /// The most connections served at the same time. Those above it wait in the listen queue of
    /// the kernel until one ends. nginx's `worker_connections`, default 512.
    pub worker_connections: usize,
    /// How long a graceful stop waits for answers that are being sent; then it cuts them.
    /// nginx's `worker_shutdown_timeout`, here 30 seconds by default.
    pub worker_shutdown_timeout: Duration,
    /// The bounds on what a peer may send.
    pub limits: Limits,
    /// The bounds on how long a peer may take. Locations of a configuration have their own.
    pub timeouts: Timeouts,
    /// Requests answered on one connection before it is closed. nginx's `keepalive_requests`,
    /// default 1000. Locations of a configuration have their own.
    pub keepalive_requests: u32,
    /// Where finished requests are written, if anywhere. Locations of a configuration have their
    /// own.
    pub access_log: Option<LogWriter>,
    /// Where it is told what goes wrong with requests, and what scripts write to standard error. Default
    /// nowhere. Locations of a configuration have their own; of a [`Site`] nothing is told.
    pub error_log: Option<LogWriter>,
    pub(crate) hosting: Hosting,
    /// The logs of a configuration, in the order of [`Hosting::logs`].
    pub(crate) logs: Vec<LogWriter>,
    /// In the order of [`Hosting::error_logs`].
    pub(crate) error_logs: Vec<LogWriter>,
}

impl Server {
    /// A server of `site` with every default.
    pub fn new(site: Site) -> Self {
        let root = Arc::new(site.root);
        let model = site::model(root.path(), site.index, site.autoindex, site.returns);
        Self::with(Hosting::new(model, None, [root], Process::default()))
    }

    /// A server of a configuration. Its logs go to [`access_log`](Self::access_log), wherever the
    /// configuration wants them; [`os::run`](crate::os::run) opens those.
    ///
    /// ```
    /// use host_core::Server;
    /// use host_core::config::{Config, Overrides};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("nginx.conf");
    /// std::fs::write(&path, "events { } http { server { return 200 Hello; } }")?;
    /// let (config, _warnings) = Config::load(&path, &Overrides::default())?;
    /// assert_eq!(Server::configured(config).worker_connections, 512);
    /// # Ok(())
    /// # }
    /// ```
    pub fn configured(config: Config) -> Self {
        Self::of_model(config.model, Process::default())
    }

    pub(crate) fn of_model(model: Model, process: Process) -> Self {
        let timeouts = Timeouts::default();
        let (processes, connections) = (model.main.worker_processes, model.main.worker_connections);
        let shutdown = model.main.worker_shutdown_timeout;
        let first = model
            .listens
            .first()
            .and_then(|it| model.servers.get(it.default));
        let (limits, timeouts) = match first {
            Some(server) => (header_limits(server), header_timeouts(server)),
            None => (Limits::default(), timeouts),
        };
        let hosting = Hosting::new(model, Some(timeouts), [], process);
        Self {
            worker_processes: processes.unwrap_or(1),
            worker_connections: connections,
            // nginx waits for ever.
            worker_shutdown_timeout: shutdown.unwrap_or(Duration::MAX),
            limits,
            timeouts,
            keepalive_requests: u32::MAX,
            ..Self::with(hosting)
        }
    }

    fn with(hosting: Hosting) -> Self {
        Self {
            worker_processes: 1,
            worker_connections: 512,
            worker_shutdown_timeout: Duration::from_secs(30),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            keepalive_requests: 1000,
            access_log: None,
            error_log: None,
            hosting,
            logs: Vec::new(),
            error_logs: Vec::new(),
        }
    }

    /// The log at this place of [`Hosting::error_logs`].
    pub(crate) fn error_log(&self, at: usize) -> Option<&LogWriter> {
        self.error_logs.get(at).or(self.error_log.as_ref())
    }

    /// The log at this place of [`Hosting::logs`].
    pub(crate) fn log(&self, at: usize) -> Option<&LogWriter> {
        self.logs.get(at).or(self.access_log.as_ref())
    }
}

/// What holds for a head, whose server is not known yet.
fn header_limits(server: &VirtualServer) -> Limits {
    let (number, size) = server.large_client_header_buffers;
    let small = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    let limits = Limits::default();
    let head = small(size.saturating_mul(number.into()));
    Limits {
        request_line: small(size),
        head,
        buffer: limits.buffer.min(head),
        ..limits
    }
}

fn header_timeouts(server: &VirtualServer) -> Timeouts {
    Timeouts {
        head: server.client_header_timeout,
        keep_alive: server.settings.keepalive_timeout,
        body: server.settings.client_body_timeout,
        send: server.settings.send_timeout,
        linger: server.settings.lingering_timeout,
        ..Timeouts::default()
    }
}

/// One folder and how it is shown, and answers that need no file.
#[derive(Debug)]
pub struct Site {
    /// The folder.
    pub root: Root,
    /// The file names that stand for a folder, in order of preference. Default `index.html`.
    pub index: Vec<String>,
    /// Whether a folder without an index file is listed. nginx's `autoindex`, default off.
    pub autoindex: bool,
    /// Fixed answers by path, in place of files: nginx's `location = /path { return …; }`, whatever
    /// the method. A path is decoded and normalized, as [`CleanPath`](crate::CleanPath) has it. Default none.
    pub returns: BTreeMap<Vec<u8>, Return>,
}

/// A fixed answer.
///
/// ```
/// use bytes::Bytes;
/// use host_core::{Return, Site, os::Root};
/// use h1_core::Status;
///
/// # fn main() -> std::io::Result<()> {
/// let mut site = Site::new(Root::open("/".as_ref())?);
/// let hello = Return {
///     status: Status::OK,
///     content_type: "text/plain".into(),
///     body: Bytes::from_static(b"Hello, World!"),
/// };
/// site.returns.insert("/plaintext".into(), hello);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Return {
    /// The status; a final one.
    pub status: Status,
    /// The value of the Content-Type field. nginx's `default_type`.
    pub content_type: String,
    /// The content, which all answers share.
    pub body: Bytes,
}

impl Site {
    /// The files below `root`, with `index.html` as index and no listing.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            index: vec!["index.html".into()],
            autoindex: false,
            returns: BTreeMap::new(),
        }
    }
}
