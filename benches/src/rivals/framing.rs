//! What a server still has to decide when httparse has found the lines of a head.

use h1_core::Body;
use httparse::{Header, Request};

/// The decisions of a request head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Framing<'b> {
    /// How its content is framed.
    pub body: Body,
    /// Whether the connection may go on.
    pub keep_alive: bool,
    /// Whether the peer waits for `100 Continue`.
    pub expects_continue: bool,
    /// The value of Host.
    pub host: Option<&'b [u8]>,
}

#[derive(Default)]
struct Seen<'b> {
    host: Option<&'b [u8]>,
    length: Option<u64>,
    /// The last transfer coding is `chunked`, and no other was seen.
    chunked: Option<bool>,
    close: bool,
    keep_alive: bool,
    expects_continue: bool,
}

/// Decides; `None` refuses the request.
pub fn decide<'b>(request: &Request<'_, 'b>) -> Option<Framing<'b>> {
    let mut seen = Seen::default();
    for header in request.headers.iter() {
        seen.note(header)?;
    }
    let http11 = request.version == Some(1);
    let body = match (seen.chunked, seen.length) {
        (Some(true), None) if http11 => Body::Chunked,
        (Some(_), _) => return None,
        (None, None | Some(0)) => Body::None,
        (None, Some(length)) => Body::Length(length),
    };
    if http11 && seen.host.is_none() {
        return None;
    }
    Some(Framing {
        body,
        keep_alive: !seen.close && (http11 || seen.keep_alive),
        expects_continue: http11 && seen.expects_continue && body != Body::None,
        host: seen.host,
    })
}

impl<'b> Seen<'b> {
    fn note(&mut self, header: &Header<'b>) -> Option<()> {
        let is = |name: &str| header.name.eq_ignore_ascii_case(name);
        // Comparing lengths first keeps the many fields that do not matter cheap.
        match header.name.len() {
            4 if is("host") => once(&mut self.host, header.value)?,
            6 if is("expect") => {
                self.expects_continue = header.value.eq_ignore_ascii_case(b"100-continue");
            }
            10 if is("connection") => self.connection(header.value),
            14 if is("content-length") => once(&mut self.length, length(header.value)?)?,
            17 if is("transfer-encoding") => {
                let once = self.chunked.is_none();
                let chunked = header.value.eq_ignore_ascii_case(b"chunked");
                self.chunked = Some(once && chunked);
            }
            _ => {}
        }
        Some(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|&b| b == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn length(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |length, b| {
        let digit = b.is_ascii_digit().then(|| u64::from(b - b'0'))?;
        length.checked_mul(10)?.checked_add(digit)
    })
}
