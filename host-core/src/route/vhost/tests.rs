use h1_core::{Event, Limits, RecvBuf, ServerConnection};

use super::{Names, Reason, normalize};
use crate::config::model::ServerName;

fn name(text: &str) -> ServerName {
    match (text.strip_prefix('*'), text.strip_suffix('*')) {
        (Some(rest), _) => ServerName::Suffix(rest.into()),
        (_, Some(start)) => ServerName::Prefix(start.into()),
        _ => ServerName::Exact(text.into()),
    }
}

#[test]
fn exact_then_the_longest_asterisk_in_front_then_at_the_end() {
    let mut names = Names::default();
    for (server, text) in [
        (0, "example.org"),
        (1, "*.example.org"),
        (2, "*.long.example.org"),
        (3, "www.example.*"),
        (4, "www.*"),
        (5, "example.org"),
        (6, ""),
    ] {
        names.add(server, 0, &name(text));
    }
    for (host, found) in [
        ("example.org", Some((0, Reason::Exact))),
        ("a.example.org", Some((1, Reason::Suffix))),
        ("a.b.example.org", Some((1, Reason::Suffix))),
        ("a.long.example.org", Some((2, Reason::Suffix))),
        ("long.example.org", Some((1, Reason::Suffix))),
        ("www.example.org", Some((1, Reason::Suffix))),
        ("www.example.com", Some((3, Reason::Prefix))),
        ("www.example.co.uk", Some((3, Reason::Prefix))),
        ("www.other", Some((4, Reason::Prefix))),
        ("www.", None),
        (".example.org", None),
        ("", Some((6, Reason::Exact))),
        ("other", None),
    ] {
        assert_eq!(names.find(host.as_bytes(), |_, _| false), found, "{host}");
    }
}

#[test]
fn a_host_is_compared_without_case_port_and_final_dot() {
    for (field, host) in [
        ("Example.ORG", "example.org"),
        ("example.org:8080", "example.org"),
        ("example.org.", "example.org"),
        ("example.org.:80", "example.org"),
        ("[::1]:80", "[::1]"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("127.0.0.1", "127.0.0.1"),
    ] {
        let limits = Limits::default();
        let (mut conn, mut rx) = (ServerConnection::new(limits), RecvBuf::new(&limits));
        rx.receive(format!("GET / HTTP/1.1\r\nHost: {field}\r\n\r\n").as_bytes());
        let Ok(Event::Request(request)) = conn.next_event(&mut rx) else {
            panic!("{field}");
        };
        let mut out = Vec::new();
        normalize(&request, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), host, "{field}");
    }
}
