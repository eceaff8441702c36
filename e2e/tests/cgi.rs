//! Scripts over real pipes: what they get, how their answers stream, and that they leave nothing behind.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use e2e::{Client, Driver, Server, eventually, for_each_driver, free_address, noise};
use rustix::process::{Pid, Signal, test_kill_process};
use tempfile::TempDir;

for_each_driver!(
    a_script_answers,
    content_of_any_length,
    a_script_that_writes_before_it_reads,
    events_arrive_as_they_happen,
    a_client_that_goes_ends_the_script,
    silence_ends_the_script,
    nobody_is_left_behind,
    who_closes_the_output_has_answered,
    places_are_limited,
    a_graceful_stop_waits_for_a_script,
    a_fast_stop_ends_scripts,
    failures_are_told,
);

struct Place {
    folder: TempDir,
    address: SocketAddr,
    server: Server,
}

impl Place {
    fn new(driver: &Driver, http: &str, location: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        let root = folder.path().display();
        let address = free_address();
        let config = folder.path().join("nginx.conf");
        let text = format!(
            "error_log {root}/errors; events {{ }} http {{ access_log off; cgi_timeout 1h; {http}\n\
             server {{ listen {address}; root {root}; location / {{ cgi_pass exec; {location} }} }} }}"
        );
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-c").arg(config);
        Self {
            address,
            server: Server::start(command, 1),
            folder,
        }
    }

    fn script(&self, name: &str, text: &str) {
        self.program(name, &format!("#!/bin/sh\n{text}"));
    }

    /// Writes a program by another process, and renames it into place: a file that is open for writing
    /// cannot be run.
    fn program(&self, name: &str, text: &str) {
        let (draft, path) = (
            self.folder.path().join("draft"),
            self.folder.path().join(name),
        );
        let write = std::process::Command::new("sh")
            .args([
                "-c",
                "printf '%s' \"$1\" > \"$2\" && chmod 755 \"$2\"",
                "sh",
            ])
            .arg(format!("{text}\n"))
            .arg(&draft)
            .status();
        assert!(write.expect("sh").success());
        fs::rename(draft, path).expect("rename");
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Lets scripts go on that wait for this file.
    fn touch(&self, name: &str) {
        fs::write(self.folder.path().join(name), "").expect("write");
    }

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Sends GET and waits for nothing.
    fn ask(&self, target: &str) -> Client {
        let mut client = self.client();
        client
            .wire
            .send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"));
        client
    }

    /// The processes whose numbers a script has written to `name`, once there are so many.
    fn processes(&self, name: &str, count: usize) -> Vec<Pid> {
        let pids = || {
            let text = self.file(name);
            let numbers = text.lines().filter_map(|line| line.parse().ok());
            numbers.filter_map(Pid::from_raw).collect::<Vec<_>>()
        };
        assert!(eventually(|| pids().len() == count));
        pids()
    }

    /// Whether the server has no children, dead or alive.
    fn is_childless(&self) -> bool {
        let own = self.server.proc("stat");
        let own = own.split(' ').next().unwrap_or_default().to_owned();
        let parent = |entry: &Path| {
            let stat = fs::read_to_string(entry.join("stat")).ok()?;
            let (_, rest) = stat.rsplit_once(") ")?;
            Some(rest.split(' ').nth(1)?.to_owned())
        };
        let all = fs::read_dir("/proc").expect("proc").flatten();
        !all.into_iter()
            .any(|entry| parent(&entry.path()).as_deref() == Some(&own))
    }
}

/// Whether a process has ended; whoever is its parent by then may not have seen it yet.
fn is_gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    test_kill_process(pid).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
}

const MOMENT: Duration = Duration::from_millis(20);

const TYPED: &str = "echo 'Content-Type: text/plain'; echo;";

/// Waits for a file.
fn until(name: &str) -> String {
    format!("while [ ! -e {name} ]; do sleep 0.02; done;")
}

