//! The four forms of a request target, and the host in it (RFC 9112, section 3.2).

use core::net::Ipv6Addr;
use core::ops::Range;

use super::scan;

/// The form of a request target (RFC 9112, section 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// `/path?query`: the common one.
    Origin,
    /// `http://host/path?query`: to a proxy, but every server accepts it.
    Absolute,
    /// `host:port`: CONNECT alone.
    Authority,
    /// `*`: OPTIONS alone.
    Asterisk,
}

/// The form that `target` has in a request with `method`; otherwise the offset of the first byte
/// that fits none.
pub(crate) fn form(method: &[u8], target: &[u8]) -> Result<TargetForm, usize> {
    match (method, target) {
        (b"CONNECT", _) => match is_host_with_port(target) {
            true => Ok(TargetForm::Authority),
            false => Err(0),
        },
        (_, [b'/', ..]) => Ok(TargetForm::Origin),
        (b"OPTIONS", b"*") => Ok(TargetForm::Asterisk),
        _ => {
            let authority = authority(target).ok_or(0usize)?;
            let (host, _) = split_port(&target[authority.clone()]);
            match !host.is_empty() && is_host(&target[authority.clone()]) {
                true => Ok(TargetForm::Absolute),
                false => Err(authority.start),
            }
        }
    }
}

/// Where the authority of a target in absolute form lies.
pub(crate) fn authority(target: &[u8]) -> Option<Range<usize>> {
    let scheme = target.iter().position(|&b| !is_scheme(b))?;
    let rest = target[scheme..].strip_prefix(b"://")?;
    let len = rest.iter().position(|b| matches!(b, b'/' | b'?'));
    let start = scheme + 3;
    let end = len.map_or(target.len(), |len| start + len);
    target[0].is_ascii_alphabetic().then_some(start..end)
}

/// Whether `host` is the authority of a target in absolute form, a default port being the same as
/// none (RFC 9110, section 4.2.3). It agrees with all other forms.
pub(crate) fn agrees(target: &[u8], host: &[u8]) -> bool {
    let Some(own) = authority(target) else {
        return true;
    };
    let default: &[u8] = match () {
        () if starts_with(target, b"https:") => b"443",
        () if starts_with(target, b"http:") => b"80",
        () => b"",
    };
    let normal = |authority| {
        let (host, port) = split_port(authority);
        (
            host,
            port.filter(|port| *port != default && !port.is_empty()),
        )
    };
    let (host, port) = normal(host);
    let (own, own_port) = normal(&target[own]);
    host.eq_ignore_ascii_case(own) && port == own_port
}

fn starts_with(target: &[u8], scheme: &[u8]) -> bool {
    let start = target.get(..scheme.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

fn is_scheme(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.')
}

/// `uri-host [ ":" port ]`; empty is allowed (RFC 9112, section 3.2).
pub(crate) fn is_host(value: &[u8]) -> bool {
    let (host, port) = split_port(value);
    is_uri_host(host) && port.is_none_or(|port| port.is_empty() || port_number(port).is_some())
}

/// Whether `section` holds a host from `start` to `end` that is like nearly all others: a name or an
/// IPv4 address, perhaps a port. `false` says nothing.
pub(crate) fn is_plain_host(section: &[u8], start: usize, end: usize) -> bool {
    match section.get(scan::host_end(section, start)..end) {
        Some([]) => true,
        Some([b':', port @ ..]) => port.len() <= 4 && port.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// `uri-host ":" port`, both given, and a port that one can connect to (RFC 9110, section 9.3.6).
fn is_host_with_port(value: &[u8]) -> bool {
    let (host, port) = split_port(value);
    !host.is_empty() && is_uri_host(host) && port.and_then(port_number).is_some_and(|n| n > 0)
}

/// Host and port, split at the colon that does not belong to an address in brackets.
fn split_port(value: &[u8]) -> (&[u8], Option<&[u8]>) {
    let literal = match value.first() {
        Some(b'[') => value.iter().position(|&b| b == b']').unwrap_or(0),
        _ => 0,
    };
    match value[literal..].iter().position(|&b| b == b':') {
        Some(colon) => (
            &value[..literal + colon],
            Some(&value[literal + colon + 1..]),
        ),
        None => (value, None),
    }
}

/// The number of a port; `None` where there is none, or one above 65535.
fn port_number(port: &[u8]) -> Option<u16> {
    let number = |n: u16, b: &u8| {
        let digit = b.is_ascii_digit().then(|| b - b'0')?;
        n.checked_mul(10)?.checked_add(digit.into())
    };
    match port {
        [] => None,
        digits => digits.iter().try_fold(0, number),
    }
}

/// A registered name, an IPv4 address (which is one by grammar) or an IPv6 address in brackets
/// (RFC 3986, section 3.2.2).
fn is_uri_host(host: &[u8]) -> bool {
    match host {
        [b'[', address @ .., b']'] => {
            core::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
        }
        _ => is_reg_name(host),
    }
}

fn is_reg_name(mut name: &[u8]) -> bool {
    loop {
        name = match &name[scan::host_end(name, 0)..] {
            [] => return true,
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest
            }
            _ => return false,
        };
    }
}
