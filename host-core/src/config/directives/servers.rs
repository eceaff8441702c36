//! Directives of virtual servers and their locations.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Contexts, Directive, Group, SOME, Set, Use};
use crate::config::context::{Context, ListenUse};
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::lex::Word;
use crate::config::model::{Address, ServerName};
use crate::config::value::number;

const HS: Contexts = Contexts::HTTP.or(Contexts::SERVER);

pub(super) const GROUP: Group = Group {
    title: "Servers and locations",
    directives: &[
        Directive::new(
            ("server", ""),
            Contexts::HTTP,
            (0, 0),
            "",
            "A virtual server.",
            Set::Block,
        )
        .repeats(),
        Directive::new(
            ("listen", "address[:port] | port | unix:path [default_server] [proxy_protocol] [backlog=number] [reuseport] [ipv6only=on|off] [bind]"),
            Contexts::SERVER,
            SOME,
            "*:80 | *:8000",
            "Where the server is reached, also by a unix socket, whose file everybody may use who can reach it; port 8000 is the default where the process may not use 80. With `proxy_protocol` a proxy says in front of the first request whom it speaks for (PROXY protocol, version 1 or 2). The server for names \
             that no other has is the first one on an address, or the one with `default_server`.",
            Set::With(listen),
        )
        .repeats()
        .differs("`ssl`, `http2`, `quic`, `deferred`, `fastopen`, `setfib`, `rcvbuf`, `sndbuf`, `accept_filter` and `so_keepalive` are not supported. \
                  The file of a unix socket at which nobody listens any more is replaced. What a proxy says may come in pieces, is read strictly, and is in the access log with status 400 where it is wrong. A reload that names a port below 1024 is refused once `user` has changed."),
        Directive::new(
            ("server_name", "name ..."),
            Contexts::SERVER,
            SOME,
            "\"\"",
            "The names of the server: exact, with an asterisk for the first or last labels, or a regular expression behind `~`. \
             They count in this order, longer ones with an asterisk first; an empty name is for requests without a name.",
            Set::With(server_name),
        )
        .repeats(),
        Directive::flag(
            "merge_slashes",
            HS,
            "on",
            "Whether slashes next to each other count as one.",
            |draft| &mut draft.merge_slashes,
        ),
        Directive::new(
            ("location", "[= | ~ | ~* | ^~] uri | @name"),
            Contexts::SERVER.or(Contexts::LOCATION),
            (1, 2),
            "",
            "What holds for requests whose path is (`=`), begins with, or matches (`~`, without regard to case `~*`) something. \
             The longest beginning counts, unless a regular expression matches: the first of these. With `=` or `^~` none is tried. \
             `@name` is for requests that other directives send there.",
            Set::Block,
        )
        .repeats(),
        Directive::new(
            ("limit_except", "method ..."),
            Contexts::LOCATION,
            SOME,
            "",
            "Who may use other methods than these; `GET` means `HEAD` as well.",
            Set::Block,
        ),
        Directive::new(
            ("internal", ""),
            Contexts::LOCATION,
            (0, 0),
            "",
            "The location is not for requests from outside: they get 404.",
            Set::With(|_, draft, _| {
                draft.internal = true;
                Ok(())
            }),
        ),
    ],
};

fn server_name(cx: &mut Context<'_>, _: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    for word in &usage.node.args {
        name(cx, word)?;
    }
    Ok(())
}

fn name(cx: &mut Context<'_>, word: &Word) -> Result<(), Problem> {
    let span = word.span;
    if let Some(text) = word.text.strip_prefix('~') {
        if text.is_empty() {
            let message = "empty regex in server name \"~\"";
            return Err(Problem::new(span, message));
        }
        let caseless = text.bytes().any(|byte| byte.is_ascii_uppercase());
        let pattern = cx.pattern(text, caseless, span)?;
        cx.server.names.push((ServerName::Pattern(pattern), span));
        return Ok(());
    }
    if word.text.contains('/') {
        cx.warn(
            span,
            format!("server name \"{}\" has suspicious symbols", word.text),
        );
    }
    let name = match word.text.eq_ignore_ascii_case("$hostname") {
        true => cx.source.hostname().to_ascii_lowercase(),
        false => word.text.to_ascii_lowercase(),
    };
    let names = wildcard(&name).ok_or_else(|| {
        Problem::new(span, format!("server name \"{}\" is invalid", word.text))
            .help("an asterisk stands for the first or last labels: \"*.example.org\" or \"www.example.*\"")
    })?;
    cx.server
        .names
        .extend(names.into_iter().map(|name| (name, span)));
    Ok(())
}

/// What a name without a regular expression stands for.
pub(crate) fn wildcard(name: &str) -> Option<Vec<ServerName>> {
    let plain = |rest: &str| !rest.contains('*') && !rest.contains("..");
    if let Some(rest) = name.strip_prefix("*.") {
        return (plain(rest) && !rest.is_empty())
            .then(|| vec![ServerName::Suffix(format!(".{rest}"))]);
    }
    if let Some(rest) = name.strip_prefix('.') {
        let names = || {
            vec![
                ServerName::Exact(rest.into()),
                ServerName::Suffix(name.into()),
            ]
        };
        return (plain(rest) && !rest.is_empty() && !rest.starts_with('.')).then(names);
    }
    if let Some(rest) = name.strip_suffix(".*") {
        return (plain(rest) && !rest.is_empty())
            .then(|| vec![ServerName::Prefix(format!("{rest}."))]);
    }
    plain(name).then(|| vec![ServerName::Exact(name.into())])
}

