//! `explain`: why a request is answered as it is.

use std::ffi::OsString;
use std::io::{self, IoSlice, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args as _, Command, FromArgMatches};

use crate::config::model::{Address, Place};
use crate::config::{Config, Overrides};
use crate::json::escape_json;
use crate::os::{lookup, now, read_file};
use crate::route::trace::{Note, Script};
use crate::route::{Hosting, Located};
use crate::{Peer, Server, Session, Step};

/// The most bytes of an answer that are looked at.
const MOST: usize = 64 * 1024;

#[derive(clap::Args)]
struct Flags {
    /// The configuration file
    #[arg(short = 'c', value_name = "FILE")]
    config: PathBuf,

    /// Take relative paths of the configuration from here
    #[arg(short = 'p', value_name = "PREFIX")]
    prefix: Option<PathBuf>,

    /// A field of the request; without a Host it is that of the first server
    #[arg(short = 'H', value_name = "NAME: VALUE")]
    fields: Vec<String>,

    /// The address that the request comes to [default: the first that is listened on]
    #[arg(long, value_name = "ADDR:PORT")]
    to: Option<SocketAddr>,

    /// The address that it comes from
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1")]
    from: std::net::IpAddr,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Method and target, as in "GET /a?b"; a target alone is for GET
    request: String,
}

/// One line of the explanation.
struct Line {
    what: &'static str,
    text: String,
    place: Option<Place>,
}

/// Explains what the arguments, which start with the name of the program, ask about.
pub(super) fn run(name: &'static str, args: impl Iterator<Item = OsString>) -> Result<(), String> {
    let command = Flags::augment_args(Command::new(name));
    let command = command.about("Shows why a request is answered as it is");
    let flags = match command.try_get_matches_from(args) {
        Ok(matches) => Flags::from_arg_matches(&matches).map_err(|error| error.to_string())?,
        Err(help) if help.exit_code() == 0 => {
            let _ = help.print();
            return Ok(());
        }
        Err(error) => return Err(error.to_string().trim_end().to_owned()),
    };
    let overrides = Overrides {
        prefix: flags.prefix.clone(),
        ..Overrides::default()
    };
    let loaded = Config::load(&flags.config, &overrides);
    let (config, _) = loaded.map_err(|problems| problems.to_string())?;
    let server = Arc::new(Server::of_model(config.model, super::configured::process()));
    let (notes, head) = ask(&server, &flags);
    let mut lines: Vec<_> = (notes.iter())
        .filter_map(|note| line(&server.hosting, note))
        .collect();
    lines.extend(
        head.lines()
            .filter(|text| !text.is_empty())
            .map(|text| Line {
                what: "sent",
                text: text.to_owned(),
                place: None,
            }),
    );
    let text = if flags.json {
        json(&lines)
    } else {
        plain(&lines)
    };
    let _ = io::stdout().write_all(text.as_bytes());
    Ok(())
}

/// Sends the request through a session. Returns its reasons and the head of the answer.
fn ask(server: &Arc<Server>, flags: &Flags) -> (Vec<Note>, String) {
    let first = server
        .hosting
        .listens
        .first()
        .and_then(|it| match it.address {
            Address::Ip(address) => Some(address),
            Address::Unix(_) => None,
        });
    let from = SocketAddr::new(flags.from, 50_000);
    let peer = match flags.to.or(first).map(specific) {
        Some(to) => Peer::new(from, to),
        None => from.into(),
    };
    let mut session = Session::new(Arc::clone(server), peer, now());
    session.trace();
    let (mut request, mut sent) = (encode(server, flags), Vec::new());
    while sent.len() < MOST {
        match session.step(now()) {
            Step::Lookup(wanted) => {
                let found = lookup(&wanted);
                session.on_found(found, now());
            }
            Step::ReadFile(mut read) => {
                let n = read_file(&mut read);
                session.on_file_read(n, now());
            }
            Step::Write { .. } => {
                let mut iov = [IoSlice::new(&[]); 16];
                let slices = session.slices(&mut iov);
                let mut n = 0;
                for slice in &iov[..slices] {
                    sent.extend_from_slice(slice);
                    n += slice.len();
                }
                session.on_written(n, now());
            }
            // For an explanation no script is run, and nothing is changed.
            Step::SendFile(_) | Step::Spawn(_) | Step::Exchange(_) | Step::Change(_) => break,
            Step::Spool(_) => session.on_spooled(Ok(()), now()),
            Step::Wait(_) | Step::Read if !request.is_empty() => {
                let slot = session.read_slot();
                let n = slot.len().min(request.len());
                slot[..n].copy_from_slice(&request[..n]);
                request.drain(..n);
                session.on_read(n, now());
            }
            Step::Log(_) | Step::ShutdownWrite => {}
            Step::Wait(_) | Step::Read | Step::Reset | Step::Close => break,
        }
    }
    let text = String::from_utf8_lossy(&sent).into_owned();
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    (session.take_notes(), head.to_owned())
}

