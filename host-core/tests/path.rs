//! Request paths: decoded once, cleaned, never above the root.
#![allow(clippy::unwrap_used)]

use host_core::PathError::{AboveRoot, BadEscape, EncodedSlash, Nul};
use host_core::{CleanPath, PathError};

fn clean(raw: &str) -> Result<String, PathError> {
    let mut path = CleanPath::new();
    path.decode(raw)?;
    Ok(path.as_bytes().escape_ascii().to_string())
}

fn decoded(raw: &str) -> CleanPath {
    let mut path = CleanPath::new();
    path.decode(raw).unwrap();
    path
}

#[test]
fn decoding() {
    let cases: &[(&str, Result<&str, PathError>)] = &[
        ("/", Ok("/")),
        ("", Ok("/")),
        ("a", Ok("/a")),
        ("/a/b.html", Ok("/a/b.html")),
        ("/a/b/", Ok("/a/b/")),
        // Escapes, once.
        ("/%61%2E%62", Ok("/a.b")),
        ("/%c3%A9", Ok(r"/\xc3\xa9")),
        ("/a%20b%3Fc%23", Ok("/a b?c#")),
        ("/%2561", Ok("/%61")),
        ("/%252e%252e/", Ok("/%2e%2e/")),
        ("/%252f", Ok("/%2f")),
        ("/a+b", Ok("/a+b")),
        ("/%5c", Ok(r"/\\")),
        // Slashes are merged.
        ("//", Ok("/")),
        ("//a///b//", Ok("/a/b/")),
        // Dot segments.
        ("/.", Ok("/")),
        ("/a/.", Ok("/a/")),
        ("/a/./b", Ok("/a/b")),
        ("/a/..", Ok("/")),
        ("/a/b/..", Ok("/a/")),
        ("/a/b/../c", Ok("/a/c")),
        ("/a//../b", Ok("/b")),
        ("/a/%2e%2E/b", Ok("/b")),
        ("/a/%2e/b", Ok("/a/b")),
        ("/a/.%2e/b/.%2e", Ok("/")),
        ("/...", Ok("/...")),
        ("/..a/b..", Ok("/..a/b..")),
        // No paths.
        ("/..", Err(AboveRoot)),
        ("/../a", Err(AboveRoot)),
        ("/a/../..", Err(AboveRoot)),
        ("/%2e%2e/a", Err(AboveRoot)),
        ("//..//a", Err(AboveRoot)),
        ("..", Err(AboveRoot)),
        ("/%", Err(BadEscape)),
        ("/%4", Err(BadEscape)),
        ("/%4/a", Err(BadEscape)),
        ("/%g0", Err(BadEscape)),
        ("/%0g", Err(BadEscape)),
        ("/%%41", Err(BadEscape)),
        ("/%+1", Err(BadEscape)),
        ("/a%00b", Err(Nul)),
        ("/a\0b", Err(Nul)),
        ("/a%2fb", Err(EncodedSlash)),
        ("/a%2F..%2Fb", Err(EncodedSlash)),
    ];
    for (raw, expected) in cases {
        assert_eq!(clean(raw), expected.map(String::from), "{raw}");
    }
}

#[test]
fn a_path_is_reused() {
    let mut path = CleanPath::new();
    assert_eq!(path.as_bytes(), b"/");
    path.decode("/long/path/that/sets/the/storage").unwrap();
    path.decode("/a").unwrap();
    assert_eq!(path.as_bytes(), b"/a");
    path.decode("/b/%00").unwrap_err();
    assert_eq!(path.as_bytes(), b"/", "nothing of a refused path is left");
}

#[test]
fn parts() {
    let cases: &[(&str, &str, bool, &str)] = &[
        ("/", ".", true, ""),
        ("/a", "a", false, "a"),
        ("/a/", "a/", true, ""),
        ("/a/b.txt", "a/b.txt", false, "b.txt"),
    ];
    for &(raw, below_root, is_folder, file_name) in cases {
        let path = decoded(raw);
        assert_eq!(path.below_root(), below_root.as_bytes(), "{raw}");
        assert_eq!(path.is_folder(), is_folder, "{raw}");
        assert_eq!(path.file_name(), file_name.as_bytes(), "{raw}");
    }
}

#[test]
fn hidden() {
    let cases = [
        ("/", false),
        ("/a.b/c.d", false),
        ("/.git", true),
        ("/.git/config", true),
        ("/%2egit/config", true),
        ("/a/.env", true),
        ("/a/.b/c", true),
        ("/...", true),
        ("/.well-known", false),
        ("/.well-known/", false),
        ("/.well-known/acme-challenge/x", false),
        ("/.well-known/.secret", true),
        ("/.well-known-not", true),
        ("/.WELL-KNOWN", true),
        ("/a/.well-known/x", true),
    ];
    for (raw, expected) in cases {
        assert_eq!(decoded(raw).is_hidden(), expected, "{raw}");
    }
}

#[test]
fn encoding_never_names_another_host() {
    let cases = [
        ("/", "/"),
        ("/a/b/", "/a/b/"),
        ("//evil.example", "/evil.example"),
        ("/%5Cevil.example", "/%5Cevil.example"),
        ("/\\evil.example", "/%5Cevil.example"),
        ("/./\\/evil.example", "/%5C/evil.example"),
        ("/a/..//evil.example/", "/evil.example/"),
        ("/%09/evil.example", "/%09/evil.example"),
        ("/%0D%0ASet-Cookie:x", "/%0D%0ASet-Cookie:x"),
        ("/a%3Fb%23c%25d", "/a%3Fb%23c%25d"),
        ("/%22%27%3C%3E%20", "/%22%27%3C%3E%20"),
        ("/caf%C3%A9%FF", "/caf%C3%A9%FF"),
        ("/~user/@2x,(1)", "/~user/@2x,(1)"),
    ];
    for (raw, expected) in cases {
        let mut out = String::from("Location: ");
        decoded(raw).push_encoded(&mut out);
        assert_eq!(out, format!("Location: {expected}"), "{raw}");
    }
}

/// Whatever comes in: what comes out is clean, and encoded it leads back to itself.
#[test]
fn paths_of_odd_parts() {
    const PARTS: [&str; 12] = [
        "/", ".", "..", "%2e", "a", "%", "%41", "\\", "%00", "%2f", "//", "é",
    ];
    let count = PARTS.len();
    for number in 0..count.pow(5) {
        let raw: String = (0..5)
            .map(|place| PARTS[number / count.pow(place) % count])
            .collect();
        let mut path = CleanPath::new();
        let decoded = path.decode(&raw);
        let bytes = path.as_bytes();
        assert!(bytes.starts_with(b"/") && !bytes.contains(&0), "{raw}");
        assert!(decoded.is_ok() || bytes == b"/", "{raw}");
        let inner = bytes[1..].strip_suffix(b"/").unwrap_or(&bytes[1..]);
        let mut names = inner.split(|&byte| byte == b'/');
        let clean = |name: &[u8]| !matches!(name, b"" | b"." | b"..");
        assert!(bytes == b"/" || names.all(clean), "{raw}: {path:?}");

        let (mut encoded, mut again) = (String::new(), CleanPath::new());
        path.push_encoded(&mut encoded);
        again.decode(&encoded).unwrap();
        assert_eq!(again, path, "{raw}");
        assert!(
            !encoded.starts_with("//") && !encoded.contains('\\'),
            "{raw}"
        );
        assert!(encoded.bytes().all(|byte| byte.is_ascii_graphic()), "{raw}");
    }
}
