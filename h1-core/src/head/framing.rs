//! What a head decides: how long its content is, what follows it, which host it is for. One pass
//! over the fields that matter.

use super::fields::{FieldIndex, list};
use super::target;
use crate::{Body, Error, ErrorKind, Status, Version};

/// The decisions of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    pub(crate) body: Body,
    pub(crate) keep_alive: bool,
    pub(crate) expects_continue: bool,
    /// Index of the Host line.
    pub(crate) host: Option<u16>,
    /// Index of the Upgrade line, where it counts.
    pub(crate) upgrade: Option<u16>,
}

/// What a response answers, as far as that decides on its framing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Head,
    Connect,
    Other,
}

/// What has been seen so far.
#[derive(Default)]
struct Seen {
    length: Option<u64>,
    coding: Option<Coding>,
    host: Option<u16>,
    upgrade: Option<u16>,
    close: bool,
    keep_alive: bool,
    connection_upgrade: bool,
    expects_continue: bool,
}

/// The transfer codings seen so far, over all their lines.
#[derive(Clone, Copy)]
struct Coding {
    /// The first of their lines.
    field: usize,
    at: usize,
    /// Whether the last coding is `chunked`, and the only one of that name.
    ends_in_chunked: bool,
    repeated: bool,
    unknown: bool,
}

/// Decides on a request with these field lines.
pub(crate) fn request(
    version: Version,
    section: &[u8],
    index: &[FieldIndex],
) -> Result<Framing, Error> {
    let mut seen = Seen::default();
    each_field(index, &[4, 6, 7, 10, 14, 17], |n, field| {
        match field.name_end - field.name {
            4 | 6 => seen.request_field(n, field, section, version),
            _ => seen.field(n, field, section),
        }
    })?;
    seen.request(version, section)
}

/// Decides on a response with these field lines.
pub(crate) fn response(
    version: Version,
    status: Status,
    asked: Asked,
    section: &[u8],
    index: &[FieldIndex],
) -> Result<Framing, Error> {
    let mut seen = Seen::default();
    each_field(index, &[7, 10, 14, 17], |n, field| {
        seen.field(n, field, section)
    })?;
    seen.response(version, status, asked)
}

/// Lets `note` see the fields whose names have one of these lengths.
#[inline(always)]
fn each_field(
    index: &[FieldIndex],
    lengths: &[u32],
    mut note: impl FnMut(usize, &FieldIndex) -> Result<(), ErrorKind>,
) -> Result<(), Error> {
    let lengths = lengths.iter().fold(0u32, |set, len| set | 1 << len);
    for (n, field) in index.iter().enumerate() {
        if lengths
            .checked_shr(field.name_end - field.name)
            .unwrap_or(0)
            & 1
            != 0
        {
            note(n, field).map_err(|kind| Error::in_field(kind, field.value as usize, n))?;
        }
    }
    Ok(())
}

/// Whether a token is `lower`, whatever its case: as bytes of tokens, only letters become the letters
/// and the hyphen of `lower` when this bit is set. Without a branch, so that it becomes vector code.
fn is<const N: usize>(token: &[u8], lower: &[u8; N]) -> bool {
    token.len() == N
        && token.first_chunk().is_some_and(|token: &[u8; N]| {
            let pairs = token.iter().zip(lower);
            pairs.fold(0, |differ, (b, known)| differ | ((b | 0x20) ^ known)) == 0
        })
}

impl Seen {
    /// Notes a line that matters in a request alone.
    fn request_field(
        &mut self,
        n: usize,
        field: &FieldIndex,
        section: &[u8],
        version: Version,
    ) -> Result<(), ErrorKind> {
        let (name, value) = (field.name(section), field.value(section));
        match name.len() {
            4 if is(name, b"host") => self.host(n, field, section),
            6 if is(name, b"expect") => self.expect(value, version),
            _ => Ok(()),
        }
    }

    /// Notes a line that matters in every message.
    fn field(&mut self, n: usize, field: &FieldIndex, section: &[u8]) -> Result<(), ErrorKind> {
        let (name, value) = (field.name(section), field.value(section));
        match name.len() {
            7 if is(name, b"upgrade") => {
                self.upgrade.get_or_insert(n as u16);
            }
            10 if is(name, b"connection") => self.connection(value),
            14 if is(name, b"content-length") => return self.length(value),
            17 if is(name, b"transfer-encoding") => self.coding(n, field.value as usize, value),
            _ => {}
        }
        Ok(())
    }

