//! Turns the documents of `h1-core/tests/cases` into a first corpus:
//! `cargo run --no-default-features --example seeds -- DIR` writes `DIR/server/…` and so on.

use std::path::Path;
use std::{env, fs, io};

const CASES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../h1-core/tests/cases");

fn main() -> io::Result<()> {
    let dir = env::args().nth(1).expect("a folder to write to");
    for file in fs::read_dir(CASES)? {
        let path = file?.path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let document = fs::read_to_string(&path)?;
        let blocks = document
            .split("\n```")
            .filter_map(|b| b.strip_prefix("http"));
        for (n, block) in blocks.enumerate() {
            let (info, text) = block.split_once('\n').unwrap();
            let mut input = Vec::new();
            unescape(text.replace('\n', "").as_bytes(), &mut input);
            // Inputs of many kilobytes test limits that smaller ones test as well.
            if input.len() <= 4096 {
                write(Path::new(&dir), &format!("{name}-{n}"), info, &input)?;
            }
        }
    }
    Ok(())
}

/// One file for each target that has a use for the case.
fn write(dir: &Path, name: &str, info: &str, input: &[u8]) -> io::Result<()> {
    let file = |target: &str, parts: &[&[u8]]| {
        fs::create_dir_all(dir.join(target))?;
        fs::write(dir.join(target).join(name), parts.concat())
    };
    let (limits, eof) = (limits(info), info.split(' ').any(|word| word == "eof"));
    let method = info.split(' ').find_map(|word| {
        let (how, method) = word.split_once('=')?;
        matches!(how, "to" | "once").then_some(method)
    });
    match method {
        None => {
            file("server", &[&limits, &[u8::from(eof), 7, 0], input])?;
            file("differential", &[input])?;
        }
        Some(method) => {
            let asked = match method {
                "HEAD" => 1,
                "CONNECT" => 3,
                "UPGRADE" => 4,
                _ => 0,
            };
            let asked = [(asked * 9) | (u8::from(eof) << 7), asked * 9, 7, 0];
            file("client", &[&limits, &asked, input])?;
        }
    }
    if let Some(at) = input.windows(11).position(|w| w == b"chunked\r\n\r\n") {
        file("chunked", &[&limits, &input[at + 11..]])?;
    }
    file("roundtrip", &[input])?;
    file("operations", &[&limits, input])
}

/// The limits of a case, in the units of an input.
fn limits(info: &str) -> [u8; 10] {
    const NAMES: [&str; 10] = [
        "method",
        "request_line",
        "head",
        "fields",
        "chunk_line",
        "chunk_overhead",
        "trailers",
        "body",
        "informational",
        "buffer",
    ];
    NAMES.map(|name| {
        let value = info
            .split(' ')
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        match value.map(|value| value.parse::<u64>().unwrap()) {
            None | Some(254..) => 0,
            Some(0) => 255,
            Some(n) if name == "head" => n.div_ceil(2) as u8,
            Some(n) => n as u8,
        }
    })
}

/// The escapes of the documents: `\r`, `\n`, `\t`, `\\`, `\xNN` and `\{3:ab}`.
fn unescape(mut text: &[u8], out: &mut Vec<u8>) {
    while let [first, rest @ ..] = text {
        text = rest;
        let (b'\\', [escape, rest @ ..]) = (*first, rest) else {
            out.push(*first);
            continue;
        };
        text = rest;
        match escape {
            b'r' => out.push(b'\r'),
            b'n' => out.push(b'\n'),
            b't' => out.push(b'\t'),
            b'x' => {
                let digits = str::from_utf8(&text[..2]).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
                text = &text[2..];
            }
            b'{' => {
                let end = text.iter().position(|b| *b == b'}').unwrap();
                let inside = str::from_utf8(&text[..end]).unwrap();
                let (count, what) = inside.split_once(':').unwrap();
                for _ in 0..count.parse().unwrap() {
                    unescape(what.as_bytes(), out);
                }
                text = &text[end + 1..];
            }
            other => out.push(*other),
        }
    }
}
