//! What a configuration means: all names resolved, all inheritance done, so that a request is
//! answered from here without a look at what surrounds a block.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use h1_core::Status;
use regex::bytes::Regex;

use super::template::Template;

/// Where a directive stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    /// From 1.
    pub(crate) line: u32,
    /// In characters, from 1.
    pub(crate) column: u32,
}

/// A whole configuration.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) main: Main,
    /// Each address once.
    pub(crate) listens: Vec<Listen>,
    pub(crate) servers: Vec<VirtualServer>,
    /// The variables of `set`, `map` and named captures: their names by slot.
    pub(crate) slots: Vec<String>,
    pub(crate) maps: Vec<Map>,
    pub(crate) zones: Vec<Zone>,
}

/// The directives outside of `http`.
#[derive(Debug)]
pub(crate) struct Main {
    /// `None` is `auto`.
    pub(crate) worker_processes: Option<usize>,
    pub(crate) worker_connections: usize,
    pub(crate) worker_rlimit_nofile: Option<u64>,
    pub(crate) worker_shutdown_timeout: Option<Duration>,
    /// Name and group.
    pub(crate) user: Option<(String, Option<String>)>,
    pub(crate) pid: Option<PathBuf>,
    pub(crate) daemon: bool,
    pub(crate) error_log: ErrorLog,
}

/// Where and from which level on errors are logged.
#[derive(Clone, Debug)]
pub(crate) struct ErrorLog {
    /// `None` is standard error.
    pub(crate) path: Option<PathBuf>,
    pub(crate) level: Level,
}

/// The levels of `error_log`, the most talkative first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Notice,
    Warn,
    Error,
    Crit,
    Alert,
    Emerg,
}

/// An address that is listened on, and whom requests that come there are for.
#[derive(Debug)]
pub(crate) struct Listen {
    pub(crate) address: Address,
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
#[derive(Debug)]
pub(crate) struct Pattern {
    pub(crate) regex: Regex,
    /// As written, without `~`.
    pub(crate) text: String,
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

/// One step of the rewrite module, in the order of the file.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) place: Place,
    pub(crate) kind: OpKind,
}

#[derive(Debug)]
pub(crate) enum OpKind {
    Set { slot: u16, value: Template },
    If {
        condition: Condition,
        script: Vec<Op>,
        /// Those of the block, when it has directives of other modules: they replace those of the
        /// location for the rest of the request (the last `if` that was true counts).
        settings: Option<Arc<Settings>>,
    },
    Rewrite {
        pattern: Pattern,
        replacement: Template,
        /// The replacement ends in `?`: the old arguments are not appended.
        drop_args: bool,
        flag: Flag,
    },
    Return { status: Status, body: ReturnBody },
    /// `break`
    Break,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// Go on with the next directive.
    None,
    Last,
    Break,
    /// 302
    Redirect,
    /// 301
    Permanent,
}

#[derive(Debug)]
pub(crate) enum ReturnBody {
    None,
    /// For 301, 302, 303, 307, 308.
    Location(Template),
    Text(Template),
}

/// What `if` asks.
#[derive(Debug)]
pub(crate) enum Condition {
    /// Neither empty nor `0`.
    True(Template),
    Equal { value: Template, to: Template, negated: bool },
    Match { value: Template, pattern: Pattern, negated: bool },
    File { kind: FileTest, path: Template, negated: bool },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileTest {
    /// `-f`
    File,
    /// `-d`
    Folder,
    /// `-e`
    Any,
    /// `-x`
    Executable,
}

/// A `map` block.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) source: Template,
    pub(crate) slot: u16,
    pub(crate) hostnames: bool,
    /// In lower case.
    pub(crate) exact: BTreeMap<Vec<u8>, Template>,
    pub(crate) names: Vec<(ServerName, Template)>,
    pub(crate) patterns: Vec<(Pattern, Template)>,
    pub(crate) default: Template,
}

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

/// What holds in a location after inheritance.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) root: Base,
    pub(crate) index: Vec<Template>,
    pub(crate) try_files: Option<TryFiles>,
    pub(crate) error_pages: Vec<ErrorPage>,
    pub(crate) recursive_error_pages: bool,
    pub(crate) autoindex: Option<Autoindex>,
    /// By extension in lower case; `None` is a table of ours, with charsets, for sites without a
    /// configuration.
    pub(crate) types: Option<Arc<BTreeMap<String, String>>>,
    pub(crate) default_type: String,
    pub(crate) charset: Option<String>,
    pub(crate) charset_types: Arc<Vec<String>>,
    pub(crate) add_headers: Vec<AddField>,
    pub(crate) add_trailers: Vec<AddField>,
    pub(crate) expires: Expires,
    pub(crate) etag: bool,
    pub(crate) if_modified_since: IfModifiedSince,
    /// 0 is none; `None` is any number.
    pub(crate) max_ranges: Option<u32>,
    pub(crate) gzip: Gzip,
    pub(crate) gzip_static: GzipStatic,
    /// Codings whose precompressed siblings are looked for, in order of preference.
    pub(crate) precompressed: Vec<Precompressed>,
    pub(crate) sendfile: bool,
    pub(crate) disable_symlinks: DisableSymlinks,
    pub(crate) open_file_cache: Option<OpenFileCache>,
    /// Serve names that begin with a dot.
    pub(crate) hidden_files: bool,
    pub(crate) absolute_redirect: bool,
    pub(crate) port_in_redirect: bool,
    pub(crate) server_name_in_redirect: bool,
    /// `off`: the Server field has no version.
    pub(crate) server_tokens: bool,
    /// Bytes; 0 is no bound.
    pub(crate) client_max_body_size: u64,
    pub(crate) client_body_buffer_size: u64,
    pub(crate) client_body_timeout: Duration,
    pub(crate) send_timeout: Duration,
    /// Zero: no connection is kept.
    pub(crate) keepalive_timeout: Duration,
    /// The value of the Keep-Alive field, in seconds.
    pub(crate) keepalive_header: Option<u64>,
    pub(crate) keepalive_requests: u32,
    pub(crate) keepalive_time: Duration,
    pub(crate) lingering_timeout: Duration,
    pub(crate) lingering_time: Duration,
    pub(crate) reset_timedout_connection: bool,
    pub(crate) tcp_nodelay: bool,
    pub(crate) tcp_nopush: bool,
    /// The methods that `limit_except` leaves alone, and the rules for all others.
    pub(crate) limit_except: Option<(Vec<String>, Arc<Access>)>,
    pub(crate) access: Arc<Access>,
    pub(crate) limit_req: Vec<LimitReq>,
    pub(crate) limit_conn: Vec<LimitConn>,
    /// Bytes a second; 0 is no bound.
    pub(crate) limit_rate: u64,
    pub(crate) limit_rate_after: u64,
    pub(crate) real_ip: Option<Arc<RealIp>>,
    pub(crate) access_logs: Arc<Vec<AccessLog>>,
    pub(crate) error_log: ErrorLog,
    pub(crate) log_not_found: bool,
    pub(crate) dav_methods: Vec<String>,
    pub(crate) create_full_put_path: bool,
    pub(crate) stub_status: bool,
    pub(crate) early_hints: Vec<Template>,
}

