//! The content of requests on its way to CGI scripts: RFC 3875, 4.2.
#![cfg(target_os = "linux")]

use e2e::{
    Client, Driver, Response, Scripts, encode, eventually, for_each_driver, is_running, noise,
};

for_each_driver!(
    content_of_any_length,
    content_in_chunks,
    no_content,
    content_that_the_script_does_not_read,
    a_script_that_writes_before_it_reads,
    content_arrives_while_the_script_runs,
    chunks_are_collected_where_content_is_not,
    collected_content_holds_no_process,
    continue_only_where_it_is_expected,
    too_much_runs_nothing,
    a_client_that_goes_while_it_sends,
    methods_of_all_kinds,
);

/// Answers with what it has got, behind a line with the variables that tell its length.
const ECHO: &str = "printf 'Content-Type: application/octet-stream\\n\\n'
    echo ${CONTENT_LENGTH-none} ${HTTP_TRANSFER_ENCODING-none} ${HTTP_CONTENT_LENGTH-none}
    exec cat";

fn site(driver: &Driver, directives: &str) -> Scripts {
    let site = Scripts::new(driver, directives);
    site.sh("echo", ECHO);
    site
}

/// A head that declares so much content.
fn post(target: &str, fields: &str) -> String {
    format!("POST {target} HTTP/1.1\r\nHost: e2e\r\n{fields}\r\n\r\n")
}

/// The next answer of `echo`, split.
fn echoed(client: &mut Client) -> (String, Vec<u8>) {
    split(client.response("POST"))
}

/// The first line of an answer of `echo`, and the content behind it.
fn split(response: Response) -> (String, Vec<u8>) {
    assert_eq!(response.status, 200, "{response:?}");
    let end = response
        .body
        .iter()
        .position(|b| *b == b'\n')
        .expect("a line");
    let line = String::from_utf8_lossy(&response.body[..end]).into_owned();
    (line, response.body[end + 1..].to_vec())
}

/// More than pipes hold, and more than is kept in memory.
const LENGTHS: [usize; 7] = [1, 4095, 16_384, 16_385, 65_536, 65_537, 3_000_000];

const BUFFERING: [&str; 2] = [
    "client_max_body_size 4m;",
    "client_max_body_size 4m; cgi_body_buffering off;",
];

fn content_of_any_length(driver: &Driver) {
    for directives in BUFFERING {
        let site = site(driver, directives);
        for len in LENGTHS {
            // An answer that begins before all content has come may end the connection.
            let mut client = site.client();
            let content = noise(len);
            let head = post("/cgi-bin/echo", &format!("Content-Length: {len}"));
            let response = client.exchange("POST", &[head.as_bytes(), &content].concat());
            let (line, got) = split(response);
            assert_eq!(line, format!("{len} none none"), "{directives}");
            assert!(got == content, "{directives}: {len}");
        }
    }
}

/// RFC 3875, 4.2: a script gets the content without its transfer coding, and its length.
fn content_in_chunks(driver: &Driver) {
    let site = site(driver, "client_max_body_size 4m;");
    let mut client = site.client();
    for len in LENGTHS {
        let content = noise(len);
        client
            .wire
            .send(post("/cgi-bin/echo", "Transfer-Encoding: chunked"));
        for chunk in content.chunks(len.div_ceil(5)) {
            client.wire.send(format!("{:x};extension\r\n", chunk.len()));
            client.wire.send([chunk, b"\r\n"].concat());
        }
        client.wire.send("0\r\nX-Trailer: x\r\n\r\n");
        let (line, got) = echoed(&mut client);
        assert_eq!(line, format!("{len} none none"));
        assert!(got == content, "{len}");
    }
}

fn no_content(driver: &Driver) {
    for directives in BUFFERING {
        let site = site(driver, directives);
        let mut client = site.client();
        for (fields, line) in [
            ("X: y", "none none none"),
            ("Content-Length: 0", "0 none none"),
            ("Transfer-Encoding: chunked", "0 none none"),
        ] {
            client.wire.send(post("/cgi-bin/echo", fields));
            if fields.starts_with('T') {
                client.wire.send("0\r\n\r\n");
            }
            let (told, got) = echoed(&mut client);
            assert!(got.is_empty(), "{fields}");
            // 4.1.2 lets a server say nothing of a length of zero.
            assert!(
                [line, "none none none"].contains(&&*told),
                "{fields}: {told}"
            );
        }
    }
}

