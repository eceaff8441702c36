//! What a CGI script is told about its request: RFC 3875, 4.1.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::fs;

use e2e::{Directives, Driver, Scripts, for_each_driver, variables};

for_each_driver!(
    every_variable_that_a_request_has,
    variables_that_a_request_leaves_empty,
    fields_become_variables,
    fields_that_no_script_may_see,
    fields_that_cannot_be_told_apart,
    who_has_authenticated,
    credentials_only_where_they_are_asked_for,
    variables_of_the_configuration,
    variables_that_env_lets_through,
    nothing_of_the_environment_of_the_server,
    the_path_behind_the_script,
    slashes_that_are_not_merged,
    a_script_as_index,
    a_script_below_an_alias,
);

/// Prints the environment as the process got it; what a shell adds is not in it.
const ENV: &str = "printf 'Content-Type: text/plain\\n\\n'; tr '\\0' '\\n' </proc/$$/environ";

/// A server of `/cgi-bin/env`.
fn site(driver: &Driver) -> Scripts {
    let site = Scripts::new(driver, "");
    site.sh("env", ENV);
    site
}

/// The environment of `/cgi-bin/env` for this request.
fn asked(site: &Scripts, target: &str, fields: &[(&str, &str)]) -> BTreeMap<String, String> {
    let response = site.client().request("GET", target, fields);
    assert_eq!(
        response.status,
        200,
        "{}\n{}",
        response.text(),
        site.error_log()
    );
    variables(response.text())
}

/// The value of a variable; RFC 3875, 4.1 makes no difference between a missing and an empty one.
fn value<'v>(variables: &'v BTreeMap<String, String>, name: &str) -> &'v str {
    variables.get(name).map_or("", String::as_str)
}

fn every_variable_that_a_request_has(driver: &Driver) {
    let site = site(driver);
    let request = "POST /cgi-bin/env/extra%20path/x?a=b&c=%20d HTTP/1.1\r\nHost: e2e.example:81\r\n\
                   Content-Type: text/x; charset=y\r\nContent-Length: 5\r\n\r\nhello";
    let mut client = site.client();
    client.wire.send(request);
    let found = variables(client.response("POST").text());
    let root = site.path("");
    let translated = format!("{}extra path/x", root.display());
    let port = site.address().port().to_string();
    for (name, expected) in [
        ("AUTH_TYPE", ""),
        ("CONTENT_LENGTH", "5"),
        ("CONTENT_TYPE", "text/x; charset=y"),
        ("GATEWAY_INTERFACE", "CGI/1.1"),
        ("PATH_INFO", "/extra path/x"),
        ("PATH_TRANSLATED", &translated),
        ("QUERY_STRING", "a=b&c=%20d"),
        ("REMOTE_ADDR", "127.0.0.1"),
        ("REMOTE_USER", ""),
        ("REQUEST_METHOD", "POST"),
        ("SCRIPT_NAME", "/cgi-bin/env"),
        ("SERVER_NAME", "e2e.example"),
        ("SERVER_PORT", &port),
        ("SERVER_PROTOCOL", "HTTP/1.1"),
        ("HTTP_HOST", "e2e.example:81"),
        // Not in the RFC, but in every program.
        ("REQUEST_URI", "/cgi-bin/env/extra%20path/x?a=b&c=%20d"),
        (
            "DOCUMENT_ROOT",
            root.to_str().expect("UTF-8").trim_end_matches('/'),
        ),
        (
            "SCRIPT_FILENAME",
            site.path("cgi-bin/env").to_str().expect("UTF-8"),
        ),
        ("REQUEST_SCHEME", "http"),
        ("REDIRECT_STATUS", "200"),
    ] {
        assert_eq!(value(&found, name), expected, "{name}");
    }
    assert!(
        value(&found, "SERVER_SOFTWARE").starts_with("h1/"),
        "{found:?}"
    );
    // 4.1.9: the address stands in for a name that is not known.
    assert!(
        ["", "127.0.0.1"].contains(&value(&found, "REMOTE_HOST")),
        "{found:?}"
    );
}

