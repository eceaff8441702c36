//! Who may come in, and how often.

use std::net::IpAddr;

use h1_core::Status;

use super::{Level, Place};
use crate::config::template::Template;

/// A `limit_req_zone` or `limit_conn_zone`.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) name: String,
    pub(crate) key: Template,
    /// Bytes.
    pub(crate) size: u64,
    /// Requests in a thousand seconds, for `limit_req`.
    pub(crate) rate: Option<u64>,
}

/// Who may come in.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// In the order of the file; the first that matches decides.
    pub(crate) rules: Vec<AccessRule>,
    pub(crate) basic: Option<BasicAuth>,
    /// `satisfy any`, and where that stands.
    pub(crate) any: Option<Place>,
}

/// An `allow` or `deny`.
#[derive(Clone, Debug)]
pub(crate) struct AccessRule {
    pub(crate) allow: Allow,
    pub(crate) network: Network,
    pub(crate) place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allow {
    Allow,
    Deny,
}

#[derive(Clone, Debug)]
pub(crate) enum Network {
    All,
    Unix,
    /// An address and the number of its leading bits that count.
    Ip(IpAddr, u8),
}

#[derive(Debug)]
pub(crate) struct BasicAuth {
    pub(crate) realm: Template,
    pub(crate) place: Place,
    pub(crate) user_file: Template,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitReq {
    /// Its place in [`Model::zones`].
    pub(crate) zone: usize,
    pub(crate) burst: u64,
    pub(crate) delay: LimitDelay,
    pub(crate) status: Status,
    /// At which refusals are told; delays one below.
    pub(crate) log_level: Level,
    pub(crate) place: Place,
    /// It is counted, and let in whatever comes of that.
    pub(crate) dry_run: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitDelay {
    /// All of the burst waits.
    All,
    /// Those beyond this number do.
    After(u64),
    NoDelay,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitConn {
    pub(crate) zone: usize,
    pub(crate) connections: u64,
    pub(crate) status: Status,
    pub(crate) log_level: Level,
    pub(crate) place: Place,
    pub(crate) dry_run: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct RealIp {
    pub(crate) from: Vec<(Network, Place)>,
    /// In lower case; `proxy_protocol` too.
    pub(crate) header: String,
    pub(crate) recursive: bool,
}
