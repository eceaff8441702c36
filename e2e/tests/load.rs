//! Clients that ask as fast as they can, while the server is stopped, reloaded, or serves others.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;

use e2e::{
    Client, DEADLINE, Driver, Server, Site, encode, eventually, for_each_driver, free_address,
};
use rustix::process::Signal;
use tempfile::TempDir;

for_each_driver!(
    graceful_stop,
    reloads,
    bad_reloads,
    others_while_one_pipelines,
    others_while_one_downloads,
);

/// Asks again and again on one connection, until the server ends it; each answer is whole, and those
/// that there are are counted.
fn ask_until_the_end(address: SocketAddr, answers: &AtomicUsize) {
    let mut client = Client::connect(address);
    let mut response = client.get("/a.txt");
    loop {
        assert_eq!(response.text(), "hello");
        answers.fetch_add(1, Relaxed);
        if response.says("close") {
            return client.wire.assert_end();
        }
        match client.get_again("/a.txt") {
            Some(next) => response = next,
            None => return,
        }
    }
}

fn graceful_stop(driver: &Driver) {
    for _ in 0..5 {
        let mut site = driver.site(&[]);
        site.write("a.txt", "hello");
        let (address, answers) = (site.server.address(), [const { AtomicUsize::new(0) }; 16]);
        thread::scope(|scope| {
            for answers in &answers {
                scope.spawn(|| ask_until_the_end(address, answers));
            }
            assert!(eventually(|| answers.iter().all(|it| it.load(Relaxed) > 9)));
            site.server.signal(Signal::QUIT);
        });
        let status = site.server.exit_within(DEADLINE).expect("it goes on");
        assert!(status.success(), "{status}");
    }
}

/// A server of a configuration in a folder, which answers with the number that was written last.
struct Numbered {
    folder: TempDir,
    address: SocketAddr,
}

impl Numbered {
    fn new() -> Self {
        let (folder, address) = (TempDir::new().expect("folder"), free_address());
        Self { folder, address }
    }

    fn write(&self, number: usize, rest: &str) {
        let text = format!(
            "worker_processes 2; events {{ }} http {{ access_log off;\n\
             server {{ listen {}; location = /n {{ return 200 {number}; }} }} {rest} }}\n",
            self.address
        );
        fs::write(self.folder.path().join("conf"), text).expect("write");
    }

    fn start(&self, driver: &Driver) -> Server {
        let mut command = driver.command();
        command.arg("-c").arg(self.folder.path().join("conf"));
        Server::start(command, 1)
    }

    /// The number on a new connection, which is answered whatever happens meanwhile.
    fn get(&self) -> usize {
        let (client, response) = Client::first(self.address, "/n");
        let number = number(&response);
        // So many ports would have to wait otherwise.
        client.wire.reset();
        number
    }

    /// Asks on connections that are kept as long as the server likes; the numbers only grow.
    fn keep_asking(&self, on: &AtomicBool) {
        while on.load(Relaxed) {
            let (mut client, mut response) = Client::first(self.address, "/n");
            let first = number(&response);
            while on.load(Relaxed) && !response.says("close") {
                let Some(next) = client.get_again("/n") else {
                    break;
                };
                assert_eq!(number(&next), first, "one connection has one server");
                response = next;
            }
            client.wire.reset();
        }
    }

    /// Does `work` while clients ask.
    fn under_load(&self, work: impl FnOnce()) {
        let on = AtomicBool::new(true);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| self.keep_asking(&on));
                scope.spawn(|| {
                    while on.load(Relaxed) {
                        self.get();
                    }
                });
            }
            let _off = Off(&on);
            work();
        });
    }
}

/// Also when the work panics.
struct Off<'f>(&'f AtomicBool);

impl Drop for Off<'_> {
    fn drop(&mut self) {
        self.0.store(false, Relaxed);
    }
}

fn number(response: &e2e::Response) -> usize {
    assert_eq!(response.status, 200);
    response.text().parse().expect("a number")
}

fn reloads(driver: &Driver) {
    let place = Numbered::new();
    place.write(0, "");
    let mut server = place.start(driver);
    place.under_load(|| {
        for n in 1..=200 {
            place.write(n, "");
            server.signal(Signal::HUP);
            assert!(eventually(|| place.get() == n), "{n}");
        }
    });
    assert_eq!(server.stderr(), "");
    server.signal(Signal::QUIT);
    assert!(server.exit_within(DEADLINE).is_some());
}

fn bad_reloads(driver: &Driver) {
    let place = Numbered::new();
    place.write(0, "");
    let server = place.start(driver);
    let mut kept = Client::connect(place.address);
    assert_eq!(number(&kept.get("/n")), 0);
    place.under_load(|| {
        for n in 1..=20 {
            place.write(n, &format!("nonsense{n};"));
            server.signal(Signal::HUP);
            let told = format!("\"nonsense{n}\"");
            assert!(eventually(|| server.stderr().contains(&told)), "{n}");
            assert_eq!(place.get(), 0);
        }
    });
    assert_eq!(number(&kept.get("/n")), 0);
}

/// Others are served, as often as they like, while `one` goes on.
fn assert_others_are_served(site: &Site, on: &AtomicBool) {
    let _off = Off(on);
    let mut kept = site.client();
    for _ in 0..50 {
        assert_eq!(kept.get("/a.txt").text(), "hello");
        assert_eq!(site.get("/a.txt").text(), "hello");
    }
    assert!(on.load(Relaxed), "the one has stopped");
}

fn others_while_one_pipelines(driver: &Driver) {
    let site = driver.site(&["--workers", "1"]);
    site.write("a.txt", "hello");
    let requests = encode("GET", "/a.txt", &[]).repeat(100);
    let (address, on) = (site.server.address(), AtomicBool::new(true));
    thread::scope(|scope| {
        scope.spawn(|| {
            while on.load(Relaxed) {
                let mut client = Client::connect(address);
                // As many as one connection may ask, and always some ahead of the answers.
                client.wire.send(&requests);
                for _ in 0..8 {
                    client.wire.send(&requests);
                    (0..100).for_each(|_| drop(client.response("GET")));
                }
            }
        });
        assert_others_are_served(&site, &on);
    });
}

fn others_while_one_downloads(driver: &Driver) {
    let site = driver.site(&["--workers", "1"]);
    site.write("a.txt", "hello");
    site.sparse("huge.bin", 1 << 40);
    let (address, on) = (site.server.address(), AtomicBool::new(true));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut client = Client::connect(address);
            client.wire.send(encode("GET", "/huge.bin", &[]));
            assert_eq!(client.head().status, 200);
            while on.load(Relaxed) {
                client.wire.read_exact(1 << 20);
            }
        });
        assert_others_are_served(&site, &on);
    });
}
