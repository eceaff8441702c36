//! A server in the hands of an administrator: signals, log rotation, a service manager.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use e2e::{Client, DEADLINE, Driver, Site, eventually, for_each_driver, free_address};
use rustix::process::{Signal, geteuid};

for_each_driver!(
    rotated_log,
    log_that_cannot_be_opened_again,
    reload,
    reload_that_fails,
    broken_pipe,
    two_servers_on_one_port,
    socket_activation,
    service_manager,
    other_user,
    user_that_is_none,
    log_that_is_a_link,
    log_that_is_an_unread_pipe,
    manager_that_hangs,
);

/// The lines in a file; a file that is missing has none.
fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// Moves the log, lets `signal` open it again, and loses no line.
fn assert_log_moves(site: &Site, signal: Signal) {
    let (log, old) = (site.outside("log"), site.outside("log.1"));
    let before = lines(&log);
    let mut requests = before;
    let mut get = || {
        let (_, response) = Client::first(site.server.address(), "/a.txt");
        assert_eq!(response.text(), "hello");
        requests += 1;
    };
    get();
    // A line is written when the answer has been sent.
    assert!(eventually(|| lines(&log) > before));
    fs::rename(&log, &old).expect("rename");
    get();
    site.server.signal(signal);
    assert!(eventually(|| log.exists()), "{}", site.server.stderr());
    let arrived = eventually(|| {
        get();
        lines(&log) > 0
    });
    assert!(arrived, "the new log stays empty");
    assert!(eventually(|| lines(&old) + lines(&log) == requests));
    // The line of the second answer need not be there when the log moves.
    assert!(lines(&old) >= 1);
}

fn rotated_log(site: &Site) {
    site.write("a.txt", "hello");
    assert_log_moves(site, Signal::USR1);
}

fn log_that_cannot_be_opened_again(site: &Site) {
    site.write("a.txt", "hello");
    let old = site.outside("log.1");
    fs::rename(site.outside("log"), &old).expect("rename");
    fs::create_dir(site.outside("log")).expect("mkdir");
    site.server.signal(Signal::USR1);
    let told = || site.server.stderr().contains("cannot open the access log");
    assert!(eventually(told), "{}", site.server.stderr());
    site.get("/a.txt");
    assert!(eventually(|| lines(&old) == 1));
}

fn reload(site: &Site) {
    site.write("a.txt", "hello");
    assert_eq!(site.get("/a.txt").text(), "hello");
    site.log(1);
    assert_log_moves(site, Signal::HUP);
    assert_eq!(site.get("/a.txt").text(), "hello");
    assert_eq!(site.server.stderr(), "");
}

fn reload_that_fails(site: &Site) {
    site.write("a.txt", "hello");
    let mut old = site.client();
    assert_eq!(old.get("/a.txt").text(), "hello");
    let (root, aside) = (site.path(""), site.outside("aside"));
    fs::rename(&root, &aside).expect("rename");
    site.server.signal(Signal::HUP);
    let told = || site.server.stderr().contains("cannot serve");
    assert!(eventually(told), "{}", site.server.stderr());
    fs::rename(&aside, &root).expect("rename");
    assert_eq!(old.get("/a.txt").text(), "hello");
    assert!(eventually(|| site.get("/a.txt").status == 200));
}

fn broken_pipe(site: &Site) {
    site.write("a.txt", "hello");
    site.server.signal(Signal::PIPE);
    assert_eq!(site.get("/a.txt").text(), "hello");
}

/// Listeners of several workers share a port, but not with those of another process.
fn two_servers_on_one_port(driver: &Driver) {
    let site = driver.site(&["--workers", "4"]);
    let address = site.server.address().to_string();
    let output = driver.run(&[".", "--workers", "4", "--listen", &address]);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("address already in use"), "{stderr}");
}

