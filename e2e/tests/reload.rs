//! A reload lets the server listen elsewhere; who is served meanwhile does not notice.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use e2e::{Client, DEADLINE, Driver, Server, eventually, for_each_driver, free_address};
use rustix::process::{Signal, geteuid};
use tempfile::TempDir;

for_each_driver!(
    added_and_dropped,
    waiting_where_nobody_listens_any_more,
    no_request_is_lost,
    taken_address,
    address_for_root,
    queue_of_another_length,
    inherited,
);

/// A server whose configuration changes.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
        Self { folder }
    }

    /// Writes a configuration with these `listen` directives, whose requests for `/v` get `version`.
    fn write(&self, main: &str, listens: &[String], version: usize) {
        let listens: String = listens.iter().map(|it| format!("listen {it}; ")).collect();
        let text = format!(
            "{main} events {{ }} http {{ access_log off; server {{\n{listens}\n\
             location /v {{ return 200 {version}; }} }} }}\n"
        );
        fs::write(self.folder.path().join("nginx.conf"), text).expect("write");
    }

    fn start(&self, driver: &Driver, addresses: usize) -> Server {
        let mut command = driver.command();
        command.arg("-c").arg(self.folder.path().join("nginx.conf"));
        Server::start(command, addresses)
    }
}

/// Addresses that nobody listens on.
fn free<const N: usize>() -> [SocketAddr; N] {
    [(); N].map(|()| free_address())
}

fn words(addresses: &[SocketAddr]) -> Vec<String> {
    addresses.iter().map(SocketAddr::to_string).collect()
}

/// What a new connection is served by; nothing where nobody listens.
fn version(address: SocketAddr) -> Option<String> {
    TcpStream::connect(address).ok()?;
    Some(Client::first(address, "/v").1.text().to_owned())
}

fn added_and_dropped(driver: &Driver) {
    for main in ["worker_processes 1;", "worker_processes 3;"] {
        let place = Place::new();
        let [kept, dropped, added] = free();
        place.write(main, &words(&[kept, dropped]), 0);
        let server = place.start(driver, 2);
        assert_eq!(version(dropped).as_deref(), Some("0"));
        place.write(main, &words(&[added, kept]), 1);
        server.signal(Signal::HUP);
        assert!(
            eventually(|| TcpStream::connect(added).is_ok()),
            "{}",
            server.stderr()
        );
        assert!(eventually(|| TcpStream::connect(dropped).is_err()));
        for _ in 0..8 {
            assert_eq!(version(added).as_deref(), Some("1"));
        }
        assert!(eventually(|| version(kept).as_deref() == Some("1")));
        // There and back again.
        place.write(main, &words(&[kept, dropped]), 2);
        server.signal(Signal::HUP);
        assert!(eventually(|| TcpStream::connect(added).is_err()));
        assert!(eventually(|| TcpStream::connect(dropped).is_ok()));
        assert_eq!(version(dropped).as_deref(), Some("2"));
    }
}

/// Who has connected in time is answered: by the server before, or by the next one if that has come
/// meanwhile.
fn waiting_where_nobody_listens_any_more(driver: &Driver) {
    let place = Place::new();
    let [kept, dropped] = free();
    place.write("", &words(&[kept, dropped]), 0);
    let server = place.start(driver, 2);
    place.write("", &words(&[kept]), 1);
    // The process finds connections and signal at the same time.
    server.freeze();
    let mut clients: Vec<_> = (0..20).map(|_| Client::connect(dropped)).collect();
    for client in &mut clients {
        client.wire.send(e2e::encode("GET", "/v", &[]));
    }
    server.signal(Signal::HUP);
    server.thaw();
    for mut client in clients {
        let response = client.response("GET");
        assert!(matches!(response.text(), "0" | "1"), "{response:?}");
    }
    assert!(eventually(|| TcpStream::connect(dropped).is_err()));
}

