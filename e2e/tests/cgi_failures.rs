//! Scripts that do not answer, or answer nonsense: the client gets 502 or 504 and never the source,
//! the administrator one line that says which script, why, and what it complained about.
#![cfg(target_os = "linux")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use e2e::{Directives, Driver, Scripts, encode, eventually, for_each_driver};

for_each_driver!(
    answers_that_are_none,
    nothing_of_an_answer_is_injected,
    silence,
    one_line_for_the_administrator,
    the_bounds_of_a_complaint,
    where_complaints_go,
    scripts_that_cannot_be_run,
    the_source_is_never_served,
    the_next_request_is_served,
);

/// The shell's `printf` writes this; `\0` and its like are octal.
fn print(output: &str) -> String {
    format!("printf '%b' '{output}'")
}

fn answers_that_are_none(driver: &Driver) {
    let cases = [
        ("nothing", String::new()),
        ("early-end", "exit 1".into()),
        ("early-death", "kill -9 $$".into()),
        ("own-death", "kill -TERM $$".into()),
        ("garbage", print("hello world\\n")),
        ("garbage-lines", print("hello\\nworld\\n\\nbody")),
        ("binary", "head -c 100000 /dev/urandom".into()),
        ("no-fields", print("\\nhello")),
        ("no-type", print("X-A: b\\n\\nhello")),
        ("empty-type", print("Content-Type:\\n\\nhello")),
        ("blank-type", print("Content-Type: \\t\\nX-A: b\\n\\nhello")),
        ("half-a-head", print("Content-Type: text/plain\\n")),
        ("half-a-line", print("Content-Type: text/pl")),
        ("large-head", "yes X-A: b".into()),
        ("long-line", "printf 'X-A: '; tr '\\0' x </dev/zero".into()),
        (
            "http",
            print("HTTP/1.1 200 OK\\r\\nContent-Type: a/b\\r\\n\\r\\nhello"),
        ),
        ("status-word", print("Status: ok\\nContent-Type: a/b\\n\\n")),
        (
            "status-small",
            print("Status: 99\\nContent-Type: a/b\\n\\n"),
        ),
        (
            "status-large",
            print("Status: 1000\\nContent-Type: a/b\\n\\n"),
        ),
        (
            "status-interim",
            print("Status: 100 Continue\\nContent-Type: a/b\\n\\n"),
        ),
        (
            "status-switch",
            print("Status: 101\\nContent-Type: a/b\\n\\n"),
        ),
        (
            "length",
            print("Content-Length: x\\nContent-Type: a/b\\n\\n"),
        ),
        (
            "lengths",
            print("Content-Length: 1\\nContent-Length: 2\\nContent-Type: a/b\\n\\nab"),
        ),
        (
            "sign",
            print("Content-Length: +1\\nContent-Type: a/b\\n\\nab"),
        ),
        ("name", print("Content Type: a/b\\nContent-Type: a/b\\n\\n")),
        ("no-name", print(": b\\nContent-Type: a/b\\n\\n")),
    ];
    let site = Scripts::new(driver, "");
    for (name, script) in &cases {
        site.sh(name, script);
    }
    let mut client = site.client();
    for (name, _) in &cases {
        let response = client.get(&format!("/cgi-bin/{name}"));
        assert_eq!(response.status, 502, "{name}: {response:?}");
        site.complaint(name);
    }
}

/// A script that passes on what a client says must not let it write fields of its own.
fn nothing_of_an_answer_is_injected(driver: &Driver) {
    let site = Scripts::new(driver, "");
    for (n, value) in ["a\\rX-B: b", "a\\0X-B: b", "a\\013b", "a\\033[2J", "a\\177"]
        .iter()
        .enumerate()
    {
        site.sh(
            &n.to_string(),
            &print(&format!("Content-Type: a/b\\nX-A: {value}\\n\\n")),
        );
        let response = site.get(&format!("/cgi-bin/{n}"));
        // The client of these tests checks each byte of a head.
        assert_eq!(response.get("x-b"), None, "{value}: {response:?}");
        assert!(
            [200, 502].contains(&response.status),
            "{value}: {response:?}"
        );
    }
    site.sh(
        "echo",
        "printf \"Content-Type: text/plain\\nX-A: $PATH_INFO\\n\\n\"",
    );
    for target in [
        "/cgi-bin/echo/%0aX-B:%20b",
        "/cgi-bin/echo/%0d%0aX-B:%20b%0d%0a%0d%0ano",
    ] {
        let response = site.get(target);
        assert!(
            [400, 404].contains(&response.status),
            "{target}: {response:?}"
        );
    }
}

fn silence(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    // One that begins late is ended before it complains, and another one is asked for.
    let mut scripts = (0..).map(|n| format!("silent-{n}"));
    let complains = || {
        let script = scripts.next().expect("a number");
        site.sh(&script, "echo 'too slow' >&2; exec sleep 1000");
        assert_eq!(site.get(&format!("/cgi-bin/{script}")).status, 504);
        site.complaint(&script).contains("too slow")
    };
    assert!(eventually(complains), "{}", site.error_log());
}