fn socket_activation(driver: &Driver) {
    for flags in [&[][..], &["--workers", "4"]] {
        let address = free_address();
        let listener = TcpListener::bind(address).expect("bind");
        let mut site = Site::launch(driver.activated(listener), flags);
        assert_eq!(site.server.addresses, [address]);
        site.write("a.txt", "hello");
        for _ in 0..8 {
            assert_eq!(site.get("/a.txt").text(), "hello");
        }
        site.server.signal(Signal::QUIT);
        let status = site.server.exit_within(DEADLINE).expect("it goes on");
        assert!(status.success(), "{status}");
    }
}

fn service_manager(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    let manager = UnixDatagram::bind(folder.path().join("notify")).expect("bind");
    manager.set_read_timeout(Some(DEADLINE)).expect("timeout");
    let mut command = driver.command();
    command.env("NOTIFY_SOCKET", folder.path().join("notify"));
    assert_tells(Site::launch(command, &[]), &manager);

    #[cfg(target_os = "linux")]
    {
        use std::os::linux::net::SocketAddrExt;
        use std::os::unix::net::SocketAddr;

        let name = format!("{}/{}", folder.path().display(), driver.name());
        let address = SocketAddr::from_abstract_name(&name).expect("address");
        let manager = UnixDatagram::bind_addr(&address).expect("bind");
        manager.set_read_timeout(Some(DEADLINE)).expect("timeout");
        let mut command = driver.command();
        command.env("NOTIFY_SOCKET", format!("@{name}"));
        assert_tells(Site::launch(command, &[]), &manager);
    }
}

fn assert_tells(mut site: Site, manager: &UnixDatagram) {
    let next = || {
        let mut message = [0; 100];
        let len = loop {
            match manager.recv(&mut message) {
                // With a timeout it is not begun again by itself.
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                received => break received.expect("a message"),
            }
        };
        String::from_utf8_lossy(&message[..len]).into_owned()
    };
    assert_eq!(next(), "READY=1");
    site.server.signal(Signal::HUP);
    let reloading = next();
    let micros = reloading.strip_prefix("RELOADING=1\nMONOTONIC_USEC=");
    let micros: u64 = micros.and_then(|n| n.parse().ok()).expect(&reloading);
    assert!(micros > 0);
    assert_eq!(next(), "READY=1");
    site.server.signal(Signal::QUIT);
    assert_eq!(next(), "STOPPING=1");
    assert!(site.server.exit_within(DEADLINE).is_some());
}

/// The ids in a line such as `Uid: 65534 65534 65534 65534` of `/proc/PID/status`.
#[cfg(target_os = "linux")]
fn ids(site: &Site, name: &str) -> Vec<u32> {
    let status = site.server.proc("status");
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let ids = line.expect(name).split_whitespace();
    ids.map(|id| id.parse().expect("a number")).collect()
}

/// An account's user and primary group, or a group's.
#[cfg(target_os = "linux")]
fn id(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output().expect("id");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    text.trim().parse().expect("a number")
}

#[cfg(target_os = "linux")]
fn other_user(driver: &Driver) {
    if !geteuid().is_root() {
        return eprintln!("NOT TESTED: only root can become another user");
    }
    let (nobody, group) = (id(&["-u", "nobody"]), id(&["-g", "nobody"]));
    let daemon = id(&["-g", "daemon"]);
    for (user, group) in [("nobody", group), ("nobody:daemon", daemon)] {
        let site = driver.site(&["--user", user]);
        assert_eq!(ids(&site, "Uid:"), [nobody; 4]);
        assert_eq!(ids(&site, "Gid:"), [group; 4]);
        assert_eq!(ids(&site, "Groups:"), [group]);
        let secret = site.write("secret.txt", "for root");
        rustix::fs::chmod(&secret, 0o600.into()).expect("chmod");
        site.write("a.txt", "hello");
        assert_eq!(site.get("/a.txt").text(), "hello");
        assert_eq!(site.get("/secret.txt").status, 403);
        // What it opened as root it can open again.
        let log = fs::metadata(site.outside("log")).expect("log");
        assert_eq!((log.uid(), log.gid()), (nobody, group));
        site.server.signal(Signal::HUP);
        site.server.signal(Signal::USR1);
        let (_, response) = Client::first(site.server.address(), "/a.txt");
        assert_eq!(response.text(), "hello");
        site.log(3);
        assert_eq!(site.server.stderr(), "");
    }
}

