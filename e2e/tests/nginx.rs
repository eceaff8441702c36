//! The same configurations and requests to nginx and to us: the answers agree, but for what
//! docs/nginx-differences.md lists.
//!
//! `tests/nginx/NAME.conf` is a configuration, `NAME.txt` has a request in each line: method and
//! target, then fields, all between bars; `body:` stands before content, `front:` before a line in front of the
//! request, `front-hex:` before other bytes there. Nothing but the end is expected where it is `closed`.

use std::fs::{self, File, FileTimes, Permissions};
use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, UNIX_EPOCH};

use e2e::{Client, Driver, Response, Server, eventually, for_each_driver, free_address};
use flate2::read::GzDecoder;
use tempfile::TempDir;

for_each_driver!(answers, rewritten, compressed, links, proxied, changed);

fn answers(driver: &Driver) {
    compare(driver, "answers");
}

fn rewritten(driver: &Driver) {
    compare(driver, "rewritten");
}

fn compressed(driver: &Driver) {
    compare(driver, "compressed");
}

fn proxied(driver: &Driver) {
    compare(driver, "proxied");
}

fn changed(driver: &Driver) {
    compare(driver, "changed");
}

fn links(driver: &Driver) {
    compare(driver, "links");
}

/// Links and what they lead to; of the last ones another user is the owner, where this one is root.
const LINKS: [(&str, &str); 11] = [
    ("linked", "www"),
    ("www/links/same", "plain.txt"),
    ("www/links/in", "../a.txt"),
    ("www/links/out", "../../alias/one.txt"),
    ("www/links/folder", "../dir"),
    ("www/links/twice", "in"),
    ("www/links/circle", "circle"),
    ("www/links/dangling", "none"),
    ("www/links/index/index.html", "../../a.txt"),
    ("www/links/foreign", "../a.txt"),
    ("www/links/foreigners", "../dir"),
];

/// The files that the configurations serve; each says what it is.
const FILES: [&str; 27] = [
    "www/index.html",
    "www/a.txt",
    "www/b.html",
    "www/x.html",
    "www/x.html.gz",
    "www/data.json",
    "www/noext",
    "www/UP.TXT",
    "www/sp ace.txt",
    "www/café.txt",
    "www/dir/index.html",
    "www/dir/c.txt",
    "www/nodir/x.txt",
    "www/both/index.htm",
    "www/deep/a/b/c.txt",
    "www/err/404.html",
    "www/err/50x.html",
    "www/e/index.php",
    "www/img/p.png",
    "www/empty/.keep",
    "www/links/plain.txt",
    "www/links/index/keep",
    "alias/one.txt",
    "alias/index.html",
    "alias/sub/two.txt",
    "www2/index.html",
    "hosts/ex.org/index.html",
];

/// Fields that say nothing about the configuration, or that ours has and nginx has not.
const IGNORED: [&str; 8] = [
    "accept-ranges",
    "allow",
    "connection",
    "date",
    "etag",
    "keep-alive",
    "server",
    "transfer-encoding",
];

struct Nginx(Child);

