//! Variables by name, and text that has them in it.

use std::collections::HashMap;

use super::error::Problem;
use super::source::{Span, Texts};
use super::template::{Known, Part, Template, Variable};
use super::value::nearest;

const KNOWN: [(&str, Known); 52] = [
    ("args", Known::Args),
    ("binary_remote_addr", Known::BinaryRemoteAddr),
    ("body_bytes_sent", Known::BodyBytesSent),
    ("bytes_sent", Known::BytesSent),
    ("connection", Known::Connection),
    ("connection_requests", Known::ConnectionRequests),
    ("connections_active", Known::ConnectionsActive),
    ("connections_reading", Known::ConnectionsReading),
    ("connections_waiting", Known::ConnectionsWaiting),
    ("connections_writing", Known::ConnectionsWriting),
    ("content_length", Known::ContentLength),
    ("content_type", Known::ContentType),
    ("document_root", Known::DocumentRoot),
    ("document_uri", Known::Uri),
    ("gzip_ratio", Known::GzipRatio),
    ("host", Known::Host),
    ("hostname", Known::Hostname),
    ("https", Known::Https),
    ("is_args", Known::IsArgs),
    ("limit_conn_status", Known::LimitConnStatus),
    ("limit_rate", Known::LimitRate),
    ("limit_req_status", Known::LimitReqStatus),
    ("msec", Known::Msec),
    ("pid", Known::Pid),
    ("pipe", Known::Pipe),
    ("proxy_protocol_addr", Known::ProxyProtocolAddr),
    ("proxy_protocol_port", Known::ProxyProtocolPort),
    ("proxy_protocol_server_addr", Known::ProxyProtocolServerAddr),
    ("proxy_protocol_server_port", Known::ProxyProtocolServerPort),
    ("query_string", Known::QueryString),
    ("realip_remote_addr", Known::RealipRemoteAddr),
    ("realip_remote_port", Known::RealipRemotePort),
    ("remote_addr", Known::RemoteAddr),
    ("remote_port", Known::RemotePort),
    ("remote_user", Known::RemoteUser),
    ("request", Known::Request),
    ("request_completion", Known::RequestCompletion),
    ("request_filename", Known::RequestFilename),
    ("request_id", Known::RequestId),
    ("request_length", Known::RequestLength),
    ("request_method", Known::RequestMethod),
    ("request_time", Known::RequestTime),
    ("request_uri", Known::RequestUri),
    ("scheme", Known::Scheme),
    ("server_addr", Known::ServerAddr),
    ("server_name", Known::ServerName),
    ("server_port", Known::ServerPort),
    ("server_protocol", Known::ServerProtocol),
    ("status", Known::Status),
    ("time_iso8601", Known::TimeIso8601),
    ("time_local", Known::TimeLocal),
    ("uri", Known::Uri),
];

/// Variables that only nginx has.
const LACKING: [&str; 12] = [
    "ancient_browser",
    "connection_time",
    "date_gmt",
    "date_local",
    "geoip_country_code",
    "modern_browser",
    "msie",
    "nginx_version",
    "proxy_add_x_forwarded_for",
    "proxy_host",
    "realpath_root",
    "request_body",
];

/// Variables without a value, as nginx has them for requests without TLS and without a proxy. Formats of logs
/// name them.
const MISSING: [&str; 37] = [
    "http2",
    "http3",
    "request_body_file",
    "ssl_alpn_protocol",
    "ssl_cipher",
    "ssl_ciphers",
    "ssl_client_cert",
    "ssl_client_escaped_cert",
    "ssl_client_fingerprint",
    "ssl_client_i_dn",
    "ssl_client_i_dn_legacy",
    "ssl_client_raw_cert",
    "ssl_client_s_dn",
    "ssl_client_s_dn_legacy",
    "ssl_client_serial",
    "ssl_client_v_end",
    "ssl_client_v_remain",
    "ssl_client_v_start",
    "ssl_client_verify",
    "ssl_curve",
    "ssl_curves",
    "ssl_early_data",
    "ssl_protocol",
    "ssl_server_name",
    "ssl_session_id",
    "ssl_session_reused",
    "upstream_addr",
    "upstream_bytes_received",
    "upstream_bytes_sent",
    "upstream_cache_status",
    "upstream_connect_time",
    "upstream_first_byte_time",
    "upstream_header_time",
    "upstream_response_length",
    "upstream_response_time",
    "upstream_session_time",
    "upstream_status",
];

/// Variables that only nginx has begin like this.
const LACKING_PREFIXES: [&str; 6] = [
    "ssl_",
    "upstream_",
    "tcpinfo_",
    "fastcgi_",
    "sent_trailer_",
    "proxy_protocol_tlv_",
];

/// The variables of a configuration that it makes itself.
#[derive(Debug, Default)]
pub(crate) struct Variables {
    slots: Vec<Slot>,
    by_name: HashMap<String, u16>,
    /// Connections that read and write are counted for one of them.
    pub(crate) counts: bool,
}

#[derive(Debug)]
struct Slot {
    name: String,
    defined: bool,
    /// Where it is used first.
    used: Option<Span>,
}

