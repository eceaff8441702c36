//! `docs/conformance.md` names no test that does not exist; and the requirements that no other test
//! shows.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use h1_core::{
    Body, ErrorKind, Event, Limits, NO_FIELDS, RecvBuf, SendError, SendQueue, ServerConnection,
    State, Status,
};

/// A requirement, as the page has it.
struct Row<'p> {
    requirement: &'p str,
    role: &'p str,
    how: &'p str,
    tests: Vec<(&'p str, &'p str)>,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    page.lines().filter_map(row).collect()
}

fn row(line: &str) -> Option<Row<'_>> {
    let cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
    let [section, requirement, role, how, shown] = cells.collect::<Vec<_>>()[..] else {
        return None;
    };
    let test = |shown| -> (&str, &str) {
        let name: Option<_> = str::strip_prefix(shown, "`").and_then(|s| s.split_once("`: "));
        name.unwrap_or_else(|| panic!("malformed: {shown}"))
    };
    let shown = shown.split("<br>").filter(|shown| *shown != "—");
    (section != "section").then(|| Row {
        requirement,
        role,
        how,
        tests: shown.map(test).collect(),
    })
}

fn path_of(file: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    match file.ends_with(".md") {
        true => package.join("tests/cases").join(file),
        false => package.join("tests").join(file),
    }
}

/// Whether `file` has a case with this title, or a test of this name.
fn exists(file: &str, name: &str) -> bool {
    let text = fs::read_to_string(path_of(file)).unwrap_or_default();
    let is_test = format!("#[test]\nfn {}()", name.replace(' ', "_"));
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let is_case = |pair: &[&str]| pair[0] == name && pair[1].starts_with("```http");
    match file.ends_with(".md") {
        true => lines.windows(2).any(is_case),
        false => text.contains(&is_test),
    }
}

#[test]
fn the_page_names_tests_that_exist() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let page = fs::read_to_string(page).unwrap();
    let rows = rows(&page);
    assert!(rows.len() > 100, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let own = !row.how.starts_with("the caller's");
        if own && row.tests.is_empty() {
            wrong.push(format!("no test: {}", row.requirement));
        }
        if !["server", "client", "both"].contains(&row.role) {
            wrong.push(format!("no role: {}", row.requirement));
        }
        let missing = row.tests.iter().filter(|(file, name)| !exists(file, name));
        wrong.extend(missing.map(|(file, name)| format!("{file} has no {name}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Server {
    conn: ServerConnection,
    rx: RecvBuf,
    tx: SendQueue,
}

impl Server {
    /// A connection that has read `input` as far as it goes, and the error in it.
    fn reading(input: &str) -> (Self, Option<h1_core::Error>) {
        let limits = Limits::default();
        let mut server = Self {
            conn: ServerConnection::new(limits),
            rx: RecvBuf::new(&limits),
            tx: SendQueue::new(),
        };
        server.rx.receive(input.as_bytes());
        loop {
            match server.conn.next_event(&mut server.rx) {
                Ok(Event::NeedData | Event::Paused | Event::Closed) => return (server, None),
                Ok(_) => {}
                Err(error) => return (server, Some(error)),
            }
        }
    }

    fn respond(&mut self, status: Status, body: Body) -> Result<(), SendError> {
        self.conn
            .send_response(&mut self.tx, status, NO_FIELDS, body)
    }

    fn sent(&self) -> String {
        let bytes: Vec<u8> = self.tx.slices().flatten().copied().collect();
        String::from_utf8(bytes).unwrap()
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn a_broken_request_is_answered_with_its_status_and_the_end() {
    for (request, line) in [
        ("no HTTP at all\r\n\r\n", "400 Bad Request"),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "400 Bad Request"),
        ("GET / HTTP/1.1\r\n\r\n", "400 Bad Request"),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "400 Bad Request",
        ),
        (
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
            "501 Not Implemented",
        ),
        ("GET / HTTP/2.0\r\n", "505 HTTP Version Not Supported"),
    ] {
        let (mut server, error) = Server::reading(&format!("{request}{GET}"));
        server
            .conn
            .send_error(&mut server.tx, error.unwrap())
            .unwrap();
        let answer = format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!(server.sent(), answer, "{request}");
        assert!(server.conn.wants_close() && server.conn.next_cycle().is_err());
    }
}

#[test]
fn a_timeout_is_answered_and_closes() {
    let (mut server, _) = Server::reading("GET / HT");
    let error = server.conn.refuse(ErrorKind::Timeout);
    server.conn.send_error(&mut server.tx, error).unwrap();
    assert!(
        server
            .sent()
            .starts_with("HTTP/1.1 408 Request Timeout\r\n")
    );
    assert!(server.sent().contains("\r\nConnection: close\r\n"));
    assert!(server.conn.wants_close());
}

#[test]
fn a_status_line_without_a_reason_phrase_keeps_its_space() {
    let (mut server, _) = Server::reading(GET);
    server
        .respond(Status::new(299).unwrap(), Body::None)
        .unwrap();
    assert!(server.sent().starts_with("HTTP/1.1 299 \r\n"));
}

#[test]
fn the_version_sent_is_our_own() {
    for request in ["GET / HTTP/1.0\r\n\r\n", GET, &GET.replace("1.1", "1.7")] {
        let (mut server, _) = Server::reading(request);
        server.respond(Status::OK, Body::None).unwrap();
        assert!(
            server.sent().starts_with("HTTP/1.1 200 OK\r\n"),
            "{request}"
        );
    }
}

#[test]
fn a_tunnel_declares_no_content() {
    for body in [Body::None, Body::Length(5), Body::Chunked, Body::UntilClose] {
        let (mut server, _) = Server::reading("CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n");
        server.respond(Status::OK, body).unwrap();
        assert_eq!(server.sent(), "HTTP/1.1 200 OK\r\n\r\n", "{body:?}");
        assert_eq!(server.conn.state(), State::Switched);
    }
}

#[test]
fn content_that_was_not_read_is_never_the_next_request() {
    let limits = Limits::default();
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    let mut tx = SendQueue::new();
    let post = format!(
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n",
        GET.len()
    );
    rx.receive(format!("{post}{GET}").as_bytes());
    assert!(matches!(conn.next_event(&mut rx), Ok(Event::Request(_))));
    conn.send_response(&mut tx, Status::OK, NO_FIELDS, Body::None)
        .unwrap();
    assert_eq!(
        conn.next_cycle(),
        Err(SendError::WrongState(State::SendBody))
    );
    let event = conn.next_event(&mut rx).unwrap();
    assert!(matches!(event, Event::Data(content) if content == GET.as_bytes()));
    assert!(matches!(
        conn.next_event(&mut rx),
        Ok(Event::EndOfMessage(_))
    ));
    conn.next_cycle().unwrap();
    assert!(matches!(conn.next_event(&mut rx), Ok(Event::NeedData)));
}
