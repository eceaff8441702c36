//! Models as text: the parts of it that a document asks for.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::config::model::*;

/// Shows parts of the model itself, and settings by their names for each server and location.
pub(super) fn model(model: &Model, words: &[String]) -> String {
    let mut out = String::new();
    let mut settings = Vec::new();
    for word in words {
        match word.as_str() {
            "main" => writeln!(out, "{:#?}", model.main).unwrap(),
            "listens" => list(&mut out, &model.listens),
            "maps" => model.maps.iter().for_each(|map| show_map(&mut out, map)),
            "zones" => list(&mut out, &model.zones),
            "slots" => writeln!(out, "slots {:?}", model.slots).unwrap(),
            word => settings.push(word),
        }
    }
    if !settings.is_empty() {
        for server in &model.servers {
            show_server(&mut out, server, &settings);
        }
    }
    out
}

fn show_map(out: &mut String, map: &Map) {
    let hostnames = if map.hostnames { " hostnames" } else { "" };
    writeln!(out, "map {:?} slot {}{hostnames}", map.source, map.slot).unwrap();
    for (key, value) in &map.exact {
        writeln!(out, "  {:?} = {value:?}", String::from_utf8_lossy(key)).unwrap();
    }
    for (name, value) in &map.names {
        writeln!(out, "  {name} = {value:?}").unwrap();
    }
    for (pattern, value) in &map.patterns {
        writeln!(out, "  {pattern:?} = {value:?}").unwrap();
    }
    writeln!(out, "  default = {:?}", map.default).unwrap();
}

fn list<T: std::fmt::Debug>(out: &mut String, list: &[T]) {
    for item in list {
        writeln!(out, "{item:?}").unwrap();
    }
}

fn show_server(out: &mut String, server: &VirtualServer, words: &[&str]) {
    let names: Vec<_> = server.names.iter().map(ToString::to_string).collect();
    writeln!(out, "server \"{}\"", names.join(" ")).unwrap();
    for word in words {
        let value = match *word {
            "script" => script(&server.script),
            "merge_slashes" => format!(" = {:?}\n", server.merge_slashes),
            "client_header_timeout" => format!(" = {:?}\n", server.client_header_timeout),
            "client_header_buffer_size" => format!(" = {:?}\n", server.client_header_buffer_size),
            "large_client_header_buffers" => {
                format!(" = {:?}\n", server.large_client_header_buffers)
            }
            "internal" | "" => continue,
            word => format!(" = {}\n", setting(&server.settings, word)),
        };
        write!(out, "  {word}{value}").unwrap();
    }
    locations(out, &server.locations, words, 1);
}

fn locations(out: &mut String, locations: &Locations, words: &[&str], depth: usize) {
    let all = locations
        .exact
        .values()
        .chain(&locations.prefixes)
        .chain(&locations.patterns)
        .chain(locations.named.values());
    for location in all {
        let indent = "  ".repeat(depth);
        let name = String::from_utf8_lossy(location.matches.text());
        let name = match &location.matches {
            Matches::Exact(_) => format!("= {name}"),
            Matches::Prefix { final_: true, .. } => format!("^~ {name}"),
            Matches::Prefix { .. } => name.into(),
            Matches::Pattern(pattern) => format!("{pattern:?}"),
            Matches::Named(_) => format!("@{name}"),
        };
        writeln!(out, "{indent}location {name}").unwrap();
        for word in words {
            let value = match *word {
                "script" => script(&location.script),
                "internal" => format!(" = {}\n", location.internal),
                "merge_slashes" | "" => continue,
                word if word.contains("header_") && word.contains("client") => continue,
                word => format!(" = {}\n", setting(&location.settings, word)),
            };
            write!(out, "{indent}  {word}{value}").unwrap();
        }
        self::locations(out, &location.nested, words, depth + 1);
    }
}

fn limit_except(settings: &Settings) -> Option<(&[String], &Access)> {
    let (methods, limited) = settings.limit_except.as_ref()?;
    Some((methods, &limited.access))
}

fn script(script: &[Op]) -> String {
    let mut out = "\n".to_owned();
    for op in script {
        match &op.kind {
            OpKind::If {
                condition,
                script: inside,
                settings,
            } => {
                let settings = settings.as_ref().map(|_| "other settings");
                writeln!(
                    out,
                    "    If {condition:?} {settings:?}{}",
                    self::script(inside)
                )
                .unwrap();
            }
            kind => writeln!(out, "    {kind:?}").unwrap(),
        }
    }
    out
}

macro_rules! fields {
    ($settings:expr, $word:expr; $($name:ident)+) => {
        match $word {
            $(stringify!($name) => format!("{:?}", $settings.$name),)+
            word => panic!("no setting {word}"),
        }
    };
}

fn setting(settings: &Arc<Settings>, word: &str) -> String {
    if word == "limit_except" {
        return format!("{:?}", limit_except(settings));
    }
    fields!(settings, word;
        root index try_files error_pages recursive_error_pages autoindex types default_type charset
        charset_types add_headers add_trailers expires etag if_modified_since max_ranges gzip
        gzip_static precompressed sendfile disable_symlinks open_file_cache hidden_files
        absolute_redirect port_in_redirect server_name_in_redirect server_tokens
        client_max_body_size client_body_buffer_size client_body_temp_path client_body_timeout send_timeout
        keepalive_timeout keepalive_header keepalive_requests keepalive_time lingering_close
        lingering_timeout lingering_time reset_timedout_connection tcp_nodelay tcp_nopush
        access limit_req limit_conn limit_rate limit_rate_after real_ip access_logs
        error_logs log_not_found dav_methods dav_access create_full_put_path min_delete_depth
        stub_status early_hints cgi
    )
}
