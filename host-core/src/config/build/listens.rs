//! Addresses, and which server answers on them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use super::Named;
use crate::config::context::{Context, ListenUse};
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::source::Span;

/// The addresses of all servers.
#[derive(Default)]
pub(super) struct Listens {
    list: Vec<Entry>,
    by_address: HashMap<Address, usize>,
}

struct Entry {
    listen: Listen,
    default_server: bool,
    options: bool,
}

impl Listens {
    /// Adds the `listen` directives of a server, or the one that it has without any.
    pub(super) fn add(
        &mut self,
        mut uses: Vec<ListenUse>,
        server: usize,
        span: Span,
        cx: &mut Context<'_>,
    ) {
        if uses.is_empty() {
            let port = if cx.source.is_root() { 80 } else { 8000 };
            let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
            uses.push(ListenUse {
                addresses: vec![Address::Ip(address)],
                default_server: false,
                options: false,
                backlog: None,
                reuseport: false,
                ipv6only: None,
                proxy_protocol: false,
                bind: false,
                span,
            });
        }
        for usage in &uses {
            for address in &usage.addresses {
                if let Err(problem) = self.one(address, usage, server, cx) {
                    cx.errors.push(problem);
                }
            }
        }
    }

    fn one(
        &mut self,
        address: &Address,
        usage: &ListenUse,
        server: usize,
        cx: &Context<'_>,
    ) -> Result<(), Problem> {
        let fresh = self.list.len();
        let number = *self.by_address.entry(address.clone()).or_insert(fresh);
        if number == fresh {
            self.list.push(Entry {
                listen: new(address, server, cx.place(usage.span)),
                default_server: false,
                options: false,
            });
        }
        let Some(entry) = self.list.get_mut(number) else {
            return Ok(());
        };
        let problem = |what: &str| Err(Problem::new(usage.span, format!("{what} {address}")));
        if entry.listen.servers.last() == Some(&server) {
            return problem("a duplicate listen");
        }
        entry.listen.servers.push(server);
        entry.listen.proxy_protocol |= usage.proxy_protocol;
        if usage.options {
            if entry.options {
                return problem("duplicate listen options for");
            }
            entry.options = true;
            entry.listen.backlog = usage.backlog;
            entry.listen.reuseport = usage.reuseport;
            entry.listen.ipv6only = usage.ipv6only.unwrap_or(entry.listen.ipv6only);
        }
        if usage.default_server {
            if entry.default_server {
                return problem("a duplicate default server for");
            }
            entry.default_server = true;
            entry.listen.default = server;
        }
        Ok(())
    }

    fn warn_of_names(&self, servers: &[Named], cx: &mut Context<'_>) {
        let mut reached = HashSet::new();
        for entry in &self.list {
            reached.insert(entry.listen.default);
            reached.extend(taken(&entry.listen, servers, cx));
        }
        for (number, named) in servers.iter().enumerate() {
            if !reached.contains(&number) {
                let message = "this server is never reached: others have all of its names";
                cx.warn(named.span, message);
            }
        }
    }

    /// Warns of names that are taken, and tells which addresses need a socket.
    pub(super) fn finish(self, servers: &[Named], cx: &mut Context<'_>) -> Vec<Listen> {
        // Names and addresses that could not be read would seem to be the same.
        if cx.errors.is_empty() {
            self.warn_of_names(servers, cx);
        }
        let wildcards: HashSet<SocketAddr> = self.list.iter().filter_map(wildcard).collect();
        let entries = self.list.into_iter().map(|mut entry| {
            let covered = match &entry.listen.address {
                Address::Ip(address) => {
                    !address.ip().is_unspecified() && wildcards.contains(&any(address))
                }
                Address::Unix(_) => false,
            };
            entry.listen.bind = entry.options || !covered;
            entry.listen
        });
        entries.collect()
    }
}

fn new(address: &Address, server: usize, place: Place) -> Listen {
    Listen {
        address: address.clone(),
        bind: true,
        backlog: None,
        reuseport: false,
        ipv6only: true,
        proxy_protocol: false,
        default: server,
        servers: Vec::new(),
        place,
    }
}

/// The address, if it stands for all of its family.
fn wildcard(entry: &Entry) -> Option<SocketAddr> {
    match entry.listen.address {
        Address::Ip(address) if address.ip().is_unspecified() => Some(address),
        _ => None,
    }
}

fn any(address: &SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, address.port()).into(),
        SocketAddr::V6(_) => (std::net::Ipv6Addr::UNSPECIFIED, address.port()).into(),
    }
}

/// Warns of names that an earlier server has; returns the servers that have one of their own.
fn taken(listen: &Listen, servers: &[Named], cx: &mut Context<'_>) -> HashSet<usize> {
    let mut names = HashSet::new();
    let mut reached = HashSet::new();
    for number in &listen.servers {
        let Some(named) = servers.get(*number) else {
            continue;
        };
        for (name, span) in named.server.names.iter().zip(&named.spans) {
            let text = name.to_string();
            if names.insert(text.clone()) {
                reached.insert(*number);
            } else {
                let message = format!(
                    "conflicting server name \"{text}\" on {}, ignored",
                    listen.address
                );
                cx.warn(*span, message);
            }
        }
    }
    reached
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for ServerName {
    /// As in `server_name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Suffix(name) => write!(f, "*{name}"),
            Self::Prefix(name) => write!(f, "{name}*"),
            Self::Pattern(pattern) => write!(f, "{pattern:?}"),
        }
    }
}
