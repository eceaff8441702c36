//! Requests that change files, in a folder on the disk.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use host_core::Server;
use host_core::config::{Config, Overrides};
use host_core::os::LogWriter;
use tempfile::TempDir;
use world::{Seen, World};

/// A folder that is served with these directives: `f`, `d/g`, and a link out of it.
struct Place {
    folder: TempDir,
    world: World,
}

impl Place {
    fn new(directives: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let www = folder.path().join("www");
        fs::create_dir_all(www.join("d/e")).unwrap();
        fs::write(www.join("f"), "old").unwrap();
        fs::write(www.join("d/g"), "inner").unwrap();
        fs::write(folder.path().join("secret"), "secret").unwrap();
        std::os::unix::fs::symlink("../secret", www.join("out")).unwrap();
        std::os::unix::fs::symlink("..", www.join("up")).unwrap();
        let path = folder.path().join("nginx.conf");
        let root = www.display();
        let text = format!("events {{ }} http {{ server {{ root {root}; {directives} }} }}");
        fs::write(&path, text).unwrap();
        let loaded = Config::load(&path, &Overrides::default());
        let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
        let mut server = Server::configured(config);
        server.access_log = Some(LogWriter::new(std::io::sink()));
        server.error_log = Some(LogWriter::new(std::io::sink()));
        let mut world = World::with(server, []);
        world.disk = true;
        Self { folder, world }
    }

    /// The answer to a request: its line and fields, and its content behind an empty line.
    fn ask(&mut self, request: &str) -> String {
        let (head, content) = request.split_once("\n\n").unwrap_or((request, ""));
        let mut lines = head.lines();
        let mut text = format!("{} HTTP/1.1\r\nHost: a\r\n", lines.next().unwrap());
        lines.for_each(|line| text.push_str(&format!("{line}\r\n")));
        if request.contains("\n\n") {
            text.push_str(&format!("Content-Length: {}\r\n", content.len()));
        }
        self.world.send(format!("{text}\r\n{content}"));
        let answer = self.world.received();
        self.world = self.world.again();
        self.world.disk = true;
        answer
    }

    fn status(&mut self, request: &str) -> String {
        self.ask(request)[9..12].into()
    }

    /// All names below the root, and the content of files.
    fn tree(&self) -> String {
        let mut lines = Vec::new();
        list(&self.folder.path().join("www"), "", &mut lines);
        lines.sort();
        lines.join(" ")
    }
}

fn list(folder: &Path, lead: &str, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{lead}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            list(&entry.path(), &format!("{name}/"), lines);
            lines.push(format!("{name}/"));
        } else if kind.is_symlink() {
            lines.push(name + "@");
        } else {
            let text = fs::read_to_string(entry.path()).unwrap();
            lines.push(format!("{name}={text}"));
        }
    }
}

const ALL: &str = "dav_methods PUT DELETE MKCOL;";

