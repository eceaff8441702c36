//! Content codings: which of them a request accepts (RFC 9110, section 12.5.3).

use h1_core::Fields;

use crate::config::model::Precompressed;

/// A weight in thousandths; 0 is not acceptable.
type Weight = u16;

/// What the Accept-Encoding fields of a request say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accepted {
    gzip: Option<Weight>,
    br: Option<Weight>,
    zstd: Option<Weight>,
    identity: Option<Weight>,
    /// `*`: all that are not named.
    others: Option<Weight>,
}

impl Accepted {
    pub(crate) fn of(fields: &Fields<'_>) -> Self {
        let mut accepted = Self::default();
        for value in fields.get_all("accept-encoding") {
            for element in value.split(|&byte| byte == b',') {
                accepted.take(element);
            }
        }
        accepted
    }

    fn take(&mut self, element: &[u8]) {
        let (name, weight) = match element.iter().position(|&byte| byte == b';') {
            // A weight that is none accepts nothing.
            Some(end) => (&element[..end], weight(&element[end + 1..]).unwrap_or(0)),
            None => (element, 1000),
        };
        let name = name.trim_ascii();
        let is = |known: &str| name.eq_ignore_ascii_case(known.as_bytes());
        let slot = match () {
            () if is("gzip") || is("x-gzip") => &mut self.gzip,
            () if is("br") => &mut self.br,
            () if is("zstd") => &mut self.zstd,
            () if is("identity") => &mut self.identity,
            () if is("*") => &mut self.others,
            () => return,
        };
        slot.get_or_insert(weight);
    }

    /// How much a coding is wanted; `None` where it is not acceptable, or less than none at all.
    pub(crate) fn weight(&self, coding: Precompressed) -> Option<Weight> {
        let named = match coding {
            Precompressed::Gzip => self.gzip,
            Precompressed::Br => self.br,
            Precompressed::Zstd => self.zstd,
        };
        let weight = named.or(self.others).unwrap_or(0);
        let identity = self.identity.or(self.others).unwrap_or(0);
        (weight > 0 && weight >= identity).then_some(weight)
    }
}

/// `q=0.5` (RFC 9110, section 12.4.2).
fn weight(parameter: &[u8]) -> Option<Weight> {
    let parameter = parameter.trim_ascii();
    let value = parameter
        .strip_prefix(b"q=")
        .or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, decimals) = match value {
        [whole] | [whole, b'.'] => (whole, &b""[..]),
        [whole, b'.', decimals @ ..] => (whole, decimals),
        _ => return None,
    };
    if decimals.len() > 3 || !decimals.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digit = |n: usize| decimals.get(n).map_or(0, |&b| Weight::from(b - b'0'));
    let thousandths = digit(0) * 100 + digit(1) * 10 + digit(2);
    match (whole, thousandths) {
        (b'0', thousandths) => Some(thousandths),
        (b'1', 0) => Some(1000),
        _ => None,
    }
}

impl Precompressed {
    /// The name of the coding in Content-Encoding.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Br => "br",
            Self::Zstd => "zstd",
        }
    }

    /// What is appended to the name of a file.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Gzip => ".gz",
            Self::Br => ".br",
            Self::Zstd => ".zst",
        }
    }
}

#[cfg(test)]
mod tests;
