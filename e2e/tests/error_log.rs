//! The error log: files for each context, opened again and kept by a reload, and nginx's words in them.

use std::fs::{self, Permissions};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use e2e::{Client, Driver, Server, eventually, for_each_driver, free_address};
use rustix::process::Signal;
use tempfile::TempDir;

for_each_driver!(
    a_log_for_each_context,
    opened_again_and_reloaded,
    the_words_of_nginx
);

fn folder() -> TempDir {
    let folder = TempDir::new().expect("temporary folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("chmod");
    fs::create_dir_all(folder.path().join("www/empty")).expect("mkdir");
    fs::write(folder.path().join("www/a.txt"), "a file").expect("write");
    // {SHA} of "right".
    fs::write(
        folder.path().join("users"),
        "anna:{SHA}G0fPUimE3S+lSNPJvH2oLAwjKRY=\n",
    )
    .expect("write");
    folder
}

/// Writes a configuration; `FOLDER` stands for the folder.
fn write(folder: &Path, main: &str, http: &str, address: SocketAddr, server: &str) {
    let text = format!(
        "pid FOLDER/pid; {main}\nevents {{ }}\nhttp {{ access_log off; {http}\n\
         server {{ listen {address}; server_name a.test; root FOLDER/www; {server}\n}} }}\n"
    );
    let text = text.replace("FOLDER", &folder.display().to_string());
    fs::write(folder.join("nginx.conf"), text).expect("write");
}

fn start(driver: &Driver, folder: &Path) -> Server {
    let mut command = driver.command();
    command.arg("-c").arg(folder.join("nginx.conf"));
    Server::start(command, 1)
}

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_default()
}

fn a_log_for_each_context(driver: &Driver) {
    let (folder, address) = (folder(), free_address());
    write(
        folder.path(),
        "error_log FOLDER/main.log notice;",
        "error_log FOLDER/http.log;",
        address,
        "location /own/ { error_log FOLDER/own.log; error_log FOLDER/both.log warn; }\n\
         location /quiet/ { error_log FOLDER/quiet.log crit; }",
    );
    let _server = start(driver, folder.path());
    for target in ["/none", "/own/none", "/quiet/none"] {
        assert_eq!(Client::connect(address).get(target).status, 404);
    }
    for (name, target) in [
        ("http.log", "/none"),
        ("own.log", "/own/none"),
        ("both.log", "/own/none"),
    ] {
        let line = format!("/www{target}\" failed (2: No such file or directory), client: ");
        let found = || read(folder.path(), name).contains(&line);
        assert!(eventually(found), "{name}");
        assert_eq!(read(folder.path(), name).lines().count(), 1, "{name}");
    }
    // It is open, as nginx has it, but nothing was bad enough.
    assert_eq!(read(folder.path(), "quiet.log"), "");
    assert!(folder.path().join("quiet.log").exists());
    assert!(!read(folder.path(), "main.log").contains("open()"));
}

fn opened_again_and_reloaded(driver: &Driver) {
    let (folder, address) = (folder(), free_address());
    let configure = |main: &str, server: &str| {
        write(folder.path(), main, "", address, server);
    };
    configure("error_log FOLDER/error.log notice;", "");
    let server = start(driver, folder.path());
    let told = |name: &str, text: &str| eventually(|| read(folder.path(), name).contains(text));
    fs::rename(folder.path().join("error.log"), folder.path().join("old")).expect("rename");
    server.signal(Signal::USR1);
    assert!(told("old", "[notice] ") && told("old", ": reopening logs\n"));
    assert_eq!(Client::connect(address).get("/none").status, 404);
    assert!(told("error.log", "/www/none\" failed (2: "));

    configure("error_log FOLDER/new.log crit;", "");
    server.signal(Signal::HUP);
    assert!(eventually(|| folder.path().join("new.log").exists()));
    assert!(told("error.log", ": reconfiguring\n"));
    configure("error_log FOLDER/new.log crit;", "nonsense;");
    server.signal(Signal::HUP);
    assert!(told("new.log", "[emerg] "));
    assert!(!read(folder.path(), "new.log").contains("reconfiguring"));
}