#[test]
fn each_method_answers_and_does_what_it_says() {
    let before = "d/ d/e/ d/g=inner f=old out@ up@";
    for (request, status, after) in [
        (
            "PUT /n\n\nnew",
            "201",
            "d/ d/e/ d/g=inner f=old n=new out@ up@",
        ),
        ("PUT /n\n\n", "201", "d/ d/e/ d/g=inner f=old n= out@ up@"),
        ("PUT /n", "201", "d/ d/e/ d/g=inner f=old n= out@ up@"),
        ("PUT /f\n\nnew", "204", "d/ d/e/ d/g=inner f=new out@ up@"),
        (
            "PUT /d/e/n\n\nnew",
            "201",
            "d/ d/e/ d/e/n=new d/g=inner f=old out@ up@",
        ),
        ("PUT /n/\n\nnew", "409", before),
        ("PUT /d\n\nnew", "409", before),
        ("PUT /d/\n\nnew", "409", before),
        ("PUT /\n\nnew", "409", before),
        ("PUT /x/y\n\nnew", "409", before),
        ("PUT /f/y\n\nnew", "409", before),
        ("PUT /n\nContent-Range: bytes 0-2/9\n\nnew", "400", before),
        // A link is replaced, not followed; none is on the way out.
        (
            "PUT /out\n\nnew",
            "204",
            "d/ d/e/ d/g=inner f=old out=new up@",
        ),
        ("PUT /up/n\n\nnew", "403", before),
        ("PUT /%2e%2e/n\n\nnew", "400", before),
        ("DELETE /f", "204", "d/ d/e/ d/g=inner out@ up@"),
        ("DELETE /out", "204", "d/ d/e/ d/g=inner f=old up@"),
        ("DELETE /up", "204", "d/ d/e/ d/g=inner f=old out@"),
        ("DELETE /up/", "409", before),
        ("DELETE /up/secret", "403", before),
        ("DELETE /d/", "204", "f=old out@ up@"),
        ("DELETE /d/\nDepth: infinity", "204", "f=old out@ up@"),
        ("DELETE /d/\nDepth: 0", "400", before),
        ("DELETE /f\nDepth: 1", "400", before),
        ("DELETE /d", "409", before),
        ("DELETE /f/", "409", before),
        ("DELETE /f/x", "409", before),
        ("DELETE /n", "404", before),
        ("DELETE /n/x", "404", before),
        ("DELETE /", "409", before),
        ("DELETE /f\n\nbody", "415", before),
        ("MKCOL /n/", "201", "d/ d/e/ d/g=inner f=old n/ out@ up@"),
        ("MKCOL /n", "409", before),
        ("MKCOL /x/n/", "409", before),
        ("MKCOL /f/n/", "409", before),
        ("MKCOL /d/", "405", before),
        ("MKCOL /f/", "405", before),
        ("MKCOL /", "405", before),
        ("MKCOL /n/\n\nbody", "415", before),
        ("MKCOL /up/n/", "403", before),
    ] {
        let mut place = Place::new(ALL);
        assert_eq!(place.status(request), status, "{request}");
        assert_eq!(place.tree(), after, "{request}");
    }
}

#[test]
fn what_is_new_has_a_location() {
    let mut place = Place::new(ALL);
    for (request, location) in [
        ("PUT /a%20b\n\nnew", "http://a/a%20b"),
        ("MKCOL /c/", "http://a/c/"),
    ] {
        let answer = place.ask(request);
        assert!(
            answer.contains(&format!("Location: {location}\r\n")),
            "{answer}"
        );
        assert!(answer.contains("Content-Length: 0\r\n"), "{answer}");
    }
    assert!(!place.ask("PUT /f\n\nnew").contains("Location"));
}

#[test]
fn methods_are_those_of_the_location() {
    for (directives, request, status) in [
        ("", "PUT /n\n\nx", "405"),
        ("dav_methods off;", "DELETE /f", "405"),
        ("dav_methods PUT;", "DELETE /f", "405"),
        (
            "dav_methods PUT DELETE; location /f { dav_methods off; }",
            "DELETE /f",
            "405",
        ),
        (
            "dav_methods PUT DELETE; location /f { }",
            "DELETE /f",
            "204",
        ),
        (
            "dav_methods DELETE; location / { limit_except GET { deny all; } }",
            "DELETE /f",
            "403",
        ),
        ("dav_methods DELETE; deny all;", "DELETE /f", "403"),
        ("dav_methods DELETE; hidden_files off;", "DELETE /.f", "404"),
        ("dav_methods PUT; hidden_files off;", "PUT /.f\n\nx", "404"),
        (
            "dav_methods PUT; client_max_body_size 2;",
            "PUT /n\n\nxyz",
            "413",
        ),
        (
            "dav_methods PUT; create_full_put_path on;",
            "PUT /x/y/n\n\nx",
            "201",
        ),
        (
            "dav_methods PUT; create_full_put_path on;",
            "PUT /f/y/n\n\nx",
            "409",
        ),
        (
            "dav_methods PUT; create_full_put_path on;",
            "PUT /up/y/n\n\nx",
            "403",
        ),
        (
            "dav_methods DELETE; min_delete_depth 2;",
            "DELETE /f",
            "409",
        ),
        (
            "dav_methods DELETE; min_delete_depth 2;",
            "DELETE /d/g",
            "204",
        ),
        (
            "dav_methods DELETE; min_delete_depth 2;",
            "DELETE /d/",
            "409",
        ),
        ("dav_methods DELETE; cgi on;", "DELETE /f", "204"),
        (
            "dav_methods DELETE; location / { try_files $uri =404; }",
            "DELETE /f",
            "204",
        ),
        (
            "dav_methods DELETE; location / { try_files $uri $uri/ =404; }",
            "DELETE /d/",
            "204",
        ),
        (
            "dav_methods DELETE; location / { try_files $uri $uri/ =404; }",
            "DELETE /d",
            "409",
        ),
    ] {
        let mut place = Place::new(directives);
        assert_eq!(place.status(request), status, "{directives} {request}");
    }
}

