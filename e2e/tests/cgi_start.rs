//! The state in which a CGI script starts: RFC 3875, 4.4 and 7.2, and what Unix adds.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::{Child, Command, Stdio};

use e2e::{Directives, Driver, Scripts, encode, eventually, for_each_driver};
use rustix::process::{Signal, geteuid};

for_each_driver!(
    what_may_be_executed_runs,
    no_argument_from_the_query,
    standard_descriptors_alone,
    default_signals,
    a_program_that_may_not_be_read,
    a_process_group_of_its_own,
    the_folder_of_the_script_is_the_working_directory,
    nobody_waits_while_another_script_starts,
);

/// `cgi on`: scripts and files side by side.
fn what_may_be_executed_runs(driver: &Driver) {
    let directives = Directives {
        server: "location / { cgi on; }",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.program(
        "run.txt",
        "#!/bin/sh\nprintf 'Content-Type: a/b\\n\\n'; echo ran",
    );
    site.file("file.sh", "#!/bin/sh\n");
    let response = site.get("/run.txt");
    assert_eq!(
        (response.field("content-type"), response.text()),
        ("a/b", "ran\n")
    );
    let response = site.get("/file.sh");
    assert_eq!((response.status, response.text()), (200, "#!/bin/sh\n"));
    assert!(response.get("etag").is_some());
    assert_eq!(site.get("/file.sh/more").status, 404);
}

fn no_argument_from_the_query(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let script = "printf 'Content-Type: text/plain\\n\\n'; tr '\\0' '\\n' </proc/$$/cmdline";
    let path = site.sh("args", script);
    for target in [
        "/cgi-bin/args?a+b",
        "/cgi-bin/args?-c+id",
        "/cgi-bin/args?%2dc",
    ] {
        let expected = format!("/bin/sh\n{}\n", path.display());
        assert_eq!(site.get(target).text(), expected, "{target}");
    }
}

/// Those of listeners, of other connections and of other scripts stay with the server.
fn standard_descriptors_alone(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let path = site.sh(
        "fds",
        "printf 'Content-Type: text/plain\\n\\n'; ls -l /proc/$$/fd",
    );
    site.sh(
        "wait",
        "printf 'Content-Type: text/plain\\n\\n'; echo >told; cat gate",
    );
    let _gate = site.pipe("gate");
    let mut other = site.client();
    other.wire.send(encode("GET", "/cgi-bin/wait", &[]));
    site.told("told");
    let listed = site.get("/cgi-bin/fds");
    let links = listed
        .text()
        .lines()
        .filter_map(|line| line.split_once(" -> "));
    let number = |link: &str| link.rsplit(' ').next().unwrap_or_default().to_owned();
    // The shell reads the script through a descriptor of its own.
    let script = path.to_str().expect("UTF-8");
    let mut numbers: Vec<_> = (links.filter(|(_, target)| *target != script))
        .map(|(link, _)| number(link))
        .collect();
    numbers.sort();
    assert_eq!(numbers, ["0", "1", "2"], "{}", listed.text());
}

/// The server ignores SIGPIPE, and was started with others ignored; a script that did so would not end when
/// nobody reads what it writes, and would not hear of its children.
fn default_signals(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let script = "printf 'Content-Type: text/plain\\n\\n'; cat /proc/self/status";
    site.sh("status", script);
    let status = site.get("/cgi-bin/status");
    let set = |name| {
        let line = status
            .text()
            .lines()
            .find_map(|line| line.strip_prefix(name));
        u64::from_str_radix(line.expect(name).trim(), 16).expect("a set of signals")
    };
    assert_eq!(set("SigBlk:"), 0);
    // Those of a terminal may be what this test was started with; the C library has 32 and 33 for itself.
    let left_out = |signal: &i32| {
        [Signal::TTIN, Signal::TTOU]
            .iter()
            .any(|it| it.as_raw() == *signal)
    };
    for signal in (1..32).filter(|signal| !left_out(signal)) {
        let bit = 1 << (signal - 1);
        assert_eq!(set("SigIgn:") & bit, 0, "{signal} is ignored");
    }
}

fn a_program_that_may_not_be_read(driver: &Driver) {
    let site = Scripts::configured(
        driver,
        Directives {
            // Root may read all.
            main: if geteuid().is_root() {
                "user nobody;"
            } else {
                ""
            },
            server: "location /try/ { try_files $uri =404; cgi_pass exec; }
                     location /on/ { cgi on; index cat; }
                     location /interpreted/ { cgi_pass /bin/sh; }
                     location /file/ { }",
            ..Directives::default()
        },
    );
    for folder in ["cgi-bin", "try", "on", "interpreted", "file"] {
        let path = site.path(folder).join("cat");
        let made = Command::new("sh")
            .args([
                "-c",
                r#"umask 022; mkdir -p "${0%/*}" && cp /bin/cat "$0" && chmod 111 "$0""#,
            ])
            .arg(path)
            .status();
        assert!(made.expect("sh").success());
    }
    for (target, status) in [
        ("/cgi-bin/cat", 200),
        ("/cgi-bin/cat/more", 200),
        ("/try/cat", 200),
        ("/on/cat", 200),
        ("/on/", 200),
        ("/interpreted/cat", 403),
        ("/file/cat", 403),
    ] {
        let mut client = site.client();
        let head = "Content-Type: text/plain\n\n";
        client.wire.send(format!(
            "POST {target} HTTP/1.1\r\nHost: e2e\r\nContent-Length: {}\r\n\r\n{head}hello",
            head.len() + 5
        ));
        let response = client.response("POST");
        assert_eq!(response.status, status, "{target}: {}", site.error_log());
        assert_eq!(response.text() == "hello", status == 200, "{response:?}");
    }
}

fn a_process_group_of_its_own(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "stat",
        "printf 'Content-Type: text/plain\\n\\n'; cat /proc/$$/stat; echo $$",
    );
    let told = site.get("/cgi-bin/stat").text().to_owned();
    let (stat, pid) = told.trim_end().rsplit_once('\n').expect("two lines");
    let (_, fields) = stat.rsplit_once(") ").expect("stat");
    assert_eq!(fields.split(' ').nth(2), Some(pid), "{told}");
}

