//! A folder and the process that serves it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use std::{iter, thread};

use rustix::io::retry_on_intr;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};
use tempfile::TempDir;

use crate::{Client, DEADLINE, Driver, Response, Wire, eventually, free_address};

/// A temporary folder, and a server that serves it and writes an access log beside it.
#[derive(Debug)]
pub struct Site {
    /// The process.
    pub server: Server,
    scratch: TempDir,
}

impl From<Driver> for Site {
    fn from(driver: Driver) -> Self {
        driver.site(&[])
    }
}

impl Site {
    /// Serves a new folder through `command`, to which the arguments are added, on a [`free_address`]
    /// unless `flags` name others.
    pub fn launch(mut command: Command, flags: &[&str]) -> Self {
        let scratch = scratch();
        command.arg(scratch.path().join("root")).args(flags);
        if !flags.contains(&"--access-log") {
            command.arg("--access-log").arg(scratch.path().join("log"));
        }
        let addresses = flags.iter().filter(|flag| **flag == "--listen").count();
        if addresses == 0 {
            command.args(["--listen", &free_address().to_string()]);
        }
        Self {
            server: Server::start(command, addresses.max(1)),
            scratch,
        }
    }

    /// Serves a new folder with these directives at the top and in `events`, and gives clients time: those
    /// that wait, or do not read, are still there when a slow machine comes back to them.
    pub fn patient(driver: &Driver, main: &str, events: &str) -> Self {
        let scratch = scratch();
        let (folder, address) = (scratch.path().display(), free_address());
        let text = format!(
            "{main}\nevents {{ {events} }}\nhttp {{\n{PATIENCE}\naccess_log {folder}/log;\n\
             server {{ listen {address}; root {folder}/root; }} }}\n"
        );
        let config = scratch.path().join("nginx.conf");
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-c").arg(&config);
        Self {
            server: Server::start(command, 1),
            scratch,
        }
    }

    /// A path below the folder that is served.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.scratch.path().join("root").join(name)
    }

    /// A path beside the folder that is served.
    pub fn outside(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// Writes a file below the folder, and the folders that it needs.
    pub fn write(&self, name: impl AsRef<Path>, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        fs::write(&path, content).expect("write");
        path
    }

    /// A file of `len` zeros that takes no room on the disk.
    pub fn sparse(&self, name: &str, len: u64) -> File {
        let file = File::create(self.path(name)).expect("create");
        file.set_len(len).expect("set_len");
        file
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(self.server.address())
    }

    /// A new connection for bytes of any kind.
    pub fn wire(&self) -> Wire {
        Wire::connect(self.server.address())
    }

    /// GET on a new connection.
    pub fn get(&self, target: &str) -> Response {
        self.client().get(target)
    }

    /// The lines of the access log, which must become `count`.
    pub fn log(&self, count: usize) -> Vec<String> {
        let read = || fs::read_to_string(self.outside("log")).expect("access log");
        let complete = eventually(|| read().matches('\n').count() >= count);
        let text = read();
        let lines: Vec<_> = text.lines().map(str::to_owned).collect();
        assert!(complete && lines.len() == count, "{count} lines: {text}");
        lines
    }
}

/// Directives by which no client is too slow before its test is over.
pub(crate) const PATIENCE: &str = "client_header_timeout 1h; client_body_timeout 1h; \
                                   keepalive_timeout 1h; send_timeout 1h;";

/// A folder with one to be served.
fn scratch() -> TempDir {
    let scratch = TempDir::new().expect("temporary folder");
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    fs::create_dir(scratch.path().join("root")).expect("root");
    scratch
}

/// A driver's process; killed when dropped.
#[derive(Debug)]
pub struct Server {
    /// The lines that announced where it listens.
    pub announced: Vec<String>,
    /// The addresses in those lines; unix sockets have none.
    pub addresses: Vec<SocketAddr>,
    child: Child,
    stdout: Receiver<String>,
    stderr: File,
}