#[test]
fn allow_names_them() {
    for (directives, allow) in [
        ("", "GET, HEAD, OPTIONS"),
        ("dav_methods DELETE PUT;", "GET, HEAD, OPTIONS, DELETE, PUT"),
        ("dav_methods PUT PUT;", "GET, HEAD, OPTIONS, PUT"),
    ] {
        let mut place = Place::new(directives);
        for request in ["OPTIONS /f", "PATCH /f"] {
            let answer = place.ask(request);
            assert!(answer.contains(&format!("Allow: {allow}\r\n")), "{answer}");
        }
    }
}

#[test]
fn preconditions_come_first() {
    let past = "Fri, 01 Jan 1999 00:00:00 GMT";
    let future = "Fri, 01 Jan 2100 00:00:00 GMT";
    for (request, there, missing) in [
        ("If-Match: *", "204", "412"),
        ("If-Match: \"x\"", "412", "412"),
        ("If-Match: TAG", "204", "412"),
        ("If-None-Match: *", "412", "201"),
        ("If-None-Match: \"x\"", "204", "201"),
        ("If-None-Match: TAG", "412", "201"),
        (&format!("If-Unmodified-Since: {past}"), "412", "201"),
        (&format!("If-Unmodified-Since: {future}"), "204", "201"),
        (
            &format!("If-Match: *\nIf-Unmodified-Since: {past}"),
            "204",
            "412",
        ),
    ] {
        let mut place = Place::new(ALL);
        let head = place.ask("HEAD /f");
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        let fields = request.replace("TAG", tag);
        let before = place.tree();
        assert_eq!(
            place.status(&format!("PUT /n\n{fields}\n\nnew")),
            missing,
            "{request}"
        );
        let kept = missing == "412";
        assert_eq!(place.tree() == before, kept, "{request}");
        let before = place.tree();
        assert_eq!(
            place.status(&format!("PUT /f\n{fields}\n\nnew")),
            there,
            "{request}"
        );
        assert_eq!(place.tree() == before, there == "412", "{request}");
        let mut place = Place::new(ALL);
        let head = place.ask("HEAD /f");
        let tag = head
            .lines()
            .find_map(|line| line.strip_prefix("ETag: "))
            .unwrap();
        let fields = request.replace("TAG", tag);
        assert_eq!(
            place.status(&format!("DELETE /f\n{fields}")),
            there,
            "{request}"
        );
    }
}

