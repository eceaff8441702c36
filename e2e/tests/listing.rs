//! Folder listings whose links lead to the files, and redirects that lead nowhere else.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use e2e::{Response, Site, for_each_driver};

for_each_driver!(
    links_lead_to_the_files,
    folders_have_a_slash,
    hidden_files_are_not_listed,
    ten_thousand_files,
    redirect_to_the_slash,
    redirect_stays_here,
);

const NAMES: [&str; 33] = [
    "plain.txt",
    "two words.txt",
    " leading space",
    "trailing space ",
    "quote\".txt",
    "apostrophe'.txt",
    "<b>bold<b>",
    "\"><script>alert(1)<",
    "percent%41.txt",
    "100%",
    "%2e%2e%2fx",
    "plus+.txt",
    "amp&.txt",
    "entity&amp;&lt;.txt",
    "hash#.txt",
    "question?.txt",
    "colon:.txt",
    "javascript:alert(1)",
    "c:drive",
    "semi;colon.txt",
    "ünïcödé 日本語 🦀.txt",
    "back\\slash.txt",
    "\\\\evil.com",
    "-dash.txt",
    "--help",
    "equals=.txt",
    "[brackets]{}.txt",
    "~tilde^caret`grave|pipe",
    "$*!(),@",
    "UPPER.HTML",
    "tab\there.txt",
    "none",
    "http:",
];

fn links_lead_to_the_files(site: &Site) {
    let latin1: &[u8] = b"latin1-\xe9.txt";
    let names: BTreeSet<_> = NAMES
        .map(str::as_bytes)
        .into_iter()
        .chain([latin1])
        .collect();
    for name in &names {
        site.write(Path::new("sub").join(OsStr::from_bytes(name)), name);
    }
    let mut client = site.client();
    let page = client.get("/sub/");
    assert_eq!(page.status, 200);
    assert!(!page.text().contains("<script"), "{}", page.text());
    assert!(!page.text().contains("<b>"), "{}", page.text());
    let mut reached = BTreeSet::new();
    for target in links("/sub/", &page) {
        let file = client.get(&target);
        assert_eq!(file.status, 200, "{target}");
        assert!(reached.insert(file.body), "{target} is there twice");
    }
    let reached: BTreeSet<_> = reached.iter().map(Vec::as_slice).collect();
    assert_eq!(reached, names);
}

fn folders_have_a_slash(site: &Site) {
    site.write("sub folder/a:b/file.txt", "found");
    let mut client = site.client();
    let mut target = "/".to_owned();
    for _ in 0..3 {
        let page = client.get(&target);
        assert_eq!(page.status, 200, "{target}");
        assert_eq!(page.field("content-type"), "text/html; charset=utf-8");
        let links = links(&target, &page);
        assert_eq!(links.len(), 1, "{links:?}");
        target.clone_from(&links[0]);
    }
    assert!(target.matches('/').count() == 3 && !target.ends_with('/'));
    assert_eq!(client.get(&target).text(), "found");
}

fn hidden_files_are_not_listed(site: &Site) {
    for name in [".hidden", ".git/config", "seen.txt"] {
        site.write(name, "x");
    }
    assert_eq!(links("/", &site.get("/")), ["/seen.txt"]);
}

fn ten_thousand_files(site: &Site) {
    fs::create_dir(site.path("many")).expect("mkdir");
    let names: BTreeSet<_> = (0..10_000).map(|n| format!("/many/{n:05}")).collect();
    for name in &names {
        fs::File::create(site.path(&name[1..])).expect("create");
    }
    let links = links("/many/", &site.get("/many/"));
    assert_eq!(links.len(), names.len());
    assert!(links.into_iter().collect::<BTreeSet<_>>() == names);
}

fn redirect_to_the_slash(site: &Site) {
    fs::create_dir_all(site.path("dir/inner")).expect("mkdir");
    let cases = [
        ("/dir", "/dir/"),
        ("/dir?q=1", "/dir/?q=1"),
        ("/dir?a=/x/../y&b=%0d%0a", "/dir/?a=/x/../y&b=%0d%0a"),
        ("/dir?a?b", "/dir/?a?b"),
        ("/dir/inner", "/dir/inner/"),
        ("/dir/./inner/../inner", "/dir/inner/"),
        ("/%64ir", "/dir/"),
    ];
    let mut client = site.client();
    for (target, location) in cases {
        for method in ["GET", "HEAD"] {
            let response = client.request(method, target, &[]);
            assert_eq!(response.status, 301, "{method} {target}");
            assert_eq!(response.field("location"), location, "{method} {target}");
        }
    }
}