fn a_script_answers(driver: &Driver) {
    let place = Place::new(driver, "", "cgi_env MINE \"$request_method!\";");
    let show = "echo \"$0|$SCRIPT_NAME|$PATH_INFO|$QUERY_STRING|$MINE|$(pwd)\"";
    place.script("show", &format!("{TYPED} {show}"));
    let folder = place.folder.path().canonicalize().expect("path");
    let folder = folder.display();
    let mut client = place.client();
    for _ in 0..3 {
        let response = client.get("/show/a%20b?c+d");
        let expected = format!("{folder}/show|/show|/a b|c+d|GET!|{folder}\n");
        assert_eq!((response.status, response.text()), (200, &*expected));
    }
    assert!(eventually(|| place.is_childless()));
}

fn content_of_any_length(driver: &Driver) {
    for buffering in ["on", "off"] {
        let location = format!("cgi_body_buffering {buffering};");
        let place = Place::new(driver, "client_max_body_size 8m;", &location);
        place.script("echo", &format!("{TYPED} echo $CONTENT_LENGTH; cat"));
        let mut client = place.client();
        for len in [1, 4096, 16 * 1024 + 1, 100_000, 3_000_000] {
            let body = noise(len);
            let length = len.to_string();
            let head = e2e::encode("POST", "/echo", &[("Content-Length", &length)]);
            let response = client.exchange("POST", &[head.as_bytes(), &body].concat());
            let front = format!("{len}\n");
            let echoed = response.body.strip_prefix(front.as_bytes());
            assert!(echoed == Some(&body[..]), "{buffering} {len}");
        }
        let chunks = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
             2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n";
        client.wire.send(chunks);
        assert_eq!(client.response("POST").text(), "5\nhello");
    }
}

/// More than all pipes and buffers hold, in both directions at once.
fn a_script_that_writes_before_it_reads(driver: &Driver) {
    let place = Place::new(
        driver,
        "client_max_body_size 8m;",
        "cgi_body_buffering off;",
    );
    let flood = "head -c 6000000 /dev/zero; wc -c";
    place.script("flood", &format!("{TYPED} {flood}"));
    let body = noise(2_000_000);
    let mut client = place.client();
    let head = e2e::encode("POST", "/flood", &[("Content-Length", "2000000")]);
    let response = client.exchange("POST", &[head.as_bytes(), &body].concat());
    assert!(response.body.ends_with(b"2000000\n"));
    assert!(response.body.len() > 6_000_000);
}

fn events_arrive_as_they_happen(driver: &Driver) {
    let place = Place::new(driver, "", "");
    let (go, on) = (until("go"), until("on"));
    let text =
        format!("echo 'Content-Type: text/event-stream'; echo; echo one; {go} echo two; {on}");
    place.script("events", &text);
    let mut client = place.ask("/events");
    assert_eq!(client.head().field("transfer-encoding"), "chunked");
    client.wire.read_through(b"one\n\r\n");
    place.touch("go");
    client.wire.read_through(b"two\n\r\n");
    place.touch("on");
    client.wire.read_through(b"0\r\n\r\n");
}

/// A script, and one that it has started.
fn family() -> String {
    format!("sleep 1000 & echo $! >> pids; echo $$ >> pids; {TYPED} echo begun; wait")
}

fn a_client_that_goes_ends_the_script(driver: &Driver) {
    let place = Place::new(driver, "", "");
    place.script("family", &family());
    let client = place.ask("/family");
    let pids = place.processes("pids", 2);
    drop(client);
    for pid in pids {
        assert!(eventually(|| is_gone(pid)));
    }
    assert!(eventually(|| place.is_childless()));
}

/// It wants no end, and is made to.
fn silence_ends_the_script(driver: &Driver) {
    let place = Place::new(driver, "", "cgi_timeout 200ms;");
    place.script(
        "deaf",
        "trap '' TERM; echo $$ > pid; while :; do sleep 1; done",
    );
    // One that begins late is ended before it tells its number.
    assert!(eventually(|| {
        assert_eq!(place.client().get("/deaf").status, 504);
        !place.file("pid").is_empty()
    }));
    let pid = place.processes("pid", 1)[0];
    assert!(eventually(|| is_gone(pid)));
    assert!(eventually(|| place.is_childless()));
    assert!(eventually(|| place
        .file("errors")
        .contains("deaf: silent for 200ms")));
}

