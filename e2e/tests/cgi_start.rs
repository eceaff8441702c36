//! The state in which a CGI script starts: RFC 3875, 4.4 and 7.2, and what Unix adds.
#![cfg(target_os = "linux")]

use std::fs;

use e2e::{Directives, Driver, Scripts, encode, for_each_driver};
use rustix::process::Signal;

for_each_driver!(
    what_may_be_executed_runs,
    no_argument_from_the_query,
    standard_descriptors_alone,
    default_signals,
    a_process_group_of_its_own,
    the_folder_of_the_script_is_the_working_directory,
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

/// The server ignores SIGPIPE; a script that did would not end when nobody reads what it writes.
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
    for signal in [Signal::PIPE, Signal::TERM, Signal::CHILD, Signal::USR1] {
        let bit = 1 << (signal.as_raw() - 1);
        assert_eq!(set("SigIgn:") & bit, 0, "{signal:?} is ignored");
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
