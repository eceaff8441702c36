//! Connections and messages (RFC 9112).

use e2e::{Client, Site, encode, for_each_driver, noise};

for_each_driver!(
    persistent_connection,
    close_on_request,
    http_1_0_closes,
    http_1_0_keep_alive,
    pipelined_requests,
    pipeline_cut_anywhere,
    head_in_a_pipeline,
    one_byte_at_a_time,
    leading_crlf,
    absolute_form,
    content_of_a_get_is_skipped,
    refused_content,
    refused_expectation,
    expectation_of_a_get,
    upgrade_is_ignored,
    half_closed_client,
    silent_client,
    thousand_requests,
    urgent_bytes,
);

/// A connection to a site with `/0` to `/15` that hold noise of different lengths.
fn prepare(site: &Site) -> Client {
    for n in 0..16 {
        site.write(n.to_string(), content(n));
    }
    site.client()
}

fn content(n: usize) -> Vec<u8> {
    noise(n * n * n * 40)
}

fn get(n: usize) -> String {
    encode("GET", &format!("/{n}"), &[])
}

fn check(client: &mut Client, n: usize) {
    let response = client.response("GET");
    assert_eq!(response.status, 200, "/{n}");
    assert!(response.body == content(n), "/{n} differs");
}

fn persistent_connection(site: &Site) {
    let mut client = prepare(site);
    for n in 0..16 {
        let response = client.get(&format!("/{n}"));
        assert!(response.body == content(n), "/{n} differs");
        assert!(!response.says("close"));
        assert_eq!(client.get("/none").status, 404);
    }
}

fn close_on_request(site: &Site) {
    prepare(site);
    for value in [
        "close",
        "Close",
        "foo, close",
        "close, foo",
        "keep-alive, close",
    ] {
        let mut client = site.client();
        let response = client.request("GET", "/3", &[("Connection", value)]);
        assert_eq!(response.status, 200, "{value}");
        assert!(response.says("close"), "{value}");
        client.wire.assert_end();
    }
    let mut client = site.client();
    let lines = [("Connection", "foo"), ("Connection", "close")];
    assert!(client.request("GET", "/3", &lines).says("close"));
    client.wire.assert_end();
    // What follows the last request is not a request.
    let mut client = site.client();
    let last = encode("GET", "/3", &[("Connection", "close")]);
    client.wire.send(format!("{last}{}", get(4)));
    check(&mut client, 3);
    client.wire.assert_end();
}

fn http_1_0_closes(site: &Site) {
    prepare(site);
    for request in [
        "GET /3 HTTP/1.0\r\n\r\n",
        "GET /3 HTTP/1.0\r\nHost: e2e\r\n\r\n",
        "GET /3 HTTP/1.0\r\nConnection: close\r\n\r\n",
        "GET /3 HTTP/1.0\r\nConnection: close, keep-alive\r\n\r\n",
    ] {
        let mut client = site.client();
        client.wire.send(request);
        check(&mut client, 3);
        client.wire.assert_end();
    }
}

fn http_1_0_keep_alive(site: &Site) {
    let mut client = prepare(site);
    for n in [3, 4] {
        client.wire.send(format!(
            "GET /{n} HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"
        ));
        let response = client.response("GET");
        assert!(response.says("keep-alive"), "{:?}", response.fields);
        assert!(response.body == content(n));
    }
    client.wire.send("GET /5 HTTP/1.0\r\n\r\n");
    check(&mut client, 5);
    client.wire.assert_end();
}

fn pipelined_requests(site: &Site) {
    let mut client = prepare(site);
    client.wire.send((0..16).map(get).collect::<String>());
    for n in 0..16 {
        check(&mut client, n);
    }
    assert_eq!(client.get("/0").status, 200);
}

/// The second part is sent when what the first one asks for has come.
fn pipeline_cut_anywhere(site: &Site) {
    prepare(site);
    let requests: Vec<_> = (0..16).map(|n| get(n % 4)).collect();
    let bytes = requests.concat();
    for cut in 1..bytes.len() {
        let mut client = site.client();
        let (first, second) = bytes.split_at(cut);
        client.wire.send(first);
        let whole = first.matches("\r\n\r\n").count();
        (0..whole).for_each(|n| check(&mut client, n % 4));
        client.wire.send(second);
        (whole..16).for_each(|n| check(&mut client, n % 4));
    }
}

fn head_in_a_pipeline(site: &Site) {
    let mut client = prepare(site);
    let head = encode("HEAD", "/6", &[]);
    let none = encode("HEAD", "/none", &[]);
    client
        .wire
        .send([get(5), head, get(7), none, get(8)].concat());
    check(&mut client, 5);
    let response = client.response("HEAD");
    assert_eq!(
        response.field("content-length"),
        content(6).len().to_string()
    );
    check(&mut client, 7);
    assert_eq!(client.response("HEAD").status, 404);
    check(&mut client, 8);
}

fn one_byte_at_a_time(site: &Site) {
    let mut client = prepare(site);
    for n in [3, 4] {
        client.wire.send_bytewise(get(n));
        check(&mut client, n);
    }
    let chunked = encode("GET", "/5", &[("Transfer-Encoding", "chunked")]);
    client.wire.send_bytewise(format!(
        "{chunked}5\r\nhello\r\n0\r\nX: y\r\n\r\n{}",
        get(6)
    ));
    check(&mut client, 5);
    check(&mut client, 6);
}

/// Some old clients send an empty line after the content of a request.
fn leading_crlf(site: &Site) {
    let mut client = prepare(site);
    for n in [3, 4] {
        client.wire.send(format!("\r\n{}", get(n)));
        check(&mut client, n);
    }
}

