use std::time::{Duration, Instant};

use super::hash::{cost, matches};
use super::{Credentials, Passwords, Verdict};

/// Made by `openssl passwd`, Python's `crypt` and sha1sum, all of `secret`.
const HASHES: [&str; 10] = [
    "{PLAIN}secret",
    "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=",
    "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0",
    "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/",
    "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1",
    "$5$abcdefgh$gruCpC7VkOTspMQTTSAR8mtlO9Upms.fwqE5y16JVM.",
    "$6$abcdefgh$ltjgWl6579NluT/Vi1nwEvcil.G5Nbc4NiXZaNGStk8PSwGfQv72N2CKPPrVACtLtip/cZ/1GM/O6IND4WQhG.",
    "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5hR2.peKEg2VGUqIJJu1",
    "$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
    "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
];

#[test]
fn all_kinds_of_hashes() {
    for hash in HASHES {
        assert!(matches(hash, b"secret"), "{hash}");
        for wrong in [&b"Secret"[..], b"secre", b"secret ", b"", &[b'a'; 600]] {
            assert!(!matches(hash, wrong), "{hash} {wrong:?}");
        }
    }
}

#[test]
fn what_is_no_hash_matches_nothing() {
    for hash in [
        "",
        "secret",
        "$",
        "$apr1$",
        "$apr1$x",
        "$1$$",
        "$2b$",
        "$2b$99$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
        "$2b$31$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a",
        "$5$rounds=999999999$a$b",
        "$6$rounds=x$a$b",
        "$y$j9T$a$b",
        "{SHA}*",
        "{SSHA}AAAA",
        "rqXexS6ZhobKA",
        "$2b$0\u{e4}",
    ] {
        assert!(!matches(hash, b"secret") && !matches(hash, b""), "{hash}");
        assert!(cost(hash) < Duration::from_secs(10), "{hash}");
    }
}

fn sent(text: &str) -> Credentials {
    use base64::Engine;
    let encoded = super::BASE64.encode(text);
    Credentials::parse(format!("basic  {encoded}").as_bytes()).unwrap()
}

#[test]
fn lines_of_a_file() {
    let text = b"#c:{PLAIN}x\na:{PLAIN}1:comment\r\n\nb:{PLAIN}2\na:{PLAIN}3\nlast:{PLAIN}4";
    let passwords = Passwords::default();
    let users = passwords.add(b"/u", (None, 1), text);
    for (credentials, right) in [
        ("a:1", true),
        ("a:3", false),
        ("a:1:comment", false),
        ("b:2", true),
        ("A:1", false),
        ("#c:x", false),
        (":", false),
        ("last:4", true),
    ] {
        let verdict = passwords.check(&users, &sent(credentials), false, Instant::now());
        assert_eq!(verdict, Verdict::of(right), "{credentials}");
    }
    assert!(passwords.users(b"/u", (None, 1)).is_some());
    assert!(
        passwords.users(b"/u", (None, 2)).is_none(),
        "it has changed"
    );
    assert!(passwords.users(b"/v", (None, 1)).is_none());
}

/// RFC 7617, section 2.
#[test]
fn credentials() {
    for (value, name) in [
        ("Basic YTpi", Some("a")),
        ("BASIC YTpi", Some("a")),
        ("Basic YTpiOmM=", Some("a")),
        ("Basic YTpiOmM", Some("a")),
        ("Basic Og==", Some("")),
        ("Basic YQ==", None),
        ("Basic *", None),
        ("Basic", None),
        ("Bearer YTpi", None),
        ("", None),
    ] {
        let found = Credentials::parse(value.as_bytes());
        let found = found.as_ref().map(Credentials::name);
        assert_eq!(found, name.map(str::as_bytes), "{value}");
    }
}

/// Of bcrypt with cost 5 one takes about 1.6 ms, and may come each 6.4 ms.
#[test]
fn checks_that_take_long_wait_for_each_other() {
    let passwords = Passwords::default();
    let users = passwords.add(b"/u", (None, 1), format!("a:{}", HASHES[8]).as_bytes());
    let now = Instant::now();
    let check = |text: &str, reserved| passwords.check(&users, &sent(text), reserved, now);
    assert_eq!(check("a:secret", false), Verdict::Right);
    let Verdict::Wait(until) = check("a:guess", false) else {
        panic!("no wait");
    };
    assert_eq!(until - now, Duration::from_micros(6400));
    assert_eq!(check("a:guess", true), Verdict::Wrong);
    assert_eq!(check("a:guess", false), Verdict::Wrong, "it is remembered");
    assert_eq!(check("a:secret", false), Verdict::Right);
    let verdicts: Vec<_> = (0..2000).map(|n| check(&format!("a:{n}"), false)).collect();
    assert_eq!(verdicts.last(), Some(&Verdict::Busy));
    assert_eq!(check("a:secret", false), Verdict::Right, "it is remembered");
}
