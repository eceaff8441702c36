//! Sizes, times, numbers and networks as nginx writes them.

use std::net::IpAddr;
use std::time::Duration;

use super::model::Network;

/// Which units a time may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Down to `ms`, up to `w`.
    Milliseconds,
    /// Down to `s`, up to `y`.
    Seconds,
}

/// A time: `90`, `90s`, `1h30m`, `1h 30m`, `500ms`. Units fall from left to right, each at most once;
/// a number without one is seconds.
pub(crate) fn time(text: &str, unit: Unit) -> Option<Duration> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut last = usize::MAX;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: u64 = rest[..digits].parse().ok()?;
        let name = rest[digits..].trim_start_matches(|char: char| !char.is_ascii_alphabetic());
        let gap = rest.len() - digits - name.len();
        let letters = match gap {
            0 => name.bytes().take_while(u8::is_ascii_alphabetic).count(),
            _ => 0,
        };
        let (rank, scale) = scale(&rest[digits..digits + letters], unit)?;
        if rank >= last {
            return None;
        }
        last = rank;
        total = total.checked_add(value.checked_mul(scale)?)?;
        rest = rest[digits + letters..].trim_start_matches(' ');
    }
    // Room for sums with a clock.
    let fits = total <= i32::MAX as u64 * 1000;
    (fits && last != usize::MAX).then(|| Duration::from_millis(total))
}

/// The rank of a unit among those allowed, and its milliseconds.
fn scale(name: &str, unit: Unit) -> Option<(usize, u64)> {
    const DAY: u64 = 24 * 60 * 60 * 1000;
    let (rank, scale) = match name {
        "ms" => (0, 1),
        "s" | "" => (1, 1000),
        "m" => (2, 60_000),
        "h" => (3, 3_600_000),
        "d" => (4, DAY),
        "w" => (5, 7 * DAY),
        "M" => (6, 30 * DAY),
        "y" => (7, 365 * DAY),
        _ => return None,
    };
    let allowed = match unit {
        Unit::Milliseconds => rank <= 5,
        Unit::Seconds => rank >= 1,
    };
    allowed.then_some((rank, scale))
}

/// A number of bytes: `512`, `8k`, `1m`, `2g`, the unit in either case.
pub(crate) fn size(text: &str) -> Option<u64> {
    let (digits, scale) = match text.as_bytes().last()? {
        b'k' | b'K' => (&text[..text.len() - 1], 1 << 10),
        b'm' | b'M' => (&text[..text.len() - 1], 1 << 20),
        b'g' | b'G' => (&text[..text.len() - 1], 1 << 30),
        _ => (text, 1),
    };
    let bytes = number(digits)?.checked_mul(scale)?;
    // Files have no more.
    (bytes <= i64::MAX as u64).then_some(bytes)
}

/// The same from the value of a variable.
pub(crate) fn read_size(text: &[u8]) -> Option<u64> {
    size(str::from_utf8(text).ok()?)
}

/// Digits and nothing else.
pub(crate) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// `192.0.2.1`, `192.0.2.0/24`, `2001:db8::/32`, `unix:`. Bits of the address beyond the mask are
/// cleared; the second value says that there were some.
pub(crate) fn network(text: &str) -> Option<(Network, bool)> {
    if text == "unix:" {
        return Some((Network::Unix, false));
    }
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(number(bits)?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(most);
    if bits > most {
        return None;
    }
    let bits = u8::try_from(bits).ok()?;
    let masked = mask(address, bits);
    Some((Network::Ip(masked, bits), masked != address))
}

fn mask(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

/// The nearest of `names`, where one is near enough to be meant.
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = (name.len() + 1) / 3;
    let near = names.map(|other| (strsim::damerau_levenshtein(name, other), other));
    let best = near.min_by_key(|(distance, _)| *distance)?;
    (best.0 <= most).then_some(best.1)
}
