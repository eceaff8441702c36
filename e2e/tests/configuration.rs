//! `-c`: a configuration is tested, served, explained, and exchanged while it serves.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, UNIX_EPOCH};

use e2e::{Client, DEADLINE, Driver, Server, encode, eventually, for_each_driver, free_address};
use tempfile::TempDir;

for_each_driver!(
    served,
    tested,
    refused,
    reloaded,
    reload_lets_answers_complete,
    bad_reload_changes_nothing,
    signalled,
    explained,
    daemon,
    what_is_supported,
    local_times,
    descriptors,
);

/// More than sockets hold.
const LARGE: u64 = 64 << 20;

/// A configuration on a port of its own.
struct Place {
    folder: TempDir,
    address: SocketAddr,
}

impl Place {
    fn new(server: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        fs::write(folder.path().join("a.txt"), "a file").expect("write");
        let address = free_address();
        let place = Self { folder, address };
        place.write(server);
        place
    }

    fn config(&self) -> PathBuf {
        self.folder.path().join("nginx.conf")
    }

    /// Writes a configuration with these directives in its server.
    fn write(&self, server: &str) {
        let (folder, address) = (self.folder.path().display(), self.address);
        let text = format!(
            "pid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{ }}\nhttp {{\n\
             access_log {folder}/access.log;\nserver {{\nlisten {address};\nroot {folder};\n\
             {server}\n}} }}\n"
        );
        fs::write(self.config(), text).expect("write");
    }

    fn start(&self, driver: &Driver) -> Server {
        let mut command = driver.command();
        command.arg("-c").arg(self.config());
        Server::start(command, 1)
    }

    fn get(&self, target: &str) -> String {
        let (_, response) = Client::first(self.address, target);
        response.text().to_owned()
    }

    fn run(&self, driver: &Driver, flags: &[&str]) -> Output {
        let config = self.config();
        let config = config.to_str().expect("UTF-8");
        driver.run(&[&["-c", config], flags].concat())
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("UTF-8")
}

fn served(driver: &Driver) {
    let place = Place::new("location /b { return 200 $uri; }");
    let server = place.start(driver);
    assert_eq!(server.address(), place.address);
    assert_eq!(place.get("/a.txt"), "a file");
    assert_eq!(place.get("/b/c"), "/b/c");
    let log = || fs::read_to_string(place.folder.path().join("access.log"));
    assert!(eventually(
        || log().is_ok_and(|text| text.lines().count() == 2)
    ));
}

fn tested(driver: &Driver) {
    let place = Place::new("location /b { }");
    let output = place.run(driver, &["-t"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).ends_with("nginx.conf test is successful\n"));
    let output = place.run(driver, &["-t", "-q"]);
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("", ""));
    let output = place.run(driver, &["-T"]);
    assert!(text(&output.stdout).contains("location /b { }"));
}

fn refused(driver: &Driver) {
    let place = Place::new("lisen 80;");
    for flags in [&["-t"][..], &[]] {
        let output = place.run(driver, flags);
        assert_eq!(output.status.code(), Some(1));
        let stderr = text(&output.stderr);
        assert!(
            stderr.contains("nginx.conf:9:1") && stderr.contains("\"listen\""),
            "{stderr}"
        );
    }
    fs::write(place.config(), "events { } http { }").expect("write");
    let output = place.run(driver, &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("no server"), "{output:?}");
    let output = driver.run(&["-c", "/nothing/here.conf", "-t"]);
    assert!(
        text(&output.stderr).contains("/nothing/here.conf"),
        "{output:?}"
    );
}

fn reloaded(driver: &Driver) {
    let place = Place::new("location = /v { return 200 old; }");
    let server = place.start(driver);
    let mut before = Client::connect(place.address);
    assert_eq!(before.get("/v").text(), "old");
    place.write("location = /v { return 200 new; }");
    server.signal(rustix::process::Signal::HUP);
    assert!(eventually(|| place.get("/v") == "new"));
    // Nobody is served by the old one for long.
    before.wire.assert_end();
}

fn reload_lets_answers_complete(driver: &Driver) {
    let place = Place::new("");
    let large = fs::File::create(place.folder.path().join("large")).expect("create");
    large.set_len(LARGE).expect("size");
    let server = place.start(driver);
    let mut client = Client::connect(place.address);
    client.wire.send(encode("GET", "/large", &[]));
    assert_eq!(client.head().status, 200);
    place.write("location = /v { return 200 new; }");
    server.signal(rustix::process::Signal::HUP);
    assert!(eventually(|| place.get("/v") == "new"));
    assert_eq!(client.wire.read_to_end().0.len() as u64, LARGE);
}

