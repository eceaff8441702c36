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

    /// The processor time of the process, of those below it that run, and of those that have ended and were
    /// waited for; in steps of the kernel's clock.
    ///
    /// # Errors
    ///
    /// When `/proc` does not tell.
    pub fn cpu_of_all(&self) -> io::Result<Duration> {
        let mut all = Vec::new();
        for entry in fs::read_dir("/proc")? {
            let stat = fs::read_to_string(entry?.path().join("stat"));
            all.extend(stat.ok().and_then(|stat| parse_stat(&stat)));
        }
        let mut family = vec![self.child.id()];
        while let Some((id, ..)) =
            (all.iter()).find(|(id, parent, _)| family.contains(parent) && !family.contains(id))
        {
            family.push(*id);
        }
        let own = all.iter().filter(|(id, ..)| family.contains(id));
        let ticks: u64 = own.map(|(.., ticks)| ticks).sum();
        Ok(Duration::from_secs(ticks) / rustix::param::clock_ticks_per_second() as u32)
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

/// Id, parent, and ticks of processor time, in user and kernel, its own and its children's.
fn parse_stat(stat: &str) -> Option<(u32, u32, u64)> {
    let id = stat.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields.get(11..15)?.iter().map(|n| n.parse::<u64>());
    let ticks = ticks.sum::<Result<u64, _>>().ok()?;
    Some((id, fields.get(1)?.parse().ok()?, ticks))
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
