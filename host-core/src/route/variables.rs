//! The values of variables.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use h1_core::{RequestHead, Status};

use super::{Hosting, Route, Rules};
use crate::config::template::{Known, Part, Template, Variable};
use crate::proxy_protocol::Proxied;
use crate::{Now, date};

/// Variables of variables go so deep, as in nginx.
const DEPTH: u8 = 100;

/// The most bytes of a value, or of a URI.
pub(super) const LONGEST: usize = 1 << 20;

/// The connection that a request came on.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    /// `None` is one of a unix socket.
    pub(crate) peer: Option<SocketAddr>,
    /// Our end, where the driver has told it.
    pub(crate) local: Option<SocketAddr>,
    /// The address that is listened on: its place in [`Hosting::listens`].
    pub(crate) listen: u32,
    /// What a proxy has told in front of the first request, once it has come.
    pub(crate) proxied: Option<Arc<Option<Proxied>>>,
    /// The number of the connection, from 1.
    pub(crate) number: u64,
    /// Requests on it, this one included.
    pub(crate) requests: u32,
}

/// What is known of the answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) status: Option<Status>,
    /// Bytes of content, and of all.
    pub(crate) content: u64,
    pub(crate) all: u64,
    /// Bytes of the request's content, where somebody has read it.
    pub(crate) received: u64,
    /// Bytes that were compressed, and what has become of them.
    pub(crate) packed: (u64, u64),
    /// All of it was sent.
    pub(crate) complete: bool,
    /// When the request had come.
    pub(crate) since: Instant,
}

/// All that variables are read from, but for the [`Route`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct View<'v> {
    pub(crate) hosting: &'v Hosting,
    /// `None` for what is no request.
    pub(crate) request: Option<RequestHead<'v>>,
    pub(crate) client: &'v Client,
    pub(crate) now: Now,
    pub(crate) sent: Sent,
}

impl Client {
    pub(crate) fn listen(&self) -> usize {
        self.listen as usize
    }

    pub(crate) fn proxied(&self) -> Option<Proxied> {
        *self.proxied.as_deref()?
    }
}

impl<'v> View<'v> {
    /// Nothing is known of the answer.
    pub(crate) fn new(
        hosting: &'v Hosting,
        request: Option<RequestHead<'v>>,
        client: &'v Client,
        since: Instant,
        now: Now,
    ) -> Self {
        let sent = Sent {
            status: None,
            content: 0,
            all: 0,
            received: 0,
            packed: (0, 0),
            complete: false,
            since,
        };
        Self {
            hosting,
            request,
            client,
            now,
            sent,
        }
    }

