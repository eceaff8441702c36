//! What clients send. The requests are documents in `input/`, with LF for CRLF.

/// `GET /` by curl, 78 bytes, 3 fields.
pub fn curl() -> Vec<u8> {
    request(include_str!("../input/curl.http"))
}

/// A page by a browser, 697 bytes, 14 fields.
pub fn browser() -> Vec<u8> {
    request(include_str!("../input/browser.http"))
}

/// Pages by 1024 browsers: no two heads have the same order of fields and the same lengths, so no branch
/// predictor learns them.
pub fn browsers() -> Vec<Vec<u8>> {
    let mut random = Random(2026);
    (0..1024).map(|_| varied(&browser(), &mut random)).collect()
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

/// `head` without some of its fields, in another order, with other lengths of target and values.
fn varied(head: &[u8], random: &mut Random) -> Vec<u8> {
    let text = String::from_utf8_lossy(head);
    let mut lines: Vec<&str> = text.trim_end().split("\r\n").collect();
    let mut out = lines
        .remove(0)
        .replace("page", &"page".repeat(1 + random.below(9)));
    for n in (1..lines.len()).rev() {
        lines.swap(n, random.below(n + 1));
    }
    for line in lines {
        let more = &"; more=0123456789abcdef"[..random.below(23)];
        match random.below(4) {
            _ if line.starts_with("Host") => out += &format!("\r\n{line}"),
            0 => {}
            _ => out += &format!("\r\n{line}{more}"),
        }
    }
    (out + "\r\n\r\n").into_bytes()
}

/// Numbers without a pattern, the same in each run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }
}