fn listen(cx: &mut Context<'_>, _: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut listen = ListenUse {
        addresses: addresses(cx, usage)?,
        default_server: false,
        options: false,
        backlog: None,
        reuseport: false,
        ipv6only: None,
        proxy_protocol: false,
        bind: false,
        span: usage.node.span(),
    };
    for n in 1..usage.node.args.len() {
        option(&mut listen, usage, n)?;
    }
    let v6 = |address: &Address| matches!(address, Address::Ip(address) if address.is_ipv6());
    if listen.ipv6only.is_some() && !listen.addresses.iter().all(v6) {
        listen.ipv6only = None;
        cx.idle(
            usage.node.span(),
            "ipv6only=",
            "the address is not one of IPv6",
        );
    }
    cx.server.listens.push(listen);
    Ok(())
}

fn option(listen: &mut ListenUse, usage: &Use<'_>, n: usize) -> Result<(), Problem> {
    let text = usage.text(n);
    let (name, value) = text.split_once('=').unwrap_or((text, ""));
    match (name, value) {
        ("default_server" | "default", "") => listen.default_server = true,
        ("proxy_protocol", "") => listen.proxy_protocol = true,
        ("bind", "") => (listen.bind, listen.options) = (true, true),
        ("reuseport", "") => (listen.reuseport, listen.options) = (true, true),
        ("backlog", value) => {
            let number = number(value).and_then(|number| u32::try_from(number).ok());
            let backlog = number.filter(|number| *number > 0 && *number <= i32::MAX as u32);
            let help = "it must be a number from 1, as in \"backlog=511\"";
            listen.backlog = Some(backlog.ok_or_else(|| usage.invalid(n, help))?);
            listen.options = true;
        }
        ("ipv6only", value) => {
            listen.ipv6only = match value {
                "on" => Some(true),
                "off" => Some(false),
                _ => return Err(usage.invalid(n, "it must be \"ipv6only=on\" or \"ipv6only=off\"")),
            };
            listen.options = true;
        }
        (
            "ssl" | "http2" | "spdy" | "quic" | "deferred" | "fastopen" | "setfib" | "rcvbuf"
            | "sndbuf" | "accept_filter" | "so_keepalive",
            _,
        ) => {
            let message = format!("the \"{name}\" parameter of \"listen\" is not supported");
            return Err(Problem::new(usage.node.arg(n).span, message));
        }
        _ => return Err(usage.parameter(n)),
    }
    Ok(())
}

/// The addresses that the first argument stands for.
fn addresses(cx: &Context<'_>, usage: &Use<'_>) -> Result<Vec<Address>, Problem> {
    let text = usage.text(0);
    if let Some(path) = text.strip_prefix("unix:") {
        return match path {
            "" => Err(usage.invalid(0, "the path of the socket is missing")),
            _ if path.len() > 107 => Err(usage.invalid(0, "the path has more than 107 bytes")),
            _ => Ok(vec![Address::Unix(path.into())]),
        };
    }
    let (host, port) = split_port(text);
    let port = match port {
        None => 80,
        Some(port) => number(port)
            .and_then(|port| u16::try_from(port).ok())
            .filter(|port| *port > 0)
            .ok_or_else(|| usage.invalid(0, "the port must be a number from 1 to 65535"))?,
    };
    let ip = |ip| Ok(vec![Address::Ip(SocketAddr::new(ip, port))]);
    if let Some(v6) = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
    {
        return match v6.parse() {
            Ok(v6) => ip(IpAddr::V6(v6)),
            Err(_) => Err(usage.invalid(0, "this is no IPv6 address")),
        };
    }
    match host {
        "" | "*" => ip(Ipv4Addr::UNSPECIFIED.into()),
        _ if host.contains(':') => {
            Err(usage.invalid(0, "an IPv6 address must be in brackets, as in \"[::1]:80\""))
        }
        _ => match host.parse() {
            Ok(v4) => ip(IpAddr::V4(v4)),
            Err(_) => resolve(cx, usage, host, port),
        },
    }
}

/// Host and port; digits alone are a port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        None if number(text).is_some() => ("", Some(text)),
        _ => (text, None),
    }
}

fn resolve(
    cx: &Context<'_>,
    usage: &Use<'_>,
    host: &str,
    port: u16,
) -> Result<Vec<Address>, Problem> {
    let found = cx.source.resolve(host, port);
    let message = match found {
        Ok(addresses) if !addresses.is_empty() => {
            return Ok(addresses.into_iter().map(Address::Ip).collect());
        }
        Ok(_) => format!("host \"{host}\" has no address"),
        Err(error) => format!("host \"{host}\" not found in \"listen\": {error}"),
    };
    Err(Problem::new(usage.node.arg(0).span, message))
}
