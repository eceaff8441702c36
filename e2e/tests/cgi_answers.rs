//! What becomes of the answer of a CGI script: RFC 3875, 6.
#![cfg(target_os = "linux")]

use std::io::Write;

use e2e::{Driver, End, Response, Scripts, encode, for_each_driver};

for_each_driver!(
    documents,
    redirects_of_the_client,
    redirects_within_the_server,
    a_redirect_to_a_script,
    redirects_that_never_end,
    answers_without_content,
    head_has_the_fields_alone,
    fields_that_are_the_servers,
    several_fields_of_a_name,
    declared_lengths,
    an_answer_shorter_than_declared_is_cut,
    a_script_that_dies_half_way_is_cut,
    an_old_client_reads_to_the_end,
);

/// A server of scripts that print these texts, as `/cgi-bin/0` and so on.
fn printing<'t>(driver: &Driver, texts: impl IntoIterator<Item = &'t str>) -> Scripts {
    let site = Scripts::new(driver, "");
    for (n, text) in texts.into_iter().enumerate() {
        site.sh(&n.to_string(), &print(text));
    }
    site
}

/// A line of the shell that prints `text`, in which `\n` and its like are escapes.
fn print(text: &str) -> String {
    format!("printf '%b' '{}'", text.replace('\n', "\\n"))
}

fn assert_answer(response: &Response, status: u16, kind: Option<&str>, text: &str, what: &str) {
    assert_eq!(response.status, status, "{what}");
    assert_eq!(response.get("content-type"), kind, "{what}");
    assert_eq!(response.text(), text, "{what}");
}

fn documents(driver: &Driver) {
    let cases = [
        (
            "Content-Type: text/plain\n\nhello",
            200,
            "text/plain",
            "hello",
        ),
        (
            "Content-Type: text/plain\r\n\r\nhello",
            200,
            "text/plain",
            "hello",
        ),
        (
            "Content-Type: text/plain\n\r\nhello",
            200,
            "text/plain",
            "hello",
        ),
        (
            "content-TYPE:text/html; charset=x\n\n",
            200,
            "text/html; charset=x",
            "",
        ),
        (
            "Content-Type: a/b\n\n\n\nHTTP/1.1 999\n\n",
            200,
            "a/b",
            "\n\nHTTP/1.1 999\n\n",
        ),
        (
            "Status: 404 Not Here\nContent-Type: a/b\n\nnone",
            404,
            "a/b",
            "none",
        ),
        ("Content-Type: a/b\nStatus: 201\n\nmade", 201, "a/b", "made"),
        (
            "status: 503 Busy\nContent-Type: a/b\n\nbusy",
            503,
            "a/b",
            "busy",
        ),
        ("Status: 299\nContent-Type: a/b\n\nodd", 299, "a/b", "odd"),
    ];
    let site = printing(driver, cases.map(|case| case.0));
    let mut client = site.client();
    for (n, (output, status, kind, text)) in cases.into_iter().enumerate() {
        let response = client.get(&format!("/cgi-bin/{n}"));
        assert_answer(&response, status, Some(kind), text, output);
    }
}

/// RFC 3875, 6.2.3 and 6.2.4.
fn redirects_of_the_client(driver: &Driver) {
    let cases = [
        (
            "Location: http://other.example/a?b#c\n\n",
            302,
            "http://other.example/a?b#c",
        ),
        (
            "Location: HTTPS://other.example\n\n",
            302,
            "HTTPS://other.example",
        ),
        ("Location: mailto:a@b\n\n", 302, "mailto:a@b"),
        (
            "Status: 303 See Other\nLocation: http://o/\nContent-Type: a/b\n\ngo",
            303,
            "http://o/",
        ),
        (
            "Status: 301\nLocation: /elsewhere\nContent-Type: a/b\n\ngo",
            301,
            "/elsewhere",
        ),
        (
            "Location: http://o/\nStatus: 307 T\nContent-Type: a/b\n\ngo",
            307,
            "http://o/",
        ),
        (
            "Status: 201 Created\nLocation: /new\nContent-Type: a/b\n\ngo",
            201,
            "/new",
        ),
    ];
    let site = printing(driver, cases.map(|case| case.0));
    let mut client = site.client();
    for (n, (output, status, location)) in cases.into_iter().enumerate() {
        let response = client.get(&format!("/cgi-bin/{n}"));
        assert_eq!(response.status, status, "{output}");
        assert_eq!(response.field("location"), location, "{output}");
        if output.contains("\n\ngo") {
            assert_eq!(response.text(), "go", "{output}");
            assert_eq!(response.get("content-type"), Some("a/b"), "{output}");
        }
    }
}