/// Reloads come all the time, and clients too, each with a connection of its own.
fn no_request_is_lost(driver: &Driver) {
    for main in ["worker_processes 1;", "worker_processes 2;"] {
        let place = Place::new();
        let [kept, other] = free();
        place.write(main, &words(&[kept]), 0);
        let server = place.start(driver, 1);
        let over = AtomicBool::new(false);
        let load = || {
            let mut requests = 0;
            while !over.load(Ordering::Relaxed) {
                let (client, response) = Client::first(kept, "/v");
                assert_eq!(response.status, 200);
                // So many ports would have to wait otherwise.
                client.wire.reset();
                requests += 1;
            }
            requests
        };
        thread::scope(|scope| {
            let clients = [(); 3].map(|()| scope.spawn(load));
            for n in 1..=50 {
                let addresses = [kept, other];
                place.write(main, &words(&addresses[..1 + n % 2]), n);
                server.signal(Signal::HUP);
                let followed = || version(kept) == Some(n.to_string());
                let followed = eventually(followed);
                over.store(!followed || n == 50, Ordering::Relaxed);
                assert!(followed, "{}", server.stderr());
            }
            let requests = clients.map(|it| it.join().expect("no request is lost"));
            assert!(requests.iter().all(|it| *it > 0), "{requests:?}");
        });
    }
}

fn taken_address(driver: &Driver) {
    let place = Place::new();
    let [kept, free, address] = free();
    place.write("", &words(&[kept]), 0);
    let server = place.start(driver, 1);
    let taken = TcpListener::bind(address).expect("bind");
    place.write("", &words(&[free, address]), 1);
    server.signal(Signal::HUP);
    let why = format!("cannot listen on {address}: address already in use");
    assert!(
        eventually(|| server.stderr().contains(&why)),
        "{}",
        server.stderr()
    );
    assert_eq!(version(kept).as_deref(), Some("0"));
    assert_eq!(version(free), None);
    drop(taken);
    // Again and again: a child that another test is just starting holds all our descriptors until its exec.
    assert!(eventually(|| {
        server.signal(Signal::HUP);
        version(free).as_deref() == Some("1")
    }));
    assert_eq!(version(address).as_deref(), Some("1"));
}

/// There is no way back to the rights of root.
fn address_for_root(driver: &Driver) {
    if !geteuid().is_root() {
        return eprintln!("NOT TESTED: only root can become another user");
    }
    let start = fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if start.is_ok_and(|port| port.trim().parse().is_ok_and(|port: u16| port <= 917)) {
        return eprintln!("NOT TESTED: anybody may listen on port 917 here");
    }
    let place = Place::new();
    let [kept] = free();
    place.write("user nobody;", &words(&[kept]), 0);
    let server = place.start(driver, 1);
    place.write(
        "user nobody;",
        &[kept.to_string(), "127.0.0.1:917".into()],
        1,
    );
    server.signal(Signal::HUP);
    let why =
        "cannot listen on 127.0.0.1:917: permission denied: only root may, and only at a start";
    assert!(
        eventually(|| server.stderr().contains(why)),
        "{}",
        server.stderr()
    );
    assert_eq!(version(kept).as_deref(), Some("0"));
}

fn queue_of_another_length(driver: &Driver) {
    let place = Place::new();
    let [kept] = free();
    place.write("", &[format!("{kept} backlog=5")], 0);
    let server = place.start(driver, 1);
    place.write("", &[format!("{kept} backlog=50 reuseport")], 1);
    server.signal(Signal::HUP);
    assert!(
        eventually(|| version(kept).as_deref() == Some("1")),
        "{}",
        server.stderr()
    );
}

/// The sockets of a service manager are what is listened on, also after a reload.
fn inherited(driver: &Driver) {
    let place = Place::new();
    let [ignored, address] = free();
    let listener = TcpListener::bind(address).expect("bind");
    place.write("worker_processes 2;", &words(&[address]), 0);
    let mut command = driver.activated(listener);
    command
        .arg("-c")
        .arg(place.folder.path().join("nginx.conf"));
    let mut server = Server::start(command, 1);
    assert_eq!(server.address(), address);
    place.write("worker_processes 2;", &words(&[ignored]), 1);
    server.signal(Signal::HUP);
    assert!(
        eventually(|| version(address).as_deref() == Some("1")),
        "{}",
        server.stderr()
    );
    assert_eq!(version(ignored), None);
    server.signal(Signal::QUIT);
    let status = server.exit_within(DEADLINE).expect("it goes on");
    assert!(status.success(), "{status}");
}
