//! `listen unix:`: the same server behind the file of a socket.

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

use e2e::{Client, DEADLINE, Driver, Server, encode, eventually, for_each_driver, free_address};
use rustix::process::Signal;
use tempfile::TempDir;

for_each_driver!(
    served,
    who_is_who,
    rules_for_clients,
    large_file,
    file_of_the_socket,
    what_was_left_is_replaced,
    what_is_in_use_is_not,
    what_is_no_socket_is_not,
    reloaded,
    inherited,
    behind_a_proxy,
);

/// A server whose socket is in its folder.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a configuration with these directives in its server; `@` stands for the folder.
    fn write(&self, server: &str) {
        let folder = self.folder.path().to_str().expect("UTF-8");
        let server = server.replace('@', folder);
        let text = format!(
            "worker_processes 2; events {{ }} http {{ access_log {folder}/log; server {{\n\
             root {folder};\n{server}\n}} }}\n"
        );
        fs::write(self.path("nginx.conf"), text).expect("write");
    }

    fn start(&self, driver: &Driver, server: &str) -> Server {
        self.write(server);
        let mut command = driver.command();
        command.arg("-c").arg(self.path("nginx.conf"));
        Server::start(command, 1)
    }

    fn connect(&self, name: &str) -> UnixStream {
        let stream = UnixStream::connect(self.path(name)).expect("connect");
        stream.set_read_timeout(Some(DEADLINE)).expect("timeout");
        stream
    }

    /// The whole answer to a request with these fields; nothing from a server that is just being
    /// replaced.
    fn ask(&self, target: &str, fields: &[(&str, &str)]) -> String {
        let mut stream = self.connect("sock");
        let fields = [fields, &[("Connection", "close")]].concat();
        let request = encode("GET", target, &fields);
        let mut answer = Vec::new();
        let asked = stream.write_all(request.as_bytes());
        let _ = asked.and_then(|()| stream.read_to_end(&mut answer));
        String::from_utf8_lossy(&answer).into_owned()
    }
}

fn served(driver: &Driver) {
    let place = Place::new();
    fs::write(place.path("a.txt"), "a file").expect("write");
    let server = place.start(driver, "listen unix:@/sock;");
    assert!(server.announced[0].ends_with(&format!("on unix:{}", place.path("sock").display())));
    assert!(place.ask("/a.txt", &[]).ends_with("\r\n\r\na file"));
    // One connection for several requests, in pieces.
    let mut stream = place.connect("sock");
    for _ in 0..3 {
        for byte in encode("GET", "/a.txt", &[]).as_bytes().chunks(1) {
            stream.write_all(byte).expect("send");
        }
        let mut answer = Vec::new();
        while !answer.ends_with(b"a file") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("answer");
            answer.push(byte[0]);
        }
    }
}

fn who_is_who(driver: &Driver) {
    let place = Place::new();
    let _server = place.start(
        driver,
        "listen unix:@/sock; listen unix:@/other;\n\
         location / { return 200 \"$remote_addr|$remote_port|$server_addr|$server_port|\"; }\n\
         location /key { return 200 $binary_remote_addr; }\n\
         location /to { return 301 /x; }",
    );
    let path = place.path("sock");
    let expected = format!("\r\n\r\nunix:||unix:{}||", path.display());
    let answer = place.ask("/", &[]);
    assert!(answer.ends_with(&expected), "{answer}");
    assert!(place.ask("/key", &[]).ends_with("\r\n\r\nunix:"));
    // There is no port to name.
    let answer = place.ask("/to", &[]);
    assert!(
        answer.contains("\r\nLocation: http://e2e/x\r\n"),
        "{answer}"
    );
    let log = || fs::read_to_string(place.path("log")).unwrap_or_default();
    assert!(eventually(|| log().lines().count() == 3));
    assert!(
        log().lines().all(|line| line.starts_with("unix: - - [")),
        "{}",
        log()
    );
}

fn rules_for_clients(driver: &Driver) {
    let place = Place::new();
    fs::write(place.path("a.txt"), "a file").expect("write");
    let address = free_address();
    let _server = place.start(
        driver,
        &format!(
            "listen unix:@/sock; listen {address}; set_real_ip_from unix:;\n\
             location /unix {{ allow unix:; deny all; try_files /a.txt =404; }}\n\
             location /tcp {{ deny unix:; try_files /a.txt =404; }}\n\
             location /net {{ allow 0.0.0.0/0; allow ::/0; deny all; }}\n\
             location /real {{ return 200 $remote_addr; }}"
        ),
    );
    let status = |target| place.ask(target, &[]).split(' ').nth(1).map(str::to_owned);
    for (target, expected) in [("/unix", "200"), ("/tcp", "403"), ("/net", "403")] {
        assert_eq!(status(target).as_deref(), Some(expected), "{target}");
    }
    let real = [("X-Real-IP", "192.0.2.7")];
    assert!(place.ask("/real", &real).ends_with("\r\n\r\n192.0.2.7"));
    let mut client = Client::connect(address);
    assert_eq!(client.get("/unix").status, 403);
    assert_eq!(client.get("/tcp").status, 200);
    assert_eq!(client.request("GET", "/real", &real).text(), "127.0.0.1");
}

fn large_file(driver: &Driver) {
    let place = Place::new();
    let content = e2e::noise(3 << 20);
    fs::write(place.path("large"), &content).expect("write");
    let _server = place.start(driver, "listen unix:@/sock;");
    let mut stream = place.connect("sock");
    let request = encode("GET", "/large", &[("Connection", "close")]);
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answer");
    assert!(answer.ends_with(&content));
}

