//! The work for a byte does not grow with what came before it. Counted in instructions, by
//! valgrind's callgrind; without valgrind the test says that it was skipped.
#![allow(clippy::unwrap_used)]

use std::env;
use std::io::Write as _;
use std::process::Command;

use h1_core::{Event, Limits, RecvBuf, ServerConnection};

/// The environment variable that tells the child what to do.
const TASK: &str = "H1_LINEAR_TASK";

/// Feeds `input` byte by byte, reading after each.
fn drip(input: &[u8], limits: Limits) {
    let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
    for byte in input {
        assert_eq!(rx.receive(&[*byte]), 1);
        while !matches!(conn.next_event(&mut rx).unwrap(), Event::NeedData) {}
    }
}

fn input(task: &str) -> Vec<u8> {
    let (shape, len) = task.split_once(' ').unwrap();
    let len: usize = len.parse().unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: a\r\n".to_vec();
    let mut out = head;
    match shape {
        "one-long-value" => {
            out.extend_from_slice(b"X: ");
            out.resize(len.max(out.len()), b'v');
        }
        "many-lines" => {
            while out.len() < len {
                out.extend_from_slice(b"X-Name: some value of some length\r\n");
            }
        }
        "long-target" => {
            out = b"GET /".to_vec();
            out.resize(len.max(5), b't');
        }
        "tiny-chunks" => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            while out.len() < len {
                out.extend_from_slice(b"1\r\nx\r\n");
            }
        }
        "trailers" => {
            out.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n0\r\n");
            while out.len() < len {
                out.extend_from_slice(b"X-Name: some value of some length\r\n");
            }
        }
        other => panic!("no shape {other}"),
    }
    out.truncate(len);
    out
}

/// Instructions of a child that drips this input; `None` without valgrind.
fn instructions(task: &str) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(TASK, task)
        .output()
        .ok()?;
    let report = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{report}");
    let collected = report
        .lines()
        .find_map(|line| line.split_once("Collected : "))?;
    collected.1.trim().parse().ok()
}

/// Does the work that its parent counts; nothing when it is run by itself.
#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    // Limits high enough that no shape meets one.
    let limits = Limits {
        head: 1 << 20,
        request_line: 1 << 20,
        trailers: 1 << 20,
        fields: u16::MAX,
        chunk_overhead: u32::MAX,
        ..Limits::default()
    };
    drip(&input(&task), limits);
}

#[test]
fn instructions_per_byte_stay_the_same() {
    const KIB: u64 = 1024;
    for shape in [
        "one-long-value",
        "many-lines",
        "long-target",
        "tiny-chunks",
        "trailers",
    ] {
        let counts = [0, KIB, 32 * KIB].map(|len| instructions(&format!("{shape} {len}")));
        let [Some(start_up), Some(short), Some(long)] = counts else {
            let why = "instructions_per_byte_stay_the_same needs valgrind";
            // `eprintln!` is shown only where a test fails.
            let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
            return;
        };
        let early = (short - start_up) as f64 / KIB as f64;
        let late = (long - start_up) as f64 / (32 * KIB) as f64;
        println!("{shape}: {early:.0} instructions a byte of 1 KiB, {late:.0} of 32 KiB");
        assert!(late < early * 1.3, "{shape}: {early:.0} grew to {late:.0}");
    }
}