struct Nginx(Child);

/// Held as long as it is to run.
type Running = (Option<Server>, Option<Nginx>);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What stands between the number of the connection and the port.
fn words(folder: &Path, address: SocketAddr) -> Vec<String> {
    let text = read(folder, "error.log").replace(&folder.display().to_string(), "FOLDER");
    let text = text.replace(&format!(":{}", address.port()), "");
    let lines = text.lines().filter_map(|line| {
        let (front, rest) = line.split_once(": *")?;
        let (_, level) = front.split_once(" [")?;
        let (_, words) = rest.split_once(' ')?;
        Some(format!("[{} {words}", level.split(' ').next()?))
    });
    lines.collect()
}

fn the_words_of_nginx(driver: &Driver) {
    if Command::new("nginx").arg("-v").output().is_err() {
        e2e::skipped("there is no nginx");
        return;
    }
    let requests = [
        "GET /none HTTP/1.1\r\n\r\n",
        "GET /none/ HTTP/1.1\r\n\r\n",
        "GET /empty/ HTTP/1.1\r\n\r\n",
        "GET /denied HTTP/1.1\r\n\r\n",
        "GET /loop HTTP/1.1\r\n\r\n",
        "GET /auth HTTP/1.1\r\n\r\n",
        // anna:wrong, nobody:x
        "GET /auth HTTP/1.1\r\nAuthorization: Basic YW5uYTp3cm9uZw==\r\n\r\n",
        "GET /auth HTTP/1.1\r\nAuthorization: Basic bm9ib2R5Ong=\r\n\r\n",
        "POST /small HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789",
        "GET /limited HTTP/1.1\r\n\r\n",
        "GET /limited HTTP/1.1\r\n\r\n",
        "GET /dry HTTP/1.1\r\n\r\n",
    ];
    let told = |of: fn(&Driver, &Path, SocketAddr) -> Running| {
        let (folder, address) = (folder(), free_address());
        write(
            folder.path(),
            "error_log FOLDER/error.log info;",
            "limit_req_zone $server_name zone=z:1m rate=1r/m;",
            address,
            "location = /denied { deny all; } location = /loop { rewrite ^ /loop last; }\n\
             location = /auth { auth_basic a; auth_basic_user_file FOLDER/users; }\n\
             location = /small { client_max_body_size 9; }\n\
             location = /limited { limit_req zone=z; try_files /a.txt =404; }\n\
             location = /dry { limit_req zone=z; limit_req_dry_run on; try_files /a.txt =404; }",
        );
        let _running = of(driver, folder.path(), address);
        for request in requests {
            let mut client = Client::connect(address);
            let fields = "Host: a.test\r\nConnection: close\r\n";
            let request = request.replacen("HTTP/1.1\r\n", &format!("HTTP/1.1\r\n{fields}"), 1);
            client.wire.send(request);
            client.wire.read_to_end();
        }
        let last = || read(folder.path(), "error.log").contains("dry run");
        assert!(eventually(last), "{}", read(folder.path(), "error.log"));
        let mut words = words(folder.path(), address);
        words.retain(|line| {
            !line.contains("while waiting for request") && !line.contains("keepalive")
        });
        words
    };
    let ours = told(|driver, folder, _| (Some(start(driver, folder)), None));
    let theirs = told(|_, folder, address| {
        let nginx = Command::new("nginx")
            .args(["-g", "daemon off; master_process off;", "-c"])
            .arg(folder.join("nginx.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let nginx = Nginx(nginx.expect("nginx"));
        assert!(eventually(|| TcpStream::connect(address).is_ok()), "nginx");
        (None, Some(nginx))
    });
    assert_eq!(ours, theirs);
}