fn content_that_the_script_does_not_read(driver: &Driver) {
    for directives in BUFFERING {
        let site = site(driver, directives);
        site.sh("lazy", "printf 'Content-Type: text/plain\\n\\nhello'");
        for len in [10, 100_000, 3_000_000] {
            let mut client = site.client();
            let head = post("/cgi-bin/lazy", &format!("Content-Length: {len}"));
            let request = head + &"x".repeat(len);
            let response = client.exchange("POST", request.as_bytes());
            assert_eq!(response.text(), "hello", "{directives}: {len}");
        }
    }
}

/// More than a pipe holds both ways: neither side may wait for the other.
fn a_script_that_writes_before_it_reads(driver: &Driver) {
    const LEN: usize = 300_000;
    for directives in BUFFERING {
        let site = Scripts::new(driver, directives);
        site.sh(
            "writes",
            &format!("printf 'Content-Type: a/b\\n\\n'; head -c {LEN} /dev/zero; exec cat"),
        );
        let mut client = site.client();
        let head = post("/cgi-bin/writes", &format!("Content-Length: {LEN}"));
        let content = noise(LEN);
        let request = [head.as_bytes(), &content].concat();
        let body = client.exchange("POST", &request).body;
        assert_eq!(body.len(), 2 * LEN);
        assert!(body[LEN..] == content);
    }
}

/// A conversation: the client sends each line when it has the answer to the one before.
fn content_arrives_while_the_script_runs(driver: &Driver) {
    let site = Scripts::new(driver, "cgi_body_buffering off;");
    site.sh(
        "talk",
        "printf 'Content-Type: text/plain\\n\\n'; echo ready
        while read line; do echo \"got $line\"; done; echo end",
    );
    let mut client = site.client();
    client.wire.send(post("/cgi-bin/talk", "Content-Length: 8"));
    assert_eq!(client.head().status, 200);
    client.expect_chunks("ready\n");
    client.wire.send("one\n");
    client.expect_chunks("got one\n");
    client.wire.send("two\n");
    client.expect_chunks("got two\nend\n");
    assert_eq!(client.chunk(), b"");
}

/// A script has to know the length.
fn chunks_are_collected_where_content_is_not(driver: &Driver) {
    let site = site(driver, "cgi_body_buffering off;");
    let mut client = site.client();
    client
        .wire
        .send(post("/cgi-bin/echo", "Transfer-Encoding: chunked"));
    client.wire.send("3\r\nabc\r\n");
    client.wire.send("2\r\nde\r\n0\r\n\r\n");
    assert_eq!(
        echoed(&mut client),
        ("5 none none".into(), b"abcde".to_vec())
    );
}

/// Whoever sends slowly takes up a connection and no more.
fn collected_content_holds_no_process(driver: &Driver) {
    let site = site(driver, "");
    site.sh(
        "tell",
        "echo $$ >told; printf 'Content-Type: a/b\\n\\nhello'",
    );
    let mut slow = site.client();
    slow.wire.send(post("/cgi-bin/tell", "Content-Length: 5"));
    slow.wire.send("hell");
    // A whole request meanwhile.
    assert_eq!(site.get("/cgi-bin/echo").status, 200);
    assert!(!site.path("cgi-bin/told").exists());
    slow.wire.send("o");
    assert_eq!(slow.response("POST").text(), "hello");
    assert!(site.path("cgi-bin/told").exists());
}