/// A job in the background holds the pipe, and neither the request nor the server.
fn nobody_is_left_behind(driver: &Driver) {
    let place = Place::new(driver, "", "");
    place.script(
        "leaves",
        &format!("sleep 1000 & echo $! >> pids; {TYPED} echo hi"),
    );
    let mut client = place.client();
    for _ in 0..2 {
        assert_eq!(client.get("/leaves").text(), "hi\n");
    }
    let jobs = place.processes("pids", 2);
    assert!(
        eventually(|| place.is_childless()),
        "the script itself has ended"
    );
    for job in jobs {
        assert!(!is_gone(job), "what it has left on purpose goes on");
        let _ = rustix::process::kill_process(job, Signal::KILL);
    }
}

/// It has said all, and has work to do.
fn who_closes_the_output_has_answered(driver: &Driver) {
    let place = Place::new(driver, "", "");
    let text = format!("{TYPED} echo hi; exec >&- 2>&-; {} echo > on", until("go"));
    place.script("works", &text);
    let mut client = place.client();
    assert_eq!(client.get("/works").text(), "hi\n");
    place.touch("go");
    assert!(eventually(|| place.folder.path().join("on").exists()));
    assert!(eventually(|| place.is_childless()));
}

fn places_are_limited(driver: &Driver) {
    let place = Place::new(driver, "cgi_max_children 1 queue=1 wait=1h;", "");
    place.script(
        "slow",
        &format!("echo $$ >> pids; {TYPED} {} echo done", until("go")),
    );
    let mut first = place.ask("/slow");
    let pid = place.processes("pids", 1);
    // One of them waits, and the other one may not.
    let mut others = [place.ask("/slow"), place.ask("/slow")];
    let mut answered = || others.iter_mut().any(|it| !it.wire.is_quiet(MOMENT));
    assert!(eventually(&mut answered));
    assert_eq!(place.processes("pids", 1), pid, "only one runs");
    place.touch("go");
    assert_eq!(first.response("GET").text(), "done\n");
    let mut responses = others.map(|mut client| client.response("GET"));
    responses.sort_by_key(|response| response.status);
    assert_eq!(responses[0].text(), "done\n");
    assert_eq!(responses[1].status, 503);
    assert!(responses[1].get("retry-after").is_some());
    assert_eq!(place.client().get("/slow").status, 200);
}

fn a_graceful_stop_waits_for_a_script(driver: &Driver) {
    let mut place = Place::new(driver, "", "");
    place.script(
        "slow",
        &format!("echo $$ >> pids; {TYPED} {} echo done", until("go")),
    );
    let mut client = place.ask("/slow");
    place.processes("pids", 1);
    place.server.signal(Signal::QUIT);
    let refuses = || std::net::TcpStream::connect(place.address).is_err();
    assert!(eventually(refuses));
    place.touch("go");
    assert_eq!(client.response("GET").text(), "done\n");
    let status = place.server.exit_within(Duration::from_secs(20));
    assert_eq!(status.and_then(|status| status.code()), Some(0));
}

fn a_fast_stop_ends_scripts(driver: &Driver) {
    let mut place = Place::new(driver, "", "");
    place.script("family", &family());
    let _client = place.ask("/family");
    let pids = place.processes("pids", 2);
    place.server.signal(Signal::TERM);
    let status = place.server.exit_within(Duration::from_secs(20));
    assert_eq!(status.and_then(|status| status.code()), Some(0));
    for pid in pids {
        assert!(eventually(|| is_gone(pid)));
    }
}

fn failures_are_told(driver: &Driver) {
    let place = Place::new(driver, "", "");
    place.script("dies", "echo 'no \"luck\"' >&2; kill -9 $$");
    place.program("missing", "#!/no/such/program");
    for (target, line) in [
        (
            "/dies",
            "dies: no head, killed by signal 9: \"no \\\"luck\\\"\\n\", client: 127.0.0.1, server: , request: \"GET /dies HTTP/1.1\", host: ",
        ),
        ("/missing", "missing: cannot be run: "),
    ] {
        let response = place.client().get(target);
        assert_eq!(response.status, 502, "{target}");
        assert!(!response.text().contains("luck"));
        assert!(
            eventually(|| place.file("errors").contains(line)),
            "{}",
            place.file("errors")
        );
    }
}
