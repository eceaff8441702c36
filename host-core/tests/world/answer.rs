//! Answers, taken apart.

use std::io::Read;

use flate2::read::GzDecoder;

/// An answer as the client understands it.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names as they were sent.
    pub fields: Vec<(String, String)>,
    /// Without its framing; `None` where it has not ended.
    pub body: Option<Vec<u8>>,
    /// What follows it.
    pub rest: Vec<u8>,
}

impl Answer {
    /// The first answer in `bytes`; to HEAD there is no content.
    pub fn parse(bytes: &[u8], head_only: bool) -> Self {
        let end = bytes.windows(4).position(|it| it == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        let mut lines = head.split("\r\n");
        let status = lines.next().unwrap()[9..12].parse().unwrap();
        let fields = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        let mut answer = Self {
            status,
            fields: fields.collect(),
            body: None,
            rest: Vec::new(),
        };
        let content = &bytes[end + 4..];
        let body = match answer.get("Content-Length") {
            _ if head_only || status == 304 => Some((Vec::new(), content)),
            Some(len) => content
                .split_at_checked(len.parse().unwrap())
                .map(|(body, rest)| (body.to_vec(), rest)),
            None if answer.get("Transfer-Encoding") == Some("chunked") => dechunked(content),
            None => Some((content.to_vec(), &[][..])),
        };
        if let Some((body, rest)) = body {
            (answer.body, answer.rest) = (Some(body), rest.to_vec());
        }
        answer
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        let found = fields.find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The content without its framing.
    pub fn content(&self) -> &[u8] {
        self.body.as_deref().unwrap()
    }

    /// The content without its coding.
    pub fn plain(&self) -> Vec<u8> {
        match self.get("Content-Encoding") {
            Some("gzip") if !self.content().is_empty() => gunzip(self.content()),
            _ => self.content().to_vec(),
        }
    }
}

pub fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// Chunked content and what follows it; `None` where it has not ended.
fn dechunked(mut bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut body = Vec::new();
    loop {
        let end = bytes.windows(2).position(|it| it == b"\r\n")?;
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let data = bytes.get(end + 2..end + 2 + len)?;
        body.extend_from_slice(data);
        bytes = bytes[end + 2 + len..].strip_prefix(b"\r\n")?;
        if len == 0 {
            return Some((body, bytes));
        }
    }
}