/// RFC 3875, 6.2.2: the answer is that to the other path, and the client does not see why.
fn redirects_within_the_server(driver: &Driver) {
    let targets = [
        "/page.html",
        "/page.html?a=b",
        "/%70age.html",
        "/none",
        "/../etc/passwd",
    ];
    let outputs = targets.map(|target| format!("Location: {target}\n\n"));
    let site = printing(driver, outputs.iter().map(String::as_str));
    site.file("page.html", "a page");
    let mut client = site.client();
    for (n, target) in targets.iter().enumerate() {
        let response = client.get(&format!("/cgi-bin/{n}"));
        assert_eq!(response.get("location"), None, "{target}");
        match target.contains("page") || target.contains("%70") {
            true => assert_answer(&response, 200, Some("text/html"), "a page", target),
            false => assert!((400..=502).contains(&response.status), "{response:?}"),
        }
    }
    // The content of the request has been the first script's.
    client
        .wire
        .send("POST /cgi-bin/0 HTTP/1.1\r\nHost: e2e\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response("POST").text(), "a page");
    let response = client.request("HEAD", "/cgi-bin/0", &[]);
    assert_eq!(
        (response.status, response.field("content-length")),
        (200, "6")
    );
}

fn a_redirect_to_a_script(driver: &Driver) {
    let site = printing(driver, ["Location: /cgi-bin/env/info?a=%20b\n\n"]);
    site.sh(
        "env",
        "printf 'Content-Type: text/plain\\n\\n'
        echo $REQUEST_METHOD $SCRIPT_NAME $PATH_INFO $QUERY_STRING ${CONTENT_LENGTH:-none}; cat",
    );
    let mut client = site.client();
    client
        .wire
        .send("POST /cgi-bin/0?c HTTP/1.1\r\nHost: e2e\r\nContent-Length: 5\r\n\r\nhello");
    let expected = "GET /cgi-bin/env /info a=%20b none\n";
    assert_eq!(client.response("POST").text(), expected);
}

fn redirects_that_never_end(driver: &Driver) {
    let site = printing(
        driver,
        ["Location: /cgi-bin/1\n\n", "Location: /cgi-bin/0\n\n"],
    );
    site.sh(
        "count",
        "echo >>counted; printf 'Location: /cgi-bin/count\\n\\n'",
    );
    let mut client = site.client();
    for target in ["/cgi-bin/0", "/cgi-bin/count"] {
        let response = client.get(target);
        assert!([500, 502, 508].contains(&response.status), "{response:?}");
    }
    let counted = std::fs::read_to_string(site.path("cgi-bin/counted")).expect("counted");
    assert!(counted.len() <= 11, "it was run {} times", counted.len());
}

fn answers_without_content(driver: &Driver) {
    let cases = [
        ("Status: 204 No Content\n\n", 204),
        ("Status: 304 Not Modified\nETag: \"x\"\n\n", 304),
        ("Status: 204\nContent-Type: a/b\n\nnot to be seen", 204),
        ("Status: 304\nContent-Type: a/b\n\nnot to be seen", 304),
    ];
    let site = printing(driver, cases.map(|case| case.0));
    let mut client = site.client();
    for (n, (output, status)) in cases.into_iter().enumerate() {
        for method in ["GET", "HEAD"] {
            let response = client.request(method, &format!("/cgi-bin/{n}"), &[]);
            assert_eq!((response.status, response.text()), (status, ""), "{output}");
            let tag = output.contains("ETag").then_some("\"x\"");
            assert_eq!(response.get("etag"), tag, "{output}");
        }
    }
}

/// RFC 3875, 4.3.3: what a script sends all the same is not passed on.
fn head_has_the_fields_alone(driver: &Driver) {
    let outputs = [
        "Content-Type: text/plain\nX-A: $REQUEST_METHOD\n\nhello",
        "Content-Type: text/plain\nX-A: $REQUEST_METHOD\nContent-Length: 5\n\nhello",
        "Content-Type: text/plain\nX-A: $REQUEST_METHOD\nContent-Length: 5\n\n",
    ];
    let site = Scripts::new(driver, "");
    for (n, output) in outputs.iter().enumerate() {
        site.sh(&n.to_string(), &format!("cat <<.\n{output}\n."));
    }
    let mut client = site.client();
    for (n, output) in outputs.iter().enumerate() {
        let response = client.request("HEAD", &format!("/cgi-bin/{n}"), &[]);
        assert_eq!(response.status, 200, "{output}");
        assert_eq!(response.field("x-a"), "HEAD", "{output}");
        let length = output.contains("Content-Length").then_some("5");
        assert_eq!(response.get("content-length"), length, "{output}");
    }
}

/// The framing of the connection is none of the script's business.
fn fields_that_are_the_servers(driver: &Driver) {
    let site = printing(
        driver,
        [
            "Content-Type: text/plain\nConnection: close, X-B\nKeep-Alive: timeout=1\nX-B: 1\n\
          Transfer-Encoding: chunked\nTrailer: X\nUpgrade: h2c\nTE: x\nProxy-Connection: close\n\
          Date: Thu, 01 Jan 1970 00:00:00 GMT\nX-A: 1\n\nhello",
        ],
    );
    let mut client = site.client();
    for _ in 0..2 {
        let response = client.get("/cgi-bin/0");
        assert_eq!((response.status, response.text()), (200, "hello"));
        for name in [
            "connection",
            "keep-alive",
            "trailer",
            "upgrade",
            "te",
            "proxy-connection",
        ] {
            assert_eq!(response.get(name), None, "{name}");
        }
        assert_eq!(response.field("x-a"), "1");
    }
}

fn several_fields_of_a_name(driver: &Driver) {
    let text = "Set-Cookie: a=1\nContent-Type: a/b\nSet-Cookie: b=2; Path=/\nx-CGI-y: z\n\n";
    let site = printing(driver, [text]);
    let response = site.get("/cgi-bin/0");
    let cookies = response
        .fields
        .iter()
        .filter(|(name, _)| name == "set-cookie");
    let cookies: Vec<_> = cookies.map(|(_, value)| value.as_str()).collect();
    assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
}

fn declared_lengths(driver: &Driver) {
    let cases = [
        ("Content-Type: a/b\nContent-Length: 5\n\nhello", "hello"),
        // More than declared is no part of the answer, nor of the next one.
        (
            "Content-Type: a/b\nContent-Length: 2\n\nhello HTTP/1.1 200",
            "he",
        ),
        ("Content-Type: a/b\nContent-Length: 0\n\nhello", ""),
    ];
    let site = printing(driver, cases.map(|case| case.0));
    let mut client = site.client();
    for _ in 0..2 {
        for (n, (output, text)) in cases.into_iter().enumerate() {
            let response = client.get(&format!("/cgi-bin/{n}"));
            assert_eq!((response.status, response.text()), (200, text), "{output}");
            assert_eq!(
                response.field("content-length"),
                text.len().to_string(),
                "{output}"
            );
        }
    }
}

fn an_answer_shorter_than_declared_is_cut(driver: &Driver) {
    let site = printing(driver, ["Content-Type: a/b\nContent-Length: 9\n\nhello"]);
    let mut client = site.client();
    client.wire.send(encode("GET", "/cgi-bin/0", &[]));
    let head = client.head();
    assert_eq!(head.field("content-length"), "9");
    assert_eq!(client.wire.read_to_end().0, b"hello");
}

/// The client can see that the answer is not whole.
fn a_script_that_dies_half_way_is_cut(driver: &Driver) {
    let site = Scripts::new(driver, "");
    let mut gate = site.pipe("gate");
    let begin = print("Content-Type: text/plain\n\nhalf ");
    site.sh("dies", &format!("{begin}\nread line <gate\nkill -9 $$"));
    let mut client = site.client();
    client.wire.send(encode("GET", "/cgi-bin/dies", &[]));
    assert_eq!(client.head().field("transfer-encoding"), "chunked");
    client.wire.read_through(b"half ");
    gate.write_all(b"\n").expect("gate");
    let (rest, _) = client.wire.read_to_end();
    assert!(!rest.ends_with(b"0\r\n\r\n"), "{}", rest.escape_ascii());
    let line = site.complaint("dies");
    assert!(line.contains("signal 9"), "{line}");
}

fn an_old_client_reads_to_the_end(driver: &Driver) {
    let site = printing(driver, ["Content-Type: text/plain\n\nhello"]);
    let mut wire = site.wire();
    wire.send("GET /cgi-bin/0 HTTP/1.0\r\n\r\n");
    let (answer, end) = wire.read_to_end();
    let answer = String::from_utf8(answer).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello"), "{answer}");
    assert!(!answer.contains("chunked"), "{answer}");
    assert_eq!(end, End::Eof);
}
