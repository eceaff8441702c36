//! What a head decides: how long its content is, what follows it, which host it is for. One pass
//! over the fields that matter.

use super::fields::{FieldIndex, list};
use super::target;
use crate::{Body, Error, ErrorKind, Version};

/// The decisions of a request head.
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
    for (n, field) in index.iter().enumerate() {
        let result = match field.name_end - field.name {
            4 | 6 | 7 | 10 | 14 | 17 => seen.field(n, field, section, version),
            _ => Ok(()),
        };
        if let Err(kind) = result {
            return Err(Error::in_field(kind, field.value as usize, n));
        }
    }
    seen.decide(version, section)
}

impl Seen {
    /// Notes one line, if it is one that matters.
    fn field(
        &mut self,
        n: usize,
        field: &FieldIndex,
        section: &[u8],
        version: Version,
    ) -> Result<(), ErrorKind> {
        let (name, value) = (field.name(section), field.value(section));
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            4 if is(b"host") => self.host(n, value),
            6 if is(b"expect") => self.expect(value, version),
            7 if is(b"upgrade") => {
                self.upgrade.get_or_insert(n as u16);
                Ok(())
            }
            10 if is(b"connection") => {
                self.connection(value);
                Ok(())
            }
            14 if is(b"content-length") => self.length(value),
            17 if is(b"transfer-encoding") => {
                self.coding(n, field.value as usize, value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn host(&mut self, n: usize, value: &[u8]) -> Result<(), ErrorKind> {
        if self.host.replace(n as u16).is_some() {
            return Err(ErrorKind::RepeatedHost);
        }
        match target::is_host(value) {
            true => Ok(()),
            false => Err(ErrorKind::BadHost),
        }
    }

    /// HTTP/1.0 knows no expectations (RFC 9110, section 10.1.1).
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
        for option in list(value) {
            match option.len() {
                5 if option.eq_ignore_ascii_case(b"close") => self.close = true,
                10 if option.eq_ignore_ascii_case(b"keep-alive") => self.keep_alive = true,
                7 if option.eq_ignore_ascii_case(b"upgrade") => self.connection_upgrade = true,
                _ => {}
            }
        }
    }

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

    fn decide(self, version: Version, section: &[u8]) -> Result<Framing, Error> {
        let body = match (self.coding, self.length) {
            (Some(coding), length) => {
                coding
                    .check(version, length)
                    .map_err(|kind| Error::in_field(kind, coding.at, coding.field))?;
                Body::Chunked
            }
            (None, Some(0) | None) => Body::None,
            (None, Some(length)) => Body::Length(length),
        };
        if self.host.is_none() && version == Version::Http11 {
            return Err(Error::new(ErrorKind::MissingHost, section.len() - 2));
        }
        let http11 = version == Version::Http11;
        Ok(Framing {
            body,
            keep_alive: !self.close && (http11 || self.keep_alive),
            expects_continue: self.expects_continue && body != Body::None,
            host: self.host,
            upgrade: self.upgrade.filter(|_| http11 && self.connection_upgrade),
        })
    }
}

impl Coding {
    fn check(&self, version: Version, length: Option<u64>) -> Result<(), ErrorKind> {
        if version == Version::Http10 {
            Err(ErrorKind::CodingInHttp10)
        } else if length.is_some() {
            Err(ErrorKind::LengthWithCoding)
        } else if !self.ends_in_chunked || self.repeated {
            Err(ErrorKind::BadTransferEncoding)
        } else if self.unknown {
            Err(ErrorKind::UnknownCoding)
        } else {
            Ok(())
        }
    }
}
