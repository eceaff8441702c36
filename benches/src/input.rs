//! What clients send. The requests are documents in `input/`, with LF for CRLF.

/// `GET /` by curl, 78 bytes, 3 fields.
pub fn curl() -> Vec<u8> {
    request(include_str!("../input/curl.http"))
}

/// A page by a browser, 697 bytes, 14 fields.
pub fn browser() -> Vec<u8> {
    request(include_str!("../input/browser.http"))
}

/// A call by a script in a browser that has come through two proxies, 3.6 KB, 40 fields.
pub fn proxied() -> Vec<u8> {
    request(include_str!("../input/proxied.http"))
}

/// The head of a request whose content is framed by this field.
pub fn post(framing: &str) -> Vec<u8> {
    request(&format!("POST / HTTP/1.1\nHost: a\n{framing}\n\n"))
}

/// `count` chunks of `len` bytes each, the last chunk and no trailer field.
pub fn chunks(count: usize, len: usize) -> Vec<u8> {
    let chunk = [format!("{len:x}\r\n").as_bytes(), &vec![b'x'; len], b"\r\n"].concat();
    [&chunk.repeat(count)[..], b"0\r\n\r\n"].concat()
}

fn request(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}