fn redirect_stays_here(site: &Site) {
    let names = ["evil.com", "\\evil.com", "\\\\evil.com", "\\", "http:"];
    let odd = [
        "two words",
        "a?b",
        "a#b",
        "100%",
        "%2f",
        "日本",
        "\t",
        "a:b",
    ];
    for name in names.into_iter().chain(odd) {
        fs::create_dir(site.path(name)).expect("mkdir");
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let response = site.get(&format!("/{encoded}"));
        assert_eq!(response.status, 301, "{name}");
        let location = response.field("location");
        assert_local(location);
        assert_eq!(decode(location), format!("/{name}/").as_bytes());
        assert_eq!(site.get(location).status, 200, "{location}");
    }
    fs::create_dir(site.path("a\r\nX-Evil: 1")).expect("mkdir");
    let tricks = [
        "//evil.com",
        "///evil.com",
        "//evil.com/..",
        "//evil.com/../evil.com",
        "/.//evil.com",
        "/dir/..//evil.com",
        "/%5Cevil.com",
        "//%5Cevil.com",
        "/%5C%5Cevil.com",
        "/\\evil.com",
        "/%2Fevil.com",
        "/%2F%2Fevil.com",
        "/a%0D%0AX-Evil:%201",
        "http://evil.com/evil.com",
        "http://evil.com//evil.com",
    ];
    for target in tricks {
        let response = site.get(target);
        assert_eq!(response.get("x-evil"), None, "{target}");
        if let Some(location) = response.get("location") {
            assert_local(location);
        }
    }
    assert_eq!(site.get("//evil.com").field("location"), "/evil.com/");
}

/// A browser takes both slashes for one, and `//host` for another site.
fn assert_local(reference: &str) {
    assert!(reference.starts_with('/'), "{reference}");
    assert!(!reference[1..].starts_with(['/', '\\']), "{reference}");
    assert_uri(reference);
}

/// Only characters of RFC 3986, with whole escapes.
fn assert_uri(reference: &str) {
    let mut escapes = reference.split('%').skip(1).map(str::as_bytes);
    let whole = |text: &[u8]| text.len() >= 2 && text[..2].iter().all(u8::is_ascii_hexdigit);
    assert!(escapes.all(whole), "{reference}");
    let known = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&'()*+,;=%".contains(c);
    assert!(reference.chars().all(known), "{reference}");
}

/// The targets of a page's links, without those that lead up.
fn links(base: &str, page: &Response) -> Vec<String> {
    let links = page.text().split("href=\"").skip(1);
    let links = links.map(|rest| unescape(rest.split('"').next().expect("an attribute")));
    // Those that begin with a question mark sort the page.
    let links = links.filter(|href| !href.starts_with("?C="));
    let targets = links.map(|href| resolve(base, &href));
    targets
        .filter(|target| target.starts_with(base) && target != base)
        .collect()
}

/// RFC 3986, section 5.2, for references below the same host.
fn resolve(base: &str, href: &str) -> String {
    assert_uri(href);
    assert!(!href.contains(['?', '#']), "{href}");
    let first = href.split('/').next().expect("a segment");
    assert!(!first.contains(':'), "{href} has a scheme");
    if href.starts_with('/') {
        assert_local(href);
        return href.to_owned();
    }
    match href.strip_prefix("../") {
        Some(_) => String::new(),
        None => format!("{base}{}", href.strip_prefix("./").unwrap_or(href)),
    }
}

fn unescape(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().expect("a part").to_owned();
    for part in parts {
        let (entity, rest) = part.split_once(';').expect("an entity");
        plain.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            "#39" | "#x27" | "apos" => '\'',
            _ => panic!("&{entity}; in {text}"),
        });
        plain.push_str(rest);
    }
    plain
}

fn decode(reference: &str) -> Vec<u8> {
    let mut parts = reference.split('%');
    let mut bytes = parts.next().expect("a part").as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("an escape"));
        bytes.extend(&part.as_bytes()[2..]);
    }
    bytes
}
