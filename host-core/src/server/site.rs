//! A site as a configuration: what `[DIR]` serves, and libraries without a configuration.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::Return;
use crate::config::model::*;
use crate::config::template::{Known, Part, Template, Variable};

/// Longer than any connection lasts.
const EVER: Duration = Duration::from_secs(u32::MAX as u64);

/// The model of a site: one server with one location for each fixed answer.
pub(super) fn model(
    root: &Path,
    index: Vec<String>,
    autoindex: bool,
    returns: BTreeMap<Vec<u8>, Return>,
) -> Model {
    let place = Place {
        file: Arc::from("the command line"),
        line: 1,
        column: 1,
    };
    let settings = settings(root, index, autoindex);
    let exact = returns.into_iter().map(|(path, fixed)| {
        let location = location(&settings, path.clone(), fixed, &place);
        (path, Arc::new(location))
    });
    let locations = Locations {
        exact: exact.collect(),
        ..Locations::default()
    };
    Model {
        main: main(),
        listens: vec![Listen {
            address: Address::Ip(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            bind: true,
            backlog: None,
            reuseport: false,
            ipv6only: true,
            proxy_protocol: false,
            default: 0,
            servers: vec![0],
            place: place.clone(),
        }],
        servers: vec![VirtualServer {
            names: Vec::new(),
            place,
            settings: Arc::new(settings),
            script: Vec::new(),
            locations,
            merge_slashes: true,
            client_header_timeout: Duration::from_secs(60),
            client_header_buffer_size: 1024,
            large_client_header_buffers: (4, 8 * 1024),
        }],
        slots: Vec::new(),
        maps: Vec::new(),
        zones: Vec::new(),
        counts: false,
    }
}

fn main() -> Main {
    Main {
        worker_processes: None,
        worker_connections: 512,
        worker_rlimit_nofile: None,
        worker_shutdown_timeout: None,
        user: None,
        pid: None,
        daemon: false,
        master_process: true,
        env: Vec::new(),
        error_logs: Arc::default(),
        cgi_children: CgiChildren::default(),
    }
}

fn location(settings: &Settings, uri: Vec<u8>, fixed: Return, place: &Place) -> Location {
    let text = Template {
        parts: vec![Part::Text(fixed.body.to_vec())],
    };
    Location {
        matches: Matches::Exact(uri),
        place: place.clone(),
        settings: Arc::new(Settings {
            types: Some(Arc::default()),
            default_type: fixed.content_type,
            ..settings.clone()
        }),
        script: vec![Op {
            place: place.clone(),
            kind: OpKind::Return {
                status: fixed.status,
                body: ReturnBody::Text(text),
            },
        }],
        nested: Locations::default(),
        internal: false,
    }
}

fn settings(root: &Path, index: Vec<String>, autoindex: bool) -> Settings {
    Settings {
        root: Base::Root(Template {
            parts: vec![Part::Text(root.as_os_str().as_bytes().to_vec())],
        }),
        index: index.iter().map(|name| Template::fixed(name)).collect(),
        try_files: None,
        error_pages: Vec::new(),
        recursive_error_pages: false,
        autoindex: autoindex.then_some(Autoindex {
            format: ListingFormat::Html,
            exact_size: false,
            localtime: false,
        }),
        types: None,
        default_type: "application/octet-stream".into(),
        charset: None,
        charset_types: Arc::default(),
        add_headers: Vec::new(),
        add_trailers: Vec::new(),
        expires: Expires::Off,
        etag: true,
        if_modified_since: IfModifiedSince::Before,
        max_ranges: None,
        gzip: Gzip {
            on: false,
            types: Arc::default(),
            min_length: 20,
            comp_level: 1,
            vary: false,
            http_version_1_0: false,
            proxied: Proxied::OFF,
            disable: Vec::new(),
        },
        gzip_static: GzipStatic::Off,
        precompressed: Vec::new(),
        sendfile: true,
        disable_symlinks: DisableSymlinks::Beneath,
        open_file_cache: None,
        hidden_files: false,
        // Links hold behind a proxy that adds a prefix or a port.
        absolute_redirect: false,
        port_in_redirect: true,
        server_name_in_redirect: false,
        server_tokens: true,
        client_max_body_size: 0,
        client_body_buffer_size: 16 * 1024,
        client_body_temp_path: None,
        client_body_timeout: Duration::from_secs(60),
        send_timeout: Duration::from_secs(60),
        keepalive_timeout: Duration::from_secs(75),
        keepalive_header: None,
        keepalive_requests: u32::MAX,
        keepalive_time: EVER,
        lingering_close: LingeringClose::On,
        lingering_timeout: Duration::from_secs(5),
        lingering_time: Duration::from_secs(5),
        reset_timedout_connection: false,
        tcp_nodelay: true,
        tcp_nopush: false,
        limit_except: None,
        access: Arc::new(Access {
            rules: Vec::new(),
            basic: None,
            any: None,
        }),
        limit_req: Vec::new(),
        limit_conn: Vec::new(),
        limit_rate: Amount::Fixed(0),
        limit_rate_after: Amount::Fixed(0),
        real_ip: None,
        access_logs: Arc::new(vec![AccessLog {
            path: None,
            format: Arc::new(combined()),
            buffer: None,
            flush: None,
            condition: None,
        }]),
        // Nobody reads them.
        error_logs: Arc::default(),
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

/// nginx's log format of this name.
fn combined() -> LogFormat {
    let known = |known| Part::Variable(Variable::Known(known));
    let field = |name: &str| Part::Variable(Variable::Http(name.into()));
    let text = |text: &str| Part::Text(text.into());
    LogFormat {
        name: "combined".into(),
        escape: Escape::Default,
        line: Template {
            parts: vec![
                known(Known::RemoteAddr),
                text(" - "),
                known(Known::RemoteUser),
                text(" ["),
                known(Known::TimeLocal),
                text("] \""),
                known(Known::Request),
                text("\" "),
                known(Known::Status),
                text(" "),
                known(Known::BodyBytesSent),
                text(" \""),
                field("referer"),
                text("\" \""),
                field("user-agent"),
                text("\""),
            ],
        },
    }
}
