//! Scripts beside what else a server does: pipelining, error pages, front controllers, logs.
#![cfg(target_os = "linux")]

use std::fs;

use e2e::{Directives, Driver, Scripts, encode, eventually, for_each_driver};

for_each_driver!(
    pipelined_requests,
    a_redirect_needs_no_second_place,
    scripts_as_error_pages,
    error_pages_for_scripts,
    a_front_controller,
    methods_that_are_not_allowed,
    what_is_too_much_holds_nobody_up,
    lines_of_the_access_log,
);

const ENV: &str = "printf 'Content-Type: text/plain\\n\\n'
    echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO $QUERY_STRING $REQUEST_URI";

fn pipelined_requests(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh("env", ENV);
    site.file("a.txt", "a file");
    let mut client = site.client();
    let post = "POST /cgi-bin/env?3 HTTP/1.1\r\nHost: e2e\r\nContent-Length: 5\r\n\r\nhello";
    let requests = [
        encode("GET", "/cgi-bin/env?1", &[]),
        encode("GET", "/a.txt", &[]),
        post.into(),
        encode("HEAD", "/cgi-bin/env?4", &[]),
        encode("GET", "/cgi-bin/env?5", &[("Connection", "close")]),
    ];
    client.wire.send(requests.concat());
    let answer = |method, n| format!("{method} /cgi-bin/env {n} /cgi-bin/env?{n}\n");
    assert_eq!(client.response("GET").text(), answer("GET", 1));
    assert_eq!(client.response("GET").text(), "a file");
    assert_eq!(client.response("POST").text(), answer("POST", 3));
    assert_eq!(client.response("HEAD").status, 200);
    assert_eq!(client.response("GET").text(), answer("GET", 5));
    client.wire.assert_end();
}

/// The script that redirects has ended when the other one starts.
fn a_redirect_needs_no_second_place(driver: &Driver) {
    let directives = Directives {
        http: "cgi_max_children 1 queue=1 wait=1m;",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.sh("env", ENV);
    site.sh("goes", "printf 'Location: /cgi-bin/env\\n\\n'");
    let mut client = site.client();
    for _ in 0..5 {
        let expected = "GET /cgi-bin/env /cgi-bin/goes\n";
        assert_eq!(client.get("/cgi-bin/goes").text(), expected);
    }
}

fn scripts_as_error_pages(driver: &Driver) {
    let directives = Directives {
        server: "error_page 404 /cgi-bin/oops;",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.sh("oops", ENV);
    let response = site.get("/missing?a");
    assert_eq!(response.status, 404);
    assert_eq!(response.text(), "GET /cgi-bin/oops /missing?a\n");
}

fn error_pages_for_scripts(driver: &Driver) {
    let site = Scripts::new(driver, "error_page 502 /sorry.html;");
    site.sh("fails", "exit 1");
    site.file("sorry.html", "we are sorry");
    let response = site.get("/cgi-bin/fails");
    assert_eq!((response.status, response.text()), (502, "we are sorry"));
}

fn a_front_controller(driver: &Driver) {
    let directives = Directives {
        server: "location / { try_files $uri /cgi-bin/app$is_args$args; }",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.sh("app", ENV);
    site.file("a.txt", "a file");
    assert_eq!(site.get("/a.txt").text(), "a file");
    let expected = "GET /cgi-bin/app x=1 /users/7?x=1\n";
    assert_eq!(site.get("/users/7?x=1").text(), expected);
}

fn methods_that_are_not_allowed(driver: &Driver) {
    let site = Scripts::new(driver, "limit_except GET { deny all; }");
    site.sh("tell", "echo >>told; printf 'Content-Type: a/b\\n\\nhello'");
    let mut client = site.client();
    for method in ["POST", "DELETE", "PUT"] {
        let response = client.request(method, "/cgi-bin/tell", &[("Content-Length", "0")]);
        assert_eq!(response.status, 403, "{method}");
    }
    assert!(!site.path("cgi-bin/told").exists());
    assert_eq!(client.get("/cgi-bin/tell").text(), "hello");
}

/// Whatever a script goes on to write behind the end of its answer.
fn what_is_too_much_holds_nobody_up(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_timeout 1s;");
    for (name, head) in [
        ("long", "Content-Type: a/b\\nContent-Length: 5\\n\\nhello"),
        ("none", "Status: 204\\n\\n"),
    ] {
        let script = format!("printf '{head}'; echo $$ >{name}-pid; exec cat /dev/zero");
        site.sh(name, &script);
    }
    let mut client = site.client();
    for (method, target, text) in [
        ("GET", "/cgi-bin/long", "hello"),
        ("HEAD", "/cgi-bin/long", ""),
        ("GET", "/cgi-bin/none", ""),
    ] {
        // One that begins late is ended before it answers.
        let is_answered = || {
            let response = client.request(method, target, &[]);
            let in_time = response.status != 504;
            assert!(!in_time || response.text() == text, "{method} {target}");
            in_time
        };
        assert!(eventually(is_answered), "{method} {target}");
        assert_eq!(client.get("/missing").status, 404, "{method} {target}");
    }
    drop(client);
    assert!(eventually(|| site.processes().is_empty()));
}

fn lines_of_the_access_log(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh("env", ENV);
    site.sh("fails", "exit 1");
    let mut client = site.client();
    let len = client.get("/cgi-bin/env?a").body.len();
    client.get("/cgi-bin/fails");
    let read = || fs::read_to_string(site.outside("access.log")).unwrap_or_default();
    assert!(eventually(|| read().lines().count() == 2), "{}", read());
    let log = read();
    let lines: Vec<_> = log.lines().collect();
    assert!(
        lines[0].contains(&format!("\"GET /cgi-bin/env?a HTTP/1.1\" 200 {len} ")),
        "{log}"
    );
    assert!(
        lines[1].contains("\"GET /cgi-bin/fails HTTP/1.1\" 502 "),
        "{log}"
    );
}