fn the_folder_of_the_script_is_the_working_directory(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "sub/where",
        "printf 'Content-Type: text/plain\\n\\n'; pwd -P",
    );
    let folder = fs::canonicalize(site.path("cgi-bin/sub")).expect("folder");
    let expected = format!("{}\n", folder.display());
    assert_eq!(site.get("/cgi-bin/sub/where/x").text(), expected);
}

/// Holds a lease on a file, which keeps back whoever would run it, until its input ends.
const LEASE: &str = "
import fcntl, signal, sys
path, folder = sys.argv[1:]
def tell(name, text):
    with open(folder + name, 'w') as file:
        file.write(text + '\\n')
signal.signal(signal.SIGIO, lambda *_: tell('asked', 'yes'))
file = open(path, 'r+b')
try:
    fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
    tell('held', 'yes')
except OSError as error:
    tell('held', str(error))
sys.stdin.read()
";

/// Keeps `/interpreter` from being run; `None` where that is not possible.
fn hold(site: &Scripts) -> Option<Child> {
    let folder = site.path("cgi-bin/");
    for name in ["held", "asked"] {
        // From the time before.
        let _ = fs::remove_file(folder.join(name));
    }
    let mut python = Command::new("python3");
    python.args(["-c", LEASE]).arg(site.path("interpreter"));
    let held = python.arg(folder).stdin(Stdio::piped()).spawn();
    let reason = match held {
        Ok(child) => match site.told("held").as_str() {
            "yes" => return Some(child),
            reason => reason.to_owned(),
        },
        Err(error) => error.to_string(),
    };
    e2e::skipped(&format!("no lease: {reason}"));
    None
}

fn release(mut held: Child) {
    drop(held.stdin.take());
    assert!(held.wait().expect("python").success());
}

/// On a file system that does not answer, say.
fn nobody_waits_while_another_script_starts(driver: &Driver) {
    let directives = Directives {
        server: "location /slow/ { cgi_pass FOLDER/root/interpreter; }",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.program("interpreter", "#!/bin/sh\n. \"$1\"\n");
    site.file("slow/hello", "printf 'Content-Type: a/b\\n\\nhello'");
    site.file("slow/stays", "echo $$ >pid; exec sleep 1000");
    site.sh("hello", "printf 'Content-Type: a/b\\n\\nhello'");
    let ask = |target| {
        let mut client = site.client();
        client.wire.send(encode("GET", target, &[]));
        assert_eq!(site.told("asked"), "yes");
        client
    };

    let Some(held) = hold(&site) else { return };
    let mut slow = ask("/slow/hello");
    for _ in 0..20 {
        assert_eq!(site.get("/none").status, 404);
        assert_eq!(site.get("/cgi-bin/hello").text(), "hello");
    }
    release(held);
    assert_eq!(slow.response("GET").text(), "hello");

    // Whoever goes before the start is done leaves nothing behind.
    let Some(held) = hold(&site) else { return };
    let slow = ask("/slow/stays");
    slow.wire.reset();
    assert_eq!(site.get("/cgi-bin/hello").text(), "hello");
    release(held);
    assert!(eventually(|| site.processes().is_empty()));
    assert_eq!(site.get("/slow/hello").text(), "hello");
}
