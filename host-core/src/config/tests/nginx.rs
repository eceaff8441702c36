//! What nginx says of the same configurations, where it is installed.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::{Block, DOCUMENTS, pairs, read_text, wrap};

/// Lines that nginx takes and we refuse.
const STRICTER: &[(&str, &str)] = &[
    (
        "server { server_name www.*.example; }",
        "nginx looks when there are several servers",
    ),
    (
        "server { server_name a..b; }",
        "nginx looks when there are several servers",
    ),
    ("server { server_name ~^(?!a)b$; }", "no backtracking"),
    ("rewrite (?=a) /b;", "no backtracking"),
    ("rewrite (a)\\1 /b;", "no backtracking"),
    (
        "location /f/ { alias /x; }",
        "paths would leave the folder or be glued together",
    ),
    (
        "location /g { alias /x/; }",
        "paths would leave the folder or be glued together",
    ),
    ("try_files /a =99;", "no such status"),
    ("return 99;", "no such status"),
    ("set $1 x;", "groups are set by expressions"),
    ("add_header \"A B\" c;", "no name of a field"),
    ("add_header Content-Length 3;", "framing is the server's"),
    ("add_header A \"b\\nc\";", "no value of a field"),
    ("default_type \"a\\rb\";", "no value of a field"),
    ("autoindex_format jsonp;", "not supported"),
    ("dav_methods PUT COPY;", "not supported"),
    ("access_log logs/a.log combined gzip;", "not supported"),
    ("access_log logs/$host.log;", "not supported"),
    ("error_log memory:32m;", "not supported"),
    ("set $d ${tcpinfo_rtt};", "not supported"),
    ("client_header_buffer_size 0;", "no head fits"),
    (
        "keepalive_requests 4294967296;",
        "more than a connection lives for",
    ),
    (
        "location /b { alias ${request_filename}/x; }",
        "ends in a cycle",
    ),
    ("log_format empty escape=json;", "lines without text"),
];

#[test]
fn nginx_takes_and_refuses_the_same() {
    let root = rustix::process::geteuid().is_root();
    if !root || Command::new("nginx").arg("-v").output().is_err() {
        let why = "there is no nginx to compare with, or its ports are not ours";
        // `eprintln!` is shown only where a test fails.
        let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for name in ["logs", "run"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    let mut wrong = Vec::new();
    for entry in fs::read_dir(DOCUMENTS).unwrap() {
        let document = fs::read_to_string(entry.unwrap().path()).unwrap();
        for (block, expected) in pairs(&document) {
            for text in texts(&block, expected.info[0] == "model") {
                let ours = read_text(&wrap(&block, &text)).map(|_| ());
                let theirs = nginx(folder.path(), &wrap(&block, &text));
                let stricter = STRICTER.iter().any(|(line, _)| *line == text);
                if ours.is_ok() != theirs.is_ok() && !(stricter && theirs.is_ok()) {
                    wrong.push(format!("{text}\n  ours: {ours:?}\n  nginx: {theirs:?}\n"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}

fn nginx(folder: &Path, text: &str) -> Result<(), String> {
    let path = folder.join("nginx.conf");
    fs::write(&path, text).unwrap();
    let mut command = Command::new("nginx");
    command
        .current_dir(folder)
        .arg("-p")
        .arg(folder)
        .arg("-c")
        .arg(&path);
    let output = command.args(["-t", "-e", "stderr"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(()),
        false => Err(text),
    }
}

/// A whole block, or each line of one that is there for its errors.
fn texts(block: &Block, whole: bool) -> Vec<String> {
    let has = |word: &str| block.info.iter().any(|info| info == word);
    if block.text.contains("# file") || has("differs") {
        return Vec::new();
    }
    match whole {
        true => vec![block.text.clone()],
        false => block.text.lines().map(str::to_owned).collect(),
    }
}
