//! Programs that people run as CGI scripts. Each is looked for where the server looks; where it is
//! missing the test says that it was skipped.
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use e2e::{Directives, Driver, Scripts, encode, for_each_driver};

for_each_driver!(php, perl, python, shell, git_clone_and_push);

/// The path of a program, or a word that the test is skipped.
fn program(name: &str) -> Option<PathBuf> {
    let folders = ["/usr/local/bin", "/usr/bin", "/bin"];
    let mut paths = folders.iter().map(|folder| Path::new(folder).join(name));
    let found = paths.find(|path| path.exists());
    if found.is_none() {
        e2e::skipped(&format!("there is no {name}"));
    }
    found
}

/// A server that gives files with this ending to the interpreter.
fn interpreting(driver: &Driver, ending: &str, interpreter: &Path) -> Scripts {
    let interpreter = interpreter.display();
    let server = format!("location ~ \\.{ending}(/|$) {{ cgi_pass {interpreter}; }}");
    let directives = Directives {
        server: &server,
        ..Directives::default()
    };
    Scripts::configured(driver, directives)
}

/// A form with one field, as a browser sends it.
fn form(target: &str) -> String {
    let kind = "Content-Type: application/x-www-form-urlencoded";
    let head = format!("POST {target} HTTP/1.1\r\nHost: e2e\r\n{kind}\r\n");
    head + "Content-Length: 17\r\n\r\nname=J%C3%B6rg+X+"
}

fn php(driver: &Driver) {
    let Some(interpreter) = program("php-cgi") else {
        return;
    };
    let site = interpreting(driver, "php", &interpreter);
    site.file(
        "a.php",
        "<?php header('X-A: b'); setcookie('c', 'd'); http_response_code(203);
        echo ($_SERVER['PATH_INFO'] ?? '') ?: '-', ' ', $_SERVER['SCRIPT_NAME'], ' ', $_GET['q'] ?? '-', ' ',
        $_POST['name'] ?? '-', ' ', file_get_contents('php://input');",
    );
    site.file(
        "away.php",
        "<?php header('Location: http://other.example/');",
    );
    site.file("none.php", "<?php http_response_code(404); echo 'none';");
    site.file(
        "upload.php",
        "<?php echo $_FILES['f']['name'], ' ', filesize($_FILES['f']['tmp_name']);",
    );
    site.file(
        "endless.php",
        "<?php while (1) { echo str_repeat('x', 1000); }",
    );
    let mut client = site.client();
    let response = client.get("/a.php/in%20fo?q=%26");
    assert_eq!(
        (response.status, response.text()),
        (203, "/in fo /a.php & - ")
    );
    assert_eq!(
        (response.field("x-a"), response.field("set-cookie")),
        ("b", "c=d")
    );
    assert!(response.field("content-type").starts_with("text/html"));
    // Arguments for the interpreter, if it took any from the query.
    for query in ["-s", "-d+allow_url_include%3d1", "%ADd+x"] {
        let response = client.get(&format!("/a.php?{query}"));
        assert_eq!(response.text(), "- /a.php - - ", "{query}");
    }
    client.wire.send(form("/a.php"));
    let expected = "- /a.php - Jörg X  name=J%C3%B6rg+X+";
    assert_eq!(client.response("POST").text(), expected);
    let response = client.get("/away.php");
    assert_eq!(
        (response.status, response.field("location")),
        (302, "http://other.example/")
    );
    assert_eq!(client.get("/none.php").status, 404);
    assert_eq!(client.request("HEAD", "/a.php", &[]).status, 203);
    let missing = client.get("/missing.php");
    assert!(
        missing.status == 404 && !missing.text().contains("No input file"),
        "{missing:?}"
    );
    let content = format!(
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\n{}\r\n--b--\r\n",
        "x".repeat(100_000)
    );
    let fields = format!(
        "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {}",
        content.len()
    );
    client.wire.send(format!(
        "POST /upload.php HTTP/1.1\r\nHost: e2e\r\n{fields}\r\n\r\n{content}"
    ));
    assert_eq!(client.response("POST").text(), "n 100000");
    client.wire.send(encode("GET", "/endless.php", &[]));
    assert_eq!(client.head().status, 200);
    client.wire.reset();
    assert_eq!(site.get("/none.php").status, 404);
}