/// RFC 9110, 10.1.1.
fn continue_only_where_it_is_expected(driver: &Driver) {
    for directives in [
        "client_max_body_size 10;",
        "client_max_body_size 10; cgi_body_buffering off;",
    ] {
        let site = site(driver, directives);
        let expect = "Expect: 100-continue\r\nContent-Length: ";
        let mut client = site.client();
        client
            .wire
            .send(post("/cgi-bin/echo", &format!("{expect}5")));
        assert_eq!(
            client.wire.read_through(b"\r\n\r\n"),
            b"HTTP/1.1 100 Continue\r\n\r\n"
        );
        client.wire.send("hello");
        assert_eq!(echoed(&mut client).1, b"hello");
        // Not for what is refused, what is no script, and those who do not expect it.
        for (target, fields, content, status) in [
            ("/cgi-bin/echo", format!("{expect}11"), "", 413),
            ("/cgi-bin/none", format!("{expect}5"), "", 404),
            ("/none", format!("{expect}5"), "", 404),
            ("/cgi-bin/echo", "Content-Length: 5".into(), "hello", 200),
        ] {
            let mut client = site.client();
            client.wire.send(post(target, &fields) + content);
            let response = client.response("POST");
            let what = format!("{target} {fields} {content}");
            assert_eq!(
                (response.status, response.interim),
                (status, vec![]),
                "{what}"
            );
        }
    }
}

fn too_much_runs_nothing(driver: &Driver) {
    for buffering in ["on", "off"] {
        let directives = format!("client_max_body_size 10; cgi_body_buffering {buffering};");
        let site = Scripts::new(driver, &directives);
        site.sh("tell", "echo >>told; printf 'Content-Type: a/b\\n\\nhello'");
        for request in [
            post("/cgi-bin/tell", "Content-Length: 11"),
            post("/cgi-bin/tell", "Content-Length: 18446744073709551615"),
            post("/cgi-bin/tell", "Transfer-Encoding: chunked")
                + "6\r\nhello \r\n5\r\nworld\r\n0\r\n\r\n",
        ] {
            let mut client = site.client();
            client.wire.send(&request);
            assert_eq!(client.response("POST").status, 413, "{request}");
        }
        assert!(!site.path("cgi-bin/told").exists());
        let mut client = site.client();
        client
            .wire
            .send(post("/cgi-bin/tell", "Content-Length: 10") + "0123456789");
        assert_eq!(client.response("POST").text(), "hello");
    }
}

fn a_client_that_goes_while_it_sends(driver: &Driver) {
    let site = site(driver, "");
    site.sh(
        "tell",
        "echo $$ >told; cat >got; printf 'Content-Type: a/b\\n\\nhello'",
    );
    let mut wire = site.wire();
    wire.send(post("/cgi-bin/tell", "Content-Length: 100000") + &"x".repeat(90_000));
    wire.reset();
    // Collected: nothing has been run, then or later.
    assert_eq!(site.get("/cgi-bin/echo").status, 200);
    assert!(!site.path("cgi-bin/told").exists());

    let site = Scripts::new(driver, "cgi_body_buffering off;");
    site.sh(
        "tell",
        "echo $$ >told; cat >got; echo whole >whole; exec sleep 1000",
    );
    let mut wire = site.wire();
    wire.send(post("/cgi-bin/tell", "Content-Length: 100000") + &"x".repeat(90_000));
    let pid = site.pids("told")[0];
    wire.reset();
    assert!(eventually(|| !is_running(pid)));
}

/// RFC 3875, 4.1.12 leaves the method to the script.
fn methods_of_all_kinds(driver: &Driver) {
    let site = Scripts::new(driver, "");
    site.sh(
        "method",
        "printf 'Content-Type: text/plain\\n\\n'; echo $REQUEST_METHOD; cat",
    );
    let mut client = site.client();
    for method in [
        "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND", "BREW", "get",
    ] {
        let response = client.request(method, "/cgi-bin/method", &[]);
        assert_eq!(
            (response.status, response.text()),
            (200, &*format!("{method}\n"))
        );
    }
    client
        .wire
        .send("PUT /cgi-bin/method HTTP/1.1\r\nHost: e2e\r\nContent-Length: 5\r\n\r\nhello");
    assert_eq!(client.response("PUT").text(), "PUT\nhello");
    let mut wire = site.wire();
    wire.send(encode(
        "TRACE",
        "/cgi-bin/method",
        &[("Connection", "close")],
    ));
    let answer = String::from_utf8(wire.read_to_end().0).expect("UTF-8");
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}
