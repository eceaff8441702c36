//! What holds in a location.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use h1_core::Status;

use super::{Access, Cgi, ErrorLog, LimitConn, LimitReq, Pattern, Place, RealIp};
use crate::config::template::Template;

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
    /// Where content is put that is too long for memory; `None` is the system's folder for such.
    pub(crate) client_body_temp_path: Option<PathBuf>,
    pub(crate) client_body_timeout: Duration,
    pub(crate) send_timeout: Duration,
    /// Zero: no connection is kept.
    pub(crate) keepalive_timeout: Duration,
    /// The value of the Keep-Alive field, in seconds.
    pub(crate) keepalive_header: Option<u64>,
    pub(crate) keepalive_requests: u32,
    pub(crate) keepalive_time: Duration,
    pub(crate) lingering_close: LingeringClose,
    pub(crate) lingering_timeout: Duration,
    pub(crate) lingering_time: Duration,
    pub(crate) reset_timedout_connection: bool,
    pub(crate) tcp_nodelay: bool,
    pub(crate) tcp_nopush: bool,
    /// The methods that `limit_except` leaves alone, and the settings for all others.
    pub(crate) limit_except: Option<(Vec<String>, Arc<Settings>)>,
    pub(crate) access: Arc<Access>,
    pub(crate) limit_req: Vec<LimitReq>,
    pub(crate) limit_conn: Vec<LimitConn>,
    /// Bytes a second; 0 is no bound.
    pub(crate) limit_rate: Amount,
    pub(crate) limit_rate_after: Amount,
    pub(crate) real_ip: Option<Arc<RealIp>>,
    pub(crate) access_logs: Arc<Vec<AccessLog>>,
    pub(crate) error_logs: Arc<Vec<ErrorLog>>,
    pub(crate) log_not_found: bool,
    pub(crate) dav_methods: Vec<&'static str>,
    /// Where they are set.
    pub(crate) dav_place: Option<Place>,
    /// The mode of new files.
    pub(crate) dav_access: u32,
    pub(crate) create_full_put_path: bool,
    /// Names that a path has at least, so that DELETE may remove it; 0 is any number.
    pub(crate) min_delete_depth: u32,
    pub(crate) stub_status: bool,
    pub(crate) early_hints: Vec<Template>,
    pub(crate) cgi: Cgi,
}

/// A number of bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    Fixed(u64),
    /// What this text comes to, as sizes are written.
    Variable(Template),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LingeringClose {
    Off,
    /// Where the peer may have more to send.
    On,
    Always,
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
    pub(crate) proxied: Proxied,
    /// User agents that get none.
    pub(crate) disable: Vec<Arc<Pattern>>,
}

/// Which requests that came through a proxy get compressed content: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proxied(u8);

impl Proxied {
    pub(crate) const OFF: Self = Self(0);
    pub(crate) const ANY: Self = Self(1);
    pub(crate) const AUTH: Self = Self(2);
    pub(crate) const EXPIRED: Self = Self(4);
    pub(crate) const NO_CACHE: Self = Self(8);
    pub(crate) const NO_LAST_MODIFIED: Self = Self(16);
    pub(crate) const NO_ETAG: Self = Self(32);
    pub(crate) const NO_STORE: Self = Self(64);
    pub(crate) const PRIVATE: Self = Self(128);

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
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

#[derive(Clone, Debug)]
pub(crate) enum DisableSymlinks {
    /// The folder may not be left, other links are followed: our default, nginx's is to follow all.
    Beneath,
    Off,
    /// In the first part of the path, `from`, which may be empty, all are followed.
    On {
        from: Template,
    },
    IfNotOwner {
        from: Template,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenFileCache {
    /// Which of the caches of the configuration it is.
    pub(crate) number: usize,
    pub(crate) max: usize,
    pub(crate) inactive: Duration,
    pub(crate) valid: Duration,
    pub(crate) min_uses: u32,
    pub(crate) errors: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct AccessLog {
    /// `None` is standard output.
    pub(crate) path: Option<PathBuf>,
    pub(crate) format: Arc<LogFormat>,
    /// Bytes that are gathered before they are written.
    pub(crate) buffer: Option<u64>,
    /// How long they may wait.
    pub(crate) flush: Option<Duration>,
    /// `if=`: nothing is logged where this is empty or `0`.
    pub(crate) condition: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct LogFormat {
    pub(crate) name: String,
    pub(crate) escape: Escape,
    pub(crate) line: Template,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escape {
    #[default]
    Default,
    Json,
    None,
}