fn variables_that_a_request_leaves_empty(driver: &Driver) {
    let site = site(driver);
    for target in ["/cgi-bin/env", "/cgi-bin/env?"] {
        let found = asked(&site, target, &[]);
        assert_eq!(
            found.get("QUERY_STRING").map(String::as_str),
            Some(""),
            "{target}"
        );
        assert_eq!(found.get("PATH_INFO").map(String::as_str), Some(""));
        for name in ["PATH_TRANSLATED", "AUTH_TYPE", "REMOTE_USER"] {
            assert_eq!(value(&found, name), "", "{target}: {name}");
        }
        // 4.1.2 and 4.1.3: only with content, and only as the client has said.
        for name in ["CONTENT_LENGTH", "CONTENT_TYPE"] {
            assert_eq!(found.get(name), None, "{target}: {name}");
        }
    }
    let mut wire = site.wire();
    wire.send("GET /cgi-bin/env HTTP/1.0\r\n\r\n");
    let answer = String::from_utf8(wire.read_to_end().0).expect("UTF-8");
    let (_, found) = answer.split_once("\r\n\r\n").expect("a head");
    let found = variables(found);
    assert_eq!(value(&found, "SERVER_PROTOCOL"), "HTTP/1.0");
    // 4.1.14: it must have one.
    assert_ne!(value(&found, "SERVER_NAME"), "");
    assert_eq!(found.get("HTTP_HOST"), None);
}

fn fields_become_variables(driver: &Driver) {
    let fields = [
        ("Accept", "text/a"),
        ("X-One", " spaces  inside "),
        ("accept", "text/b"),
        ("X-Odd-1", "\"é\""),
        ("Cookie", "a=1"),
        ("Cookie", "b=2"),
        ("X-Empty", ""),
    ];
    let found = asked(&site(driver), "/cgi-bin/env", &fields);
    for (name, expected) in [
        ("HTTP_ACCEPT", "text/a, text/b"),
        ("HTTP_X_ONE", "spaces  inside"),
        ("HTTP_X_ODD_1", "\"é\""),
        ("HTTP_COOKIE", "a=1; b=2"),
        ("HTTP_X_EMPTY", ""),
    ] {
        assert_eq!(value(&found, name), expected, "{name}");
    }
}

fn fields_that_no_script_may_see(driver: &Driver) {
    let fields = [
        ("Proxy", "http://attacker/"),
        ("Connection", "keep-alive, X-Hop"),
        ("Keep-Alive", "timeout=5"),
        ("X-Hop", "1"),
        ("TE", "trailers"),
        ("Trailer", "X"),
        ("Upgrade", "x"),
        ("Proxy-Authorization", "Basic YTpi"),
        ("Proxy-Connection", "keep-alive"),
        ("Authorization", "Basic YTpi"),
        ("Content-Length", "0"),
        ("X-Seen", "1"),
    ];
    let found = asked(&site(driver), "/cgi-bin/env", &fields);
    let mut seen: Vec<_> = found
        .keys()
        .filter(|name| name.starts_with("HTTP_"))
        .collect();
    seen.sort();
    assert_eq!(seen, ["HTTP_HOST", "HTTP_X_SEEN"]);
}

/// `X_Spoof` is not `X-Spoof`, which a proxy before us may have set; nor is any other name.
fn fields_that_cannot_be_told_apart(driver: &Driver) {
    let site = site(driver);
    let spoofed = ("X_Spoof", "false");
    let right = ("X-Spoof", "right");
    for fields in [
        [spoofed, right],
        [right, spoofed],
        [("X.Spoof", "false"), right],
    ] {
        let found = asked(&site, "/cgi-bin/env", &fields);
        assert_eq!(value(&found, "HTTP_X_SPOOF"), "right", "{fields:?}");
    }
    for name in ["X_Spoof", "X.Spoof", "X!Spoof", "X~Spoof"] {
        let found = asked(&site, "/cgi-bin/env", &[(name, "false")]);
        let others = found.keys().filter(|name| name.starts_with("HTTP_"));
        assert_eq!(others.collect::<Vec<_>>(), ["HTTP_HOST"], "{name}");
    }
}

/// A server with a user `anna`, whose password is `secret`.
fn protected(driver: &Driver, directives: &str) -> Scripts {
    let directives = format!("auth_basic x; auth_basic_user_file FOLDER/users; {directives}");
    let site = Scripts::new(driver, &directives);
    fs::write(site.outside("users"), "anna:{PLAIN}secret\n").expect("write");
    site.sh("env", ENV);
    site
}

/// `anna:secret`.
const ANNA: (&str, &str) = ("Authorization", "Basic YW5uYTpzZWNyZXQ=");

