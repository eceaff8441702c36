//! A well-behaved client that takes no nonsense: RFC 9112's rules on framing are checked in each
//! answer, and the head is parsed by httparse.

use std::io::Write;
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crate::Wire;

/// Fields that mean something only when they come once.
const SINGLE: [&str; 10] = [
    "accept-ranges",
    "content-length",
    "content-range",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "server",
    "transfer-encoding",
];

/// A request without content.
///
/// ```
/// let request = e2e::encode("GET", "/", &[("Accept", "*/*")]);
/// assert_eq!(request, "GET / HTTP/1.1\r\nHost: e2e\r\nAccept: */*\r\n\r\n");
/// ```
pub fn encode(method: &str, target: &str, fields: &[(&str, &str)]) -> String {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}\r\n"))
        .collect();
    format!("{method} {target} HTTP/1.1\r\nHost: e2e\r\n{fields}\r\n")
}

/// A persistent connection.
#[derive(Debug)]
pub struct Client {
    /// The connection, for bytes that no well-behaved client sends.
    pub wire: Wire,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status codes of the 1xx answers before this one.
    pub interim: Vec<u16>,
    /// The status code.
    pub status: u16,
    /// The field lines; names in lower case.
    pub fields: Vec<(String, String)>,
    /// The content.
    pub body: Vec<u8>,
}

impl Client {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Self {
        Self {
            wire: Wire::connect(address),
        }
    }

    /// GET on a new connection to a server that may be stopped or reloaded just then, and the answer.
    ///
    /// Such a server gives a new connection two seconds for its first request. Whoever takes half of
    /// that may be turned away, and comes again; others are answered.
    pub fn first(address: SocketAddr, target: &str) -> (Self, Response) {
        loop {
            let start = Instant::now();
            let mut client = Self::connect(address);
            let sent = client.wire.try_send(encode("GET", target, &[]));
            let was_late = start.elapsed() > Duration::from_secs(1);
            if sent && client.wire.goes_on() {
                let response = client.response("GET");
                return (client, response);
            }
            assert!(was_late, "turned away: {target}");
        }
    }

    /// GET, and the answer.
    pub fn get(&mut self, target: &str) -> Response {
        self.request("GET", target, &[])
    }

    /// GET on a connection that was used before, and the answer; `None` if the server has ended the
    /// connection before that began, as it may (RFC 9112, section 9.3.1).
    pub fn get_again(&mut self, target: &str) -> Option<Response> {
        let sent = self.wire.try_send(encode("GET", target, &[]));
        (sent && self.wire.goes_on()).then(|| self.response("GET"))
    }

    /// A request without content, and the answer.
    pub fn request(&mut self, method: &str, target: &str, fields: &[(&str, &str)]) -> Response {
        self.wire.send(encode(method, target, fields));
        self.response(method)
    }

    /// Sends a request, and reads the answer meanwhile: it may come before all has left, and the server
    /// may then take no more.
    pub fn exchange(&mut self, method: &str, request: &[u8]) -> Response {
        let mut sender = self.wire.sender();
        thread::scope(|scope| {
            scope.spawn(move || sender.write_all(request));
            self.response(method)
        })
    }

    /// The next answer, which is to a request of this method.
    pub fn response(&mut self, method: &str) -> Response {
        let mut response = self.head();
        response.body = self.content(method, &response);
        response
    }

    /// The next answer without its content.
    pub fn head(&mut self) -> Response {
        let mut interim = Vec::new();
        loop {
            let head = parse(&self.wire.read_through(b"\r\n\r\n"));
            if head.status >= 200 {
                head.check_date();
                return Response { interim, ..head };
            }
            head.assert_unframed();
            interim.push(head.status);
        }
    }

    /// RFC 9112, section 6.3.
    fn content(&mut self, method: &str, head: &Response) -> Vec<u8> {
        let coding = head.get("transfer-encoding");
        let length = head.get("content-length").map(|text| {
            assert!(text.bytes().all(|b| b.is_ascii_digit()), "{head:?}");
            text.parse().expect("content-length")
        });
        match (coding, length) {
            (Some(_), Some(_)) => panic!("framed twice: {head:?}"),
            _ if head.status == 204 => {
                head.assert_unframed();
                Vec::new()
            }
            _ if method == "HEAD" || head.status == 304 => Vec::new(),
            (Some(coding), None) => {
                assert_eq!(coding, "chunked");
                self.chunks()
            }
            (None, Some(length)) => self.wire.read_exact(length),
            (None, None) => {
                assert!(head.says("close"), "content without a length: {head:?}");
                self.wire.read_to_end().0
            }
        }
    }