impl Drop for Nginx {
    fn drop(&mut self) {
        // Fails only when it has ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn compare(driver: &Driver, name: &str) {
    if Command::new("nginx").arg("-v").output().is_err() {
        e2e::skipped(&format!("{name}, as there is no nginx"));
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/nginx");
    let read = |end: &str| fs::read_to_string(folder.join(format!("{name}.{end}"))).expect("cases");
    let scratch = scratch();
    let (theirs, ours) = (free_address(), free_address());
    let config = |of: &str, address: SocketAddr| {
        let path = scratch.path().join(of).join("nginx.conf");
        fs::create_dir(scratch.path().join(of)).expect("mkdir");
        let text = (read("conf"))
            .replace("@PORT@", &address.port().to_string())
            .replace("@FILES@", &scratch.path().display().to_string())
            .replace("@SCRATCH@", &scratch.path().join(of).display().to_string());
        fs::write(&path, text).expect("write");
        path
    };
    let _nginx = start_nginx(&config("nginx", theirs), theirs);
    let mut command = driver.command();
    command.arg("-c").arg(config("ours", ours));
    let _server = Server::start(command, 1);
    let different: Vec<_> = (read("txt").lines())
        .filter_map(|case| {
            let [expected, answer] = [theirs, ours].map(|address| ask(address, case));
            (expected != answer).then(|| format!("{case}\n  nginx {expected}\n  ours  {answer}"))
        })
        .collect();
    assert!(different.is_empty(), "{}", different.join("\n"));
}

/// A folder with all files.
fn scratch() -> TempDir {
    let scratch = TempDir::new().expect("temporary folder");
    fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).expect("chmod");
    for name in FILES {
        let path = scratch.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        fs::write(&path, format!("content of {name}\n")).expect("write");
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let file = File::options().append(true).open(&path).expect("open");
        let times = FileTimes::new().set_modified(time);
        file.set_times(times).expect("times");
    }
    for (name, target) in LINKS {
        let path = scratch.path().join(name);
        symlink(target, &path).expect("link");
        if name.contains("foreign") && rustix::process::geteuid().is_root() {
            lchown(path, Some(1), Some(1)).expect("chown");
        }
    }
    scratch
}

fn start_nginx(config: &Path, address: SocketAddr) -> Nginx {
    let nginx = Command::new("nginx")
        .args(["-g", "daemon off; master_process off;", "-c"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("nginx");
    let nginx = Nginx(nginx);
    assert!(eventually(|| TcpStream::connect(address).is_ok()), "nginx");
    nginx
}

/// What is compared of an answer, as text.
fn ask(address: SocketAddr, case: &str) -> String {
    let mut parts = case.split(" | ");
    let line = parts.next().unwrap_or_default();
    let method = line.split(' ').next().unwrap_or_default();
    let (content, parts): (Vec<_>, Vec<_>) = parts.partition(|part| part.starts_with("body:"));
    let closed = parts.contains(&"closed");
    let fields = parts
        .iter()
        .filter(|it| **it != "closed" && !it.starts_with("front"));
    let fields: Vec<_> = fields.copied().collect();
    let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
    if !fields.iter().any(|field| field.starts_with("Host:")) {
        request.push_str("Host: a.test\r\n");
    }
    for field in fields {
        request.push_str(&format!("{field}\r\n"));
    }
    request.push_str("\r\n");
    request.extend(content.iter().map(|content| &content["body:".len()..]));
    let mut client = Client::connect(address);
    let front = parts.iter().flat_map(|part| front(part));
    client
        .wire
        .send(front.chain(request.bytes()).collect::<Vec<_>>());
    if closed {
        // Perhaps with a reset, as the request was not read.
        return client.wire.read_to_end().0.escape_ascii().to_string();
    }
    show(client.response(method), method, address.port())
}

/// The bytes that a part puts in front of the request.
fn front(part: &str) -> Vec<u8> {
    if let Some(line) = part.strip_prefix("front:") {
        return format!("{line}\r\n").into();
    }
    let hex = part.strip_prefix("front-hex:").unwrap_or_default();
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

/// The content without its coding, and without the empty line before the first of several parts.
fn plain(response: &Response) -> String {
    let mut text = Vec::new();
    let mut decoder = GzDecoder::new(&response.body[..]);
    if response.get("content-encoding") != Some("gzip") || decoder.read_to_end(&mut text).is_err() {
        text.clone_from(&response.body);
    }
    let text = String::from_utf8_lossy(&text).into_owned();
    text.strip_prefix("\r\n--")
        .map_or(text.clone(), |rest| format!("--{rest}"))
}

/// The same at any time: where a time is counted from that of the answer, how far away it is.
fn from_now(time: &str, response: &Response) -> String {
    const DAY: u64 = 86_400;
    let Ok(then) = httpdate::parse_http_date(time) else {
        return time.to_owned();
    };
    match (then.duration_since(response.date())).map_err(|before| before.duration()) {
        Ok(after) if after.as_secs() <= DAY => format!("+{after:?}"),
        Err(before) if before.as_secs() <= DAY => format!("-{before:?}"),
        _ => time.to_owned(),
    }
}

fn show(response: Response, method: &str, port: u16) -> String {
    let kind = response.get("content-type").unwrap_or_default();
    let text = plain(&response);
    // Pages for people look different.
    let page = kind.starts_with("text/html")
        && (text.contains("<h1>") || text.contains("<html") || method == "HEAD");
    let mut fields: Vec<_> = (response.fields.iter())
        .filter(|(name, _)| !IGNORED.contains(&name.as_str()))
        // A listing is chunked there, and the length of what names the port depends on it.
        .filter(|(name, _)| name != "content-length" || method == "HEAD" && !page)
        .filter(|(name, _)| name != "content-type" || !page)
        .map(|(name, value)| match name.as_str() {
            "expires" => format!("{name}: {}", from_now(value, &response)),
            "last-modified" if from_now(value, &response) != *value => format!("{name}: today"),
            _ => format!("{name}: {value}"),
        })
        .collect();
    fields.sort();
    let body = if page { "a page" } else { &text };
    let shown = format!("{} {fields:?} {body:?}", response.status);
    let shown = match kind.split_once("boundary=") {
        Some((_, boundary)) => shown.replace(boundary, "BOUNDARY"),
        None => shown,
    };
    shown.replace(&port.to_string(), "PORT")
}