fn absolute_form(site: &Site) {
    let mut client = prepare(site);
    site.write("index.html", "index");
    for (target, status) in [
        ("http://e2e/3", 200),
        ("http://e2e:80/3?x", 200),
        ("HTTP://E2E/3", 200),
        ("http://e2e/", 200),
        ("http://e2e", 200),
        ("http://e2e?x", 200),
        ("http://e2e/none", 404),
    ] {
        assert_eq!(client.get(target).status, status, "{target}");
    }
    // Host must be that of the target (RFC 9112, section 3.2).
    for target in [
        "http://other.example/3",
        "http://e2e:8080/3",
        "https://e2e:80/3",
    ] {
        assert_eq!(site.get(target).status, 400, "{target}");
    }
}

fn content_of_a_get_is_skipped(site: &Site) {
    let mut client = prepare(site);
    for len in [0, 1, 5, 20_000, 60_000] {
        let content = "x".repeat(len);
        let request = encode("GET", "/3", &[("Content-Length", &len.to_string())]);
        client.wire.send(format!("{request}{content}{}", get(4)));
        check(&mut client, 3);
        check(&mut client, 4);

        let request = encode("GET", "/5", &[("Transfer-Encoding", "chunked")]);
        let chunk = if len > 0 {
            format!("{len:x};a=b\r\n{content}\r\n")
        } else {
            String::new()
        };
        client
            .wire
            .send(format!("{request}{chunk}0\r\nX: y\r\n\r\n{}", get(6)));
        check(&mut client, 5);
        check(&mut client, 6);
    }
}

/// Whether it closes or goes on: content is never taken for a request.
fn refused_content(site: &Site) {
    prepare(site);
    let smuggled = get(7);
    let mut client = site.client();
    let length = smuggled.len().to_string();
    let request = encode("POST", "/3", &[("Content-Length", &length)]);
    client.wire.send(format!("{request}{smuggled}"));
    client.wire.finish();
    assert_eq!(client.response("POST").status, 405);
    client.wire.assert_end();
}

/// The client waits for 100 and need not send the content any more (RFC 9110, section 10.1.1).
fn refused_expectation(site: &Site) {
    prepare(site);
    let fields = [("Content-Length", "5"), ("Expect", "100-continue")];
    for method in ["POST", "PUT"] {
        let mut client = site.client();
        let response = client.request(method, "/3", &fields);
        assert_eq!((response.status, response.interim.len()), (405, 0));
        assert!(response.says("close"), "{:?}", response.fields);
        client.wire.assert_end();
    }
}

/// Without a 100, nobody knows whether the content will come: the connection cannot go on.
fn expectation_of_a_get(site: &Site) {
    let mut client = prepare(site);
    let fields = [("Content-Length", "5"), ("Expect", "100-continue")];
    let response = client.request("GET", "/3", &fields);
    assert_eq!(response.status, 200);
    if response.interim.is_empty() {
        assert!(response.says("close"), "{:?}", response.fields);
        client.wire.assert_end();
    } else {
        client.wire.send(format!("hello{}", get(4)));
        check(&mut client, 4);
    }
    // HTTP/1.0 has neither the expectation nor 1xx.
    let mut client = site.client();
    client
        .wire
        .send("GET /3 HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello");
    let response = client.response("GET");
    assert_eq!((response.status, response.interim.len()), (200, 0));
    client.wire.assert_end();
}

/// As curl offers it with `--http2`.
fn upgrade_is_ignored(site: &Site) {
    let mut client = prepare(site);
    let fields = [
        ("Connection", "Upgrade, HTTP2-Settings"),
        ("Upgrade", "h2c"),
        ("HTTP2-Settings", "AAMAAABkAAQCAAAAAAIAAAAA"),
    ];
    let response = client.request("GET", "/3", &fields);
    assert_eq!((response.status, response.interim.len()), (200, 0));
    assert!(response.body == content(3));
    assert_eq!(client.get("/4").status, 200);
}

fn half_closed_client(site: &Site) {
    prepare(site);
    for n in [0, 3, 15] {
        let mut client = site.client();
        client.wire.send([get(3), get(n)].concat());
        client.wire.finish();
        check(&mut client, 3);
        check(&mut client, n);
        client.wire.assert_end();
    }
}

/// Nothing asked, or not all of it, and no one left to ask: nothing is answered with a 200.
fn silent_client(site: &Site) {
    prepare(site);
    let mut wire = site.wire();
    wire.finish();
    wire.assert_end();
    let request = get(3);
    for cut in 1..request.len() {
        let mut wire = site.wire();
        wire.send(&request[..cut]);
        wire.finish();
        let (answer, _) = wire.read_to_end();
        assert!(!answer.starts_with(b"HTTP/1.1 200"), "after {cut} bytes");
    }
}

/// nginx's keepalive_requests.
fn thousand_requests(site: &Site) {
    let mut client = prepare(site);
    for n in 1..=1000 {
        let response = client.get("/1");
        assert_eq!(response.status, 200);
        assert_eq!(response.says("close"), n == 1000, "request {n}");
    }
    client.wire.assert_end();
}

/// A read does not stop short of them.
fn urgent_bytes(site: &Site) {
    site.write("a.txt", "hello");
    let mut client = site.client();
    for at_once in [false, true] {
        if at_once {
            site.server.freeze();
        }
        client.wire.send("GET /a.txt HTTP/1.1\r\nHos");
        client.wire.send_urgent(b't');
        client.wire.send(": e2e\r\n\r\n");
        site.server.thaw();
        assert_eq!(client.response("GET").text(), "hello");
    }
}