impl Variables {
    /// The slot of a variable that `set`, `map` or a named group gives a value.
    ///
    /// # Errors
    ///
    /// Names that have a meaning of their own.
    pub(crate) fn define(&mut self, name: &str, span: Span) -> Result<u16, Problem> {
        let valid = !name.is_empty() && name.bytes().all(is_name);
        if !valid || name.starts_with(|char: char| char.is_ascii_digit()) {
            return Err(Problem::new(
                span,
                format!("invalid variable name \"{name}\""),
            ));
        }
        let slot = self.slot(name, span);
        match slot {
            _ if known(name).is_some() || is_lacking(name) => Err(Problem::new(
                span,
                format!("the duplicate \"{name}\" variable"),
            )
            .help("it has a meaning of its own")),
            Err(problem) => Err(problem),
            Ok(slot) => {
                if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
                    entry.defined = true;
                }
                Ok(slot)
            }
        }
    }

    /// What a name stands for.
    fn resolve(&mut self, name: &str, span: Span) -> Result<Variable, Problem> {
        if let Some(variable) = known(name) {
            self.counts |= name.starts_with("connections_");
            return Ok(variable);
        }
        if is_lacking(name) {
            let message = format!("the \"{name}\" variable is not supported");
            return Err(Problem::new(span, message));
        }
        let slot = self.slot(name, span)?;
        if let Some(entry) = self.slots.get_mut(usize::from(slot)) {
            entry.used.get_or_insert(span);
        }
        Ok(Variable::Slot(slot))
    }

    fn slot(&mut self, name: &str, span: Span) -> Result<u16, Problem> {
        if let Some(slot) = self.by_name.get(name) {
            return Ok(*slot);
        }
        let slot = u16::try_from(self.slots.len())
            .map_err(|_| Problem::new(span, "there are more than 65536 variables"))?;
        self.slots.push(Slot {
            name: name.into(),
            defined: false,
            used: None,
        });
        self.by_name.insert(name.into(), slot);
        Ok(slot)
    }

    /// The names by slot, and those that nothing gives a value.
    pub(crate) fn finish(self) -> (Vec<String>, Vec<Problem>) {
        let mut problems = Vec::new();
        for slot in &self.slots {
            if let (false, Some(span)) = (slot.defined, slot.used) {
                let own = self.slots.iter().filter(|slot| slot.defined);
                let names = KNOWN.iter().map(|(name, _)| *name);
                let near = nearest(&slot.name, names.chain(own.map(|slot| slot.name.as_str())));
                let help = near.map(|name| format!("did you mean \"${name}\"?"));
                let problem = Problem::new(span, format!("unknown \"{}\" variable", slot.name));
                problems.push(problem.maybe_help(help));
            }
        }
        let names = self.slots.into_iter().map(|slot| slot.name);
        (names.collect(), problems)
    }

    /// Compiles text with variables.
    ///
    /// # Errors
    ///
    /// A dollar sign without a name, a brace that is not closed, a variable that is not supported.
    /// Unknown ones are told at the end, by [`finish`](Self::finish).
    pub(crate) fn template(
        &mut self,
        text: &str,
        span: Span,
        texts: &Texts,
    ) -> Result<Template, Problem> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            push_text(&mut parts, &rest[..at]);
            let (name, len) = name_at(&rest[at..]).ok_or_else(|| {
                let message = match rest[at..].starts_with("${") {
                    true => format!("the closing bracket in \"{}\" is missing", &rest[at..]),
                    false => "invalid variable name".into(),
                };
                Problem::new(texts.narrow(span, &rest[at..]), message)
                    .help("\"$\" begins the name of a variable")
            })?;
            let place = texts.narrow(span, &rest[at..at + len]);
            let variable = match name.as_bytes() {
                [digit @ b'1'..=b'9'] => Variable::Group(digit - b'0'),
                _ => self.resolve(name, place)?,
            };
            parts.push(Part::Variable(variable));
            rest = &rest[at + len..];
        }
        push_text(&mut parts, rest);
        Ok(Template { parts })
    }
}

fn push_text(parts: &mut Vec<Part>, text: &str) {
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
}

/// The name that `$` at the front of `text` begins, and how long it is with its signs. `$1` is never more than
/// one digit.
fn name_at(text: &str) -> Option<(&str, usize)> {
    if let Some(rest) = text.strip_prefix("${") {
        let name = rest.split('}').next()?;
        let closed = name.len() < rest.len();
        let valid = closed && !name.is_empty() && name.bytes().all(is_name);
        return valid.then_some((name, name.len() + 3));
    }
    let rest = text.get(1..)?;
    let len = match rest.as_bytes().first()? {
        b'1'..=b'9' => 1,
        _ => rest.bytes().take_while(|byte| is_name(*byte)).count(),
    };
    (len > 0).then_some((&rest[..len], len + 1))
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn is_lacking(name: &str) -> bool {
    let prefixed = LACKING_PREFIXES
        .iter()
        .any(|prefix| name.starts_with(prefix));
    prefixed || LACKING.contains(&name)
}

fn known(name: &str) -> Option<Variable> {
    if let Some((_, known)) = KNOWN.iter().find(|(known, _)| *known == name) {
        return Some(Variable::Known(*known));
    }
    if MISSING.contains(&name) {
        return Some(Variable::Known(Known::Missing));
    }
    let field = |name: &str| name.to_ascii_lowercase().replace('_', "-");
    if let Some(name) = name.strip_prefix("sent_http_") {
        return Some(Variable::SentHttp(field(name)));
    }
    if let Some(name) = name.strip_prefix("http_") {
        return Some(Variable::Http(field(name)));
    }
    if let Some(name) = name.strip_prefix("cookie_") {
        return Some(Variable::Cookie(name.into()));
    }
    Some(Variable::Arg(name.strip_prefix("arg_")?.into()))
}
