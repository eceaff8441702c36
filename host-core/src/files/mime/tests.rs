use super::content_type;

#[test]
fn by_extension() {
    let cases = [
        ("ts", "video/mp2t"),
        ("mjs", "text/javascript; charset=utf-8"),
        ("js", "text/javascript; charset=utf-8"),
        ("wasm", "application/wasm"),
        ("webmanifest", "application/manifest+json"),
        ("json", "application/json"),
        ("xml", "text/xml; charset=utf-8"),
        ("svg", "image/svg+xml; charset=utf-8"),
        ("md", "text/markdown; charset=utf-8"),
        ("map", "application/json"),
        ("txt", "text/plain; charset=utf-8"),
        ("html", "text/html; charset=utf-8"),
        ("htm", "text/html; charset=utf-8"),
        ("css", "text/css; charset=utf-8"),
        ("ico", "image/x-icon"),
        ("woff", "font/woff"),
        ("woff2", "font/woff2"),
        ("png", "image/png"),
        ("jpg", "image/jpeg"),
        ("gif", "image/gif"),
        ("avif", "image/avif"),
        ("webp", "image/webp"),
        ("gz", "application/gzip"),
        ("tgz", "application/gzip"),
        ("zip", "application/zip"),
        ("pdf", "application/pdf"),
        ("mp4", "video/mp4"),
        ("webm", "video/webm"),
        ("m4a", "audio/x-m4a"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("csv", "text/csv; charset=utf-8"),
        ("yaml", "application/yaml"),
        ("toml", "application/toml"),
        ("rs", "text/plain; charset=utf-8"),
        ("py", "text/plain; charset=utf-8"),
        ("sh", "text/plain; charset=utf-8"),
        ("log", "text/plain; charset=utf-8"),
        ("rss", "application/rss+xml; charset=utf-8"),
        ("xhtml", "application/xhtml+xml; charset=utf-8"),
        ("exe", "application/octet-stream"),
        ("no-such-extension", "application/octet-stream"),
        ("", "application/octet-stream"),
    ];
    for (extension, expected) in cases {
        let name = format!("file.{extension}");
        assert_eq!(content_type(name.as_bytes()), expected, "{name}");
        let name = name.to_ascii_uppercase();
        assert_eq!(content_type(name.as_bytes()), expected, "{name}");
    }
}

#[test]
fn by_the_last_extension_only() {
    let cases: [(&[u8], &str); 6] = [
        (b"index.html.txt", "text/plain; charset=utf-8"),
        (b"app.js.map", "application/json"),
        (b"README", "application/octet-stream"),
        (b"html", "application/octet-stream"),
        (b"page.\xff", "application/octet-stream"),
        (b"\xff.html", "text/html; charset=utf-8"),
    ];
    for (name, expected) in cases {
        assert_eq!(content_type(name), expected, "{}", name.escape_ascii());
    }
}

/// Walks all extensions of up to three letters and digits.
#[test]
fn all_text_is_declared_as_utf_8() {
    let digits = || b"abcdefghijklmnopqrstuvwxyz0123456789.".iter();
    for a in digits() {
        for b in digits() {
            for c in digits() {
                let name = [b'.', *a, *b, *c];
                let value = content_type(&name);
                let text = value.starts_with("text/") || value.contains("javascript");
                assert!(!text || value.ends_with("; charset=utf-8"), "{value}");
            }
        }
    }
}