/// A wildcard address is reached by this machine's own.
fn specific(address: SocketAddr) -> SocketAddr {
    match address.ip().is_unspecified() && address.is_ipv4() {
        true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), address.port()),
        false => address,
    }
}

fn encode(server: &Server, flags: &Flags) -> Vec<u8> {
    let (method, target) = match flags.request.split_once(' ') {
        Some((method, target)) => (method, target),
        None => ("GET", flags.request.as_str()),
    };
    let mut head = format!("{method} {target} HTTP/1.1\r\n");
    let named = |field: &String| field.to_ascii_lowercase().starts_with("host:");
    if !flags.fields.iter().any(named) {
        let name = server.hosting.servers.first().map_or("", |it| &it.name);
        let name = if name.contains(['*', '~']) { "" } else { name };
        head.push_str(&format!("Host: {name}\r\n"));
    }
    for field in &flags.fields {
        head.push_str(&format!("{field}\r\n"));
    }
    head.push_str("\r\n");
    head.into()
}

fn line(hosting: &Hosting, note: &Note) -> Option<Line> {
    let located = |at: usize| hosting.locations.get(at);
    let line = |what, text, place: &Place| Line {
        what,
        text,
        place: Some(place.clone()),
    };
    let bare = |what, text| Line {
        what,
        text,
        place: None,
    };
    let of = |at: usize, why: &str| {
        let Located { label, place, .. } = located(at)?;
        Some((format!("{label}: {why}"), place))
    };
    Some(match note {
        Note::Listen(at) => {
            let listen = hosting.listens.get(*at)?;
            let text = match &listen.address {
                Address::Ip(address) => address.to_string(),
                Address::Unix(path) => format!("unix:{}", path.display()),
            };
            line("listen", text, &listen.place)
        }
        Note::Server {
            host,
            server,
            reason,
        } => {
            let chosen = hosting.server(*server)?;
            let text = format!("\"{}\" for host \"{host}\": {}", chosen.name, reason.text());
            line("server", text, &chosen.place)
        }
        Note::Location { location, why } => {
            let (text, place) = of(*location, why)?;
            line("location", text, place)
        }
        Note::NotLocation { location, why } => {
            let (text, place) = of(*location, why)?;
            line("not", text, place)
        }
        Note::NoLocation => bare("location", "none: the settings of the server hold".into()),
        Note::Rewrite { script, at, what } => {
            let script = match script {
                Script::Server(server) => &hosting.server(*server)?.script,
                Script::Location(at) => &located(*at)?.script,
            };
            line("rewrite", what.clone(), &script.get(*at)?.place)
        }
        Note::Redirect { to, why } => bare("go to", format!("{to} ({why})")),
        Note::Tried { path, found } => bare("file", format!("{path}: {found}")),
        Note::Script {
            path,
            interpreter,
            place,
        } => {
            let text = match interpreter {
                Some(interpreter) => format!("{interpreter} {path}"),
                None => path.clone(),
            };
            line("script", text, place.as_ref()?)
        }
        Note::Change { what, place } => line("change", what.clone(), place.as_ref()?),
        Note::Rule { what, text, place } => Line {
            what,
            text: text.clone(),
            place: place.clone(),
        },
        Note::Error { status } => bare("error", status.to_string()),
        Note::Answer(status) => bare("answer", status.clone()),
        Note::Field { rules, at, value } => {
            let field = hosting.rules(*rules).settings.add_headers.get(*at)?;
            line("field", format!("{}: {value}", field.name), &field.place)
        }
    })
}

fn plain(lines: &[Line]) -> String {
    let line = |line: &Line| match &line.place {
        Some(place) => format!("{:9} {}  [{place}]\n", line.what, line.text),
        None => format!("{:9} {}\n", line.what, line.text),
    };
    lines.iter().map(line).collect()
}

fn json(lines: &[Line]) -> String {
    let object = |line: &Line| {
        let mut out = format!("  {{\"what\":\"{}\",\"text\":\"", line.what);
        escape_json(&mut out, &line.text);
        out.push('"');
        if let Some(place) = &line.place {
            out.push_str(",\"file\":\"");
            escape_json(&mut out, &place.file);
            out.push_str(&format!("\",\"line\":{}", place.line));
        }
        out + "}"
    };
    let objects: Vec<_> = lines.iter().map(object).collect();
    format!("[\n{}\n]\n", objects.join(",\n"))
}
