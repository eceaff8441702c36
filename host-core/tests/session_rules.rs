//! What directives come to together, with files on the disk.
#![allow(clippy::unwrap_used)]

mod world;

use std::fs;
use std::path::Path;

use host_core::Server;
use host_core::config::{Config, Overrides};
use tempfile::TempDir;
use world::World;

const FILES: [&str; 6] = [
    "www/index.html",
    "www/a.txt",
    "www/dir/index.html",
    "www/dir/c.txt",
    "www/bare/x",
    "tn/public/index.html",
];

/// A folder with the files, each of which says what it is, and a configuration whose server has
/// these directives. `@` is the folder, and relative paths begin there.
fn world(server: &str) -> (World, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
    (World::with(configured(server, folder.path()), []), folder)
}

fn configured(server: &str, folder: &Path) -> Server {
    let server = server.replace('@', folder.to_str().unwrap());
    let path = folder.join("nginx.conf");
    let text = format!("events {{ }} http {{ access_log off; {server} }}");
    fs::write(&path, text).unwrap();
    let loaded = Config::load(&path, &Overrides::default());
    let (config, _) = loaded.unwrap_or_else(|problems| panic!("{problems}"));
    Server::configured(config)
}

/// The status and the content of the answer.
fn ask(world: &mut World, request: &str) -> (String, String) {
    world.disk = true;
    let (method, target) = request.split_once(' ').unwrap();
    let (target, host) = target.split_once(' ').unwrap_or((target, "a"));
    world.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"
    ));
    let answer = world.received();
    let (head, content) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].into(), content.into())
}

/// Each request is answered with this status, and content that has this text.
#[track_caller]
fn check(server: &str, requests: &[(&str, &str, &str)]) {
    let (mut world, folder) = world(server);
    for (request, status, text) in requests {
        let text = text.replace('@', folder.path().to_str().unwrap());
        let (got, content) = ask(&mut world, request);
        assert_eq!(
            (&*got, content.contains(&text)),
            (*status, true),
            "{request}: {content}"
        );
        world = world.again();
    }
}

#[test]
fn a_root_that_begins_with_a_variable_may_be_relative() {
    let server = "map $arg_r $r { default www; abs @/www; }
         server { root $r; location ~ ^/al/(.*)$ { alias $1; }
         location /name { return 200 $document_root|$request_filename; } }";
    check(
        server,
        &[
            ("GET /a.txt", "200", "www/a.txt"),
            ("GET /a.txt?r=abs", "200", "www/a.txt"),
            ("GET /al/www/a.txt", "200", "www/a.txt"),
            ("GET /al/etc/passwd", "404", ""),
            ("GET /name", "200", "@/www|@/www/name"),
            ("GET /name?r=abs", "200", "@/www|@/www/name"),
        ],
    );
}
