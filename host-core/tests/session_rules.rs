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
/// these directives. `DIR` is the folder, and relative paths begin there.
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
    let server = server.replace("DIR", folder.to_str().unwrap());
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
        let text = text.replace("DIR", folder.path().to_str().unwrap());
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
    let server = "map $arg_r $r { default www; abs DIR/www; }
         server { root $r; location ~ ^/al/(.*)$ { alias $1; }
         location /name { return 200 $document_root|$request_filename; } }";
    check(
        server,
        &[
            ("GET /a.txt", "200", "www/a.txt"),
            ("GET /a.txt?r=abs", "200", "www/a.txt"),
            ("GET /al/www/a.txt", "200", "www/a.txt"),
            ("GET /al/etc/passwd", "404", ""),
            ("GET /name", "200", "DIR/www|DIR/www/name"),
            ("GET /name?r=abs", "200", "DIR/www|DIR/www/name"),
        ],
    );
}

#[test]
fn what_has_no_end_is_an_error() {
    let double: String = (1..30)
        .map(|n| format!("map x $d{n} {{ default $d{0}$d{0}; }}", n - 1))
        .collect();
    let chain: String = (1..3000)
        .map(|n| format!("map x $c{n} {{ default $c{}; }}", n - 1))
        .collect();
    let server = format!(
        "{double} {chain} map x $d0 {{ default 0123456789; }} map x $c0 {{ default end; }}
         server {{ recursive_error_pages on; error_page 500 $missing; set $missing @missing;
         location /double {{ return 200 $d29; }} location /some {{ return 200 $d1; }}
         location /chain {{ return 200 $c2999; }} location /short {{ return 200 $c40; }}
         location /field {{ add_header X $d29; return 200 ok; }}
         location /x {{ return 500; }} location /rw {{ rewrite ^/rw(.*)$ /rw$1$1$1$1$1$1 last; }} }}"
    );
    check(
        &server,
        &[
            ("GET /double", "500", ""),
            ("GET /some", "200", "01234567890123456789"),
            ("GET /chain", "500", ""),
            ("GET /short", "200", "end"),
            ("GET /field", "200", "ok"),
            ("GET /x", "500", ""),
            ("GET /rwabcdefghij", "500", ""),
        ],
    );
}

#[test]
fn a_named_location_may_come_out_of_a_variable() {
    let server = "server { root www; set $n @nm; location @nm { return 200 named; }
         location /e { error_page 404 $n; } location /t { try_files /none $n; } }";
    check(
        server,
        &[("GET /e", "404", "named"), ("GET /t", "200", "named")],
    );
}

#[test]
fn index_names_are_those_of_the_request() {
    let server = "server { root www; location /v/ { alias DIR/www/; index $arg_i z; }
         location / { try_files $uri $uri/ =404; } location /bare { index $arg_i index.html; try_files $uri $uri/ =404; }
         location /dir { index $arg_i c.txt; try_files $uri $uri/ =404; } }";
    let (mut world, _folder) = world(server);
    for (request, expected) in [
        ("GET /v/?i=a.txt", "www/a.txt"),
        ("GET /", "www/index.html"),
        ("GET /dir/", "www/dir/c.txt"),
        ("GET /bare/?i=x", "www/bare/x"),
        ("GET /dir/?i=index.html", "www/dir/index.html"),
    ] {
        assert_eq!(ask(&mut world, request).1, expected, "{request}");
    }
}

#[test]
fn limit_except_is_before_the_script() {
    let server = "server { root www; location / { limit_except GET { deny all; } return 200 ran; }
         location /if/ { limit_except GET { deny all; } if ($arg_b) { add_header X 1; } return 200 ran; }
         location /rw/ { limit_except GET { deny all; } rewrite ^ /open; }
         location /try/ { alias DIR/www/; limit_except GET { allow all; } try_files /none @t; }
         location @t { return 200 tried; } location /open { return 200 open; } }";
    check(
        server,
        &[
            ("GET /", "200", "ran"),
            ("HEAD /", "200", ""),
            ("POST /", "403", ""),
            ("POST /if/?b=1", "403", ""),
            ("GET /if/?b=1", "200", "ran"),
            ("POST /rw/", "403", ""),
            ("GET /rw/", "200", "open"),
            ("GET /try/", "200", "tried"),
            ("POST /try/a.txt", "405", ""),
            ("GET /try/none", "200", "tried"),
        ],
    );
}

#[test]
fn a_host_does_not_climb() {
    let server = r"server { server_name ~^(?<dom>.+)\.(?<ten>[a-z]+)\.test$ x; root DIR/tn/$ten/$dom/public; }
         server { server_name y; root DIR/tn/$arg_r; location /a { alias DIR/tn/p$arg_r; } }";
    check(
        server,
        &[
            ("GET / ...alpha.test", "400", ""),
            ("GET / a..b", "400", ""),
            ("GET /?r=public y", "200", "tn/public/index.html"),
            ("GET /?r=x/../public y", "404", ""),
            ("GET /a?r=ublic/index.html y", "200", "tn/public/index.html"),
            ("GET /a?r=/../public/index.html y", "404", ""),
            ("GET /?r=public y.", "200", ""),
        ],
    );
}

#[test]
fn conditions_ask_for_files_anywhere() {
    let server = "server { root DIR/www; if (-f DIR/tn/public/index.html) { set $far yes; } if (-f DIR/tn/none) { set $none yes; }
         if (-d DIR/tn/) { set $dir yes; } if (-e /) { set $all yes; }
         location /far { return 200 $far|$none|$dir|$all; }
         location /slash/ { alias DIR/www/; if (!-f $request_filename) { return 410; } }
         location /arg { if (-f DIR/tn/$arg_f) { return 200 there; } return 200 no; }
         location / { if (-f $request_filename) { return 200 file; } if (-f $arg_f) { return 200 arg; } } }";
    check(
        server,
        &[
            ("GET /far", "200", "yes||yes|yes"),
            ("GET /slash/a.txt", "200", "www/a.txt"),
            ("GET /slash/none", "410", ""),
            ("GET /arg?f=public/index.html", "200", "there"),
            ("GET /arg?f=public", "200", "no"),
            ("GET /a.txt", "200", "file"),
            ("GET /none?f=/etc/passwd", "200", "arg"),
            ("GET /none?f=etc/passwd", "404", ""),
        ],
    );
}

#[test]
fn an_if_replaces_the_settings_of_the_one_before() {
    let server = "server { location / { if ($arg_a) { add_header X-A 1; } if ($arg_x = 1) { return 200 $arg_x; }
         if ($arg_y) { set $y 1; } return 200 end; } }";
    for (target, field) in [("/?a=1", true), ("/?a=1&x=1", false), ("/?a=1&y=1", false)] {
        let (mut world, _folder) = world(server);
        world.send(world::get(target));
        assert_eq!(world.received().contains("X-A: 1"), field, "{target}");
    }
}

#[test]
fn an_index_may_be_a_uri() {
    let server = "server { root www; location = /q { return 200 q[$args]; }
         location /bare/ { index none /q; autoindex on; } location /dir/ { index $arg_i z; } }";
    check(
        server,
        &[
            ("GET /bare/?z=1", "200", "q[z=1]"),
            ("GET /dir/?i=/q", "200", "q[i=/q]"),
            ("GET /dir/?i=c.txt", "200", "www/dir/c.txt"),
            ("GET /dir/", "403", ""),
        ],
    );
}
