//! What somebody who starts the program sees.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use host_core::cli::{self, AccessLog, Workers};
use rustix::process::{Pid, Signal, kill_process};

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_driver-std"));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn run(args: &[&str]) -> Output {
    program().args(args).output().unwrap()
}

fn listens(args: &[&str]) -> Vec<String> {
    let args = cli::parse("program", "1.0", [&["program"], args].concat()).unwrap();
    args.listen().iter().map(ToString::to_string).collect()
}

#[test]
fn addresses_to_listen_on() {
    let cases: [(&[&str], &[&str]); 10] = [
        (&[], &["127.0.0.1:8080"]),
        (&["--port", "0"], &["127.0.0.1:0"]),
        (&["--port", "80"], &["127.0.0.1:80"]),
        (&["--listen", "80"], &["0.0.0.0:80"]),
        (&["--listen", ":80"], &["0.0.0.0:80"]),
        (&["--listen", "*:80"], &["0.0.0.0:80"]),
        (&["--listen", "10.0.0.1:80"], &["10.0.0.1:80"]),
        (&["--listen", "[::1]:80"], &["[::1]:80"]),
        (&["--listen", "localhost:80"], &["localhost:80"]),
        (
            &["--listen", "1.2.3.4:5", "--listen=6"],
            &["1.2.3.4:5", "0.0.0.0:6"],
        ),
    ];
    for (args, expected) in cases {
        assert_eq!(listens(args), expected, "{args:?}");
    }
}

#[test]
fn command_lines_that_cannot_be_understood() {
    let cases: [&[&str]; 18] = [
        &["--listen", ""],
        &["--listen", ":"],
        &["--listen", "localhost"],
        &["--listen", "127.0.0.1"],
        &["--listen", "::1"],
        &["--listen", "::1:80"],
        &["--listen", "[::1]"],
        &["--listen", "[localhost]:80"],
        &["--listen", ":+80"],
        &["--listen", ":65536"],
        &["--port", "65536"],
        &["--port", "1", "--listen", "2"],
        &["--connections", "0"],
        &["--workers", "0"],
        &["--workers", "all"],
        &["--worker-shutdown-timeout", "-1"],
        &["--worker-shutdown-timeout", "1s"],
        &["one", "two"],
    ];
    for args in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("driver-std: "), "{stderr}");
        assert!(stderr.ends_with(" (see --help)\n"), "{stderr}");
        assert_eq!(stderr.lines().count(), 1, "{stderr}");
    }
}

#[test]
fn access_logs() {
    let cases: [(&[&str], AccessLog); 4] = [
        (&[], AccessLog::Stdout),
        (&["--access-log", "-"], AccessLog::Stdout),
        (&["--access-log", "off"], AccessLog::Off),
        (&["--access-log", "./off"], AccessLog::File("./off".into())),
    ];
    for (args, expected) in cases {
        let args = cli::parse("program", "1.0", [&["program"], args].concat()).unwrap();
        assert_eq!(args.access_log, expected);
    }
}

#[test]
fn workers() {
    let exactly = |n| Workers::Exactly(NonZeroUsize::new(n).unwrap());
    let cases: [(&[&str], Workers); 3] = [
        (&[], Workers::Auto),
        (&["--workers", "auto"], Workers::Auto),
        (&["--workers", "3"], exactly(3)),
    ];
    for (args, expected) in cases {
        let args = cli::parse("program", "1.0", [&["program"], args].concat()).unwrap();
        assert_eq!(args.workers, expected);
    }
}

#[test]
fn the_version_is_printed() {
    let expected = concat!("driver-std ", env!("CARGO_PKG_VERSION"), "\n");
    let output = run(&["--version"]);
    assert!(output.status.success());
    assert_eq!(output.stdout, expected.as_bytes());
}

#[test]
fn failures_are_told_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (folder, file) = (folder.path().to_str().unwrap(), file.to_str().unwrap());
    let missing = &format!("{folder}/missing");
    let log = &format!("{folder}/missing/log");
    let cases: [(&[&str], String); 5] = [
        (
            &[folder, "--listen", &address],
            format!("cannot listen on {address}: address already in use"),
        ),
        (
            &[missing, "--port", "0"],
            format!("cannot serve {missing}: no such file or directory"),
        ),
        (
            &[file, "--port", "0"],
            format!("cannot serve {file}: not a directory"),
        ),
        (
            &[folder, "--port", "0", "--access-log", log],
            format!("cannot open the access log {log}: no such file or directory"),
        ),
        (
            &[folder, "--port", "0", "--access-log", folder],
            format!("cannot open the access log {folder}: is a directory"),
        ),
    ];
    for (args, expected) in cases {
        let output = run(args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("driver-std: {expected}\n"), "{args:?}");
    }
}

struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    banner: String,
}

impl Running {
    fn new(args: &[&str]) -> Self {
        let mut child = program().args(args).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut banner = String::new();
        stdout.read_line(&mut banner).unwrap();
        Self {
            child,
            stdout,
            banner,
        }
    }

    fn connect(&self) -> TcpStream {
        let (_, url) = self.banner.split_once("http://").unwrap();
        TcpStream::connect(url.trim_end_matches("/\n")).unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn exit_code(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_says_where_it_listens_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let mut running = Running::new(&[dir, "--port", "0", "--access-log", "off"]);
        let start = format!("driver-std: serving {dir} on http://127.0.0.1:");
        assert!(running.banner.starts_with(&start), "{}", running.banner);
        let mut idle = running.connect();
        running.signal(signal);
        assert!(!idle.read(&mut [0]).is_ok_and(|n| n > 0));
        assert_eq!(running.exit_code(), Some(0));
        let mut rest = String::new();
        running.stdout.read_to_string(&mut rest).unwrap();
        assert_eq!(rest, "");
    }
}
