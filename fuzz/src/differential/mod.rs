//! What a server accepts, against `httparse` and `hyper`.

mod hyper;

use h1_core::{
    Body, Event, Limits, NO_FIELDS, RecvBuf, RequestHead, SendQueue, ServerConnection, Status,
    TargetForm, Version,
};

use crate::log::{self, Lines};

/// Reads all of the input as what a server receives that answers every request with 404.
///
/// # Panics
///
/// If `httparse` reads a head that was accepted in another way, or if `hyper` frames a request in
/// another way.
pub fn differential(data: &[u8]) {
    let ours = requests(data);
    if ours.is_empty() {
        return;
    }
    let theirs = hyper::requests(data);
    for (n, (ours, refused)) in ours.iter().enumerate() {
        match theirs.get(n) {
            None if *refused => return,
            Some(theirs) if !ours.whole => assert!(theirs.agrees(ours), "{theirs:?}, {ours:?}"),
            theirs => assert_eq!(theirs, Some(ours), "hyper, request {n}"),
        }
    }
}

/// A request as far as it came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Request {
    method: String,
    /// The host that the target names.
    authority: Option<String>,
    path: String,
    query: Option<String>,
    http10: bool,
    /// Sorted by name, in lower case, as a map of fields keeps no other order.
    fields: Lines,
    content: Vec<u8>,
    trailers: Lines,
    whole: bool,
}

/// Each request, and whether `hyper` may refuse it.
fn requests(data: &[u8]) -> Vec<(Request, bool)> {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let (mut tx, mut seen, mut input) = (SendQueue::new(), Vec::new(), data);
    while !input.is_empty() {
        let n = rx.receive(input);
        input = &input[n..];
        if !read(&mut conn, &mut rx, &mut tx, &mut seen) {
            break;
        }
    }
    seen
}

/// Reads until more is needed; returns whether more can come.
fn read(
    conn: &mut ServerConnection,
    rx: &mut RecvBuf,
    tx: &mut SendQueue,
    seen: &mut Vec<(Request, bool)>,
) -> bool {
    loop {
        let event = match conn.next_event(rx) {
            Ok(event) => event,
            Err(_) => return false,
        };
        match event {
            Event::Request(head) => {
                check_httparse(&head);
                seen.push((Request::new(&head), hyper::refuses(&head)));
            }
            Event::Data(bytes) => seen.last_mut().unwrap().0.content.extend(bytes),
            Event::EndOfMessage(trailers) => {
                let (request, _) = seen.last_mut().unwrap();
                request.trailers = sorted(log::lines(trailers));
                request.whole = true;
                let status = Status::NOT_FOUND;
                conn.send_response(tx, status, NO_FIELDS, Body::None)
                    .unwrap();
                tx.clear();
                if conn.next_cycle().is_err() {
                    return false;
                }
            }
            Event::NeedData => return true,
            Event::Paused | Event::Closed => return false,
        }
    }
}

impl Request {
    fn new(head: &RequestHead<'_>) -> Self {
        let names_host = matches!(head.form(), TargetForm::Absolute | TargetForm::Authority);
        Self {
            method: head.method().to_string(),
            authority: head.host().filter(|_| names_host).map(str::to_owned),
            path: head.path().to_owned(),
            query: head.query().map(str::to_owned),
            http10: head.version() == Version::Http10,
            fields: sorted(log::lines(head.fields())),
            ..Default::default()
        }
    }

    /// Whether both saw the same of a request that is broken or not whole: there `hyper` may hold
    /// content back, or go on.
    fn agrees(&self, other: &Self) -> bool {
        let content = self.content.iter().zip(&other.content);
        let head = |request: &Self| Self {
            content: Vec::new(),
            trailers: Vec::new(),
            whole: false,
            ..request.clone()
        };
        head(self) == head(other) && content.into_iter().all(|(a, b)| a == b)
    }
}

/// The same method, target, version and field lines, of the same bytes.
fn check_httparse(head: &RequestHead<'_>) {
    let (raw, fields) = (head.raw(), log::lines(head.fields()));
    let mut slots = [httparse::EMPTY_HEADER; 128];
    let mut parsed = httparse::Request::new(&mut slots);
    match parsed.parse(raw) {
        Ok(httparse::Status::Complete(len)) => assert_eq!(len, raw.len()),
        // It knows two minor versions alone; a higher one counts as 1.1 (RFC 9110, section 2.5).
        Err(httparse::Error::Version) if !is_known_version(raw) => return,
        other => panic!("httparse: {other:?}"),
    }
    assert_eq!(parsed.method, Some(head.method().as_str()));
    assert_eq!(parsed.path, Some(head.target()));
    let minor = parsed.version.map(|minor| minor == 0);
    assert_eq!(minor, Some(head.version() == Version::Http10));
    assert_eq!(parsed.headers.len(), fields.len());
    for (theirs, (name, value)) in parsed.headers.iter().zip(&fields) {
        assert_eq!(
            (theirs.name, theirs.value.trim_ascii()),
            (&**name, &**value)
        );
    }
}

fn is_known_version(raw: &[u8]) -> bool {
    let line = raw.split(|b| *b == b'\r').next().unwrap();
    line.ends_with(b" HTTP/1.0") || line.ends_with(b" HTTP/1.1")
}

fn sorted(mut lines: Lines) -> Lines {
    for (name, _) in &mut lines {
        name.make_ascii_lowercase();
    }
    lines.sort_by(|(a, _), (b, _)| a.cmp(b));
    lines
}
