//! Files as responses: content, fields, methods, and what must not be served.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::time::{Duration, SystemTime};
use std::{fs, panic};

use e2e::{Driver, Site, for_each_driver, noise};
use rustix::fs::{CWD, Mode, mkfifoat};

for_each_driver!(
    content_of_every_size,
    fields_of_a_file,
    etag_follows_the_content,
    content_types,
    index_file,
    folder_without_listing,
    dot_files,
    missing_files,
    unreadable_file,
    symbolic_links,
    special_files,
    paths,
    refused_methods,
    unknown_methods,
    options,
);

fn content_of_every_size(site: &Site) {
    let mut client = site.client();
    for size in [0, 1, 1024, 65_535, 65_536, 65_537, 1 << 20] {
        let content = noise(size);
        site.write(format!("{size}.bin"), &content);
        let target = format!("/{size}.bin");
        let get = client.get(&target);
        assert_eq!(get.status, 200, "{size}");
        assert_eq!(get.field("content-length"), size.to_string());
        assert!(get.body == content, "{size} bytes differ");
        let head = client.request("HEAD", &target, &[]);
        assert_eq!(head.status, 200, "{size}");
        assert_eq!(head.field("content-length"), size.to_string());
    }
}

fn fields_of_a_file(site: &Site) {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
    let path = site.write("a.txt", "hello");
    fs::File::open(path)
        .and_then(|file| file.set_modified(modified))
        .expect("mtime");
    let before = SystemTime::now() - Duration::from_secs(1);
    let response = site.get("/a.txt");
    assert!(response.date() >= before - Duration::from_secs(1));
    assert!(response.date() <= SystemTime::now());
    assert!(!response.field("server").is_empty());
    assert_eq!(response.field("accept-ranges"), "bytes");
    assert_eq!(
        response.field("last-modified"),
        "Mon, 01 Jan 2024 00:00:00 GMT"
    );
    let etag = response.field("etag");
    assert!(etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"'));
    assert!(!etag[1..etag.len() - 1].contains(['"', ' ']), "{etag}");
    assert_eq!(site.get("/a.txt").field("etag"), etag);
}

fn etag_follows_the_content(site: &Site) {
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(1_704_067_200);
    let versions = [
        ("a", 0),
        ("aa", 0),
        ("bb", 1_000),
        ("cc", 1_001), // within the same second, and of the same length
    ];
    let mut etags = vec![];
    for (content, millis) in versions {
        let path = site.write("a.txt", content);
        fs::File::open(path)
            .and_then(|file| file.set_modified(modified + Duration::from_millis(millis)))
            .expect("mtime");
        let etag = site.get("/a.txt").field("etag").to_owned();
        assert!(!etags.contains(&etag), "{content}: {etag} again");
        etags.push(etag);
    }
}

fn content_types(site: &Site) {
    let cases = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.htm", "text/html; charset=utf-8"),
        ("a.css", "text/css; charset=utf-8"),
        ("a.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.txt", "text/plain; charset=utf-8"),
        ("a.svg", "image/svg+xml"),
        ("a.png", "image/png"),
        ("a.jpg", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.woff2", "font/woff2"),
        ("a.pdf", "application/pdf"),
        ("a.wasm", "application/wasm"),
        ("a.json", "application/json"),
        ("A.HTML", "text/html; charset=utf-8"),
        ("a.b.css", "text/css; charset=utf-8"),
        ("a.unheard-of", "application/octet-stream"),
        ("none", "application/octet-stream"),
        ("html", "application/octet-stream"),
    ];
    let mut client = site.client();
    for (name, expected) in cases {
        site.write(name, "x");
        let response = client.get(&format!("/{name}"));
        let value = response.field("content-type").to_ascii_lowercase();
        // Their encoding is UTF-8 with or without the parameter.
        let value = match name {
            "a.svg" | "a.json" => value.trim_end_matches("; charset=utf-8"),
            _ => value.as_str(),
        };
        assert_eq!(value, expected, "{name}");
    }
}

fn index_file(site: &Site) {
    site.write("index.html", "top");
    site.write("sub/index.html", "sub");
    let mut client = site.client();
    for (target, content) in [("/", "top"), ("/?a=b", "top"), ("/sub/", "sub")] {
        let response = client.get(target);
        assert_eq!((response.status, response.text()), (200, content));
        assert_eq!(response.field("content-type"), "text/html; charset=utf-8");
        response.field("etag");
    }
}

fn folder_without_listing(driver: &Driver) {
    let site = driver.site(&["--no-listing"]);
    site.write("sub/secret.txt", "x");
    site.write("with/index.html", "index");
    let mut client = site.client();
    for (target, status) in [("/", 403), ("/sub/", 403), ("/sub", 301), ("/with/", 200)] {
        let response = client.get(target);
        assert_eq!(response.status, status, "{target}");
        assert!(!response.text().contains("secret"), "{target}");
    }
}

fn dot_files(site: &Site) {
    for name in [".hidden", ".git/config", "sub/.hidden", ".well-known/.x"] {
        site.write(name, "secret");
    }
    site.write(".well-known/x", "public");
    site.write(".well-knownx", "secret");
    let cases = [
        ("/.hidden", 404),
        ("/%2ehidden", 404),
        ("/.git/config", 404),
        ("/.git/", 404),
        ("/.git", 404),
        ("/sub/.hidden", 404),
        ("/.well-knownx", 404),
        ("/.well-known/.x", 404),
        ("/.well-known/x", 200),
        ("/%2Ewell-known/x", 200),
    ];
    let mut client = site.client();
    for (target, status) in cases {
        let response = client.get(target);
        assert_eq!(response.status, status, "{target}");
        assert!(!response.text().contains("secret"), "{target}");
    }
}

fn missing_files(site: &Site) {
    site.write("file.txt", "x");
    let long_name = format!("/{}", "n".repeat(300));
    let long_path = "/n".repeat(2500);
    let mut client = site.client();
    for target in [
        "/none",
        "/none/",
        "/none/x",
        "/file.txt/",
        "/file.txt/x",
        &long_name,
        &long_path,
    ] {
        assert_eq!(client.get(target).status, 404, "{target}");
    }
    assert_eq!(client.get("/file.txt").status, 200);
}

/// Root reads everything, so the server must be somebody else.
fn unreadable_file(driver: &Driver) {
    let folder = tempfile::tempdir().expect("folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("chmod");
    let binary = folder.path().join(driver.name());
    // By another process: what this one holds open for writing while a child of another test starts
    // cannot be executed.
    let copied = Command::new("cp")
        .arg(driver.binary())
        .arg(&binary)
        .status();
    assert!(copied.expect("cp").success());
    let mut command = Command::new(&binary);
    let root = rustix::process::getuid().is_root();
    if root {
        command.uid(65_534).gid(65_534);
    }
    let start = || Site::launch(command, &["--access-log", "off"]);
    let site = match panic::catch_unwind(panic::AssertUnwindSafe(start)) {
        Ok(site) => site,
        Err(_) if root => return eprintln!("NOT TESTED: root here, and cannot become another"),
        Err(cause) => panic::resume_unwind(cause),
    };
    let path = site.write("secret.txt", "secret");
    fs::set_permissions(path, fs::Permissions::from_mode(0o000)).expect("chmod");
    site.write("closed/file.txt", "secret");
    let closed = fs::Permissions::from_mode(0o000);
    fs::set_permissions(site.path("closed"), closed).expect("chmod");
    for target in ["/secret.txt", "/closed/", "/closed/file.txt"] {
        assert_eq!(site.get(target).status, 403, "{target}");
    }
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(site.path("closed"), open).expect("chmod");
}

fn symbolic_links(site: &Site) {
    fs::write(site.outside("secret.txt"), "secret").expect("write");
    fs::create_dir(site.outside("secrets")).expect("mkdir");
    fs::write(site.outside("secrets/a.txt"), "secret").expect("write");
    site.write("file.txt", "public");
    site.write("sub/file.txt", "public");
    let cases = [
        ("../secret.txt", "out", "/out", 403),
        ("../secrets", "outs", "/outs/a.txt", 403),
        ("../secrets", "outs2", "/outs2/", 403),
        ("/etc/passwd", "absolute", "/absolute", 403),
        ("/", "slash", "/slash/etc/passwd", 403),
        ("out", "chain", "/chain", 403),
        ("../../secret.txt", "sub/out", "/sub/out", 403),
        ("file.txt", "in", "/in", 200),
        ("in", "twice", "/twice", 200),
        ("../file.txt", "sub/up", "/sub/up", 200),
        ("sub", "folder", "/folder/file.txt", 200),
        ("sub/../sub/file.txt", "around", "/around", 200),
        ("nothing", "dangling", "/dangling", 404),
    ];
    let mut client = site.client();
    for (to, name, target, status) in cases {
        symlink(to, site.path(name)).expect("symlink");
        let response = client.get(target);
        assert_eq!(response.status, status, "{target} -> {to}");
        assert!(!response.text().contains("secret"), "{target}");
    }
    symlink("loop", site.path("loop")).expect("symlink");
    assert_eq!(client.get("/loop").status / 100, 4);
}

fn special_files(site: &Site) {
    mkfifoat(CWD, site.path("fifo"), Mode::from_raw_mode(0o644)).expect("mkfifo");
    let _socket = std::os::unix::net::UnixListener::bind(site.path("sock")).expect("bind");
    let mut client = site.client();
    for (target, status) in [("/fifo", 403), ("/sock", 403), ("/fifo/", 404)] {
        assert_eq!(client.get(target).status, status, "{target}");
    }
}

fn paths(site: &Site) {
    fs::write(site.outside("x"), "secret").expect("write");
    for name in ["b.txt", "a/c.txt", "two words.txt", "%41.txt", "é.txt"] {
        site.write(name, name);
    }
    let cases = [
        ("/b.txt", 200, "b.txt"),
        ("/b.txt?", 200, "b.txt"),
        ("/b.txt?%zz/../..", 200, "b.txt"),
        ("/%62.txt", 200, "b.txt"),
        ("/./b.txt", 200, "b.txt"),
        ("/%2E/b.txt", 200, "b.txt"),
        ("/a/../b.txt", 200, "b.txt"),
        ("/a/%2e%2E/b.txt", 200, "b.txt"),
        ("/none/../b.txt", 200, "b.txt"),
        ("//b.txt", 200, "b.txt"),
        ("/a///c.txt", 200, "a/c.txt"),
        ("/two%20words.txt", 200, "two words.txt"),
        ("/%2541.txt", 200, "%41.txt"),
        ("/%C3%A9.txt", 200, "é.txt"),
        ("/two+words.txt", 404, ""),
        ("/../x", 400, ""),
        ("/..", 400, ""),
        ("/%2e%2e/x", 400, ""),
        ("/.%2e/x", 400, ""),
        ("/a/../../x", 400, ""),
        ("/b.txt%00", 400, ""),
        ("/b.txt%00.html", 400, ""),
        ("/%", 400, ""),
        ("/%4", 400, ""),
        ("/%zz", 400, ""),
        ("/%-1", 400, ""),
        ("/%+41", 400, ""),
        ("/a%2fc.txt", 404, ""),
        ("/a%2Fc.txt", 404, ""),
        ("/..%2fx", 404, ""),
        ("/..%5cx", 404, ""),
        ("/...", 404, ""),
    ];
    for (target, status, content) in cases {
        let response = site.get(target);
        assert_eq!(response.status, status, "{target}");
        assert!(!response.text().contains("secret"), "{target}");
        if status == 200 {
            assert_eq!(response.text(), content, "{target}");
        }
    }
}

fn refused_methods(site: &Site) {
    site.write("a.txt", "hello");
    for method in ["POST", "PUT", "DELETE"] {
        let response = site
            .client()
            .request(method, "/a.txt", &[("Content-Length", "0")]);
        assert_eq!(response.status, 405, "{method}");
        let allow: Vec<_> = response.field("allow").split(", ").collect();
        assert!(allow.contains(&"GET") && allow.contains(&"HEAD"));
        assert!(!allow.contains(&method), "{allow:?}");
    }
    assert_eq!(site.get("/a.txt").text(), "hello");
}

fn unknown_methods(site: &Site) {
    site.write("a.txt", "hello");
    for method in ["BREW", "get", "Get", "!#$%&'*+-.^_`|~", &"M".repeat(32)] {
        let response = site.client().request(method, "/a.txt", &[]);
        assert_eq!(response.status, 501, "{method}");
    }
}

fn options(site: &Site) {
    site.write("a.txt", "hello");
    let mut client = site.client();
    for target in ["/a.txt", "*"] {
        let response = client.request("OPTIONS", target, &[]);
        assert_eq!(response.status, 204, "{target}");
        let allow: Vec<_> = response.field("allow").split(", ").collect();
        for method in ["GET", "HEAD", "OPTIONS"] {
            assert!(allow.contains(&method), "{target}: {allow:?}");
        }
    }
    assert_eq!(client.get("/a.txt").text(), "hello");
}