fn bad_reload_changes_nothing(driver: &Driver) {
    let place = Place::new("location = /v { return 200 old; }");
    let server = place.start(driver);
    place.write("location = /v { return 200 new; } nonsense;");
    server.signal(rustix::process::Signal::HUP);
    assert!(eventually(|| server.stderr().contains("nonsense")));
    assert_eq!(place.get("/v"), "old");
    // It is told on standard error first.
    let log = || fs::read_to_string(place.folder.path().join("error.log")).unwrap_or_default();
    let told = |log: String| log.contains("[emerg]") && log.contains("nginx.conf:9:");
    assert!(eventually(|| told(log())), "{}", log());
}

fn signalled(driver: &Driver) {
    let place = Place::new("location = /v { return 200 old; }");
    let mut server = place.start(driver);
    place.write("location = /v { return 200 new; }");
    assert!(place.run(driver, &["-s", "reload"]).status.success());
    assert!(eventually(|| place.get("/v") == "new"));
    let log = place.folder.path().join("access.log");
    fs::rename(&log, place.folder.path().join("old.log")).expect("rename");
    assert!(place.run(driver, &["-s", "reopen"]).status.success());
    assert!(eventually(|| log.exists()));
    assert!(place.run(driver, &["-s", "quit"]).status.success());
    let status = server.exit_within(DEADLINE).expect("it ends");
    assert!(status.success());
    assert!(!place.folder.path().join("pid").exists());
    assert!(!place.run(driver, &["-s", "stop"]).status.success());
}

fn explained(driver: &Driver) {
    let place = Place::new(
        "location / { try_files $uri /a.txt; }\nlocation /old/ { rewrite ^/old(.*)$ $1 last; }\n\
         location ~ \\.x$ { return 204; }\nlocation ~ txt/ { cgi_pass /bin/cat; }\n\
         location /closed/ { deny all; }\nlocation /staff/ { auth_basic Staff; auth_basic_user_file a.txt; }\n\
         location /limits/ { limit_req zone=r burst=5;\nlimit_conn c 9; }\nlocation /any/ {\nsatisfy any;\nallow 192.0.2.0/24;\n\
         deny all;\nauth_basic Any; auth_basic_user_file a.txt; }\nset_real_ip_from 198.51.100.7;",
    );
    let text_of = fs::read_to_string(place.config()).expect("configuration");
    let zones = "http { limit_req_zone $remote_addr zone=r:1m rate=10r/s; limit_conn_zone $scheme zone=c:1m;";
    fs::write(place.config(), text_of.replace("http {", zones)).expect("write");
    let config = place.config();
    let config = config.to_str().expect("UTF-8");
    let ask = |flags: &[&str]| {
        let output = driver.run(&[&["explain", "-c", config], flags].concat());
        assert!(output.status.success(), "{output:?}");
        text(&output.stdout).replace(&*place.folder.path().to_string_lossy(), "")
    };
    for (target, why) in [
        ("/closed/", "127.0.0.1 is denied  [/nginx.conf:13]"),
        (
            "/staff/",
            "a name and a password are missing  [/nginx.conf:14]",
        ),
    ] {
        let explained = ask(&[target]);
        let line = format!("access    {why}");
        assert!(explained.lines().any(|it| it == line), "{explained}");
    }
    let explained = ask(&["GET /old/b?c", "-H", "Host: d"]);
    for line in [
        "location  /old/: it is the longest prefix  [/nginx.conf:10]",
        "not       ~ \\.x$: its regular expression does not match  [/nginx.conf:11]",
        "rewrite   the URI becomes /b  [/nginx.conf:10]",
        "file      /b: nothing",
        "go to     /a.txt (try_files)",
        "file      /a.txt: a file",
        "answer    200",
        "sent      HTTP/1.1 200 OK",
    ] {
        assert!(
            explained.lines().any(|it| it == line),
            "{line}\n{explained}"
        );
    }
    explains_clients(&ask);
    let script = ask(&["POST /a.txt/info"]);
    let line = "script    /bin/cat /a.txt  [/nginx.conf:12]";
    assert!(script.lines().any(|it| it == line), "{script}");
    let json = ask(&["/z.x", "--json"]);
    assert!(json.contains(
        "{\"what\":\"rewrite\",\"text\":\"return 204\",\"file\":\"/nginx.conf\",\"line\":11}"
    ));
}

