//! The command line.

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args as _, Command, FromArgMatches};

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq, clap::Args)]
pub struct Args {
    /// The folder to serve
    #[arg(value_name = "DIR", default_value = ".")]
    pub dir: PathBuf,

    /// Listen here, as in 0.0.0.0:80 or [::1]:80 (a port alone is that of every IPv4 address);
    /// repeat it for more [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Vec<Listen>,

    /// Listen on this port of 127.0.0.1; 0 takes any that is free
    #[arg(long, value_name = "PORT", conflicts_with = "listen")]
    port: Option<u16>,

    /// Do not list the files of folders that have no index.html
    #[arg(long)]
    pub no_listing: bool,

    /// Append a line for each request to this file; "-" is standard output, "off" is none
    #[arg(long, value_name = "PATH", default_value = "-", value_parser = access_log())]
    pub access_log: AccessLog,

    /// Serve at most so many connections at the same time; further ones wait
    #[arg(long, value_name = "N", default_value = "512")]
    pub connections: NonZeroUsize,

    /// Use so many threads, where the driver lets connections share them; "auto" is one for each
    /// processor
    #[arg(long, value_name = "N", default_value = "auto")]
    pub workers: Workers,

    /// After SIGQUIT let answers go on for so many seconds, then cut them
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub worker_shutdown_timeout: Duration,

    /// Started as root, become this user when the ports and the log are open
    #[arg(long, value_name = "NAME[:GROUP]")]
    pub user: Option<String>,
}

impl Args {
    /// Where to listen: what was asked for, otherwise port 8080 of 127.0.0.1.
    pub fn listen(&self) -> Vec<Listen> {
        let local = |port| Listen {
            host: "127.0.0.1".into(),
            port,
        };
        match self.port {
            Some(port) => vec![local(port)],
            None if self.listen.is_empty() => vec![local(8080)],
            None => self.listen.clone(),
        }
    }
}

/// Reads a command line; `args` starts with the name of the program.
///
/// ```
/// let args = host_core::cli::parse("serve", "1.0", ["serve", "--port", "80", "/srv/www"]).unwrap();
/// assert_eq!(args.dir.as_os_str(), "/srv/www");
/// assert_eq!(args.listen()[0].to_string(), "127.0.0.1:80");
/// ```
///
/// # Errors
///
/// The text to print instead of serving: what is wrong with the arguments, or the help or version
/// that they ask for.
pub fn parse<I, T>(name: &'static str, version: &'static str, args: I) -> Result<Args, clap::Error>
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let command = Args::augment_args(Command::new(name).version(version));
    // Last, since the arguments bring the summary of their documentation.
    let command = command.about("Serves a folder over HTTP/1.1");
    Args::from_arg_matches(&command.try_get_matches_from(args)?)
}

/// A host and a port to listen on.
///
/// ```
/// let listen: host_core::cli::Listen = "[::1]:80".parse().unwrap();
/// assert_eq!((listen.host.as_str(), listen.port), ("::1", 80));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// A name or an address, an IPv6 address without its brackets.
    pub host: String,
    /// The port; 0 takes any free one.
    pub port: u16,
}

impl FromStr for Listen {
    type Err = &'static str;

    /// Reads `ADDR:PORT`, `NAME:PORT`, `[IPv6]:PORT`, and `:PORT`, `*:PORT` or a port alone, which
    /// mean every IPv4 address.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|_| digits);
        Ok(Self {
            port: port.ok_or("the port must be a number from 0 to 65535, as in 127.0.0.1:8080")?,
            host: parse_host(host)?.into(),
        })
    }
}

fn parse_host(host: &str) -> Result<&str, &'static str> {
    match host {
        "" | "*" => Ok("0.0.0.0"),
        _ if !host.contains([':', '[', ']']) => Ok(host),
        _ => host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
            .filter(|host| host.contains(':') && !host.contains(['[', ']']))
            .ok_or("an IPv6 address must be in brackets, as in [::1]:8080"),
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

/// Where finished requests are logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Nowhere.
    Off,
    /// On standard output.
    Stdout,
    /// At the end of this file.
    File(PathBuf),
}

fn access_log() -> impl TypedValueParser<Value = AccessLog> {
    OsStringValueParser::new().map(|value| match value.to_str() {
        Some("off") => AccessLog::Off,
        Some("-") => AccessLog::Stdout,
        _ => AccessLog::File(value.into()),
    })
}

/// How many workers share the connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// One for each processor that the process may use.
    Auto,
    /// So many.
    Exactly(NonZeroUsize),
}

impl FromStr for Workers {
    type Err = &'static str;

    /// Reads `auto` or a number of at least 1.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            _ => match text.parse() {
                Ok(n) => Ok(Self::Exactly(n)),
                Err(_) => Err("it must be \"auto\" or a number from 1"),
            },
        }
    }
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
