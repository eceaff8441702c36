//! What is listened on: by the command line, by a service manager, by a configuration and its reloads.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::ToSocketAddrs;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use listenfd::ListenFd;
use rustix::io::Errno;

use super::listener::{BACKLOG, Listener, WeakListener};
use super::socket_file::SocketFile;
use super::startup::because;
use crate::cli::Listen;
use crate::config::model::Address;
use crate::route::Listening;

/// Listens on the addresses of `listen`, or takes the sockets that a service manager has opened
/// (`LISTEN_FDS` of systemd's socket activation), which go before them.
pub(super) fn listen(listen: &[Listen], shared: bool) -> Result<Vec<Listener>, String> {
    let mut listeners = inherited()?;
    if listeners.is_empty() {
        for listen in listen {
            listeners.extend(listen_on(listen, shared)?);
        }
    }
    Ok(listeners)
}

/// What `listen` says about a socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) backlog: i32,
    pub(crate) ipv6only: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            backlog: BACKLOG,
            ipv6only: true,
        }
    }
}

/// The sockets of a server, which a reload looks for.
#[derive(Debug)]
pub(super) enum Sockets {
    /// Those of a service manager or of the command line: a configuration does not change them.
    Fixed(Vec<WeakListener>),
    Own(Vec<Own>),
}

#[derive(Clone, Debug)]
pub(super) struct Own {
    address: Address,
    ipv6only: bool,
    listener: WeakListener,
    file: Option<Arc<SocketFile>>,
}

impl Sockets {
    pub(super) fn fixed(listeners: &[Listener]) -> Self {
        Self::Fixed(listeners.iter().map(Listener::downgrade).collect())
    }

    /// Listens on the addresses of a configuration, as [`listen()`] does.
    pub(super) fn open(
        addresses: &[Listening],
        shared: bool,
    ) -> Result<(Self, Vec<Listener>), String> {
        let inherited = inherited()?;
        match inherited.is_empty() {
            true => Self::Own(Vec::new()).follow(addresses, shared),
            false => Ok((Self::fixed(&inherited), inherited)),
        }
    }

    /// Those that are still open.
    pub(super) fn listeners(&self) -> Vec<Listener> {
        match self {
            Self::Fixed(sockets) => sockets.iter().filter_map(WeakListener::upgrade).collect(),
            Self::Own(own) => own.iter().filter_map(|it| it.listener.upgrade()).collect(),
        }
    }

    /// Removes the files of unix sockets: nobody listens there any more.
    pub(super) fn remove_files(&mut self) {
        if let Self::Own(own) = self {
            own.iter_mut().for_each(|it| it.file = None);
        }
    }

    /// Listens on the addresses of another configuration. The sockets of those that stay are kept;
    /// nothing has changed when this fails.
    pub(super) fn follow(
        &self,
        addresses: &[Listening],
        shared: bool,
    ) -> Result<(Self, Vec<Listener>), String> {
        let Self::Own(known) = self else {
            let listeners = self.listeners();
            return Ok((Self::fixed(&listeners), listeners));
        };
        let (mut own, mut listeners) = (Vec::new(), Vec::new());
        for listening in addresses.iter().filter(|it| it.bind) {
            let address = &listening.address;
            let open = known.iter().find(|it| it.address == *address);
            let open = open.and_then(|it| Some((it, it.listener.upgrade()?)));
            let ipv6only = listening.options.ipv6only;
            let (listener, file) = match open {
                Some((open, _)) if open.ipv6only != ipv6only => {
                    return Err(format!("only a restart can change ipv6only of {address}"));
                }
                Some((open, listener)) => (listener, open.file.clone()),
                None => bind(listening, shared)?,
            };
            own.push(Own {
                address: address.clone(),
                ipv6only,
                listener: listener.downgrade(),
                file,
            });
            listeners.push(listener);
        }
        for (listening, listener) in addresses.iter().filter(|it| it.bind).zip(&listeners) {
            let shared = shared || listening.reuseport;
            // A queue of another length is no reason to refuse a configuration.
            let _ = listener.adjust(listening.options.backlog, shared);
        }
        // A driver may not have closed them yet when the next reload wants them again.
        let is_left = |it: &&Own| !own.iter().any(|own| own.address == it.address);
        let left = known.iter().filter(|it| it.file.is_none());
        let left: Vec<_> = left.filter(is_left).cloned().collect();
        own.extend(
            left.into_iter()
                .filter(|it| it.listener.upgrade().is_some()),
        );
        Ok((Self::Own(own), listeners))
    }
}

fn bind(
    listening: &Listening,
    shared: bool,
) -> Result<(Listener, Option<Arc<SocketFile>>), String> {
    let (address, options) = (&listening.address, &listening.options);
    let bound = match address {
        Address::Ip(address) => {
            let shared = shared || listening.reuseport;
            Listener::bind(*address, options, shared).map(|it| (it, None))
        }
        Address::Unix(path) => SocketFile::listen(path, options.backlog).and_then(|it| {
            let (socket, file) = it;
            Ok((Listener::with(socket, options.backlog)?, Some(file.into())))
        }),
    };
    bound.map_err(|error| {
        let for_root = error.kind() == ErrorKind::PermissionDenied
            && matches!(address, Address::Ip(address) if address.port() < 1024);
        let failure = because(format!("cannot listen on {address}"))(error);
        match for_root {
            true => format!("{failure}: only root may, and only at a start"),
            false => failure,
        }
    })
}

/// The sockets of a service manager.
fn inherited() -> Result<Vec<Listener>, String> {
    let collect = || {
        let mut passed = ListenFd::from_env();
        let count = passed.len();
        let take = |n| -> io::Result<Option<OwnedFd>> {
            Ok(match passed.take_tcp_listener(n) {
                Ok(tcp) => tcp.map(Into::into),
                Err(_) => passed.take_unix_listener(n)?.map(Into::into),
            })
        };
        let taken = (0..count).map(take).filter_map(Result::transpose);
        taken.map(|it| Listener::new(it?)).collect()
    };
    let taken: io::Result<_> = collect();
    taken.map_err(because("cannot take the sockets of LISTEN_FDS"))
}

/// Listens on every address that a host stands for, without those that this machine does not have:
/// `localhost` often means `::1` as well where there is no IPv6.
fn listen_on(listen: &Listen, shared: bool) -> Result<Vec<Listener>, String> {
    let addresses = (listen.host.as_str(), listen.port)
        .to_socket_addrs()
        .map_err(because(format!("cannot listen on {listen}")))?;
    let mut listeners = Vec::new();
    let mut failure = format!("cannot listen on {listen}: it has no address");
    for address in addresses.collect::<BTreeSet<_>>() {
        match Listener::bind(address, &Options::default(), shared) {
            Ok(listener) => listeners.push(listener),
            Err(error) => {
                let fatal = !is_absent(&error);
                failure = because(format!("cannot listen on {address}"))(error);
                if fatal {
                    return Err(failure);
                }
            }
        }
    }
    if listeners.is_empty() {
        return Err(failure);
    }
    Ok(listeners)
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::ADDRNOTAVAIL | Errno::AFNOSUPPORT)
    )
}