/// Each rule about clients is named with its place.
fn explains_clients(ask: &dyn Fn(&[&str]) -> String) {
    for (flags, line) in [
        (
            &["/limits/"][..],
            "limit     limit_req zone \"r\", key \"127.0.0.1\": 10r/s, 5 more, beyond that 503  [/nginx.conf:15]",
        ),
        (
            &["/limits/"],
            "limit     limit_conn zone \"c\", key \"http\": 9 at a time, beyond that 503  [/nginx.conf:16]",
        ),
        (
            &["/any/"],
            "access    127.0.0.1 is denied  [/nginx.conf:20]",
        ),
        (
            &["/any/"],
            "access    either the address or a password is enough  [/nginx.conf:18]",
        ),
        (
            &["/any/"],
            "access    a name and a password are missing  [/nginx.conf:21]",
        ),
        (
            &["/any/", "--from", "192.0.2.1"],
            "access    192.0.2.1 is allowed  [/nginx.conf:19]",
        ),
        (
            &["/any/"],
            "real ip   127.0.0.1 is not believed  [/nginx.conf:22]",
        ),
        (
            &[
                "/any/",
                "--from",
                "198.51.100.7",
                "-H",
                "X-Real-IP: 192.0.2.9",
            ],
            "real ip   198.51.100.7 speaks for 192.0.2.9  [/nginx.conf:22]",
        ),
        (
            &[
                "/any/",
                "--from",
                "198.51.100.7",
                "-H",
                "X-Real-IP: 192.0.2.9",
            ],
            "access    192.0.2.9 is allowed  [/nginx.conf:19]",
        ),
        (
            &["/closed/", "--json"],
            "  {\"what\":\"access\",\"text\":\"127.0.0.1 is denied\",\"file\":\"/nginx.conf\",\"line\":13},",
        ),
    ] {
        let explained = ask(flags);
        assert!(
            explained.lines().any(|it| it == line),
            "{line}\n{explained}"
        );
    }
}

fn daemon(driver: &Driver) {
    let place = Place::new("location = /pid { return 200 $pid; }");
    let output = place.run(driver, &["-g", "daemon on"]);
    assert!(output.status.success(), "{output:?}");
    // Written once the parent has gone.
    let read = || fs::read_to_string(place.folder.path().join("pid")).unwrap_or_default();
    assert!(eventually(|| read().ends_with('\n')));
    let pid = read();
    let served = place.get("/pid");
    assert!(place.run(driver, &["-s", "stop"]).status.success());
    assert_eq!(served, pid.trim());
    assert!(eventually(|| !place.folder.path().join("pid").exists()));
}

fn what_is_supported(driver: &Driver) {
    let output = driver.run(&["-V"]);
    let text = text(&output.stdout);
    let names = text
        .lines()
        .find_map(|line| line.strip_prefix("directives: "));
    let mut names = names.expect("directives").split(' ');
    assert!(names.any(|name| name == "try_files"), "{text}");
}

/// Listings show when a file was changed in the zone of the machine, where that is asked for.
fn local_times(driver: &Driver) {
    let place = Place::new("autoindex on; location /local/ { autoindex_localtime on; }");
    for name in ["local", "utc"] {
        let path = place.folder.path().join(name);
        fs::create_dir(&path).expect("mkdir");
        let file = fs::File::create(path.join("file")).expect("create");
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        file.set_modified(time).expect("time");
    }
    let mut command = driver.command();
    command.env("TZ", "XST-5:30").arg("-c").arg(place.config());
    let _server = Server::start(command, 1);
    let [local, utc] = ["/local/", "/utc/"].map(|target| place.get(target));
    assert!(local.contains("2001-09-09 07:16"), "{local}");
    assert!(utc.contains("2001-09-09 01:46"), "{utc}");
}

/// There are as many connections as there are descriptors for them and their files.
fn descriptors(driver: &Driver) {
    let place = Place::new("location = /v { return 200 here; }");
    let text = fs::read_to_string(place.config()).expect("configuration");
    let text = text.replace("events { }", "events { worker_connections 25; }");
    fs::write(place.config(), format!("worker_rlimit_nofile 64;\n{text}")).expect("write");
    let server = place.start(driver);
    let told = || server.stderr();
    assert!(
        eventually(|| told().contains("64 open files allow ")),
        "{}",
        told()
    );
    let text = told();
    let (_, rest) = text.split_once("64 open files allow ").expect("a number");
    let most: usize = rest
        .split(' ')
        .next()
        .and_then(|it| it.parse().ok())
        .expect("a number");
    assert!((10..25).contains(&most), "{text}");
    let mut clients: Vec<_> = (0..most).map(|_| Client::connect(place.address)).collect();
    for client in &mut clients {
        assert_eq!(client.get("/v").text(), "here");
    }
    // None of them was too many, and each may have a file.
    for client in &mut clients {
        assert_eq!(client.get("/a.txt").text(), "a file");
    }
}
