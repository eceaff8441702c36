//! Which bytes may stand where: a scanner judges blocks and words at once, and yet finds the first
//! wrong byte of a text, wherever it is and whatever stands beside it.
#![allow(clippy::unwrap_used)]

use h1_core::{Body, ClientConnection, Limits, SendQueue, raw};

/// A place for a text in a request.
struct Place {
    before: &'static str,
    after: &'static str,
    /// The byte that ends the text, beside CRLF.
    end: u8,
    may_stand: fn(u8) -> bool,
    /// The parts of a request with this text.
    request: fn(&[u8]) -> [&[u8]; 5],
}

const PLACES: [Place; 5] = [
    Place {
        before: "",
        after: " / HTTP/1.1\r\nHost: a\r\n\r\n",
        end: b' ',
        may_stand: is_tchar,
        request: |method| [method, b"/", b"a", b"X", b""],
    },
    Place {
        before: "GET ",
        after: " HTTP/1.1\r\nHost: a\r\n\r\n",
        end: b' ',
        may_stand: is_in_targets,
        request: |target| [b"GET", target, b"a", b"X", b""],
    },
    Place {
        before: "GET / HTTP/1.1\r\nHost: a\r\n",
        after: ": b\r\n\r\n",
        end: b':',
        may_stand: is_tchar,
        request: |name| [b"GET", b"/", b"a", name, b""],
    },
    Place {
        before: "GET / HTTP/1.1\r\nHost: a\r\nX: ",
        after: "\r\n\r\n",
        end: b'\n',
        may_stand: is_in_values,
        request: |value| [b"GET", b"/", b"a", b"X", value],
    },
    Place {
        before: "GET / HTTP/1.1\r\nHost: ",
        after: "\r\n\r\n",
        end: b'\n',
        may_stand: is_in_hosts,
        request: |host| [b"GET", b"/", host, b"X", b""],
    },
];

/// RFC 9110, section 5.6.2.
fn is_tchar(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

/// Visible ASCII but what no URL carries unencoded.
fn is_in_targets(b: u8) -> bool {
    b.is_ascii_graphic() && !b"\"#<>".contains(&b)
}

/// RFC 9110, section 5.5.
fn is_in_values(b: u8) -> bool {
    matches!(b, b'\t' | b' '..=b'~' | 0x80..)
}

/// `unreserved` and `sub-delims` (RFC 3986, section 2).
fn is_in_hosts(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(&b)
}

impl Place {
    /// Where the first error is that is due to `text`, if it is read.
    fn first_wrong(&self, text: &[u8]) -> Option<usize> {
        let first = |may_stand: fn(u8) -> bool| text.iter().position(|&b| !may_stand(b));
        let at = match self.before.ends_with("Host: ") {
            // What may stand in a value is wrong as a whole.
            true => first(is_in_values).or(first(self.may_stand).map(|_| 0)),
            false => first(self.may_stand),
        };
        at.map(|at| self.before.len() + at)
    }

    /// Reads and sends `odd` between so many `/` or `x`.
    fn check(&self, odd: &[u8], before: usize, after: usize) {
        let fill = |n| vec![if self.before == "GET " { b'/' } else { b'x' }; n];
        let text = [&fill(before), odd, &fill(after)].concat();
        let wrong = self.first_wrong(&text);
        assert_eq!(
            self.is_sent(&text),
            wrong.is_none(),
            "{}",
            text.escape_ascii()
        );
        if odd.contains(&self.end) || odd == b"\r\n" {
            return;
        }
        let mut input = [self.before.as_bytes(), &text, self.after.as_bytes()].concat();
        assert_eq!(error_in(&input), wrong, "{}", input.escape_ascii());
        if !self.before.ends_with("Host: ") {
            input.truncate(self.before.len() + text.len());
            assert_eq!(error_in(&input), wrong, "{}", input.escape_ascii());
        }
    }

    fn is_sent(&self, text: &[u8]) -> bool {
        let [method, target, host, name, value] = (self.request)(text);
        let mut conn = ClientConnection::new(Limits::default());
        let ascii = |text| str::from_utf8(text).unwrap_or("\u{80}");
        let fields = [("Host", host), (ascii(name), value)];
        let (method, target) = (ascii(method), ascii(target));
        let sent = conn.send_request(&mut SendQueue::new(), method, target, fields, Body::None);
        sent.is_ok()
    }
}

fn error_in(input: &[u8]) -> Option<usize> {
    let limits = Limits {
        method: 100,
        ..Limits::default()
    };
    let mut index = raw::Index::new();
    let head = raw::request_head(input, &limits, &mut index);
    head.err().map(|error| error.at as usize)
}

#[test]
fn every_byte_at_every_offset() {
    for place in &PLACES {
        for b in 0..=255 {
            for before in 1..40 {
                for after in [1, 8, 17] {
                    place.check(&[b], before, after);
                }
            }
        }
    }
}

#[test]
fn every_pair_of_bytes() {
    for place in &PLACES {
        for pair in 0..=u16::MAX {
            place.check(&pair.to_be_bytes(), 2, 5);
        }
    }
}