#[test]
fn content_of_any_length_is_stored_whole_or_not_at_all() {
    let mut place =
        Place::new("dav_methods PUT; client_body_buffer_size 1k; client_max_body_size 0;");
    let content: String = (0..1_500_000)
        .map(|n| char::from(b'a' + (n % 23) as u8))
        .collect();
    for len in [1, 1024, 1025, 5000, 1_500_000] {
        assert_eq!(
            place.status(&format!("PUT /n\n\n{}", &content[..len]))[..2],
            *"20"
        );
        let stored = fs::read_to_string(place.folder.path().join("www/n")).unwrap();
        assert!(stored == content[..len], "{len}");
    }
    let before = place.tree();
    for cut in [0, 10, 100_000] {
        let head = "PUT /f HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n";
        place.world.send(format!("{head}{}", &content[..cut]));
        place.world.hang_up();
        place.world = place.world.again();
        place.world.disk = true;
        assert_eq!(place.tree(), before);
    }
}

#[test]
fn chunks_are_stored_without_their_frame() {
    for (chunks, status, stored) in [
        ("3\r\nnew\r\n2\r\ner\r\n0\r\n\r\n", "201", Some("newer")),
        ("0\r\n\r\n", "201", Some("")),
        ("3\r\nnew\r\n3\r\nest\r\n0\r\n\r\n", "413", None),
        ("3\r\nnewx", "400", None),
    ] {
        let mut place = Place::new("dav_methods PUT; client_max_body_size 5;");
        let head = "PUT /n HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        place.world.send(format!("{head}{chunks}"));
        assert_eq!(place.world.statuses(), [status], "{chunks}");
        let path = place.folder.path().join("www/n");
        assert_eq!(fs::read_to_string(path).ok().as_deref(), stored, "{chunks}");
    }
}