fn perl(driver: &Driver) {
    let Some(interpreter) = program("perl") else {
        return;
    };
    let site = interpreting(driver, "pl", &interpreter);
    site.file(
        "a.pl",
        r#"use strict; local $/; my $content = <STDIN> // '';
        print "Content-Type: text/plain\r\nStatus: 202 Taken\r\n\r\n";
        print join ' ', $ENV{REQUEST_METHOD}, $ENV{QUERY_STRING}, scalar @ARGV, $content;"#,
    );
    site.file("dies.pl", "die 'out of cheese'");
    let mut client = site.client();
    let response = client.get("/a.pl?a+b");
    assert_eq!((response.status, response.text()), (202, "GET a+b 0 "));
    client.wire.send(form("/a.pl"));
    assert_eq!(client.response("POST").text(), "POST  0 name=J%C3%B6rg+X+");
    assert_eq!(client.get("/dies.pl").status, 502);
    let line = site.complaint("dies.pl");
    assert!(line.contains("out of cheese"), "{line}");
}

fn python(driver: &Driver) {
    let Some(interpreter) = program("python3") else {
        return;
    };
    let site = interpreting(driver, "py", &interpreter);
    site.file(
        "a.py",
        "import os, sys, urllib.parse\n\
         print('Content-Type: text/plain; charset=utf-8\\n', flush=True)\n\
         length = int(os.environ.get('CONTENT_LENGTH') or 0)\n\
         form = urllib.parse.parse_qs(sys.stdin.read(length))\n\
         sys.stdout.buffer.write(repr((sys.argv[1:], form.get('name'))).encode())\n",
    );
    site.file("dies.py", "import nothing_of_this_name\n");
    let mut client = site.client();
    assert_eq!(client.get("/a.py?a+b").text(), "([], None)");
    client.wire.send(form("/a.py"));
    assert_eq!(client.response("POST").text(), "([], ['Jörg X '])");
    assert_eq!(client.get("/dies.py").status, 502);
    let line = site.complaint("dies.py");
    assert!(line.contains("Traceback"), "{line}");
}

fn shell(driver: &Driver) {
    let site = interpreting(driver, "sh", Path::new("/bin/sh"));
    site.file(
        "a.sh",
        "echo Content-Type: text/plain; echo; echo $# $QUERY_STRING; cat\n",
    );
    let mut client = site.client();
    assert_eq!(client.get("/a.sh?a+b").text(), "0 a+b\n");
    client.wire.send(form("/a.sh"));
    assert_eq!(client.response("POST").text(), "0\nname=J%C3%B6rg+X+");
}

/// Runs git in `folder`, away from anybody's configuration.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "user.name=e2e", "-c", "user.email=e2e@example.org"])
        .args(["-c", "protocol.version=2", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("HOME", folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("no_proxy", "*")
        .stdin(Stdio::null())
        .output()
        .expect("git");
    assert!(output.status.success(), "git {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// A thousand files go up and come down, in requests with content in chunks and compressed, and a
/// change goes up from the copy.
fn git_clone_and_push(driver: &Driver) {
    const FILES: usize = 1000;
    if program("git").is_none() {
        return;
    }
    let location = "client_max_body_size 0; cgi_env GIT_PROJECT_ROOT FOLDER/repositories;
        cgi_env GIT_HTTP_EXPORT_ALL 1;";
    let site = Scripts::new(driver, location);
    site.sh("git", "exec git http-backend");
    let bare = site.outside("repositories/many.git");
    fs::create_dir_all(&bare).expect("mkdir");
    git(&bare, &["init", "--bare", "-q"]);
    git(&bare, &["config", "http.receivepack", "true"]);

    let work = site.outside("work");
    for n in 0..FILES {
        let folder = work.join(format!("{}", n % 10));
        fs::create_dir_all(&folder).expect("mkdir");
        // Not to be compressed much, so that the push has a size.
        let text: String = (e2e::noise(2000).iter().skip(n))
            .map(|b| format!("{b}"))
            .collect();
        fs::write(folder.join(format!("{n}.txt")), text).expect("write");
    }
    git(&work, &["init", "-q"]);
    git(&work, &["add", "."]);
    git(&work, &["commit", "-q", "-m", "a thousand files"]);
    let url = format!("http://{}/cgi-bin/git/many.git", site.address());
    git(&work, &["push", "-q", &url, "main"]);

    let copy = site.outside("copy");
    git(
        site.outside("").as_path(),
        &["clone", "-q", "-b", "main", &url, "copy"],
    );
    let head = |folder: &Path| git(folder, &["rev-parse", "HEAD"]);
    assert_eq!(head(&copy), head(&work));
    assert_eq!(git(&copy, &["ls-files"]).lines().count(), FILES);
    fs::write(copy.join("new.txt"), "new").expect("write");
    git(&copy, &["add", "."]);
    git(&copy, &["commit", "-q", "-m", "one more"]);
    git(&copy, &["push", "-q", "origin", "main"]);
    git(&work, &["pull", "-q", &url, "main"]);
    assert_eq!(head(&work), head(&copy));
    git(&bare, &["fsck", "--full"]);
}