    pub(crate) fn rules(&self, route: &Route) -> &'v Rules {
        self.hosting.rules(route.rules)
    }

    /// Appends the text of `template`. One that is too long, or depends on itself, is left out, and
    /// fails the request.
    pub(crate) fn expand(&self, route: &mut Route, template: &Template, out: &mut Vec<u8>) {
        let start = out.len();
        if route.depth == DEPTH {
            route.endless = true;
            return;
        }
        route.depth += 1;
        for part in &template.parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text),
                Part::Variable(variable) => {
                    self.push(route, variable, out);
                }
                Part::Folder(_) => {}
            }
            if out.len() - start > LONGEST {
                out.truncate(start);
                route.endless = true;
                break;
            }
        }
        route.depth -= 1;
        if let Some(Part::Folder(folder)) = template.parts.first()
            && out.get(start) != Some(&b'/')
        {
            out.splice(start..start, folder.iter().copied());
        }
    }

    /// Whether the text of `template` is neither empty nor `0`.
    pub(crate) fn is_true(&self, route: &mut Route, template: &Template) -> bool {
        let mut text = route.take_scratch();
        self.expand(route, template, &mut text);
        let holds = !matches!(&text[..], b"" | b"0");
        route.give_scratch(text);
        holds
    }

    /// Appends the value of a variable; `false` if it has none.
    pub(crate) fn push(&self, route: &mut Route, variable: &Variable, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        match variable {
            Variable::Known(known) => self.push_known(route, *known, out),
            Variable::Arg(name) => put(out, argument(&route.args, name)),
            Variable::Http(name) => {
                let separator: &[u8] = if name == "cookie" { b"; " } else { b", " };
                let fields = self.request.map(|request| request.fields());
                for value in fields.iter().flat_map(|fields| fields.get_all(name)) {
                    if out.len() > before {
                        out.extend_from_slice(separator);
                    }
                    out.extend_from_slice(value);
                }
                let mut fields = fields.iter();
                fields.any(|fields| fields.get(name).is_some())
            }
            Variable::SentHttp(name) => route.push_sent(name, out),
            Variable::Cookie(name) => {
                let fields = self.request.map(|request| request.fields());
                let mut lines = fields.iter().flat_map(|fields| fields.get_all("cookie"));
                put(out, lines.find_map(|line| cookie(line, name)))
            }
            Variable::Slot(slot) => self.push_slot(route, *slot, out),
            Variable::Group(n) => put(out, route.bindings.group(*n)),
        }
    }

    fn push_slot(&self, route: &mut Route, slot: u16, out: &mut Vec<u8>) -> bool {
        if route.bindings.slot(slot).is_none()
            && let Some(map) = self.hosting.map_of(slot)
        {
            // What depends on itself is empty.
            route.bindings.bind(slot, b"");
            let (mut source, mut value) = (route.take_scratch(), route.take_scratch());
            self.expand(route, &map.source, &mut source);
            let found = map.find(&source, &mut route.bindings);
            self.expand(route, found, &mut value);
            route.bindings.bind(slot, &value);
            route.give_scratch(source);
            route.give_scratch(value);
        }
        put(out, route.bindings.slot(slot))
    }

    pub(super) fn push_known(&self, route: &mut Route, known: Known, out: &mut Vec<u8>) -> bool {
        match known {
            Known::Args | Known::QueryString => return put_some(out, &route.args),
            Known::IsArgs => return put_some(out, if route.args.is_empty() { b"" } else { b"?" }),
            Known::Uri => return put_some(out, &route.uri),
            Known::Host if !route.host.is_empty() => out.extend_from_slice(&route.host),
            Known::Host | Known::ServerName => {
                let name = self.hosting.server(route.server).map_or("", |it| &it.name);
                out.extend_from_slice(name.as_bytes());
            }
            Known::Scheme => out.extend_from_slice(b"http"),
            Known::DocumentRoot => self.expand(route, &self.rules(route).files.base, out),
            Known::RequestFilename => self.push_filename(route, out),
            Known::RequestId => route.push_id(out),
            Known::Status => {
                let status = self.sent.status.or(route.status);
                write(out, format_args!("{:03}", status.map_or(0, Status::code)));
            }
            Known::Hostname => out.extend_from_slice(self.hosting.process.hostname.as_bytes()),
            Known::Pid => write(out, format_args!("{}", self.hosting.process.id)),
            Known::Https => {}
            Known::Missing => return false,
            Known::Pipe => out.push(if route.pipelined { b'p' } else { b'.' }),
            Known::LimitConnStatus => return put_some(out, route.limit_conn_status.as_bytes()),
            Known::LimitReqStatus => return put_some(out, route.limit_req_status.as_bytes()),
            Known::LimitRate => {
                write(
                    out,
                    format_args!("{}", route.limit_rate.unwrap_or_default()),
                );
            }
            Known::ConnectionsActive
            | Known::ConnectionsReading
            | Known::ConnectionsWriting
            | Known::ConnectionsWaiting => self.push_count(known, out),
            Known::BodyBytesSent
            | Known::BytesSent
            | Known::GzipRatio
            | Known::Msec
            | Known::RequestCompletion
            | Known::RequestTime
            | Known::TimeLocal
            | Known::TimeIso8601 => return push_late(known, &self.sent, self.now, out),
            Known::ProxyProtocolAddr
            | Known::ProxyProtocolPort
            | Known::ProxyProtocolServerAddr
            | Known::ProxyProtocolServerPort => return self.push_proxied(known, out),
            Known::BinaryRemoteAddr
            | Known::Connection
            | Known::ConnectionRequests
            | Known::RealipRemoteAddr
            | Known::RealipRemotePort
            | Known::RemoteAddr
            | Known::RemotePort
            | Known::ServerAddr
            | Known::ServerPort => return self.push_of_connection(route, known, out),
            Known::ContentLength
            | Known::ContentType
            | Known::RemoteUser
            | Known::Request
            | Known::RequestLength
            | Known::RequestMethod
            | Known::RequestUri
            | Known::ServerProtocol => return self.push_of_request(route, known, out),
        }
        true
    }

    fn push_filename(&self, route: &mut Route, out: &mut Vec<u8>) {
        let files = &self.rules(route).files;
        self.expand(route, &files.base, out);
        out.extend_from_slice(files.tail.of(&route.uri));
    }

    fn push_count(&self, known: Known, out: &mut Vec<u8>) {
        let [active, reading, writing, waiting] = self.hosting.counters.connections();
        let count = match known {
            Known::ConnectionsActive => active,
            Known::ConnectionsReading => reading,
            Known::ConnectionsWriting => writing,
            _ => waiting,
        };
        write(out, format_args!("{count}"));
    }

    fn push_of_request(&self, route: &Route, known: Known, out: &mut Vec<u8>) -> bool {
        let Some(request) = self.request else {
            // What was received in place of a request is all that the log can show.
            return known == Known::Request && put_some(out, &route.broken);
        };
        match known {
            Known::ContentLength => return put(out, request.fields().get("content-length")),
            Known::ContentType => return put(out, request.fields().get("content-type")),
            Known::RemoteUser => {
                let sent = self.credentials();
                return put_some(out, sent.as_ref().map_or(b"", |sent| sent.name()));
            }
            Known::Request => {
                let (method, target) = (request.method(), request.target());
                write(out, format_args!("{method} {target} {}", request.version()));
            }
            Known::RequestLength => {
                let len = request.raw().len() as u64 + self.sent.received;
                write(out, format_args!("{len}"));
            }
            Known::RequestMethod if route.as_get => out.extend_from_slice(b"GET"),
            Known::RequestMethod => out.extend_from_slice(request.method().as_str().as_bytes()),
            Known::RequestUri => {
                out.extend_from_slice(request.path().as_bytes());
                if let Some(query) = request.query() {
                    write(out, format_args!("?{query}"));
                }
            }
            _ => write(out, format_args!("{}", request.version())),
        }
        true
    }
}

