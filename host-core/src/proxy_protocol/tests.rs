use super::*;

/// A header of version 2 with this command, family and content.
fn binary(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
    let len = u16::try_from(content.len()).unwrap().to_be_bytes();
    [BINARY, &[command, family], &len, content].concat()
}

fn v4(content: &[u8]) -> Vec<u8> {
    let ends = [192, 0, 2, 1, 198, 51, 100, 2, 0xdc, 0x04, 0x01, 0xbb];
    [&ends[..], content].concat()
}

fn v6() -> Vec<u8> {
    let source: Ipv6Addr = "2001:db8::1".parse().unwrap();
    let destination: Ipv6Addr = "::1".parse().unwrap();
    let ports: &[u8] = &[0, 1, 0xff, 0xff];
    [&source.octets(), &destination.octets(), ports].concat()
}

fn proxied(source: &str, destination: &str) -> Option<Proxied> {
    Some(Proxied {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    })
}

fn good() -> Vec<(Vec<u8>, Option<Proxied>)> {
    let tcp4 = proxied("192.0.2.1:56324", "198.51.100.2:443");
    let tcp6 = proxied("[2001:db8::1]:1", "[::1]:65535");
    let longest = format!("PROXY UNKNOWN {}\r\n", "f".repeat(LINE_MAX - 16));
    vec![
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n".into(),
            tcp4,
        ),
        (b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n".into(), tcp6),
        (
            b"PROXY TCP4 192.0.2.1 198.51.100.2 0 0\r\n".into(),
            proxied("192.0.2.1:0", "198.51.100.2:0"),
        ),
        (b"PROXY UNKNOWN\r\n".into(), None),
        (
            b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".into(),
            None,
        ),
        (longest.into(), None),
        (binary(0x21, 0x11, &v4(b"")), tcp4),
        (binary(0x21, 0x11, &v4(b"\x03\x00\x04abcd")), tcp4),
        (binary(0x21, 0x21, &v6()), tcp6),
        // Local, unspecified, a unix socket, datagrams.
        (binary(0x20, 0x00, b""), None),
        (binary(0x20, 0x11, &v4(b"")), None),
        (binary(0x21, 0x00, b"anything"), None),
        (binary(0x21, 0x31, &[b'/'; 216]), None),
        (binary(0x21, 0x12, &v4(b"")), None),
        (binary(0x21, 0x00, &[0; BINARY_MAX - FRONT]), None),
    ]
}

/// However few bytes there are, they are asked for; those behind are left.
#[test]
fn headers_are_read_when_they_are_whole() {
    for (header, proxied) in good() {
        let shown = header.escape_ascii();
        for len in 0..header.len() {
            assert_eq!(parse(&header[..len]), Ok(None), "{len} bytes of {shown}");
        }
        let len = header.len();
        let whole = Ok(Some(Header { len, proxied }));
        assert_eq!(parse(&header), whole, "{shown}");
        assert_eq!(
            parse(&[&header, &b"GET / HTTP/1.1\r\n"[..]].concat()),
            whole,
            "{shown}"
        );
    }
}

#[test]
fn what_is_no_header_is_refused() {
    let long = format!("PROXY UNKNOWN {}", "f".repeat(LINE_MAX - 14));
    let bad: &[&[u8]] = &[
        b"GET / HTTP/1.1\r\n",
        b"PROXX",
        b"proxy TCP4 192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 \r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 56324 443 1\r\n",
        b"PROXY TCP4  192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.256 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n",
        b"PROXY TCP6 192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 056324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2 +56324 443\r\n",
        b"PROXY TCP4 192.0.2.1 198.51.100.2  443\r\n",
        b"PROXY UDP4 192.0.2.1 198.51.100.2 56324 443\r\n",
        b"PROXY \r\n",
        b"PROXY \xff\r\n",
        long.as_bytes(),
        b"\r\nGET",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\r\n\r\n\0\r\nQUIT\n\x11",
        &binary(0x22, 0x11, &v4(b"")),
        &binary(0x21, 0x41, &v4(b"")),
        &binary(0x21, 0x13, &v4(b"")),
        &binary(0x21, 0x11, &v4(b"")[..11]),
        &binary(0x21, 0x21, &v6()[..35]),
        // Known to be too long before it has come.
        &binary(0x21, 0x11, &[0; BINARY_MAX - FRONT + 1])[..FRONT],
    ];
    for header in bad {
        assert_eq!(parse(header), Err(Bad), "{}", header.escape_ascii());
    }
}