#[test]
fn failures_are_told() {
    let mut place = Place::new(ALL);
    let request = "PUT /up/n HTTP/1.1";
    place.world.send(format!(
        "{request}\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"
    ));
    let www = place.folder.path().join("www").display().to_string();
    let log = &place.world.log;
    assert!(
        log.contains("[error]") && log.contains(&format!(" {www}/up/n: cannot be changed: ")),
        "{log}"
    );
    assert!(
        log.contains(&format!(", request: \"{request}\", host: \"a\"\n")),
        "{log}"
    );
    assert!(log.contains(&format!("\"{request}\" 403 ")), "{log}");
    // That somebody asks for what is not there is no error of ours.
    place.world.log.clear();
    place.world.send("DELETE /none HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(!place.world.log.contains("[error]"), "{}", place.world.log);
}

#[test]
fn content_is_invited_where_it_is_taken() {
    for (target, invited) in [("/n", true), ("/n/", false), ("/none/x.php", true)] {
        let mut place = Place::new(ALL);
        place.world.send(format!(
            "PUT {target} HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
        ));
        let answer = place.world.received();
        assert_eq!(answer.starts_with("HTTP/1.1 100 "), invited, "{answer}");
    }
}

#[test]
fn a_large_folder_takes_several_steps() {
    let mut place = Place::new(ALL);
    for n in 0..600 {
        fs::write(place.folder.path().join(format!("www/d/e/{n}")), "").unwrap();
    }
    place
        .world
        .send("DELETE /d/ HTTP/1.1\r\nHost: a\r\nIf-Match: *\r\n\r\n");
    assert_eq!(place.world.statuses(), ["204"]);
    assert_eq!(place.tree(), "f=old out@ up@");
    let changes = place
        .world
        .done()
        .into_iter()
        .filter(|it| *it == Seen::Change);
    assert_eq!(changes.count(), 3);
}

#[test]
fn the_next_request_is_served_as_ever() {
    let mut place = Place::new(ALL);
    place.world.send(
        "PUT /n HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nnewGET /n HTTP/1.1\r\nHost: a\r\n\r\n\
         DELETE /n HTTP/1.1\r\nHost: a\r\n\r\nGET /n HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assert_eq!(place.world.statuses(), ["201", "200", "204", "404"]);
}

#[test]
fn a_cache_forgets_what_has_changed() {
    let cache = "open_file_cache max=10; open_file_cache_valid 1h; open_file_cache_errors on;";
    let mut place = Place::new(&format!("{ALL} {cache}"));
    let last = |answer: String| answer.rsplit("\r\n").next().unwrap().to_owned();
    for _ in 0..2 {
        assert_eq!(last(place.ask("GET /f")), "old");
        assert_eq!(place.status("GET /n"), "404");
    }
    place.ask("PUT /f\n\nnew");
    place.ask("PUT /n\n\nnew");
    for target in ["/f", "/n"] {
        assert_eq!(last(place.ask(&format!("GET {target}"))), "new");
    }
    place.ask("DELETE /f");
    assert_eq!(place.status("GET /f"), "404");
}

#[test]
fn a_date_is_that_of_the_file() {
    let mut place = Place::new(ALL);
    let date = "Sun, 09 Sep 2001 01:46:40 GMT";
    place.ask(&format!("PUT /n\nDate: {date}\n\nnew"));
    let head = place.ask("HEAD /n");
    assert!(
        head.contains(&format!("Last-Modified: {date}\r\n")),
        "{head}"
    );
}

/// nginx's: who may read a folder may enter it. The umask changes nothing.
#[test]
fn what_others_may_do() {
    for (access, file, folder) in [
        ("", 0o600, 0o700),
        ("dav_access user:r;", 0o600, 0o700),
        ("dav_access group:r;", 0o640, 0o750),
        ("dav_access group:rw all:r;", 0o664, 0o775),
        ("dav_access user:rw all:rw;", 0o606, 0o707),
    ] {
        let mut place = Place::new(&format!(
            "dav_methods PUT MKCOL; create_full_put_path on; {access}"
        ));
        place.ask("PUT /new/file\n\ntext");
        place.ask("MKCOL /made/");
        let mode = |name: &str| {
            let metadata = fs::metadata(place.folder.path().join("www").join(name)).unwrap();
            metadata.permissions().mode() & 0o7777
        };
        assert_eq!(
            [mode("new/file"), mode("new"), mode("made")],
            [file, folder, folder],
            "{access}"
        );
    }
}

/// RFC 4918, 11.5; a quota counts as the end of the disk, too.
#[test]
fn a_full_disk() {
    for (kind, status) in [
        (ErrorKind::StorageFull, "507"),
        (ErrorKind::QuotaExceeded, "507"),
        (ErrorKind::ReadOnlyFilesystem, "403"),
        (ErrorKind::ResourceBusy, "503"),
        (ErrorKind::Other, "500"),
    ] {
        let mut place = Place::new("dav_methods PUT;");
        place.world.refuses_change = Some(kind);
        let answer = place.ask("PUT /n\n\ntext");
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{kind}: {answer}"
        );
    }
}

/// Content that is too long for memory is where `client_body_temp_path` says, or nowhere.
#[test]
fn the_folder_of_long_content() {
    for (directives, status) in [
        ("", "201"),
        ("client_body_temp_path /tmp;", "201"),
        ("client_body_temp_path /none/at/all 1 2;", "500"),
        (
            "client_body_temp_path /none/at/all; client_body_buffer_size 1m;",
            "201",
        ),
        (
            "client_body_temp_path /none/at/all; location /n { client_body_temp_path /tmp; }",
            "201",
        ),
    ] {
        let mut place = Place::new(&format!("dav_methods PUT; {directives}"));
        let answer = place.ask(&format!("PUT /n\n\n{}", "x".repeat(100_000)));
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{directives}: {answer}"
        );
    }
}

/// The content is gone: an empty file in its place would be a lie.
#[test]
fn what_has_failed_is_not_stored_elsewhere_without_its_content() {
    let mut place = Place::new(
        "dav_methods PUT; error_page 409 = @deep; \
         location @deep { dav_methods PUT; create_full_put_path on; }",
    );
    let before = place.tree();
    assert_eq!(place.status("PUT /n/new\n\nhello"), "404");
    assert_eq!(place.tree(), before);
}