fn who_has_authenticated(driver: &Driver) {
    let site = protected(driver, "");
    let response = site.get("/cgi-bin/env");
    assert_eq!(response.status, 401);
    let found = asked(&site, "/cgi-bin/env", &[ANNA]);
    assert_eq!(value(&found, "AUTH_TYPE"), "Basic");
    assert_eq!(value(&found, "REMOTE_USER"), "anna");
    assert_eq!(found.get("HTTP_AUTHORIZATION"), None);
}

fn credentials_only_where_they_are_asked_for(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_pass_authorization on;");
    site.sh("env", ENV);
    let found = asked(&site, "/cgi-bin/env", &[ANNA]);
    assert_eq!(value(&found, "HTTP_AUTHORIZATION"), ANNA.1);
    // Nobody has checked them.
    assert_eq!(value(&found, "REMOTE_USER"), "");
}

fn variables_of_the_configuration(driver: &Driver) {
    let site = Scripts::new(
        driver,
        "cgi_env APP_MODE live; cgi_env APP_URI $request_uri; cgi_env PATH /opt/bin:/usr/bin:/bin;",
    );
    site.sh("env", ENV);
    let found = asked(&site, "/cgi-bin/env?x", &[]);
    for (name, expected) in [
        ("APP_MODE", "live"),
        ("APP_URI", "/cgi-bin/env?x"),
        ("PATH", "/opt/bin:/usr/bin:/bin"),
    ] {
        assert_eq!(value(&found, name), expected, "{name}");
    }
}

/// E2E_SECRET is what the server was started with.
fn variables_that_env_lets_through(driver: &Driver) {
    let directives = Directives {
        main: "env E2E_SECRET; env E2E_NONE; env E2E_MODE=live=1; env E2E_MODE=test; env E2E_OWN=a;\n\
               env QUERY_STRING=x; env PATH=/opt/bin:/usr/bin:/bin;",
        location: "cgi_env E2E_OWN b;",
        ..Directives::default()
    };
    let site = Scripts::configured(driver, directives);
    site.sh("env", ENV);
    let found = asked(&site, "/cgi-bin/env?query", &[]);
    for (name, expected) in [
        ("E2E_SECRET", "1"),
        ("E2E_NONE", ""),
        ("E2E_MODE", "live=1"),
        ("E2E_OWN", "b"),
        ("QUERY_STRING", "query"),
        ("PATH", "/opt/bin:/usr/bin:/bin"),
    ] {
        assert_eq!(value(&found, name), expected, "{name}");
    }
}

/// What is there is a variable of CGI, a field, or the path that programs are looked for in.
fn nothing_of_the_environment_of_the_server(driver: &Driver) {
    let found = asked(&site(driver), "/cgi-bin/env", &[]);
    assert_eq!(found.get("E2E_SECRET"), None);
    let known = [
        "AUTH_TYPE",
        "DOCUMENT_ROOT",
        "DOCUMENT_URI",
        "GATEWAY_INTERFACE",
        "HTTP_HOST",
        "PATH",
        "PATH_INFO",
        "PATH_TRANSLATED",
        "QUERY_STRING",
        "REDIRECT_STATUS",
        "REMOTE_ADDR",
        "REMOTE_HOST",
        "REMOTE_PORT",
        "REMOTE_USER",
        "REQUEST_METHOD",
        "REQUEST_SCHEME",
        "REQUEST_URI",
        "SCRIPT_FILENAME",
        "SCRIPT_NAME",
        "SERVER_ADDR",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "SERVER_SOFTWARE",
    ];
    let others = found.keys().filter(|name| !known.contains(&name.as_str()));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0]);
}

fn the_path_behind_the_script(driver: &Driver) {
    let site = site(driver);
    site.sh("sub/env", ENV);
    for (target, script, info) in [
        ("/cgi-bin/env", "/cgi-bin/env", ""),
        ("/cgi-bin/env/", "/cgi-bin/env", "/"),
        ("/cgi-bin/env/a/b", "/cgi-bin/env", "/a/b"),
        ("/cgi-bin/env/cgi-bin/env", "/cgi-bin/env", "/cgi-bin/env"),
        ("/cgi-bin/sub/env/x.txt", "/cgi-bin/sub/env", "/x.txt"),
        ("/cgi-bin/%65nv/%61%3Fb%25", "/cgi-bin/env", "/a?b%"),
        ("/cgi-bin/sub/../env/x/../y", "/cgi-bin/env", "/y"),
    ] {
        let found = asked(&site, target, &[]);
        assert_eq!(value(&found, "SCRIPT_NAME"), script, "{target}");
        assert_eq!(value(&found, "PATH_INFO"), info, "{target}");
        let translated = match info {
            "" => String::new(),
            info => format!(
                "{}{info}",
                site.path("").display().to_string().trim_end_matches('/')
            ),
        };
        assert_eq!(value(&found, "PATH_TRANSLATED"), translated, "{target}");
        assert_eq!(value(&found, "REQUEST_URI"), target);
    }
    for target in [
        "/cgi-bin/none",
        "/cgi-bin/none/env",
        "/cgi-bin/../../env",
        "/cgi-bin/env%00",
        "/cgi-bin/env/a%2Fb",
    ] {
        let status = site.get(target).status;
        assert!([400, 404].contains(&status), "{target}: {status}");
    }
}

