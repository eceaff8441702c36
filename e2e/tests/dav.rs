//! `dav_methods` over real sockets and real files.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use e2e::{Client, Driver, Response, Server, eventually, for_each_driver, free_address, noise};
use tempfile::TempDir;

for_each_driver!(
    stored_fetched_removed,
    content_of_any_length,
    who_goes_leaves_nothing,
    refused_before_it_is_sent,
    several_at_a_time,
    a_folder_with_much_in_it,
    with_curl,
    explained,
);

struct Place {
    folder: TempDir,
    address: SocketAddr,
    config: PathBuf,
    _server: Server,
}

impl Place {
    fn new(driver: &Driver, directives: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        fs::create_dir(folder.path().join("www")).expect("mkdir");
        let address = free_address();
        let config = folder.path().join("nginx.conf");
        let path = folder.path().display();
        let text = format!(
            "pid {path}/pid;\nerror_log {path}/error.log;\nevents {{ }}\n\
             http {{\naccess_log off;\nserver {{\nlisten {address};\nroot {path}/www;\n\
             dav_methods PUT DELETE MKCOL;\n{directives}\n}} }}\n"
        );
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-c").arg(&config);
        Self {
            _server: Server::start(command, 1),
            folder,
            address,
            config,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("www").join(name)
    }

    /// The names below the root, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).expect("folder");
        let name = |entry: fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
        let mut names: Vec<_> = entries.map(|entry| name(entry.expect("entry"))).collect();
        names.sort();
        names
    }

    fn put(&self, target: &str, content: &[u8]) -> Response {
        let mut client = Client::connect(self.address);
        put(&mut client, target, content)
    }
}

fn put(client: &mut Client, target: &str, content: &[u8]) -> Response {
    let len = content.len();
    let head = format!("PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {len}\r\n\r\n");
    client.wire.send([head.as_bytes(), content].concat());
    client.response("PUT")
}

fn stored_fetched_removed(driver: &Driver) {
    let place = Place::new(driver, "");
    let mut client = Client::connect(place.address);
    assert_eq!(put(&mut client, "/a", b"one").status, 201);
    assert_eq!(client.get("/a").text(), "one");
    assert_eq!(put(&mut client, "/a", b"two").status, 204);
    assert_eq!(client.get("/a").text(), "two");
    assert_eq!(client.request("MKCOL", "/d/", &[]).status, 201);
    assert_eq!(put(&mut client, "/d/b", b"inner").status, 201);
    assert_eq!(client.request("DELETE", "/a", &[]).status, 204);
    assert_eq!(client.request("DELETE", "/d/", &[]).status, 204);
    assert_eq!(client.get("/a").status, 404);
    assert!(place.names().is_empty());
}

fn content_of_any_length(driver: &Driver) {
    let place = Place::new(
        driver,
        "client_max_body_size 0; client_body_buffer_size 4k;",
    );
    for len in [0, 1, 4096, 4097, 300_000, 4_500_000] {
        let content = noise(len);
        assert_eq!(place.put(&format!("/{len}"), &content).status, 201);
        assert!(fs::read(place.path(&len.to_string())).expect("file") == content);
    }
    assert_eq!(place.names().len(), 6);
}

fn who_goes_leaves_nothing(driver: &Driver) {
    let place = Place::new(driver, "client_body_buffer_size 1k;");
    assert_eq!(place.put("/a", b"old").status, 201);
    for content in [0, 500, 50_000] {
        let mut client = Client::connect(place.address);
        let head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n";
        client
            .wire
            .send([head.as_bytes(), &noise(content)].concat());
    }
    // These have come later, and been answered.
    let mut client = Client::connect(place.address);
    assert_eq!(client.get("/a").text(), "old");
    assert!(eventually(|| place.names() == ["a"]));
}

fn refused_before_it_is_sent(driver: &Driver) {
    let place = Place::new(driver, "client_max_body_size 10;");
    for (target, len, status) in [("/a", 11, 413), ("/a/", 5, 409), ("/a", 5, 100)] {
        let mut client = Client::connect(place.address);
        client.wire.send(format!(
            "PUT {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: {len}\r\n\r\n"
        ));
        let head = client.wire.read_through(b"\r\n\r\n");
        let line = format!("HTTP/1.1 {status} ");
        assert!(head.starts_with(line.as_bytes()), "{target} {len}");
    }
    assert!(eventually(|| place.names().is_empty()));
}

fn several_at_a_time(driver: &Driver) {
    let place = Place::new(driver, "");
    let contents: Vec<_> = (0..8).map(|n| noise(200_000 + n)).collect();
    let (contents, address) = (&contents, place.address);
    std::thread::scope(|scope| {
        for content in contents {
            scope.spawn(move || {
                let mut client = Client::connect(address);
                let status = put(&mut client, "/a", content).status;
                assert!(matches!(status, 201 | 204), "{status}");
                assert!(contents.contains(&client.get("/a").body));
            });
        }
    });
    assert_eq!(place.names(), ["a"]);
}

fn a_folder_with_much_in_it(driver: &Driver) {
    let place = Place::new(driver, "");
    for n in 0..2000 {
        let folder = place.path(&format!("d/{}", n % 7));
        fs::create_dir_all(&folder).expect("mkdir");
        fs::write(folder.join(n.to_string()), "").expect("write");
    }
    let mut client = Client::connect(place.address);
    assert_eq!(client.request("DELETE", "/d/", &[]).status, 204);
    assert!(place.names().is_empty());
}

fn with_curl(driver: &Driver) {
    if Command::new("curl").arg("--version").output().is_err() {
        e2e::skipped("there is no curl");
        return;
    }
    let place = Place::new(driver, "client_max_body_size 10m;");
    let content = noise(1_500_000);
    let file = place.folder.path().join("upload");
    fs::write(&file, &content).expect("write");
    let curl = |arguments: &[&str]| {
        let output = Command::new("curl")
            .args(["-sS", "-o", "/dev/null", "-w", "%{http_code}"])
            .args(["--noproxy", "*"])
            .args(arguments)
            .arg(format!("http://{}/a", place.address))
            .output()
            .expect("curl");
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let file = file.display().to_string();
    assert_eq!(curl(&["-T", &file]), "201");
    assert!(fs::read(place.path("a")).expect("file") == content);
    assert_eq!(curl(&["-X", "DELETE"]), "204");
    assert_eq!(curl(&["-X", "DELETE"]), "404");
}

fn explained(driver: &Driver) {
    let place = Place::new(driver, "");
    fs::write(place.path("a"), "kept").expect("write");
    for method in ["DELETE", "PUT", "MKCOL"] {
        let target = if method == "MKCOL" { "/b/" } else { "/a" };
        let mut command = Command::new(driver.binary());
        command.arg("explain").arg("-c").arg(&place.config);
        let output = command.arg(format!("{method} {target}")).output();
        let text = String::from_utf8_lossy(&output.expect("explain").stdout).into_owned();
        let line = text.lines().find(|line| line.starts_with("change "));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(&format!("{method} ")), "{line}");
        assert!(line.ends_with("nginx.conf:9]"), "{line}");
    }
    assert_eq!(fs::read_to_string(place.path("a")).expect("file"), "kept");
    assert_eq!(place.names(), ["a"]);
}
