//! Addresses, servers and locations.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use regex::bytes::Regex;

use super::{Op, Place, Settings};

/// An address that is listened on, and whom requests that come there are for.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) address: Address,
    /// `false`: a wildcard address of the same port takes these connections as well, they are told
    /// apart by their local address.
    pub(crate) bind: bool,
    pub(crate) backlog: Option<u32>,
    pub(crate) reuseport: bool,
    pub(crate) ipv6only: bool,
    pub(crate) proxy_protocol: bool,
    /// The server for names that no other has: its place in [`Model::servers`].
    pub(crate) default: usize,
    /// All servers here, in the order of the file, the default one among them.
    pub(crate) servers: Vec<usize>,
    pub(crate) place: Place,
}

/// What is listened on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    Ip(SocketAddr),
    Unix(PathBuf),
}

/// A `server` block.
#[derive(Debug)]
pub(crate) struct VirtualServer {
    pub(crate) names: Vec<ServerName>,
    pub(crate) place: Place,
    /// What holds where no location matches.
    pub(crate) settings: Arc<Settings>,
    /// The rewrite directives outside of locations.
    pub(crate) script: Vec<Op>,
    pub(crate) locations: Locations,
    pub(crate) merge_slashes: bool,
    pub(crate) client_header_timeout: Duration,
    /// Bytes.
    pub(crate) client_header_buffer_size: u64,
    /// Their number and the bytes of each.
    pub(crate) large_client_header_buffers: (u32, u64),
}

/// One name of `server_name`, in lower case.
#[derive(Debug)]
pub(crate) enum ServerName {
    /// Also the empty one.
    Exact(String),
    /// `*.example.org`: what stands behind the asterisk, with its dot. `.example.org` is this and `Exact`.
    Suffix(String),
    /// `www.example.*`: what stands before the asterisk, with its dot.
    Prefix(String),
    Pattern(Pattern),
}

/// A regular expression, and the slots of its named groups.
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// As written, without `~` and `~*`.
    pub(crate) text: String,
    pub(crate) caseless: bool,
    /// Group and slot.
    pub(crate) named: Vec<(usize, u16)>,
}

/// The locations of a server, or nested ones of a location.
#[derive(Debug, Default)]
pub(crate) struct Locations {
    /// `=`, by URI.
    pub(crate) exact: BTreeMap<Vec<u8>, Arc<Location>>,
    /// Without modifier and `^~`, sorted by URI.
    pub(crate) prefixes: Vec<Arc<Location>>,
    /// `~` and `~*`, in the order of the file.
    pub(crate) patterns: Vec<Arc<Location>>,
    /// `@name`; of servers alone.
    pub(crate) named: BTreeMap<String, Arc<Location>>,
}

/// A `location` block.
#[derive(Debug)]
pub(crate) struct Location {
    pub(crate) matches: Matches,
    pub(crate) place: Place,
    pub(crate) settings: Arc<Settings>,
    pub(crate) script: Vec<Op>,
    pub(crate) nested: Locations,
    /// `internal`: not for requests from outside.
    pub(crate) internal: bool,
}

/// What a location is for.
#[derive(Debug)]
pub(crate) enum Matches {
    Exact(Vec<u8>),
    Prefix {
        uri: Vec<u8>,
        /// `^~`: no pattern is tried when this is the longest prefix.
        final_: bool,
    },
    Pattern(Pattern),
    Named(String),
}

impl fmt::Debug for Pattern {
    /// As written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.caseless { "~*" } else { "~" };
        write!(f, "{sign}{}", self.text)
    }
}
