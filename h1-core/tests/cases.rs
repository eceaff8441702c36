//! The documents in `cases/` as tests: each `http` block is an input, the `events` block behind it
//! what a server sees of it. `UPDATE=1 cargo test -p h1-core --test cases` writes the `events`
//! blocks anew; the review is reading the difference.
//!
//! An input is written with `\r`, `\n`, `\t`, `\\` and `\xNN`; line breaks of the document do not count,
//! and `\{3:ab}` stands for `ababab`. Words after `http` end the stream (`eof`), set a limit
//! (`head=64`) or make it what a client reads that asks with a method,
//! again and again (`to=GET`) or once (`once=GET`).
#![allow(clippy::unwrap_used)]

mod support;

use std::collections::HashSet;
use std::{env, fs};

use h1_core::{ErrorKind, Limits};
use support::{Log, Role, log_of_every_split};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cases");

/// A line of a document after which something follows that no HTTP parser may look at.
const JUNK: &[u8] = b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n\x00\xff";

#[test]
fn documents() {
    let mut kinds: HashSet<ErrorKind> = HashSet::new();
    let mut files: Vec<_> = fs::read_dir(CASES)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    let mut wrong = Vec::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let document = fs::read_to_string(&file).unwrap();
        let rewritten = rewrite(&name, &document, &mut kinds);
        if rewritten == document {
            continue;
        }
        match env::var_os("UPDATE") {
            Some(_) => fs::write(&file, rewritten).unwrap(),
            None => wrong.push((name, difference(&document, &rewritten))),
        }
    }
    assert!(wrong.is_empty(), "{}", report(&wrong));
    let missing: Vec<_> = ErrorKind::ALL
        .iter()
        // Only a clock can find this one.
        .filter(|kind| **kind != ErrorKind::Timeout && !kinds.contains(kind))
        .collect();
    assert!(missing.is_empty(), "no case for {missing:?}");
}

fn report(wrong: &[(String, String)]) -> String {
    let parts = wrong
        .iter()
        .map(|(name, text)| format!("\n{name}:\n{text}"));
    parts.collect()
}

/// The first place where the documents differ.
fn difference(old: &str, new: &str) -> String {
    let mut lines = old.lines().zip(new.lines()).enumerate();
    match lines.find(|(_, (old, new))| old != new) {
        Some((n, (old, new))) => format!("line {}:\n  expected {old}\n  is       {new}", n + 1),
        None => format!(
            "{} lines expected, are {}",
            old.lines().count(),
            new.lines().count()
        ),
    }
}

/// The document with its `events` blocks as they are.
fn rewrite(name: &str, document: &str, kinds: &mut HashSet<ErrorKind>) -> String {
    let mut out = String::new();
    let mut lines = document.lines();
    let mut case: Option<String> = None;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(info) = line.strip_prefix("```") else {
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if info.starts_with("http") {
            let log = run(name, info, &block.concat());
            kinds.extend(log.error.map(|error| error.kind));
            case = Some(log.text().to_owned());
            out.extend(block.iter().map(|line| format!("{line}\n")));
        } else {
            assert_eq!(info, "events", "{name}: unknown block");
            out.push_str(&case.take().unwrap());
        }
        out.push_str("```\n");
    }
    assert!(case.is_none(), "{name}: a case without events");
    out
}

fn run<'i>(name: &str, info: &'i str, block: &str) -> Log<'i> {
    let mut limits = Limits::default();
    let mut eof = false;
    let mut role = Role::Server;
    for word in info.split(' ').skip(1) {
        match word.split_once('=') {
            None => {
                assert_eq!(word, "eof");
                eof = true;
            }
            Some((how @ ("to" | "once"), method)) => {
                let once = how == "once";
                role = Role::Client { method, once };
            }
            Some((limit, value)) => set(&mut limits, limit, value.parse().unwrap()),
        }
    }
    let mut input = Vec::new();
    unescape(block.as_bytes(), &mut input);
    let log = log_of_every_split(&format!("{name}: {block}"), role, limits, &input, eof);
    if log.error.is_some() && !eof {
        input.extend_from_slice(JUNK);
        let with_junk = Log::of(role, limits, [&input[..]], eof);
        assert_eq!(with_junk.text(), log.text(), "{name}: junk behind {block}");
    }
    log
}

fn set(limits: &mut Limits, limit: &str, value: u64) {
    match limit {
        "method" => limits.method = value as u16,
        "request_line" => limits.request_line = value as u32,
        "head" => limits.head = value as u32,
        "fields" => limits.fields = value as u16,
        "chunk_line" => limits.chunk_line = value as u16,
        "informational" => limits.informational = value as u16,
        "chunk_overhead" => limits.chunk_overhead = value as u32,
        "trailers" => limits.trailers = value as u32,
        "body" => limits.body = value,
        "buffer" => limits.buffer = value as u32,
        _ => panic!("unknown limit {limit}"),
    }
}

fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let [first, rest @ ..] = text {
        text = rest;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let (escape, rest) = text.split_first().unwrap();
        text = rest;
        match escape {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'\\' => out.push(b'\\'),
            b'x' => {
                let digits = str::from_utf8(&text[..2]).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                text = &text[2..];
            }
            b'{' => {
                let end = text.iter().position(|&b| b == b'}').unwrap();
                let inside = str::from_utf8(&text[..end]).unwrap();
                let (count, what) = inside.split_once(':').unwrap();
                for _ in 0..count.parse().unwrap() {
                    unescape(what.as_bytes(), out);
                }
                text = &text[end + 1..];
            }
            other => panic!("unknown escape \\{}", char::from(*other)),
        }
    }
}
