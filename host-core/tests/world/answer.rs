//! Answers, taken apart.

use std::io::Read;

use flate2::read::GzDecoder;
use host_core::Server;
use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;

use super::{Node, World};

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

/// A world with these directives in its server.
pub fn configured<const N: usize>(directives: &str, files: [(&'static str, Node); N]) -> World {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nginx.conf");
    let text = format!(
        "events {{ }} http {{ types {{ text/html html; text/plain txt; text/css css; image/png png; }}
         server {{ {directives} }} }}"
    );
    std::fs::write(&path, text).unwrap();
    let loaded = Config::load(&path, &Overrides::default());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    let mut server = Server::configured(config);
    server.access_log = Some(LogWriter::new(std::io::sink()));
    World::with(server, files)
}

/// A request with more field lines, each ending in CRLF.
pub fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
}

/// The field line of these codings.
pub fn accepting(codings: &str) -> String {
    format!("Accept-Encoding: {codings}\r\n")
}

/// Sends a request, and takes its answer apart.
pub fn ask(world: &mut World, method: &str, target: &str, fields: &str) -> Answer {
    world.sent.clear();
    world.send(request(method, target, fields));
    Answer::parse(&world.sent, method == "HEAD")
}
