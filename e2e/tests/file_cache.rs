//! `open_file_cache` and `disable_symlinks`, over real sockets and real files.

use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use e2e::{Client, Driver, Server, eventually, for_each_driver, free_address};
use tempfile::TempDir;

for_each_driver!(
    kept_until_it_is_looked_at_again,
    looked_at_again,
    failures,
    descriptors,
    reload,
);

/// A folder with files that are served by a configuration.
struct Place {
    folder: TempDir,
    address: SocketAddr,
    server: Server,
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
            "pid {path}/pid;\nerror_log {path}/error.log;\nworker_processes 1;\nevents {{ }}\n\
             http {{\naccess_log off;\nserver {{\nlisten {address};\nroot {path}/www;\n\
             {directives}\n}} }}\n"
        );
        fs::write(&config, text).expect("write");
        let mut command = driver.command();
        command.arg("-c").arg(config);
        Self {
            server: Server::start(command, 1),
            folder,
            address,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("www").join(name)
    }

    /// Puts a new file in the place of this one.
    fn replace(&self, name: &str, content: &str) {
        let new = self.folder.path().join("new");
        fs::write(&new, content).expect("write");
        fs::rename(new, self.path(name)).expect("rename");
    }

    fn get(&self, target: &str) -> (u16, String) {
        let (_, response) = Client::first(self.address, target);
        (response.status, response.text().to_owned())
    }

    fn is(&self, target: &str, status: u16, content: &str) -> bool {
        let (is, text) = self.get(target);
        is == status && (content.is_empty() || text == content)
    }
}

fn kept_until_it_is_looked_at_again(driver: &Driver) {
    let place = Place::new(
        driver,
        "open_file_cache max=10 inactive=1d; open_file_cache_valid 1d;",
    );
    for name in ["replaced", "removed", "index.html"] {
        place.replace(name, "old");
    }
    let targets = ["/replaced", "/removed", "/"];
    assert!(targets.iter().all(|target| place.is(target, 200, "old")));
    place.replace("replaced", "new");
    place.replace("index.html", "new");
    fs::remove_file(place.path("removed")).expect("remove");
    assert!(targets.iter().all(|target| place.is(target, 200, "old")));
}

fn looked_at_again(driver: &Driver) {
    let place = Place::new(driver, "open_file_cache max=10; open_file_cache_valid 1s;");
    for name in ["changed", "replaced", "removed"] {
        place.replace(name, "old");
        assert!(place.is(&format!("/{name}"), 200, "old"));
    }
    fs::write(place.path("changed"), "new").expect("write");
    place.replace("replaced", "newer");
    fs::remove_file(place.path("removed")).expect("remove");
    assert!(eventually(|| place.is("/changed", 200, "new")));
    assert!(eventually(|| place.is("/replaced", 200, "newer")));
    assert!(eventually(|| place.is("/removed", 404, "")));
}

fn failures(driver: &Driver) {
    let place = Place::new(
        driver,
        "open_file_cache max=10 inactive=1d; open_file_cache_valid 1d;
         location /r/ { open_file_cache_errors on; }",
    );
    fs::create_dir(place.path("r")).expect("mkdir");
    assert!(place.is("/a", 404, "") && place.is("/r/a", 404, ""));
    place.replace("a", "there");
    place.replace("r/a", "there");
    assert!(place.is("/a", 200, "there"));
    assert!(place.is("/r/a", 404, ""));
}

/// Of files that are asked for once, no more than so many stay open.
fn descriptors(driver: &Driver) {
    let place = Place::new(
        driver,
        "open_file_cache max=8 inactive=1h; location /often/ { open_file_cache_min_uses 3; }",
    );
    fs::create_dir(place.path("often")).expect("mkdir");
    let mut client = Client::connect(place.address);
    place.replace("0", "text");
    assert_eq!(client.get("/0").status, 200);
    // Where a file was not to be kept, the next answer does not wait until it is closed.
    let kept = |count| eventually(|| place.server.open_files(&place.path("")) == count);
    assert!(kept(1));
    for n in 1..=7 {
        place.replace(&format!("often/{n}"), "text");
        assert_eq!(client.get(&format!("/often/{n}")).status, 200);
    }
    assert!(kept(1));
    for n in 1..=50 {
        place.replace(&format!("{n}"), "text");
        assert_eq!(client.get(&format!("/{n}")).status, 200);
    }
    assert!(kept(8));
}

/// A new configuration has a new cache.
fn reload(driver: &Driver) {
    let place = Place::new(driver, "open_file_cache max=10; open_file_cache_valid 1d;");
    place.replace("a", "old");
    assert!(place.is("/a", 200, "old"));
    place.replace("a", "new");
    assert!(place.is("/a", 200, "old"));
    place.server.signal(rustix::process::Signal::HUP);
    assert!(eventually(|| place.is("/a", 200, "new")));
}
