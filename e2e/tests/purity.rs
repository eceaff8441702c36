//! The sources keep to the architecture: who may touch the outside world, who may speak HTTP, and
//! how long a file may be.

use std::fs;
use std::path::{Path, PathBuf};

/// A production file: its path within the workspace and its text without comments.
struct Source {
    path: String,
    text: String,
    lines: usize,
}

/// All production files below `crate/src` of the packages with this prefix.
fn sources(package: &str) -> Vec<Source> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> = fs::read_dir(&workspace)
        .expect("workspace")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.join("Cargo.toml").exists())
        .filter(|path| name(path).starts_with(package))
        .map(|path| path.join("src"))
        .collect();
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() && name(&path) != "tests" {
                folders.push(path);
            } else if name(&path).ends_with(".rs") && name(&path) != "tests.rs" {
                let text = fs::read_to_string(&path).expect("source");
                let path = path.strip_prefix(&workspace).expect("within");
                sources.push(Source {
                    path: path.display().to_string(),
                    lines: text.lines().count(),
                    text: text.lines().map(without_comment).collect(),
                });
            }
        }
    }
    assert!(!sources.is_empty(), "no sources of {package}");
    sources
}

fn name(path: &Path) -> String {
    let name = path.file_name().expect("a name");
    name.to_string_lossy().into_owned()
}

fn without_comment(line: &str) -> String {
    let code = line.split("//").next().unwrap_or_default();
    format!("{code}\n")
}

/// The words of a text: what identifiers, numbers and paths consist of.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || "_:".contains(c);
    text.split(move |c| !part(c))
        .filter(|word| !word.is_empty())
}

/// What stands between double quotes.
fn literals(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// Whether the text names `std::module`, in a path or in a `use` with braces.
fn names(text: &str, root: &str, module: &str) -> bool {
    let path = format!("{root}::{module}");
    let direct = words(text).any(|word| word == path || word.starts_with(&format!("{path}::")));
    let group = format!("{root}::{{");
    let mut statements = text
        .split(&group)
        .skip(1)
        .filter_map(|rest| rest.split(';').next());
    direct || statements.any(|list| words(list).any(|w| w.split("::").next() == Some(module)))
}

fn assert_none(found: Vec<String>) {
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_os_touches_the_world() {
    let mut found = Vec::new();
    for source in sources("host-core") {
        if source.path.starts_with("host-core/src/os/") {
            continue;
        }
        for module in ["fs", "process", "thread", "env"] {
            if names(&source.text, "std", module) {
                found.push(format!("{}: std::{module}", source.path));
            }
        }
        for word in [
            "TcpStream",
            "TcpListener",
            "UdpSocket",
            "UnixStream",
            "Instant::now",
            "SystemTime::now",
        ] {
            if words(&source.text).any(|w| w.ends_with(word)) {
                found.push(format!("{}: {word}", source.path));
            }
        }
    }
    assert_none(found);
}

#[test]
fn the_core_has_no_world() {
    let mut found = Vec::new();
    for source in sources("h1-core") {
        for module in ["net", "fs", "thread", "process", "env", "sync"] {
            if names(&source.text, "std", module) {
                found.push(format!("{}: std::{module}", source.path));
            }
        }
        for word in ["Instant", "SystemTime"] {
            if words(&source.text).any(|w| w.split("::").any(|part| part == word)) {
                found.push(format!("{}: {word}", source.path));
            }
        }
    }
    let crate_root = sources("h1-core")
        .into_iter()
        .find(|source| source.path == "h1-core/src/lib.rs")
        .expect("lib.rs");
    assert!(crate_root.text.contains("no_std"), "h1-core needs std");
    assert_none(found);
}

/// A driver moves bytes and does not know what they mean.
#[test]
fn drivers_know_no_protocol() {
    let mut found = Vec::new();
    for source in sources("driver-") {
        let lower = source.text.to_ascii_lowercase();
        let spelled = lower.replace('_', "-");
        for name in FIELDS.iter().filter(|name| spelled.contains(**name)) {
            found.push(format!("{}: {name}", source.path));
        }
        for code in words(&lower).filter(|word| STATUS.contains(word)) {
            found.push(format!("{}: {code}", source.path));
        }
        for literal in literals(&lower) {
            for word in words(literal).filter(|word| WORDS.contains(word)) {
                found.push(format!("{}: \"{word}\"", source.path));
            }
        }
    }
    assert_none(found);
}

const FIELDS: [&str; 14] = [
    "accept-ranges",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "if-match",
    "if-modified",
    "if-none-match",
    "if-range",
    "if-unmodified",
    "keep-alive",
    "last-modified",
    "transfer-encoding",
    "user-agent",
];

const STATUS: [&str; 21] = [
    "101", "200", "204", "206", "301", "302", "304", "308", "400", "401", "403", "404", "405",
    "408", "411", "412", "413", "416", "431", "501", "503",
];

/// Methods, tokens and directives, where they are data.
const WORDS: [&str; 16] = [
    "alias",
    "allow",
    "autoindex",
    "chunked",
    "delete",
    "etag",
    "expect",
    "get",
    "gzip",
    "head",
    "http",
    "index",
    "location",
    "post",
    "put",
    "range",
];

#[test]
fn files_are_short() {
    let all = ["h1-core", "host-core", "driver-", "e2e"];
    let long = all.into_iter().flat_map(sources);
    let long = long.filter(|source| source.lines > 400);
    assert_none(long.map(|source| source.path).collect());
}

#[test]
fn drivers_are_small() {
    // Comments and empty lines do not count: explaining must cost nothing.
    let code = |source: &Source| source.text.lines().filter(|l| !l.trim().is_empty()).count();
    for (driver, most) in [
        ("driver-mio", 850),
        ("driver-std", 595),
        ("driver-tokio", 670),
    ] {
        let lines: usize = sources(driver).iter().map(code).sum();
        assert!(lines <= most, "{driver}/src has {lines} lines of code");
    }
}