/// Where files are.
#[derive(Clone, Debug)]
pub(crate) enum Base {
    /// The whole URI is appended.
    Root(Template),
    /// What follows the `prefix` of the location is appended; nothing where that is a regular expression
    /// (`prefix` is `None`).
    Alias {
        path: Template,
        prefix: Option<Vec<u8>>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct TryFiles {
    pub(crate) place: Place,
    /// The files to try; those with a final slash are folders.
    pub(crate) files: Vec<Template>,
    pub(crate) last: Fallback,
}

/// Where a request goes on.
#[derive(Clone, Debug)]
pub(crate) enum Fallback {
    Uri(Template),
    Named(String),
    Status(Status),
}

#[derive(Clone, Debug)]
pub(crate) struct ErrorPage {
    pub(crate) place: Place,
    pub(crate) statuses: Vec<Status>,
    /// `=code`, or `=` alone: that of the page.
    pub(crate) answer: Answer,
    pub(crate) to: ErrorTarget,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The status stays.
    Same,
    /// `=`
    OfPage,
    Code(Status),
}

#[derive(Clone, Debug)]
pub(crate) enum ErrorTarget {
    Uri(Template),
    Named(String),
    /// A URL of another host: a redirect, 302 unless the answer says another.
    Url(Template),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Autoindex {
    pub(crate) format: ListingFormat,
    pub(crate) exact_size: bool,
    pub(crate) localtime: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListingFormat {
    Html,
    Json,
    Xml,
}

#[derive(Clone, Debug)]
pub(crate) struct AddField {
    pub(crate) place: Place,
    pub(crate) name: String,
    pub(crate) value: Template,
    /// Whatever the status.
    pub(crate) always: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Expires {
    Off,
    Epoch,
    Max,
    /// After now: seconds, negative too.
    After(i64),
    /// After the last change of the file.
    Modified(i64),
    /// At this second of the day.
    Daily(u32),
    /// What a variable says: one of the above as text.
    Variable(Template),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IfModifiedSince {
    Off,
    Exact,
    Before,
}

#[derive(Clone, Debug)]
pub(crate) struct Gzip {
    pub(crate) on: bool,
    /// Content types; `*` is all. `text/html` is always among them.
    pub(crate) types: Arc<Vec<String>>,
    pub(crate) min_length: u64,
    /// 1 to 9.
    pub(crate) comp_level: u32,
    /// Whether Vary is sent.
    pub(crate) vary: bool,
    pub(crate) http_version_1_0: bool,
    /// User agents that get none.
    pub(crate) disable: Vec<Arc<Pattern>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GzipStatic {
    Off,
    On,
    Always,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precompressed {
    Gzip,
    Br,
    Zstd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DisableSymlinks {
    /// The folder may not be left, other links are followed: our default, nginx's is to follow all.
    Beneath,
    Off,
    On,
    IfNotOwner,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFileCache {
    pub(crate) max: usize,
    pub(crate) inactive: Duration,
    pub(crate) valid: Duration,
    pub(crate) min_uses: u32,
    pub(crate) errors: bool,
}

/// Who may come in.
#[derive(Debug)]
pub(crate) struct Access {
    /// In the order of the file; the first that matches decides.
    pub(crate) rules: Vec<(Allow, Network)>,
    pub(crate) basic: Option<BasicAuth>,
    /// `satisfy any`.
    pub(crate) any: bool,
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
    pub(crate) user_file: Template,
}

#[derive(Clone, Debug)]
pub(crate) struct LimitReq {
    /// Its place in [`Model::zones`].
    pub(crate) zone: usize,
    pub(crate) burst: u64,
    pub(crate) delay: LimitDelay,
    pub(crate) status: Status,
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
}

#[derive(Debug)]
pub(crate) struct RealIp {
    pub(crate) from: Vec<Network>,
    /// In lower case; `proxy_protocol` too.
    pub(crate) header: String,
    pub(crate) recursive: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    /// `None` is standard output.
    pub(crate) path: Option<PathBuf>,
    pub(crate) format: Arc<LogFormat>,
    /// `if=`: nothing is logged where this is empty or `0`.
    pub(crate) condition: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct LogFormat {
    pub(crate) name: String,
    pub(crate) escape: Escape,
    pub(crate) line: Template,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    Default,
    Json,
    None,
}
