//! Who may come in, how often and how fast: rules of a configuration over real sockets.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use e2e::{Client, DEADLINE, Driver, Server, encode, eventually, for_each_driver, free_address};
use rustix::process::Signal;
use tempfile::TempDir;

for_each_driver!(
    passwords,
    a_burst_waits,
    more_than_a_burst_is_refused,
    a_wait_with_a_full_buffer,
    a_crowd_that_waits,
    a_stop_while_one_waits,
    connections_at_a_time,
    a_pace_is_kept,
    counters,
);

/// `admin:secret`, by `openssl passwd -apr1`.
const USERS: &str = "admin:$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/\n";
const ADMIN: &str = "Authorization: Basic YWRtaW46c2VjcmV0\r\n";
const WRONG: &str = "Authorization: Basic YWRtaW46d3Jvbmc=\r\n";

struct Place {
    folder: TempDir,
    address: SocketAddr,
    server: Server,
}

impl Place {
    fn new(driver: &Driver, http: &str, server: &str) -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        let root = folder.path().display();
        fs::write(folder.path().join("a"), "welcome").expect("write");
        fs::write(folder.path().join("large"), vec![b'x'; 400_000]).expect("write");
        fs::write(folder.path().join("users"), USERS).expect("write");
        let address = free_address();
        let config = folder.path().join("nginx.conf");
        let text = format!(
            "worker_processes 1; events {{ }} http {{ access_log {root}/log; {http}\n\
             server {{ listen {address}; root {root}; {server} }} }}"
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

    fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// The status of GET with a field.
    fn get(&self, fields: &str) -> u16 {
        let mut client = self.client();
        client
            .wire
            .send(format!("GET /a HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
        client.response("GET").status
    }
}

fn passwords(driver: &Driver) {
    let rules = "auth_basic Staff; auth_basic_user_file users;";
    let place = Place::new(driver, "", rules);
    for (fields, status) in [(ADMIN, 200), (WRONG, 401), ("", 401), (ADMIN, 200)] {
        assert_eq!(place.get(fields), status, "{fields}");
    }
    // Whoever is taken from the file stays outside.
    let users = place.folder.path().join("users");
    fs::write(&users, "# nobody\n").expect("write");
    assert!(eventually(|| place.get(ADMIN) == 401));
    fs::remove_file(users).expect("remove");
    assert!(eventually(|| place.get(ADMIN) == 403));
}

fn a_burst_waits(driver: &Driver) {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=20r/s;";
    let place = Place::new(driver, zone, "limit_req zone=a burst=2;");
    let start = Instant::now();
    let mut clients = [(); 3].map(|()| place.client());
    for client in &mut clients {
        client.wire.send(encode("GET", "/a", &[]));
    }
    for client in &mut clients {
        assert_eq!(client.response("GET").status, 200);
    }
    assert!(start.elapsed() >= Duration::from_millis(100));
}

fn more_than_a_burst_is_refused(driver: &Driver) {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=1r/m;";
    let place = Place::new(driver, zone, "limit_req zone=a burst=2 nodelay;");
    let statuses = [(); 4].map(|()| place.get(""));
    assert_eq!(statuses, [200, 200, 200, 503]);
}

/// What comes meanwhile stays in the socket.
fn a_wait_with_a_full_buffer(driver: &Driver) {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=10r/s;";
    let place = Place::new(driver, zone, "location = /a { limit_req zone=a burst=9; }");
    let mut client = place.client();
    let other = "GET /none HTTP/1.1\r\nHost: a\r\n\r\n";
    let count = 900;
    client
        .wire
        .send(&("GET /a HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2) + &other.repeat(count)));
    assert_eq!(client.response("GET").status, 200);
    assert_eq!(client.response("GET").status, 200);
    for _ in 0..count {
        assert_eq!(client.response("GET").status, 404);
    }
}

/// Who waits for time alone keeps nobody from being served, and what it has sent meanwhile costs nothing.
fn a_crowd_that_waits(driver: &Driver) {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=1r/m;";
    let rules = "location = /a { limit_req zone=a burst=500; }";
    let mut place = Place::new(driver, zone, rules);
    assert_eq!(place.get(""), 200);
    let mut crowd: Vec<_> = (0..300).map(|_| place.client()).collect();
    for client in &mut crowd {
        client.wire.send(encode("GET", "/a", &[]));
    }
    assert_eq!(place.client().get("/large").status, 200);
    for client in &mut crowd {
        client.wire.send(encode("GET", "/large", &[]));
    }
    assert!(cfg!(not(target_os = "linux")) || place.server.rests());
    assert_eq!(place.client().get("/large").status, 200);
    place.server.signal(Signal::TERM);
    let status = place.server.exit_within(DEADLINE).expect("it goes on");
    assert!(status.success(), "{status}");
}

fn a_stop_while_one_waits(driver: &Driver) {
    let zone = "limit_req_zone $binary_remote_addr zone=a:1m rate=1r/s;";
    let mut place = Place::new(driver, zone, "limit_req zone=a burst=9;");
    assert_eq!(place.get(""), 200);
    let mut client = place.client();
    client.wire.send(encode("GET", "/a", &[]));
    place.server.signal(Signal::QUIT);
    assert_eq!(client.response("GET").status, 200);
    drop(client);
    assert!(place.server.exit_within(DEADLINE).is_some());
}

fn connections_at_a_time(driver: &Driver) {
    let zone = "limit_conn_zone $binary_remote_addr zone=a:1m;";
    let rules = "limit_conn a 1; location = /large { limit_rate 1k; }";
    let place = Place::new(driver, zone, rules);
    let mut slow = place.client();
    slow.wire.send(encode("GET", "/large", &[]));
    assert_eq!(slow.head().status, 200);
    assert_eq!(place.get(""), 503);
    drop(slow);
    assert!(eventually(|| place.get("") == 200));
}

fn a_pace_is_kept(driver: &Driver) {
    let place = Place::new(driver, "", "limit_rate 200k;");
    let start = Instant::now();
    assert_eq!(place.client().get("/large").body.len(), 400_000);
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(900), "{took:?}");
}

fn counters(driver: &Driver) {
    let place = Place::new(driver, "", "location = /status { stub_status; }");
    let mut client = place.client();
    assert_eq!(client.get("/a").status, 200);
    let response = client.get("/status");
    let page = "Active connections: 1 \nserver accepts handled requests\n 1 1 2 \n\
                Reading: 0 Writing: 1 Waiting: 0 \n";
    assert_eq!(response.text(), page);
}