/// What changes until an answer is over: its size and the time; `false` if it has no value.
pub(crate) fn push_late(known: Known, sent: &Sent, now: Now, out: &mut Vec<u8>) -> bool {
    match known {
        Known::GzipRatio => return push_ratio(sent.packed, out),
        Known::RequestCompletion => return put_some(out, if sent.complete { b"OK" } else { b"" }),
        Known::BodyBytesSent => write(out, format_args!("{}", sent.content)),
        Known::BytesSent => write(out, format_args!("{}", sent.all)),
        Known::Msec => {
            let since = now.wall.duration_since(UNIX_EPOCH);
            write_seconds(out, since.unwrap_or_default());
        }
        Known::RequestTime => {
            write_seconds(out, now.monotonic.saturating_duration_since(sent.since));
        }
        Known::TimeLocal => out.extend_from_slice(date::fmt_log(now.wall).as_bytes()),
        Known::TimeIso8601 => out.extend_from_slice(date::fmt_iso(now.wall).as_bytes()),
        _ => {}
    }
    true
}

/// How many times longer it was, with two digits.
fn push_ratio((plain, packed): (u64, u64), out: &mut Vec<u8>) -> bool {
    let Some(thousandths) = plain.saturating_mul(1000).checked_div(packed) else {
        return false;
    };
    let hundredths = (thousandths + 5) / 10;
    write(
        out,
        format_args!("{}.{:02}", hundredths / 100, hundredths % 100),
    );
    true
}

fn put(out: &mut Vec<u8>, value: Option<&[u8]>) -> bool {
    out.extend_from_slice(value.unwrap_or_default());
    value.is_some()
}

/// An empty value is none.
fn put_some(out: &mut Vec<u8>, value: &[u8]) -> bool {
    out.extend_from_slice(value);
    !value.is_empty()
}

/// Writing to memory does not fail.
pub(super) fn write(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    let _ = out.write_fmt(text);
}

fn write_seconds(out: &mut Vec<u8>, time: Duration) {
    write(
        out,
        format_args!("{}.{:03}", time.as_secs(), time.subsec_millis()),
    );
}

/// The value of the first argument of this name, whatever its case, as it was sent.
fn argument<'a>(args: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut args = args.split(|&b| b == b'&');
    args.find_map(|arg| value_of(arg, name))
}

fn cookie<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut cookies = line.split(|&b| b == b';').map(<[u8]>::trim_ascii);
    cookies.find_map(|cookie| value_of(cookie, name))
}

/// What stands behind `name=`.
fn value_of<'a>(pair: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (key, rest) = pair.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b"=")?;
    key.eq_ignore_ascii_case(name).then_some(value)
}
