//! What the reader of a message must see.

use h1_core::{Body, Status};

use crate::log::Lines;
use crate::peer::Head;
use crate::script;

/// A message that was sent: what its reader must see.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) head: Head,
    pub(super) content: Vec<u8>,
    pub(super) trailers: Lines,
}

/// How content of `body` is announced to its reader.
pub(super) fn normal(body: Body) -> Body {
    match body {
        Body::Length(0) => Body::None,
        body => body,
    }
}

pub(super) fn informational_head(status: Status, given: &[(&str, &[u8])]) -> Head {
    Sent::plain(&status.to_string(), status.reason(), script::read(given)).head
}

impl Sent {
    /// A message without content.
    pub(super) fn plain(first: &str, second: &str, fields: Lines) -> Self {
        Self {
            head: Head {
                start: (first.to_owned(), second.to_owned()),
                fields,
                body: Body::None,
            },
            content: Vec::new(),
            trailers: Lines::new(),
        }
    }
}

impl Head {
    /// `got` is this head, and framing fields behind the others.
    pub(super) fn check(&self, got: &Head) {
        assert_eq!((&got.start, got.body), (&self.start, self.body));
        let (fields, framing) = got.fields.split_at(self.fields.len());
        assert_eq!(fields, self.fields);
        for (name, _) in framing {
            let own = ["Connection", "Content-Length", "Transfer-Encoding"];
            assert!(own.contains(&&**name), "{name} was not sent");
        }
    }

    /// Whether the request expects something else than `100-continue`, which is answered with 417
    /// (RFC 9110, section 10.1.1).
    pub(super) fn expects_unknown(&self) -> bool {
        self.fields.iter().any(|(name, value)| {
            let mut expected = value.split(|b| *b == b',').map(<[u8]>::trim_ascii);
            let known = |value: &[u8]| value.eq_ignore_ascii_case(b"100-continue");
            name.eq_ignore_ascii_case("expect")
                && expected.any(|value| !value.is_empty() && !known(value))
        })
    }
}