#[cfg(not(target_os = "linux"))]
fn other_user(_: &Driver) {
    eprintln!("NOT TESTED: no /proc/PID/status here");
}

fn user_that_is_none(driver: &Driver) {
    if !geteuid().is_root() {
        return eprintln!("NOT TESTED: only root can become another user");
    }
    for user in ["no-such-user", "nobody:no-such-group", ""] {
        let output = driver.run(&[".", "--port", "0", "--user", user]);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{stderr}");
        let expected = format!("{}: cannot become {user}: there is no such", driver.name());
        assert!(stderr.starts_with(&expected), "{stderr}");
    }
}

/// Whoever may write to the folder of the log is not given another file of root.
fn log_that_is_a_link(driver: &Driver) {
    if !geteuid().is_root() {
        return eprintln!("NOT TESTED: only root can become another user");
    }
    let folder = tempfile::tempdir().expect("folder");
    let (victim, log) = (folder.path().join("victim"), folder.path().join("log"));
    fs::write(&victim, "for root").expect("write");
    let link: [fn(&Path, &Path) -> io::Result<()>; 2] = [
        |victim, log| symlink(victim, log),
        |victim, log| fs::hard_link(victim, log),
    ];
    let free = free_address();
    for link in link {
        link(&victim, &log).expect("link");
        let log_name = log.to_str().expect("UTF-8");
        let configuration = folder.path().join("conf");
        let text = format!(
            "user nobody; events {{}} http {{ access_log {log_name}; server {{ listen {free}; }} }}"
        );
        fs::write(&configuration, text).expect("write");
        let starts: [&[&str]; 2] = [
            &[
                ".",
                "--port",
                "0",
                "--user",
                "nobody",
                "--access-log",
                log_name,
            ],
            &["-c", configuration.to_str().expect("UTF-8")],
        ];
        for arguments in starts {
            let output = driver.run(arguments);
            let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(stderr.contains("it is a link to a file"), "{stderr}");
            assert_eq!(fs::metadata(&victim).expect("victim").uid(), 0);
        }
        fs::remove_file(&log).expect("remove");
    }
    // A log that is no file may have any name.
    symlink("/dev/null", &log).expect("link");
    let log = log.to_str().expect("UTF-8");
    driver.site(&["--user", "nobody", "--access-log", log]);
}

/// Opening it would wait for a reader, and a stop for that.
fn log_that_is_an_unread_pipe(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().expect("mkfifo");
    assert!(made.success(), "{made}");
    for signal in [Signal::USR1, Signal::HUP] {
        // Opened for both, so that this does not wait for the server.
        let reader = File::options().read(true).write(true).open(&pipe);
        let log = pipe.to_str().expect("UTF-8");
        let mut site = driver.site(&["--access-log", log]);
        drop(reader);
        // Again and again: a child that another test is just starting holds all our descriptors
        // until its exec, and so reads this pipe for a moment.
        let told = || {
            site.server.signal(signal);
            site.server.stderr().contains("cannot open the access log")
        };
        assert!(eventually(told), "{}", site.server.stderr());
        site.server.signal(Signal::QUIT);
        assert!(site.server.exit_within(DEADLINE).is_some());
    }
}

/// It does not hold up the stop.
#[cfg(target_os = "linux")]
fn manager_that_hangs(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("notify");
    let _manager = UnixDatagram::bind(&path).expect("bind");
    let others = UnixDatagram::unbound().expect("socket");
    others.set_nonblocking(true).expect("nonblocking");
    while others.send_to(b"READY=1", &path).is_ok() {}
    let mut command = driver.command();
    command.env("NOTIFY_SOCKET", &path);
    let mut site = Site::launch(command, &[]);
    site.server.signal(Signal::HUP);
    site.server.signal(Signal::QUIT);
    assert!(site.server.exit_within(DEADLINE).is_some());
}

#[cfg(not(target_os = "linux"))]
fn manager_that_hangs(_: &Driver) {
    eprintln!("NOT TESTED: such messages are lost here");
}
