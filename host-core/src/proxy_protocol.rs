//! What a proxy says in front of the first request about whom it speaks for: the PROXY protocol,
//! versions 1 and 2, as HAProxy's specification has it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The longest header of version 1, with its CRLF.
const LINE_MAX: usize = 107;

/// The longest one of version 2; nginx takes as much.
const BINARY_MAX: usize = 4096;

const LINE: &[u8] = b"PROXY ";
const BINARY: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The front of version 2: the signature, version and command, family and transport, length.
const FRONT: usize = 16;

/// The ends of the connection between client and proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proxied {
    pub(crate) source: SocketAddr,
    pub(crate) destination: SocketAddr,
}

/// A whole header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// Its bytes.
    pub(crate) len: usize,
    /// `None` where the proxy speaks for itself, or does not tell.
    pub(crate) proxied: Option<Proxied>,
}

/// It is no header, or one that is too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bad;

/// Reads the header at the front of `bytes`; `None` asks for more of them.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    let begins = |mark: &[u8]| bytes.iter().zip(mark).all(|(a, b)| a == b);
    match (begins(LINE), begins(BINARY)) {
        (true, _) => parse_line(bytes),
        (_, true) => parse_binary(bytes),
        _ => Err(Bad),
    }
}

fn parse_line(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    let longest = &bytes[..bytes.len().min(LINE_MAX)];
    let Some(end) = longest.iter().position(|byte| *byte == b'\n') else {
        return match longest.len() < LINE_MAX {
            true => Ok(None),
            false => Err(Bad),
        };
    };
    let line = longest[..end].strip_suffix(b"\r").ok_or(Bad)?;
    let line = str::from_utf8(line).map_err(|_| Bad)?;
    let mut words = line.split(' ').skip(1);
    let mut word = || words.next().ok_or(Bad);
    let proxied = match word()? {
        // Whatever follows.
        "UNKNOWN" => None,
        protocol => {
            let (source, destination) = (ip(protocol, word()?)?, ip(protocol, word()?)?);
            let proxied = Proxied {
                source: (source, port(word()?)?).into(),
                destination: (destination, port(word()?)?).into(),
            };
            if words.next().is_some() {
                return Err(Bad);
            }
            Some(proxied)
        }
    };
    let len = end + 1;
    Ok(Some(Header { len, proxied }))
}

fn ip(protocol: &str, text: &str) -> Result<IpAddr, Bad> {
    match protocol {
        "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| Bad),
        "TCP6" => text.parse().map(IpAddr::V6).map_err(|_| Bad),
        _ => Err(Bad),
    }
}

/// Without zeros in front.
fn port(text: &str) -> Result<u16, Bad> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let canonical = digits && (text == "0" || !text.starts_with('0'));
    text.parse().ok().filter(|_| canonical).ok_or(Bad)
}

fn parse_binary(bytes: &[u8]) -> Result<Option<Header>, Bad> {
    let Some((front, rest)) = bytes.split_at_checked(FRONT) else {
        // What is wrong already will not become right.
        return match bytes.get(BINARY.len()) {
            Some(byte) if command(*byte).is_none() => Err(Bad),
            _ => Ok(None),
        };
    };
    let [.., version, family, high, low] = *front else {
        return Err(Bad);
    };
    let speaks_for = command(version).ok_or(Bad)?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    // The transports are none, streams and datagrams.
    if FRONT + len > BINARY_MAX || family >> 4 > 3 || family & 15 > 2 {
        return Err(Bad);
    }
    let Some(rest) = rest.get(..len) else {
        return Ok(None);
    };
    // Unix sockets have no addresses that would mean something here.
    let proxied = match (speaks_for, family) {
        (true, 0x11) => Some(addresses::<4, Ipv4Addr>(rest)?),
        (true, 0x21) => Some(addresses::<16, Ipv6Addr>(rest)?),
        _ => None,
    };
    let len = FRONT + len;
    Ok(Some(Header { len, proxied }))
}

/// Whether the proxy speaks for somebody else; `None` is no command of version 2.
fn command(byte: u8) -> Option<bool> {
    match byte {
        0x20 => Some(false),
        0x21 => Some(true),
        _ => None,
    }
}

/// Both addresses, then both ports; more may follow.
fn addresses<const N: usize, T: From<[u8; N]> + Into<IpAddr>>(rest: &[u8]) -> Result<Proxied, Bad> {
    let (source, rest) = rest.split_first_chunk::<N>().ok_or(Bad)?;
    let (destination, rest) = rest.split_first_chunk::<N>().ok_or(Bad)?;
    let (source_port, rest) = rest.split_first_chunk().ok_or(Bad)?;
    let (destination_port, _) = rest.split_first_chunk().ok_or(Bad)?;
    let end = |ip: [u8; N], port: [u8; 2]| (T::from(ip).into(), u16::from_be_bytes(port)).into();
    Ok(Proxied {
        source: end(*source, *source_port),
        destination: end(*destination, *destination_port),
    })
}

#[cfg(test)]
mod tests;
