use h1_core::{Limits, raw};

use super::*;

/// The variables that come of these field lines.
fn variables(lines: &str, authorization: bool) -> Vec<String> {
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
    let (limits, mut index) = (Limits::default(), raw::Index::new());
    let head = raw::request_head(head.as_bytes(), &limits, &mut index);
    let (head, _) = head.unwrap().unwrap();
    let mut env = Environment::default();
    env.add_fields(&head.fields(), authorization);
    let vars = env
        .iter()
        .map(|(name, value)| format!("{name}={}", value.escape_ascii()));
    vars.filter(|var| var != "HTTP_HOST=a").collect()
}

#[test]
fn fields_become_variables() {
    for (lines, expected) in [
        ("", &[][..]),
        ("User-Agent: x y\r\n", &["HTTP_USER_AGENT=x y"]),
        ("x-1: \r\n", &["HTTP_X_1="]),
        ("A: b\r\nC: d\r\na: e\r\n", &["HTTP_A=b, e", "HTTP_C=d"]),
        ("Cookie: a=1\r\ncookie: b=2\r\n", &["HTTP_COOKIE=a=1; b=2"]),
        ("X-A: \u{e9}\r\n", &["HTTP_X_A=\\xc3\\xa9"]),
    ] {
        assert_eq!(variables(lines, false), expected, "{lines:?}");
    }
}

#[test]
fn what_could_be_mistaken_is_kept_back() {
    for line in [
        "Proxy: http://evil/",
        "PROXY: http://evil/",
        "X_A: 1",
        "X.A: 1",
        "X+A: 1",
        "Content_Length: 5",
        "Connection: close",
        "Keep-Alive: 5",
        "Proxy-Authorization: Basic x",
        "Proxy-Connection: close",
        "TE: trailers",
        "Trailer: A",
        "Upgrade: websocket",
        "Expect: 100-continue",
        "Content-Type: a/b",
        "Content-Length: 3",
        "Authorization: Basic x",
        "Connection: X-Hop\r\nX-Hop: 1",
    ] {
        let vars = variables(&format!("{line}\r\n"), false);
        assert!(vars.is_empty(), "{line}: {vars:?}");
    }
    // One that cannot be mistaken is no less there because of one that could.
    assert_eq!(variables("X-A: 1\r\nX_A: 2\r\n", false), ["HTTP_X_A=1"]);
}

#[test]
fn passwords_are_passed_where_that_is_asked_for() {
    let line = "Authorization: Basic x\r\n";
    assert_eq!(variables(line, true), ["HTTP_AUTHORIZATION=Basic x"]);
}

#[test]
fn the_last_value_counts() {
    let mut env = Environment::default();
    env.set("A", "1");
    env.set("B", "2");
    env.set("A", "3");
    env.set("C", b"\0".to_vec());
    let vars: Vec<_> = env.iter().collect();
    assert_eq!(vars, [("A", &b"3"[..]), ("B", b"2")]);
}