    fn chunks(&mut self) -> Vec<u8> {
        let mut content = Vec::new();
        loop {
            match &*self.chunk() {
                [] => return content,
                chunk => content.extend(chunk),
            }
        }
    }

    /// The next chunk, which is empty at the end. RFC 9112, section 7.1; neither extensions nor
    /// trailers are expected here.
    pub fn chunk(&mut self) -> Vec<u8> {
        let line = self.line();
        assert!(line.bytes().all(|b| b.is_ascii_hexdigit()), "{line:?}");
        let len = usize::from_str_radix(&line, 16).expect("chunk size");
        let chunk = self.wire.read_exact(len);
        assert_eq!(self.line(), "", "after {len} bytes of chunk data");
        chunk
    }

    /// The content of the next chunks, which must be this.
    pub fn expect_chunks(&mut self, expected: &str) {
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let chunk = self.chunk();
            assert!(
                !chunk.is_empty(),
                "the end after \"{}\"",
                got.escape_ascii()
            );
            got.extend(chunk);
        }
        assert_eq!(
            got.escape_ascii().to_string(),
            expected.escape_default().to_string()
        );
    }

    fn line(&mut self) -> String {
        let mut line = self.wire.read_through(b"\r\n");
        line.truncate(line.len() - 2);
        String::from_utf8(line).expect("ASCII line")
    }
}

impl Response {
    /// The value of a field that is there at most once.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(n, _)| n == name);
        let value = values.next();
        assert!(values.next().is_none(), "{name} comes twice: {self:?}");
        value.map(|(_, value)| value.as_str())
    }

    /// The value of a field that must be there once.
    pub fn field(&self, name: &str) -> &str {
        self.get(name)
            .unwrap_or_else(|| panic!("{name} is missing: {:?}", self.fields))
    }

    /// Whether the Connection field has this option.
    pub fn says(&self, option: &str) -> bool {
        self.fields
            .iter()
            .filter(|(name, _)| name == "connection")
            .flat_map(|(_, value)| value.split(','))
            .any(|token| token.trim().eq_ignore_ascii_case(option))
    }

    /// The content as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// The Date field as a time; it must be an IMF-fixdate.
    pub fn date(&self) -> SystemTime {
        let text = self.field("date");
        let date = httpdate::parse_http_date(text).expect("date");
        assert_eq!(httpdate::fmt_http_date(date), text);
        date
    }

    /// RFC 9110, section 6.6.1.
    fn check_date(&self) {
        if self.status < 500 || self.get("date").is_some() {
            self.date();
        }
    }

    fn assert_unframed(&self) {
        for name in ["content-length", "transfer-encoding"] {
            assert_eq!(self.get(name), None, "in a {}", self.status);
        }
    }
}

fn parse(head: &[u8]) -> Response {
    let shown = head.escape_ascii();
    let lines = head.windows(2).filter(|w| w == b"\r\n").count();
    for control in [b'\r', b'\n'] {
        let count = head.iter().filter(|b| **b == control).count();
        assert_eq!(count, lines, "bare CR or LF: {shown}");
    }
    let mut storage = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Response::new(&mut storage);
    let status = parsed
        .parse(head)
        .unwrap_or_else(|e| panic!("{e}: {shown}"));
    assert_eq!(status, httparse::Status::Complete(head.len()), "{shown}");
    assert_eq!(parsed.version, Some(1), "{shown}");
    let text = |bytes: &[u8]| {
        assert!(
            bytes.iter().all(|b| matches!(b, b'\t' | b' '..=b'~')),
            "{shown}"
        );
        String::from_utf8_lossy(bytes).into_owned()
    };
    let fields = parsed.headers.iter();
    let response = Response {
        interim: Vec::new(),
        status: parsed.code.expect("status"),
        fields: fields
            .map(|field| (field.name.to_ascii_lowercase(), text(field.value)))
            .collect(),
        body: Vec::new(),
    };
    for name in SINGLE {
        response.get(name);
    }
    response
}