impl Server {
    /// Runs `command` until it has announced `count` addresses.
    pub fn start(mut command: Command, count: usize) -> Self {
        let stderr = tempfile::tempfile().expect("file for stderr");
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(stderr.try_clone().expect("dup"))
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let mut server = Self {
            stdout: lines(child.stdout.take().expect("stdout")),
            child,
            announced: Vec::new(),
            addresses: Vec::new(),
            stderr,
        };
        while server.announced.len() < count {
            let line = server.stdout_line();
            assert!(line.contains(": serving "), "announced: {line}");
            server.addresses.extend(address(&line));
            server.announced.push(line);
        }
        server
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The first address.
    pub fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    /// The next line of standard output.
    pub fn stdout_line(&self) -> String {
        self.stdout
            .recv_timeout(DEADLINE)
            .unwrap_or_else(|error| panic!("{error}; stderr: {}", self.stderr()))
    }

    /// Standard error so far.
    pub fn stderr(&self) -> String {
        let mut text = vec![0; self.stderr.metadata().expect("stat").len() as usize];
        // Its own offset: the child's is where it writes.
        self.stderr.read_exact_at(&mut text, 0).expect("stderr");
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("kill");
    }

    /// Lets the process stand still until [`thaw`](Self::thaw): each of its threads does when this returns.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
        let id = Pid::from_child(&self.child);
        let stopped = || waitid(WaitId::Pid(id), WaitIdOptions::STOPPED);
        retry_on_intr(stopped).expect("wait");
    }

    /// Lets the process go on.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// Lets the process have at most `most` descriptors from now on.
    #[cfg(target_os = "linux")]
    pub fn limit_descriptors(&self, most: u64) {
        use rustix::process::{Resource, Rlimit, prlimit};

        let limit = Rlimit {
            current: Some(most),
            maximum: Some(most),
        };
        prlimit(Some(Pid::from_child(&self.child)), Resource::Nofile, limit).expect("prlimit");
    }

    /// The exit status, if the process ends within `time`.
    pub fn exit_within(&mut self, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        let mut status = None;
        eventually(|| {
            status = self.child.try_wait().expect("wait");
            status.is_some() || Instant::now() > deadline
        });
        status
    }

    /// KiB of memory that the process holds, but for the pages of its program.
    pub fn resident(&self) -> u64 {
        let text = self.proc("status");
        let line = text.lines().find(|line| line.starts_with("RssAnon:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.and_then(|kib| kib.parse().ok()).expect("RssAnon")
    }

    /// Whether the process comes to rest: what is left to do is soon done, and to wait costs nothing.
    pub fn rests(&self) -> bool {
        let is_calm = || {
            let before = self.processor_time();
            // Not to wait for something, but to see what it costs.
            thread::sleep(Duration::from_secs(1));
            self.processor_time() - before < Duration::from_millis(100)
        };
        eventually(is_calm)
    }

    /// Processor time that the process has used.
    pub fn processor_time(&self) -> Duration {
        let text = self.proc("stat");
        // utime and stime are fields 14 and 15; the name, field 2, may hold spaces.
        let (_, rest) = text.rsplit_once(") ").expect("stat");
        let ticks = rest.split(' ').skip(11).take(2);
        let ticks: u64 = ticks.map(|n| n.parse::<u64>().expect("ticks")).sum();
        Duration::from_millis(ticks * 1000 / rustix::param::clock_ticks_per_second())
    }

    /// Open descriptors of the process.
    pub fn descriptors(&self) -> usize {
        self.descriptor_links().count()
    }

    /// What the open descriptors of the process lead to.
    fn descriptor_links(&self) -> impl Iterator<Item = Option<PathBuf>> {
        let folder = format!("/proc/{}/fd", self.child.id());
        let links = fs::read_dir(folder).expect("fd");
        links.map(|link| fs::read_link(link.ok()?.path()).ok())
    }

    /// Open descriptors of regular files in this folder.
    pub fn open_files(&self, folder: &Path) -> usize {
        let is_file = |path: &PathBuf| path.starts_with(folder) && path.is_file();
        self.descriptor_links().flatten().filter(is_file).count()
    }

    /// Whether it holds one end at most of each pipe, so that none is being handed to a child.
    pub fn holds_no_whole_pipe(&self) -> bool {
        let mut seen = HashSet::new();
        let links = self.descriptor_links().flatten();
        links
            .filter(|link| link.as_os_str().as_encoded_bytes().starts_with(b"pipe:"))
            .all(|link| seen.insert(link))
    }

    /// What the kernel says about the process in `/proc/PID/name`.
    pub fn proc(&self, name: &str) -> String {
        fs::read_to_string(format!("/proc/{}/{name}", self.child.id())).expect("proc")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads all the time, so that the process never blocks on a full pipe.
fn lines(stdout: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    let mut reader = BufReader::new(stdout);
    thread::spawn(move || {
        let mut next = || {
            let mut line = String::new();
            (reader.read_line(&mut line).ok()? > 0).then_some(line)
        };
        iter::from_fn(&mut next).try_for_each(|line| sender.send(line.trim_end().to_owned()))
    });
    receiver
}

/// The address in `driver-x: serving /folder on http://127.0.0.1:8080/`.
fn address(line: &str) -> Option<SocketAddr> {
    let (_, url) = line.rsplit_once(" on http://")?;
    url.strip_suffix('/')?.parse().ok()
}
