//! What a driver serves: one site, its limits and its times.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use h1_core::{Limits, Status, Timeouts};

use crate::os::{LogWriter, Root};

/// Everything that the connections of a process share; immutable once it serves.
#[derive(Debug)]
pub struct Server {
    /// What is served.
    pub site: Site,
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
    /// The bounds on how long a peer may take.
    pub timeouts: Timeouts,
    /// Requests answered on one connection before it is closed. nginx's `keepalive_requests`,
    /// default 1000.
    pub keepalive_requests: u32,
    /// Where finished requests are written, if anywhere.
    pub access_log: Option<LogWriter>,
}

impl Server {
    /// A server of `site` with every default.
    pub fn new(site: Site) -> Self {
        Self {
            site,
            worker_processes: 1,
            worker_connections: 512,
            worker_shutdown_timeout: Duration::from_secs(30),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            keepalive_requests: 1000,
            access_log: None,
        }
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
    /// Fixed answers by path, in place of files: nginx's `location = /path { return …; }`, for GET and
    /// HEAD. The path is looked for as it was sent, then decoded and normalized, as
    /// [`CleanPath`](crate::CleanPath) has it. Default none.
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