    fn host(&mut self, n: usize, field: &FieldIndex, section: &[u8]) -> Result<(), ErrorKind> {
        if self.host.replace(n as u16).is_some() {
            return Err(ErrorKind::RepeatedHost);
        }
        let (start, end) = (field.value as usize, field.value_end as usize);
        match target::is_plain_host(section, start, end) || target::is_host(field.value(section)) {
            true => Ok(()),
            false => Err(ErrorKind::BadHost),
        }
    }

    /// HTTP/1.0 knows no expectations (RFC 9110, section 10.1.1). Like others that are rarely needed,
    /// apart from the loop over the fields, which has more registers then.
    #[inline(never)]
    fn expect(&mut self, value: &[u8], version: Version) -> Result<(), ErrorKind> {
        for expectation in list(value) {
            match expectation.eq_ignore_ascii_case(b"100-continue") {
                true => self.expects_continue = version == Version::Http11,
                false if version == Version::Http11 => return Err(ErrorKind::UnknownExpectation),
                false => {}
            }
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        // What nearly everybody sends.
        if is(value, b"keep-alive") {
            self.keep_alive = true;
            return;
        }
        for option in list(value) {
            match option.len() {
                5 if is(option, b"close") => self.close = true,
                10 if is(option, b"keep-alive") => self.keep_alive = true,
                7 if is(option, b"upgrade") => self.connection_upgrade = true,
                _ => {}
            }
        }
    }

    #[inline(never)]
    fn length(&mut self, value: &[u8]) -> Result<(), ErrorKind> {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(ErrorKind::BadLength);
        }
        let length = value.iter().try_fold(0u64, |length, digit| {
            length.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
        });
        match self.length.replace(length.ok_or(ErrorKind::BodyTooLarge)?) {
            None => Ok(()),
            Some(_) => Err(ErrorKind::RepeatedLength),
        }
    }

    #[inline(never)]
    fn coding(&mut self, n: usize, at: usize, value: &[u8]) {
        let coding = self.coding.get_or_insert(Coding {
            field: n,
            at,
            ends_in_chunked: false,
            repeated: false,
            unknown: false,
        });
        for name in list(value) {
            let chunked = name.eq_ignore_ascii_case(b"chunked");
            coding.repeated |= coding.ends_in_chunked;
            coding.unknown |= !chunked;
            coding.ends_in_chunked = chunked;
        }
    }

    fn request(self, version: Version, section: &[u8]) -> Result<Framing, Error> {
        let body = match (self.coding, self.length) {
            (Some(coding), Some(_)) if version == Version::Http11 => {
                return Err(coding.error(ErrorKind::LengthWithCoding));
            }
            (Some(coding), _) => coding.check(version)?,
            (None, Some(0) | None) => Body::None,
            (None, Some(length)) => Body::Length(length),
        };
        if self.host.is_none() && version == Version::Http11 {
            return Err(Error::new(ErrorKind::MissingHost, section.len() - 2));
        }
        Ok(self.framing(version, body))
    }

    fn response(self, version: Version, status: Status, asked: Asked) -> Result<Framing, Error> {
        let declared = match (self.coding, self.length) {
            (Some(coding), _) => coding.check(version)?,
            (None, Some(0)) => Body::None,
            (None, Some(length)) => Body::Length(length),
            (None, None) => Body::UntilClose,
        };
        let tunnel = asked == Asked::Connect && matches!(status.code(), 200..=299);
        let empty = status.is_informational()
            || matches!(status, Status::NO_CONTENT | Status::NOT_MODIFIED)
            || asked == Asked::Head
            || tunnel;
        let mut framing = self.framing(version, if empty { Body::None } else { declared });
        // Chunks win over a length, but whoever sends both is not to be trusted with another request
        // (RFC 9112, section 6.3, rule 3).
        let both = self.coding.is_some() && self.length.is_some();
        framing.keep_alive &= !both && framing.body != Body::UntilClose;
        Ok(framing)
    }

    fn framing(&self, version: Version, body: Body) -> Framing {
        let http11 = version == Version::Http11;
        Framing {
            body,
            keep_alive: !self.close && (http11 || self.keep_alive),
            expects_continue: self.expects_continue && body != Body::None,
            host: self.host,
            upgrade: self.upgrade.filter(|_| http11 && self.connection_upgrade),
        }
    }
}

impl Coding {
    fn check(&self, version: Version) -> Result<Body, Error> {
        if version == Version::Http10 {
            Err(self.error(ErrorKind::CodingInHttp10))
        } else if !self.ends_in_chunked || self.repeated {
            Err(self.error(ErrorKind::BadTransferEncoding))
        } else if self.unknown {
            Err(self.error(ErrorKind::UnknownCoding))
        } else {
            Ok(Body::Chunked)
        }
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::in_field(kind, self.at, self.field)
    }
}
