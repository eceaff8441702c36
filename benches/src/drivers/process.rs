//! Servers as processes: started, measured from outside, and killed.

use std::fs;
use std::io::{self, BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::load::PATIENCE;

/// A server that listens; killed when dropped.
pub struct Process {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    /// Kept open: it may have more to say.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a server and waits until it listens: at the address given, or at the one that its first line
    /// ends with.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(mut command: Command, address: Option<SocketAddr>) -> io::Result<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut stdout = child.stdout.take().map(BufReader::new);
        // Killed when dropped, from here on.
        let mut process = Self {
            address: address.unwrap_or(([127, 0, 0, 1], 0).into()),
            child,
            _stdout: None,
        };
        match address {
            Some(_) => process.wait_until_it_listens()?,
            None => {
                let mut line = String::new();
                stdout
                    .as_mut()
                    .map(|it| it.read_line(&mut line))
                    .transpose()?;
                let address = line.trim_end().rsplit("http://").next();
                let address = address.and_then(|it| it.trim_end_matches('/').parse().ok());
                let none = || io::Error::other(format!("no address in {line:?} of {command:?}"));
                process.address = address.ok_or_else(none)?;
            }
        }
        process._stdout = stdout;
        Ok(process)
    }

    fn wait_until_it_listens(&mut self) -> io::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while let Err(error) = TcpStream::connect(self.address) {
            if let Some(status) = self.child.try_wait()? {
                return Err(io::Error::other(format!("it has ended: {status}")));
            }
            if Instant::now() > deadline {
                return Err(error);
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    /// The number of the process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Errors
    ///
    /// When it cannot be waited for.
    pub fn wait(mut self) -> io::Result<()> {
        self.child.wait().map(drop)
    }

    /// The processor time of all its threads, those that have ended too, in user and kernel.
    ///
    /// # Errors
    ///
    /// When the process has ended.
    #[cfg(target_os = "linux")]
    pub fn cpu(&self) -> io::Result<Duration> {
        let id = nix::unistd::Pid::from_raw(self.child.id() as i32);
        let clock = nix::time::clock_getcpuclockid(id)?;
        Ok(clock.now()?.into())
    }

    /// Only Linux tells the processor time of another process well enough.
    ///
    /// # Errors
    ///
    /// Always.
    #[cfg(not(target_os = "linux"))]
    pub fn cpu(&self) -> io::Result<Duration> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The memory of the process in KiB, its part of what it shares with others included.
    ///
    /// # Errors
    ///
    /// When `/proc` does not tell.
    pub fn pss(&self) -> io::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.child.id()))?;
        text.lines()
            .find_map(|line| line.strip_prefix("Pss:"))
            .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
            .ok_or_else(|| io::Error::other("no Pss"))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
