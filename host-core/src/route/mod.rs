//! How a configuration answers: the model, ready for requests, and the way of a request through it.

mod access;
pub(crate) mod bindings;
mod build;
pub(crate) mod complain;
mod condition;
mod connection;
mod content;
mod dav;
mod errors;
mod files;
mod flow;
mod limits;
mod location;
mod map;
mod real_ip;
mod rewrite;
mod script;
mod siblings;
mod state;
pub(crate) mod trace;
mod try_files;
mod types;
pub(crate) mod variables;
mod vhost;

use std::ffi::OsString;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use h1_core::Timeouts;

use crate::config::model::{AccessLog, Address, Level, Place, ServerName, Settings};
use crate::limits::Zone;
use crate::os::children::Children;
use crate::os::{FileCache, Root, listen};
use crate::passwords::Passwords;
use crate::server::counters::Counters;
pub(crate) use files::Files;
pub(crate) use flow::Outcome;
use location::Tree;
use map::Map;
use rewrite::Instruction;
pub(crate) use state::{Route, new_id};
pub(crate) use types::Types;
use variables::Client;
use vhost::Names;

/// A configuration that requests can be answered from. Servers, locations and rules know each other
/// by their places in these lists.
#[derive(Debug)]
pub(crate) struct Hosting {
    pub(crate) listens: Vec<Listening>,
    pub(crate) servers: Vec<Virtual>,
    pub(crate) locations: Vec<Located>,
    rules: Vec<Rules>,
    pub(crate) caches: Vec<FileCache>,
    maps: Vec<Map>,
    /// The place of the map that a slot is the variable of.
    map_of: Vec<Option<usize>>,
    /// The logs of all rules; `None` is standard output.
    pub(crate) logs: Vec<Option<PathBuf>>,
    /// The error logs of all rules; `None` is standard error.
    pub(crate) error_logs: Vec<Option<PathBuf>>,
    /// Those of the process, as those of [`Rules`].
    pub(crate) main_error_logs: Vec<(usize, Level)>,
    /// Whether a variable asks for a field of the answer.
    pub(crate) wants_sent: bool,
    pub(crate) process: Process,
    /// What scripts get in their environment beside what their requests say.
    env: Vec<(String, OsString)>,
    /// The root of the file system, below which files of passwords are.
    everything: Root,
    passwords: Passwords,
    pub(crate) counters: Arc<Counters>,
    /// Whether somebody asks for them.
    pub(crate) has_status: bool,
    /// Those of `limit_req_zone` and `limit_conn_zone`.
    zones: Vec<Zone>,
    /// The places of scripts.
    pub(crate) children: Arc<Children>,
}

/// What `$pid` and `$hostname` are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) hostname: String,
}

/// An address that is listened on.
#[derive(Debug)]
pub(crate) struct Listening {
    pub(crate) address: Address,
    pub(crate) place: Place,
    /// `false`: a wildcard address of the same port takes these connections as well.
    pub(crate) bind: bool,
    pub(crate) reuseport: bool,
    /// A proxy says in front of the first request whom it speaks for.
    proxy_protocol: bool,
    pub(crate) options: listen::Options,
    names: Names,
    default: usize,
    /// All requests are for the default server, whatever name they have.
    single: bool,
}

/// A `server`.
#[derive(Debug)]
pub(crate) struct Virtual {
    /// The first name.
    pub(crate) name: String,
    names: Vec<ServerName>,
    pub(crate) place: Place,
    rules: usize,
    pub(crate) script: Vec<Instruction>,
    locations: Tree,
    pub(crate) merge_slashes: bool,
}

/// A `location`.
#[derive(Debug)]
pub(crate) struct Located {
    /// As it was written: `~ \.php$`.
    pub(crate) label: String,
    pub(crate) place: Place,
    rules: usize,
    pub(crate) script: Vec<Instruction>,
    nested: Tree,
    internal: bool,
}

/// What holds in a location: its settings, and what has been made of them.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) settings: Arc<Settings>,
    /// The rules for the methods that `limit_except` is about.
    limited: Option<usize>,
    pub(crate) files: Files,
    /// The place of what remembers files in [`Hosting::caches`].
    cache: Option<usize>,
    /// The index files that are looked for, up to the first with a variable or a slash.
    pub(crate) index: Vec<String>,
    pub(crate) types: Arc<Types>,
    /// Without this the times of the [`Server`](crate::Server) hold.
    pub(crate) timeouts: Option<Timeouts>,
    pub(crate) logs: Vec<RuleLog>,
    /// The places of its error logs in [`Hosting::error_logs`], and from which level on they are told.
    pub(crate) error_logs: Vec<(usize, Level)>,
}

/// A log of a location.
#[derive(Debug)]
pub(crate) struct RuleLog {
    /// Its place in [`Hosting::logs`].
    pub(crate) log: usize,
    pub(crate) what: AccessLog,
}

/// What we are, without and with the version.
const SOFTWARE: [&str; 2] = ["h1", concat!("h1/", env!("CARGO_PKG_VERSION"))];

impl Rules {
    /// The value of the Server field (RFC 9110, section 10.2.4).
    pub(crate) fn software(&self) -> &'static str {
        SOFTWARE[usize::from(self.settings.server_tokens)]
    }
}

impl Hosting {
    /// The rules at a place that this configuration has given out.
    pub(crate) fn rules(&self, at: usize) -> &Rules {
        &self.rules[at.min(self.rules.len() - 1)]
    }

    pub(crate) fn server(&self, at: usize) -> Option<&Virtual> {
        self.servers.get(at)
    }

    fn map_of(&self, slot: u16) -> Option<&Map> {
        let map = (*self.map_of.get(usize::from(slot))?)?;
        self.maps.get(map)
    }

    /// What all connections come in at, where that is one address.
    pub(crate) fn only_address(&self) -> Option<SocketAddr> {
        match &self.listens[..] {
            [
                Listening {
                    address: Address::Ip(address),
                    ..
                },
            ] if address.port() != 0 && !address.ip().is_unspecified() => Some(*address),
            _ => None,
        }
    }

    /// Whether it matters at which address a connection came in, and that is not known beforehand.
    pub(crate) fn needs_local(&self) -> bool {
        !self.listens.is_empty() && self.only_address().is_none()
    }

    /// Whether what a proxy says is still to come.
    pub(crate) fn awaits_proxy(&self, client: &Client) -> bool {
        let listen = self.listens.get(client.listen());
        listen.is_some_and(|it| it.proxy_protocol) && client.proxied.is_none()
    }

    /// The place of what is listened on at `address`.
    pub(crate) fn listen_at(&self, address: &Address) -> Option<usize> {
        self.listens.iter().position(|it| it.address == *address)
    }

    /// The address that a connection to `local` came in at.
    pub(crate) fn listen_of(&self, local: SocketAddr) -> usize {
        let is = |listen: &Listening, ip: IpAddr| match &listen.address {
            Address::Ip(address) => address.ip() == ip && address.port() == local.port(),
            Address::Unix(_) => false,
        };
        let any = match local {
            SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        };
        let mut wanted = [local.ip(), any].into_iter();
        let found = wanted.find_map(|ip| self.listens.iter().position(|it| is(it, ip)));
        found.unwrap_or_default()
    }
}