fn file_of_the_socket(driver: &Driver) {
    for signal in [Signal::QUIT, Signal::TERM] {
        let place = Place::new();
        let mut server = place.start(driver, "listen unix:@/sock;");
        let mode = fs::metadata(place.path("sock"))
            .expect("stat")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o666);
        server.signal(signal);
        assert!(server.exit_within(DEADLINE).expect("it ends").success());
        assert!(!place.path("sock").exists());
    }
    // One that is another server's by now stays.
    let place = Place::new();
    let mut server = place.start(driver, "listen unix:@/sock;");
    fs::remove_file(place.path("sock")).expect("remove");
    let _other = UnixListener::bind(place.path("sock")).expect("bind");
    server.signal(Signal::QUIT);
    assert!(server.exit_within(DEADLINE).expect("it ends").success());
    assert!(place.path("sock").exists());
}

fn what_was_left_is_replaced(driver: &Driver) {
    let place = Place::new();
    let mut killed = place.start(driver, "listen unix:@/sock;");
    killed.signal(Signal::KILL);
    assert!(killed.exit_within(DEADLINE).is_some());
    assert!(place.path("sock").exists());
    let _server = place.start(driver, "listen unix:@/sock; location / { return 200 new; }");
    assert!(place.ask("/", &[]).ends_with("new"));
}

/// Starts nothing, and says why.
fn assert_refused(driver: &Driver, place: &Place) {
    place.write("listen unix:@/sock;");
    let config = place.path("nginx.conf");
    let output = driver.run(&["-c", config.to_str().expect("UTF-8")]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    let path = place.path("sock");
    let why = format!(
        "cannot listen on unix:{}: address already in use",
        path.display()
    );
    assert!(stderr.contains(&why), "{stderr}");
}

fn what_is_in_use_is_not(driver: &Driver) {
    let place = Place::new();
    let listener = UnixListener::bind(place.path("sock")).expect("bind");
    assert_refused(driver, &place);
    let file_type = fs::metadata(place.path("sock")).expect("stat").file_type();
    assert!(file_type.is_socket());
    let _client = place.connect("sock");
    listener.accept().expect("it is still ours");
}

fn what_is_no_socket_is_not(driver: &Driver) {
    let place = Place::new();
    fs::write(place.path("sock"), "mine").expect("write");
    assert_refused(driver, &place);
    assert_eq!(fs::read(place.path("sock")).expect("read"), b"mine");
}

fn reloaded(driver: &Driver) {
    let place = Place::new();
    let server = place.start(driver, "listen unix:@/sock; location / { return 200 old; }");
    place.write("listen unix:@/sock; listen unix:@/added; location / { return 200 new; }");
    server.signal(Signal::HUP);
    assert!(eventually(
        || UnixStream::connect(place.path("added")).is_ok()
    ));
    assert!(eventually(|| place.ask("/", &[]).ends_with("new")));
    place.write("listen unix:@/added;");
    server.signal(Signal::HUP);
    assert!(eventually(|| !place.path("sock").exists()));
    assert!(UnixStream::connect(place.path("added")).is_ok());
}

fn inherited(driver: &Driver) {
    let place = Place::new();
    place.write("listen 80; location / { return 200 $remote_addr; }");
    let listener = UnixListener::bind(place.path("sock")).expect("bind");
    let mut command = driver.activated(listener);
    command.arg("-c").arg(place.path("nginx.conf"));
    let mut server = Server::start(command, 1);
    assert!(place.ask("/", &[]).ends_with("\r\n\r\nunix:"));
    server.signal(Signal::QUIT);
    assert!(server.exit_within(DEADLINE).expect("it ends").success());
    // Whoever made it removes it.
    assert!(place.path("sock").exists());
}

/// A header in front of the first request, in pieces, on a connection for several requests.
fn behind_a_proxy(driver: &Driver) {
    let place = Place::new();
    let _server = place.start(
        driver,
        "listen unix:@/sock proxy_protocol; set_real_ip_from unix:; real_ip_header proxy_protocol;\n\
         location / { return 200 \"$remote_addr:$remote_port|\"; }",
    );
    for header in [
        &b"PROXY TCP4 203.0.113.9 198.51.100.2 56324 443\r\n"[..],
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc6\x33\x64\x02\xdc\x04\x01\xbb",
    ] {
        let mut stream = place.connect("sock");
        for byte in header.chunks(1) {
            stream.write_all(byte).expect("send");
        }
        for _ in 0..2 {
            let request = encode("GET", "/", &[]);
            stream.write_all(request.as_bytes()).expect("send");
            let mut answer = Vec::new();
            while !answer.ends_with(b"|") {
                let mut byte = [0];
                stream.read_exact(&mut byte).expect("answer");
                answer.push(byte[0]);
            }
            assert!(answer.ends_with(b"\r\n\r\n203.0.113.9:56324|"));
        }
    }
    // Without one nobody is answered.
    let mut stream = place.connect("sock");
    let request = encode("GET", "/", &[]);
    stream.write_all(request.as_bytes()).expect("send");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(answer, b"");
    let log = || fs::read_to_string(place.path("log")).unwrap_or_default();
    assert!(eventually(
        || log().contains("unix: - - [") && log().contains("\" 400 0 ")
    ));
}
