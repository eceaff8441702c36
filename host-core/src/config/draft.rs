//! What the directives of a level have said so far, on top of what is inherited.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use h1_core::Status;

use super::model::*;
use super::template::Template;

/// Settings under construction. A level starts with a copy of the one around it, so that what it does
/// not set is inherited.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub(crate) settings: Settings,
    pub(crate) internal: bool,
    pub(crate) autoindex: bool,
    pub(crate) listing: Autoindex,
    pub(crate) cache: bool,
    pub(crate) open_files: OpenFileCache,
    pub(crate) rules: Vec<AccessRule>,
    pub(crate) realm: Option<(Template, Place)>,
    pub(crate) user_file: Option<Template>,
    pub(crate) satisfy_any: Option<Place>,
    /// `access_log off` at this level, which the others there do not change.
    pub(crate) log_off: bool,
    pub(crate) limit_req_status: Status,
    pub(crate) limit_conn_status: Status,
    pub(crate) limit_req_log_level: Level,
    pub(crate) limit_conn_log_level: Level,
    pub(crate) limit_req_dry_run: bool,
    pub(crate) limit_conn_dry_run: bool,
    pub(crate) real_ip: RealIp,
    pub(crate) merge_slashes: bool,
    pub(crate) client_header_timeout: Duration,
    pub(crate) client_header_buffer_size: u64,
    pub(crate) large_client_header_buffers: (u32, u64),
}

impl Draft {
    /// What holds where nothing is said.
    pub(crate) fn new(root: Template, log: AccessLog, error_logs: Arc<Vec<ErrorLog>>) -> Self {
        Self {
            settings: settings(root, log, error_logs),
            internal: false,
            autoindex: false,
            listing: Autoindex {
                format: ListingFormat::Html,
                exact_size: true,
                localtime: false,
            },
            cache: false,
            open_files: OpenFileCache {
                number: 0,
                max: 0,
                inactive: Duration::ZERO,
                valid: Duration::from_secs(60),
                min_uses: 1,
                errors: false,
            },
            rules: Vec::new(),
            realm: None,
            user_file: None,
            satisfy_any: None,
            log_off: false,
            limit_req_status: Status::SERVICE_UNAVAILABLE,
            limit_conn_status: Status::SERVICE_UNAVAILABLE,
            limit_req_log_level: Level::Error,
            limit_conn_log_level: Level::Error,
            limit_req_dry_run: false,
            limit_conn_dry_run: false,
            real_ip: RealIp {
                from: Vec::new(),
                header: "x-real-ip".into(),
                recursive: false,
            },
            merge_slashes: true,
            client_header_timeout: Duration::from_secs(60),
            client_header_buffer_size: 1 << 10,
            large_client_header_buffers: (4, 8 << 10),
        }
    }

    /// The draft of a level within this one: what is not inherited is gone.
    pub(crate) fn child(&self) -> Self {
        let mut child = self.clone();
        child.settings.try_files = None;
        child.settings.stub_status = false;
        child.settings.limit_except = None;
        child
    }

    /// The settings, when the level is read to its end.
    pub(crate) fn finish(&self) -> Arc<Settings> {
        let mut settings = self.settings.clone();
        settings.autoindex = self.autoindex.then_some(self.listing);
        settings.open_file_cache = self.cache.then_some(self.open_files);
        settings.access = Arc::new(self.access());
        for limit in &mut settings.limit_req {
            limit.status = self.limit_req_status;
            limit.log_level = self.limit_req_log_level;
            limit.dry_run = self.limit_req_dry_run;
        }
        for limit in &mut settings.limit_conn {
            limit.status = self.limit_conn_status;
            limit.log_level = self.limit_conn_log_level;
            limit.dry_run = self.limit_conn_dry_run;
        }
        settings.real_ip = match self.real_ip.from.is_empty() {
            true => None,
            false => Some(Arc::new(self.real_ip.clone())),
        };
        Arc::new(settings)
    }

    /// Who may come in.
    pub(crate) fn access(&self) -> Access {
        let basic = self.realm.clone().zip(self.user_file.clone());
        Access {
            rules: self.rules.clone(),
            basic: basic.map(|((realm, place), user_file)| BasicAuth {
                realm,
                place,
                user_file,
            }),
            any: self.satisfy_any.clone(),
        }
    }
}

fn settings(root: Template, log: AccessLog, error_logs: Arc<Vec<ErrorLog>>) -> Settings {
    Settings {
        root: Base::Root(root),
        index: vec![Template::fixed("index.html")],
        try_files: None,
        error_pages: Vec::new(),
        recursive_error_pages: false,
        autoindex: None,
        types: Some(Arc::new(types())),
        default_type: "text/plain".into(),
        charset: None,
        charset_types: Arc::new(texts(&CHARSET_TYPES)),
        add_headers: Vec::new(),
        add_trailers: Vec::new(),
        expires: Expires::Off,
        etag: true,
        if_modified_since: IfModifiedSince::Exact,
        max_ranges: None,
        gzip: gzip(),
        gzip_static: GzipStatic::Off,
        precompressed: Vec::new(),
        sendfile: true,
        disable_symlinks: DisableSymlinks::Beneath,
        open_file_cache: None,
        hidden_files: true,
        absolute_redirect: true,
        port_in_redirect: true,
        server_name_in_redirect: false,
        server_tokens: true,
        client_max_body_size: 1 << 20,
        client_body_buffer_size: 16 << 10,
        client_body_temp_path: None,
        client_body_timeout: Duration::from_secs(60),
        send_timeout: Duration::from_secs(60),
        keepalive_timeout: Duration::from_secs(75),
        keepalive_header: None,
        keepalive_requests: 1000,
        keepalive_time: Duration::from_secs(3600),
        lingering_close: LingeringClose::On,
        lingering_timeout: Duration::from_secs(5),
        lingering_time: Duration::from_secs(30),
        reset_timedout_connection: false,
        tcp_nodelay: true,
        tcp_nopush: false,
        limit_except: None,
        access: Arc::default(),
        limit_req: Vec::new(),
        limit_conn: Vec::new(),
        limit_rate: Amount::Fixed(0),
        limit_rate_after: Amount::Fixed(0),
        real_ip: None,
        access_logs: Arc::new(vec![log]),
        error_logs,
        log_not_found: true,
        dav_methods: Vec::new(),
        dav_place: None,
        dav_access: 0o600,
        create_full_put_path: false,
        min_delete_depth: 0,
        stub_status: false,
        early_hints: Vec::new(),
        cgi: Cgi::default(),
    }
}

const CHARSET_TYPES: [&str; 6] = [
    "text/html",
    "text/xml",
    "text/plain",
    "text/vnd.wap.wml",
    "application/javascript",
    "application/rss+xml",
];

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

fn types() -> BTreeMap<String, String> {
    let types = [
        ("html", "text/html"),
        ("gif", "image/gif"),
        ("jpg", "image/jpeg"),
    ];
    let types = types.map(|(extension, content_type)| (extension.into(), content_type.into()));
    types.into()
}

fn gzip() -> Gzip {
    Gzip {
        on: false,
        types: Arc::new(texts(&["text/html"])),
        min_length: 20,
        comp_level: 1,
        vary: false,
        http_version_1_0: false,
        proxied: Proxied::OFF,
        disable: Vec::new(),
    }
}