fn slashes_that_are_not_merged(driver: &Driver) {
    let site = Scripts::configured(
        driver,
        Directives {
            server: "merge_slashes off;",
            ..Directives::default()
        },
    );
    site.sh("env", ENV);
    for (script, info) in [
        ("/cgi-bin/env", "//a///b/"),
        ("/cgi-bin/env", "//"),
        ("/cgi-bin//env", "/a"),
        ("/cgi-bin//env", ""),
    ] {
        let found = asked(&site, &format!("{script}{info}"), &[]);
        assert_eq!(value(&found, "SCRIPT_NAME"), script, "{info}");
        assert_eq!(value(&found, "PATH_INFO"), info);
    }
}

fn a_script_as_index(driver: &Driver) {
    let site = Scripts::configured(
        driver,
        Directives {
            server: "location / { cgi on; index index.cgi; }",
            ..Directives::default()
        },
    );
    site.program("index.cgi", &format!("#!/bin/sh\n{ENV}\n"));
    site.program("sub/index.cgi", &format!("#!/bin/sh\n{ENV}\n"));
    for (target, script) in [("/?a", "/index.cgi"), ("/sub/?a", "/sub/index.cgi")] {
        let found = asked(&site, target, &[]);
        assert_eq!(value(&found, "SCRIPT_NAME"), script);
        assert_eq!(value(&found, "QUERY_STRING"), "a");
        assert_eq!(value(&found, "PATH_INFO"), "");
        assert_eq!(value(&found, "REQUEST_URI"), target);
    }
    assert_eq!(site.get("/sub").status, 301);
}

/// What is behind the script is a path like any other (RFC 3875, 4.1.6); an alias is no root.
fn a_script_below_an_alias(driver: &Driver) {
    let site = Scripts::configured(
        driver,
        Directives {
            server: r"location /tool/ { alias FOLDER/tools/; cgi_pass exec; }
                      location = /one { alias FOLDER/tools/env; cgi_pass exec; }
                      location ~ ^/any/(\w+)(/.*)?$ { alias FOLDER/tools/$1$2; cgi_pass exec; }
                      location /own/ { root FOLDER/other; cgi_pass exec; }
                      location /data/ { alias FOLDER/elsewhere/; }",
            ..Directives::default()
        },
    );
    site.program("../tools/env", &format!("#!/bin/sh\n{ENV}\n"));
    site.program("../other/own/env", &format!("#!/bin/sh\n{ENV}\n"));
    for (script, info, translated, root) in [
        ("/tool/env", "", "", "root"),
        ("/tool/env", "/a/b", "root/a/b", "root"),
        ("/tool/env", "/data/x", "elsewhere/x", "root"),
        ("/tool/env", "/tool/y", "tools/y", "root"),
        ("/one", "", "", "root"),
        ("/any/env", "/any/thing/z", "tools/thing/z", "root"),
        ("/own/env", "/own/x", "other/own/x", "other"),
        ("/own/env", "/x", "root/x", "other"),
    ] {
        let target = format!("{script}{info}");
        let found = asked(&site, &target, &[]);
        let path = |name: &str| site.outside(name).display().to_string();
        let translated = match translated {
            "" => String::new(),
            name => path(name),
        };
        assert_eq!(value(&found, "SCRIPT_NAME"), script, "{target}");
        assert_eq!(value(&found, "PATH_INFO"), info, "{target}");
        assert_eq!(value(&found, "PATH_TRANSLATED"), translated, "{target}");
        assert_eq!(value(&found, "DOCUMENT_ROOT"), path(root), "{target}");
    }
}
