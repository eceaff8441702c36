//! Many requests for scripts, and clients that vanish at random: nothing is left behind.
//! `CGI_REQUESTS` is how many; the default takes seconds.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::{env, fs, thread};

use e2e::{Client, Driver, Scripts, encode, eventually, for_each_driver, noise};

for_each_driver!(nothing_is_left_behind);

const CLIENTS: usize = 8;

const SCRIPTS: [(&str, &str); 4] = [
    ("hello", "printf 'Content-Type: text/plain\\n\\nhello'"),
    ("cat", "printf 'Content-Type: a/b\\n\\n'; exec cat"),
    (
        "family",
        "sleep 1000 & printf 'Content-Type: a/b\\n\\nhello'; sleep 1000 & wait",
    ),
    (
        "endless",
        "sleep 1000 & printf 'Content-Type: a/b\\n\\n'; exec cat /dev/zero",
    ),
];

/// More than is kept in memory.
const LARGE: usize = 100_000;

/// One client of the kind that `chance` says.
fn visit(address: SocketAddr, chance: u8) {
    let cut = chance as usize % 50;
    let upload =
        format!("POST /cgi-bin/cat HTTP/1.1\r\nHost: e2e\r\nContent-Length: {LARGE}\r\n\r\n");
    let mut client = Client::connect(address);
    match chance % 8 {
        0 => client
            .wire
            .send(&encode("GET", "/cgi-bin/hello", &[])[..cut.min(40)]),
        1 => client.wire.send(encode("GET", "/cgi-bin/hello", &[])),
        2 => {
            let target = ["/cgi-bin/family", "/cgi-bin/endless"][cut % 2];
            client.wire.send(encode("GET", target, &[]));
            client.wire.read_exact(cut);
        }
        3 => client.wire.send(encode("GET", "/cgi-bin/family", &[])),
        4 => client.wire.send(upload + &"x".repeat(cut * LARGE / 50)),
        5 => client.wire.send(upload + &"x".repeat(LARGE)),
        6 => {
            client.wire.send(upload + &"x".repeat(LARGE));
            assert_eq!(client.response("POST").body.len(), LARGE);
            return;
        }
        _ => {
            assert_eq!(client.get("/cgi-bin/hello").text(), "hello");
            assert_eq!(client.get("/cgi-bin/hello").text(), "hello");
            return;
        }
    }
    if chance & 0x80 == 0 {
        client.wire.reset();
    }
}

/// The processes whose parent is the server, those that have ended and wait to be reaped included.
fn children(site: &Scripts) -> Vec<String> {
    let parent = site.server.id().to_string();
    let all = fs::read_dir("/proc").expect("proc");
    let paths = all.map(|entry| entry.expect("entry").path().join("stat"));
    let stats = paths.filter_map(|path| fs::read_to_string(path).ok());
    let is_child = |stat: &String| {
        let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields);
        fields.split(' ').nth(1) == Some(&*parent)
    };
    stats.filter(is_child).collect()
}

fn nothing_is_left_behind(driver: &Driver) {
    let requests = env::var("CGI_REQUESTS").map_or(600, |n| n.parse().expect("CGI_REQUESTS"));
    let site = Scripts::new(driver, "");
    for (name, script) in SCRIPTS {
        site.sh(name, script);
    }
    visit(site.address(), 7);
    let descriptors = site.server.descriptors();
    let chances = noise(requests);
    thread::scope(|scope| {
        for chances in chances.chunks(requests.div_ceil(CLIENTS)) {
            let address = site.address();
            scope.spawn(move || chances.iter().for_each(|chance| visit(address, *chance)));
        }
    });
    let calm = || {
        let left = (children(&site).len(), site.processes().len());
        left == (0, 0) && site.server.descriptors() <= descriptors
    };
    let is_calm = eventually(calm);
    let now = site.server.descriptors();
    assert!(
        is_calm,
        "{now} descriptors, {descriptors} before; children {:?}; processes {:?}",
        children(&site),
        site.processes(),
    );
    let files = fs::read_dir(site.outside("tmp")).expect("tmp");
    assert_eq!(files.count(), 0);
    visit(site.address(), 7);
}
