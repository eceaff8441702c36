use super::{CleanPath, Href};

fn href(name: &[u8]) -> String {
    Href(name).to_string()
}

/// The file name that a client asks for when it follows `href` from the folder `/x/`.
fn follow(href: &str) -> Vec<u8> {
    let mut path = CleanPath::new();
    path.decode(&format!("/x/{href}")).unwrap();
    path.as_bytes()[3..].to_vec()
}

#[test]
fn names_in_references() {
    let cases: &[(&[u8], &str)] = &[
        (b"plain-1.0_a~.txt", "plain-1.0_a~.txt"),
        (b"a:b", "./a:b"),
        (b"javascript:alert(1)", "./javascript:alert(1)"),
        (b"a?b", "a%3Fb"),
        (b"a#b", "a%23b"),
        (b"a%b", "a%25b"),
        (b"%2e%2e", "%252e%252e"),
        (b"a+b", "a%2Bb"),
        (b"a b", "a%20b"),
        (b"\"'<>", "%22%27%3C%3E"),
        (b"\\evil", "%5Cevil"),
        ("é".as_bytes(), "%C3%A9"),
        (b"\xff\n", "%FF%0A"),
    ];
    for (name, expected) in cases {
        assert_eq!(href(name), *expected, "{}", name.escape_ascii());
    }
}

#[test]
fn a_reference_leads_back_to_its_name() {
    let bytes = || (1..=255).filter(|&byte| byte != b'/');
    for first in bytes() {
        for second in bytes().filter(|&second| (first, second) != (b'.', b'.')) {
            let name = [first, second];
            assert_eq!(follow(&href(&name)), name, "{}", name.escape_ascii());
        }
    }
    let all: Vec<u8> = bytes().collect();
    assert_eq!(follow(&href(&all)), all);
}
