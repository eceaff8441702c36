//! The scripts in `examples/cgi-bin` do what its README says.
#![cfg(target_os = "linux")]

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use e2e::{Client, Driver, Response, Server, for_each_driver, free_address};
use tempfile::TempDir;

for_each_driver!(shell, perl, python, compiled, wsgi);

/// A copy of the example, and a server of it.
struct Example {
    folder: TempDir,
    address: SocketAddr,
    _server: Server,
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/cgi-bin")
}

/// Whether there is this program; says so if not.
fn is_there(program: &str) -> bool {
    let there = Path::new(program).exists();
    if !there {
        e2e::skipped(&format!("there is no {program}"));
    }
    there
}

impl Example {
    fn new(driver: &Driver) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        // By another process: what this one holds open for writing while a child of another test
        // starts cannot be executed.
        let mut copy = Command::new("cp");
        copy.arg("-r").arg(source().join(".")).arg(folder.path());
        assert!(copy.status().expect("cp").success());
        let address = free_address();
        let config = folder.path().join("nginx.conf");
        let text = fs::read_to_string(&config).expect("read");
        let text = text.replace("127.0.0.1:8080", &address.to_string());
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-e").arg(folder.path().join("error.log"));
        command.arg("-c").arg(&config);
        Self {
            _server: Server::start(command, 1),
            address,
            folder,
        }
    }

    fn get(&self, target: &str) -> Response {
        Client::connect(self.address).get(target)
    }

    fn send(&self, method: &str, target: &str, content: &str) -> Response {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: e2e\r\nContent-Length: ");
        let request = format!("{head}{}\r\n\r\n{content}", content.len());
        Client::connect(self.address).exchange(method, request.as_bytes())
    }
}

fn shell(driver: &Driver) {
    let example = Example::new(driver);
    let response = example.get("/cgi-bin/hello.sh/more?who=you");
    let text = response.text();
    assert!(text.starts_with("Good day from h1/"), "{text}");
    let expected = "You asked for GET /cgi-bin/hello.sh with \"who=you\" and \"/more\".\n";
    assert!(text.ends_with(expected), "{text}");
}

fn perl(driver: &Driver) {
    if !is_there("/usr/bin/perl") {
        return;
    }
    let example = Example::new(driver);
    let response = example.send("POST", "/cgi-bin/count.pl", "one two\nthree\n\n four");
    assert_eq!(response.text(), "4 words\n");
    let response = example.get("/cgi-bin/count.pl");
    assert_eq!((response.status, response.field("allow")), (405, "POST"));
    let response = example.send("POST", "/cgi-bin/count.pl", &"x".repeat(65_537));
    assert_eq!(response.status, 413);
}

fn python(driver: &Driver) {
    if !is_there("/usr/bin/python3") {
        return;
    }
    let example = Example::new(driver);
    assert!(example.get("/greet.py").text().contains("Hello, stranger!"));
    let response = example.send("POST", "/greet.py", "name=%3CJ%C3%B6rg%3E");
    assert!(
        response.text().contains("Hello, &lt;Jörg&gt;!"),
        "{response:?}"
    );
}

fn compiled(driver: &Driver) {
    let example = Example::new(driver);
    let target = example.folder.path().join("site/cgi-bin/sum");
    let mut rustc = Command::new("rustc");
    rustc.arg(source().join("sum.rs")).arg("-o").arg(&target);
    assert!(rustc.status().expect("rustc").success());
    assert_eq!(example.get("/cgi-bin/sum?n=1&n=-2&n=40").text(), "39\n");
    assert_eq!(example.get("/cgi-bin/sum?n=one").status, 400);
}

fn wsgi(driver: &Driver) {
    if !is_there("/usr/bin/python3") {
        return;
    }
    let example = Example::new(driver);
    assert_eq!(example.get("/notes/").text(), "{}\n");
    let made = example.send("PUT", "/notes/milk", "two bottles");
    assert_eq!((made.status, made.text()), (201, "\"two bottles\"\n"));
    assert_eq!(example.get("/notes/milk").text(), "\"two bottles\"\n");
    assert_eq!(example.get("/notes/bread").status, 404);
    assert_eq!(
        example.get("/notes").text(),
        "{\"milk\": \"two bottles\"}\n"
    );
    // Neither the source nor what it keeps is served.
    assert_eq!(example.get("/notes.json").status, 404);
    assert!(!example.get("/notes.py").text().contains("import"));
}
