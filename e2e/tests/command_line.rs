//! The command line.

use std::fs;
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::{Output, Stdio};

use e2e::{Client, Driver, Server, Site, eventually, for_each_driver, free_address};
use rustix::process::{Pid, Signal, kill_process};

for_each_driver!(
    help,
    version,
    announcement,
    chosen_port,
    current_folder,
    two_addresses,
    ipv6,
    log_to_standard_output,
    closed_standard_output,
    port_in_use,
    folder_that_is_none,
    bad_arguments,
);

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

/// One line on standard error that names the culprit, and exit status 1.
fn assert_refused(output: &Output, culprit: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(text(&output.stdout), "");
    assert_eq!(stderr.matches('\n').count(), 1, "{stderr}");
    assert!(
        stderr.ends_with('\n') && stderr.contains(culprit),
        "{stderr}"
    );
}

fn help(driver: &Driver) {
    let output = driver.run(&["--help"]);
    assert!(output.status.success());
    assert_eq!(text(&output.stderr), "");
    for word in [
        driver.name(),
        "DIR",
        "--listen",
        "--port",
        "--no-listing",
        "--access-log",
        "--connections",
        "--workers",
        "--worker-shutdown-timeout",
        "--user",
        "--help",
        "--version",
    ] {
        assert!(text(&output.stdout).contains(word), "{word}");
    }
}

fn version(driver: &Driver) {
    let output = driver.run(&["--version"]);
    assert!(output.status.success());
    let expected = format!("{} {}\n", driver.name(), env!("CARGO_PKG_VERSION"));
    assert_eq!(text(&output.stdout), expected);
}

fn announcement(driver: &Driver) {
    let site = driver.site(&[]);
    let root = site.path("").canonicalize().expect("path");
    let (name, root, port) = (driver.name(), root.display(), site.server.address().port());
    let expected = format!("{name}: serving {root} on http://127.0.0.1:{port}/");
    assert_eq!(site.server.announced, [expected]);
}

fn chosen_port(driver: &Driver) {
    let free = free_address();
    let mut command = driver.command();
    command.args(["--port", &free.port().to_string(), "--access-log", "off"]);
    assert_eq!(Server::start(command, 1).addresses, [free]);
}

fn current_folder(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("a.txt"), "hello").expect("write");
    let mut command = driver.command();
    command.args(["--port", "0", "--access-log", "off"]);
    command.current_dir(folder.path());
    let server = Server::start(command, 1);
    let response = Client::connect(server.address()).get("/a.txt");
    assert_eq!(response.text(), "hello");
}

fn two_addresses(driver: &Driver) {
    let flags = ["--listen", "127.0.0.1:0", "--listen", "127.0.0.2:0"];
    let site = driver.site(&flags);
    site.write("a.txt", "hello");
    let hosts = site.server.addresses.iter().map(|a| a.ip().to_string());
    assert_eq!(hosts.collect::<Vec<_>>(), ["127.0.0.1", "127.0.0.2"]);
    for address in &site.server.addresses {
        assert_eq!(Client::connect(*address).get("/a.txt").text(), "hello");
    }
}

fn ipv6(driver: &Driver) {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        return eprintln!("NOT TESTED: no IPv6 here");
    }
    let site = driver.site(&["--listen", "[::1]:0"]);
    site.write("a.txt", "hello");
    assert!(site.server.address().is_ipv6());
    assert_eq!(site.get("/a.txt").text(), "hello");
}

fn log_to_standard_output(driver: &Driver) {
    let site: Site = driver.site(&["--access-log", "-"]);
    site.write("a.txt", "hello");
    site.get("/a.txt");
    let line = site.server.stdout_line();
    assert!(line.contains("\"GET /a.txt HTTP/1.1\" 200 5"), "{line}");
}

/// It cannot say where it listens, and listens all the same.
fn closed_standard_output(driver: &Driver) {
    let (folder, address) = (tempfile::tempdir().expect("folder"), free_address());
    fs::write(folder.path().join("a.txt"), "hello").expect("write");
    let mut command = driver.command();
    command.arg(folder.path());
    command.args(["--listen", &address.to_string()]);
    let mut server = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("spawn");
    drop(server.stdout.take());
    assert!(eventually(|| TcpStream::connect(address).is_ok()));
    let mut client = Client::connect(address);
    for _ in 0..3 {
        assert_eq!(client.get("/a.txt").text(), "hello");
    }
    kill_process(Pid::from_child(&server), Signal::TERM).expect("kill");
    assert_eq!(server.wait().expect("wait").code(), Some(0));
}

fn port_in_use(driver: &Driver) {
    let address = free_address();
    let _listener = TcpListener::bind(address).expect("bind");
    let (port, address) = (address.port().to_string(), address.to_string());
    assert_refused(&driver.run(&[".", "--port", &port]), &port);
    assert_refused(&driver.run(&[".", "--listen", &address]), &address);
    let free_and_used = [".", "--listen", "127.0.0.1:0", "--listen", &address];
    assert_refused(&driver.run(&free_and_used), &address);
}

fn folder_that_is_none(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    fs::write(folder.path().join("file.txt"), "x").expect("write");
    for name in ["missing", "file.txt"] {
        let path = folder.path().join(name).display().to_string();
        assert_refused(&driver.run(&[&path, "--port", "0"]), name);
    }
}

fn bad_arguments(driver: &Driver) {
    for (arguments, culprit) in [
        (&["--frobnicate"][..], "--frobnicate"),
        (&["-x"], "-x"),
        (&[".", "surplus"], "surplus"),
        (&["--port"], "--port"),
        (&["--port", "65536"], "65536"),
        (&["--port", "http"], "http"),
        (&["--port", ""], "--port"),
        (&["--port=-1"], "-1"),
        (&["--listen", "nonsense"], "nonsense"),
        (&["--listen", "127.0.0.1:99999"], "99999"),
        (&["--connections", "0"], "--connections"),
        (&["--connections", "many"], "many"),
        (&["--workers", "0"], "--workers"),
        (&["--workers", "all"], "all"),
        (&["--worker-shutdown-timeout", "1s"], "1s"),
        (&["--port", "0", "--access-log", "/none/log"], "/none/log"),
    ] {
        assert_refused(&driver.run(arguments), culprit);
    }
}
