//! A folder of CGI scripts and the server that runs them.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::fixture::PATIENCE;
use crate::{Client, Driver, Response, Server, Wire, eventually, free_address};

/// A temporary folder whose scripts in `/cgi-bin/` are run, with the logs beside it. Clients and scripts
/// have as much time as the test takes, unless its directives say other.
#[derive(Debug)]
pub struct Scripts {
    /// The process.
    pub server: Server,
    folder: TempDir,
    address: SocketAddr,
}

/// What a configuration has beside the location of the scripts. `FOLDER` stands for the folder
/// above the one that is served.
#[derive(Clone, Copy, Debug, Default)]
pub struct Directives<'d> {
    /// At the top.
    pub main: &'d str,
    /// In `http`.
    pub http: &'d str,
    /// In `server`.
    pub server: &'d str,
    /// In the location `/cgi-bin/`.
    pub location: &'d str,
}

impl Scripts {
    /// Runs the files below `/cgi-bin/`; `directives` stand in that location.
    pub fn new(driver: &Driver, directives: &str) -> Self {
        let location = directives;
        let directives = Directives {
            location,
            ..Directives::default()
        };
        Self::configured(driver, directives)
    }

    /// As [`new`](Self::new), with directives in other places, too.
    pub fn configured(driver: &Driver, directives: Directives<'_>) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::create_dir_all(folder.path().join("root/cgi-bin")).expect("mkdir");
        for path in ["", "root", "root/cgi-bin"] {
            let path = folder.path().join(path);
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("chmod");
        }
        fs::create_dir(folder.path().join("tmp")).expect("mkdir");
        let address = free_address();
        let Directives {
            main,
            http,
            server,
            location,
        } = directives;
        let text = format!(
            "pid FOLDER/pid;\nerror_log FOLDER/error.log;\n{main}\nevents {{ }}\nhttp {{\n\
             access_log FOLDER/access.log;\n{PATIENCE}\ncgi_timeout 1h;\n{http}\nserver {{\nlisten {address};\n\
             root FOLDER/root;\nlocation /cgi-bin/ {{ cgi_pass exec; {location} }}\n{server}\n}} }}\n"
        );
        let text = text.replace("FOLDER", &folder.path().to_string_lossy());
        let config = folder.path().join("nginx.conf");
        fs::write(&config, text).expect("write");
        // With a variable, a descriptor and ignored signals that are nobody's business.
        let mut command = Command::new("sh");
        let start = r#"export E2E_SECRET=1; exec 9</dev/null; trap '' HUP QUIT USR2 CHLD TSTP
            exec "$0" "$@""#;
        command.args(["-c", start]).arg(driver.binary());
        command.arg("-c").arg(&config).stdin(Stdio::null());
        command.env("TMPDIR", folder.path().join("tmp"));
        let server = Server::start(command, 1);
        Self {
            server,
            folder,
            address,
        }
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// A path beside the folder that is served.
    pub fn outside(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A path below the folder that is served.
    pub fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.outside("root").join(name)
    }

    /// Writes a file that is not executable.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        fs::write(&path, text).expect("write");
        path
    }

    /// Writes an executable file.
    pub fn program(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        // Not by this process: what a child of another test holds open for writing while it
        // starts cannot be executed.
        let mut child = Command::new("sh")
            .args(["-c", r#"cat >"$0" && chmod 755 "$0""#])
            .arg(&path)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let mut stdin = child.stdin.take().expect("stdin");
        stdin.write_all(text.as_bytes()).expect("script");
        drop(stdin);
        assert!(child.wait().expect("sh").success());
        path
    }

    /// Writes `/cgi-bin/name`, a script of the shell.
    pub fn sh(&self, name: &str, script: &str) -> PathBuf {
        self.program(
            &format!("cgi-bin/{name}"),
            &format!("#!/bin/sh\n{script}\n"),
        )
    }

    /// Makes the pipe `/cgi-bin/name` and holds it open, so that no side waits for the other.
    pub fn pipe(&self, name: &str) -> fs::File {
        let path = self.path("cgi-bin").join(name);
        let made = Command::new("mkfifo").arg(&path).status().expect("mkfifo");
        assert!(made.success(), "{made}");
        let mut options = fs::File::options();
        options.read(true).write(true).open(path).expect("pipe")
    }

    /// A new connection.
    pub fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// A new connection for bytes of any kind.
    pub fn wire(&self) -> Wire {
        Wire::connect(self.address)
    }

    /// GET on a new connection.
    pub fn get(&self, target: &str) -> Response {
        self.client().get(target)
    }

    /// What a script has written into the file of this name beside it, as soon as that ends with a
    /// line feed.
    pub fn told(&self, name: &str) -> String {
        let path = self.path("cgi-bin").join(name);
        let read = || fs::read_to_string(&path).unwrap_or_default();
        assert!(eventually(|| read().ends_with('\n')), "{name}: {}", read());
        read().trim_end().to_owned()
    }

    /// The process ids that a script has told.
    pub fn pids(&self, name: &str) -> Vec<u32> {
        let told = self.told(name);
        let pids = told.split_whitespace().map(|pid| pid.parse().expect("pid"));
        pids.collect()
    }

    /// The processes that work in the folder of scripts, whoever started them.
    pub fn processes(&self) -> Vec<u32> {
        let all = fs::read_dir("/proc").expect("proc");
        let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_here = |pid: &u32| {
            let folder = fs::read_link(format!("/proc/{pid}/cwd"));
            folder.is_ok_and(|folder| folder.starts_with(self.path("")))
        };
        pids.filter(is_here).collect()
    }

    /// The error log so far.
    pub fn error_log(&self) -> String {
        fs::read_to_string(self.outside("error.log")).unwrap_or_default()
    }

    /// Asserts that the error log has one line on a failed request for the script of this name, and
    /// returns it.
    pub fn complaint(&self, script: &str) -> String {
        let name = format!("/{script}: ");
        let is_failure = |line: &&str| line.contains(&name) && line.contains(", request: \"");
        let read = || {
            let log = self.error_log();
            let lines = log.lines().filter(is_failure);
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let told = eventually(|| !read().is_empty());
        let mut lines = read();
        assert!(told && lines.len() == 1, "{script}: {}", self.error_log());
        lines.remove(0)
    }
}

/// The variables in the answer of a script that prints its environment, a line each.
pub fn variables(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.is_empty());
    let pairs = lines.map(|line| line.split_once('=').unwrap_or_else(|| panic!("{line:?}")));
    let mut all = BTreeMap::new();
    for (name, value) in pairs {
        let twice = all.insert(name.to_owned(), value.to_owned());
        assert!(twice.is_none(), "{name} comes twice: {text}");
    }
    all
}

/// Whether a process runs: neither gone nor waiting to be reaped.
pub fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}

/// Asserts that none of the processes is left after a while.
pub fn assert_gone(pids: &[u32]) {
    for pid in pids {
        assert!(eventually(|| !is_running(*pid)), "{pid} of {pids:?} runs");
    }
}
