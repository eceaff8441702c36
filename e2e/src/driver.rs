//! Where a driver's binary is, and that it is the one of this source tree.

use std::collections::BTreeMap;
use std::env::{self, consts::EXE_SUFFIX};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::{Site, eventually};

/// A driver's binary, named like its package.
#[derive(Clone, Copy, Debug)]
pub struct Driver {
    name: &'static str,
}

impl Driver {
    /// The binary `name` of the package `name`.
    pub const fn new(name: &'static str) -> Self {
        Self { name }
    }

    /// The name of package and binary.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The path of the binary, which cargo has brought up to date once in this process.
    pub fn binary(&self) -> PathBuf {
        static BUILT: Mutex<BTreeMap<&str, PathBuf>> = Mutex::new(BTreeMap::new());
        let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
        built
            .entry(self.name)
            .or_insert_with(|| build(self.name))
            .clone()
    }

    /// The binary as a command without arguments, and with nothing to read.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.binary());
        command.stdin(Stdio::null());
        command
    }

    /// The binary with this socket as descriptor 3, as systemd starts it.
    pub fn activated(&self, socket: impl Into<OwnedFd>) -> Command {
        let script = r#"exec 3<&0 </dev/null; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$0" "$@""#;
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(self.binary());
        command.stdin(socket.into());
        command
    }

    /// A site served with `flags` beside those that each test needs.
    pub fn site(&self, flags: &[&str]) -> Site {
        Site::launch(self.command(), flags)
    }

    /// Runs the binary to its end.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Output {
        let mut child = self
            .command()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("spawn");
        let ended = eventually(|| child.try_wait().expect("wait").is_some());
        if !ended {
            child.kill().expect("kill");
        }
        let output = child.wait_with_output().expect("output");
        assert!(ended, "it goes on running: {output:?}");
        output
    }
}

/// Cargo holds no lock on the target folder while it runs tests. `--workspace` chooses the features
/// that `cargo test --workspace` has, so that after it nothing is left to build.
fn build(name: &str) -> PathBuf {
    let test = env::current_exe().expect("path of this test");
    let folder = test.ancestors().nth(2).expect("target/<profile>/deps/test");
    let profile = match folder.file_name().and_then(OsStr::to_str) {
        Some("debug") => "dev",
        Some(profile) => profile,
        None => panic!("no profile in {}", test.display()),
    };
    let output = Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
        .args(["build", "--quiet", "--workspace", "--bin", name])
        .args(["--profile", profile])
        .arg("--target-dir")
        .arg(folder.parent().expect("target folder"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo");
    assert!(
        output.status.success(),
        "cargo build --bin {name}:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder.join(format!("{name}{EXE_SUFFIX}"))
}