fn one_line_for_the_administrator(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let cases = [
        (
            "explains",
            "echo 'no such table'>&2; echo 'second line' >&2; exit 7",
            "no such table",
        ),
        (
            "writes-controls",
            "printf 'red \\033[31m\\r\\nnext\\n' >&2; exit 1",
            "red",
        ),
        ("dies", "echo 'out of luck' >&2; kill -9 $$", "out of luck"),
        (
            "nonsense",
            "echo warning >&2; echo hello; echo; echo",
            "warning",
        ),
    ];
    for (name, script, stderr) in cases {
        site.sh(name, script);
        assert_eq!(site.get(&format!("/cgi-bin/{name}")).status, 502);
        let line = site.complaint(name);
        assert!(line.contains(stderr), "{line}");
        assert!(line.contains("[error]"), "{line}");
        let printable = line.bytes().all(|b| b >= b' ' && b != 0x7f);
        assert!(printable, "{}", line.escape_debug());
    }
    let signal = site.complaint("dies");
    assert!(
        signal.contains("signal 9") || signal.contains("SIGKILL"),
        "{signal}"
    );
    let status = site.complaint("explains");
    assert!(status.contains('7'), "{status}");
}

/// A script that complains for ever neither fills the log nor stops.
fn the_bounds_of_a_complaint(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "chatty",
        "head -c 10000000 /dev/zero | tr '\\0' x >&2; printf 'Content-Type: a/b\\n\\nhello'",
    );
    assert_eq!(site.get("/cgi-bin/chatty").text(), "hello");
    site.sh(
        "chatty-and-dumb",
        "head -c 10000000 /dev/zero | tr '\\0' x >&2; exit 1",
    );
    assert_eq!(site.get("/cgi-bin/chatty-and-dumb").status, 502);
    assert!(site.complaint("chatty-and-dumb").len() < 10_000);
    // 64 KiB of each.
    assert!(site.error_log().len() < 150_000);
}

fn where_complaints_go(driver: &Driver) {
    for (value, logged, kept) in [
        ("log", true, false),
        ("off", false, false),
        ("FOLDER/file", false, true),
    ] {
        let site = Scripts::new(driver, &format!("cgi_stderr {value};"));
        site.sh(
            "warns",
            "echo 'a warning' >&2; printf 'Content-Type: a/b\\n\\nhello'",
        );
        assert_eq!(site.get("/cgi-bin/warns").text(), "hello", "{value}");
        let file = || fs::read_to_string(site.outside("file")).unwrap_or_default();
        let found = || {
            (
                site.error_log().contains("a warning"),
                file().contains("a warning"),
            )
        };
        assert!(
            eventually(|| found() == (logged, kept)),
            "{value}: {:?}",
            found()
        );
    }
}

fn scripts_that_cannot_be_run(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.program("cgi-bin/no-interpreter", "#!/no/such/interpreter\n");
    site.program("cgi-bin/no-program", "neither a script nor a program\n");
    site.program("cgi-bin/empty", "");
    for name in ["no-interpreter", "no-program", "empty"] {
        let status = site.get(&format!("/cgi-bin/{name}")).status;
        assert!([500, 502].contains(&status), "{name}: {status}");
        site.complaint(name);
    }
    site.file("cgi-bin/plain", "#!/bin/sh\n");
    assert_eq!(site.get("/cgi-bin/plain").status, 403);
    assert_eq!(site.get("/cgi-bin/missing").status, 404);
    let server = "location /broken/ { cgi_pass /no/such/interpreter; }";
    let directives = Directives {
        server,
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.file("broken/a.txt", "SECRET");
    let response = site.get("/broken/a.txt");
    assert!([500, 502].contains(&response.status), "{response:?}");
    site.complaint("a.txt");
}

fn the_source_is_never_served(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let secret = "#!/bin/sh\n# SECRET\nexit 1\n";
    site.program("cgi-bin/run", secret);
    site.file("cgi-bin/plain", secret);
    site.program("cgi-bin/unreadable", secret);
    site.program("cgi-bin/sub/run", secret);
    let hidden = Permissions::from_mode(0o000);
    fs::set_permissions(site.path("cgi-bin/unreadable"), hidden).expect("chmod");
    let targets = [
        "run",
        "%72un",
        "run/",
        "run%20",
        "run.",
        "run%2f",
        "run?",
        "./run",
        "sub/../run",
        "/run",
        "plain",
        "plain/",
        "plain/x",
        "unreadable",
        "sub/run",
        "sub/",
        "",
        "run%00.html",
        "run;x",
    ];
    let fields: [&[(&str, &str)]; 3] = [
        &[],
        &[("Range", "bytes=0-9"), ("If-None-Match", "*")],
        &[("Accept-Encoding", "gzip"), ("Translate", "f")],
    ];
    for target in targets {
        for method in [
            "GET", "POST", "OPTIONS", "PUT", "DELETE", "PROPFIND", "BREW",
        ] {
            for fields in fields {
                let mut wire = site.wire();
                let fields = [fields, &[("Connection", "close")]].concat();
                wire.send(encode(method, &format!("/cgi-bin/{target}"), &fields));
                let answer = String::from_utf8(wire.read_to_end().0).expect("UTF-8");
                let found = answer.contains("SECRET") || answer.contains("HTTP/1.1 2");
                let allowed = method == "OPTIONS" && !answer.contains("SECRET");
                assert!(!found || allowed, "{method} {target}: {answer}");
            }
        }
    }
}

fn the_next_request_is_served(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh("bad", "exit 1");
    site.sh("good", &print("Content-Type: text/plain\\n\\nhello"));
    site.file("a.txt", "a file");
    let mut client = site.client();
    let targets = ["/cgi-bin/bad", "/cgi-bin/good", "/a.txt"];
    for _ in 0..2 {
        let requests: String = targets
            .iter()
            .map(|target| encode("GET", target, &[]))
            .collect();
        client.wire.send(requests);
        assert_eq!(client.response("GET").status, 502);
        assert_eq!(client.response("GET").text(), "hello");
        assert_eq!(client.response("GET").text(), "a file");
    }
}
