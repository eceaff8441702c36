use std::time::{Duration, UNIX_EPOCH};

use super::{LISTING_BYTES, LISTING_MAX, LISTING_READ_MAX, Order, Size, page};
use crate::path::CleanPath;
use crate::step::Entry;

fn file(name: impl AsRef<[u8]>) -> Entry {
    Entry {
        name: name.as_ref().to_vec(),
        folder: false,
        len: 1536,
        modified: UNIX_EPOCH.checked_add(Duration::from_secs(1_795_164_273)),
    }
}

fn folder(name: &str) -> Entry {
    Entry {
        folder: true,
        len: 0,
        ..file(name)
    }
}

fn show(path: &str, entries: Vec<Entry>) -> String {
    let mut clean = CleanPath::new();
    clean.decode(path).unwrap();
    page(&clean, entries, Order::default(), (false, false))
}

/// The references of a page, in order.
fn hrefs(page: &str) -> Vec<&str> {
    let quoted = page.split("href=\"").skip(1);
    quoted.filter_map(|rest| rest.split('"').next()).collect()
}

/// The references of the entries alone.
fn listed(page: &str) -> Vec<&str> {
    let (_, table) = page.split_once("<tbody>").unwrap();
    hrefs(table)
}

#[test]
fn one_file() {
    let page = show("/x/", vec![file("a.txt")]);
    for part in [
        "<!DOCTYPE html><html lang=\"en\">",
        "<meta charset=\"utf-8\">",
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
        "<meta name=\"color-scheme\" content=\"light dark\">",
        "<title>Index of /x/</title>",
        "<a href=\"a.txt\">a.txt</a></td><td title=\"1536 bytes\">1.5 KiB</td><td>2026-11-20 08:44</td>",
    ] {
        assert!(page.contains(part), "{part} in {page}");
    }
    assert!(!page.contains("<script"));
    assert!(!page.contains("not shown"));
}

#[test]
fn the_path_is_linked() {
    let cases: [(&str, &[&str]); 3] = [
        ("/", &["./"]),
        ("/x/", &["../", "./", "../"]),
        ("/x/y/z/", &["../../../", "../../", "../", "./", "../"]),
    ];
    for (path, expected) in cases {
        let page = show(path, Vec::new());
        let mut links = hrefs(&page);
        // Those that sort.
        links.retain(|link| !link.starts_with('?'));
        assert_eq!(links, expected, "{path}");
    }
}

#[test]
fn folders_first_then_names_whatever_their_case() {
    let entries = ["b", "B", "a", "ä", "C", "10"].map(file).into_iter();
    let folders = ["z", "Y"].map(folder);
    let page = show("/", entries.chain(folders).collect());
    let expected = ["Y/", "z/", "10", "a", "B", "b", "C", "%C3%A4"];
    assert_eq!(listed(&page), expected);
}

#[test]
fn hidden_names_are_left_out() {
    let entries = || {
        vec![
            file(".env"),
            folder(".git"),
            folder(".well-known"),
            file("a"),
        ]
    };
    assert_eq!(listed(&show("/", entries())), [".well-known/", "a"]);
    assert_eq!(listed(&show("/x/", entries())), ["../", "a"]);
}

#[test]
fn odd_names_are_escaped() {
    let cases: [(&[u8], &str); 7] = [
        (b"<script>", "<a href=\"%3Cscript%3E\">&lt;script&gt;</a>"),
        (b"a&b", "<a href=\"a&amp;b\">a&amp;b</a>"),
        (
            b"\" onclick=\"",
            "<a href=\"%22%20onclick=%22\">&quot; onclick=&quot;</a>",
        ),
        (
            b"javascript:x",
            "<a href=\"./javascript:x\">javascript:x</a>",
        ),
        (b"a?b#c", "<a href=\"a%3Fb%23c\">a?b#c</a>"),
        (b"50%", "<a href=\"50%25\">50%</a>"),
        (b"\xffx", "<a href=\"%FFx\">\u{fffd}x</a>"),
    ];
    for (name, link) in cases {
        let page = show("/", vec![file(name)]);
        assert!(page.contains(link), "{link} in {page}");
    }
    let page = show("/%3Cb%3E/", Vec::new());
    assert!(page.contains("<title>Index of /&lt;b&gt;/</title>"));
    assert!(!page.contains("<b>"));
}

#[test]
fn sizes() {
    let cases = [
        (0, "0 B"),
        (1, "1 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (1_048_524, "1023.9 KiB"),
        (1_048_575, "1.0 MiB"),
        (5 << 30, "5.0 GiB"),
        (u64::MAX, "16.0 EiB"),
    ];
    for (len, expected) in cases {
        assert_eq!(Size(len).to_string(), expected);
    }
}

#[test]
fn what_is_not_known_is_left_empty() {
    let modified = None;
    let page = show(
        "/",
        vec![Entry {
            modified,
            ..folder("x")
        }],
    );
    assert!(
        page.contains("<a href=\"x/\">x/</a></td><td></td><td></td>"),
        "{page}"
    );
}

#[test]
fn a_large_folder_is_cut_in_order() {
    let entries = |count: usize| (0..count).rev().map(|n| file(format!("{n:06}"))).collect();
    let whole = show("/", entries(LISTING_MAX));
    assert_eq!(listed(&whole).len(), LISTING_MAX);
    assert!(!whole.contains("not shown"));

    let cut = show("/", entries(LISTING_MAX + 5));
    assert_eq!(listed(&cut).last(), Some(&"019999"));
    assert!(cut.contains("<p>5 more are not shown.</p>"));

    let huge = show("/", entries(LISTING_READ_MAX));
    assert!(huge.contains("<p>At least 80000 more are not shown.</p>"));
}

/// Whatever the names are like, a page has a bound.
#[test]
fn long_names_are_cut_by_their_bytes() {
    for name in ["é".repeat(120), "<".repeat(240), "x".repeat(240)] {
        let entries = (0..LISTING_MAX).map(|n| file(format!("{n:05}{name}")));
        let page = show("/", entries.collect());
        assert!(page.len() < LISTING_BYTES + 8192, "{} bytes", page.len());
        assert!(page.contains("more are not shown"));
        assert!(listed(&page).len() > 1000);
    }
}

#[test]
fn the_order_is_that_of_the_query() {
    let at = |entry: Entry, len, seconds| Entry {
        len,
        modified: UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        ..entry
    };
    let entries = vec![
        at(folder("d"), 0, 5),
        at(file("b"), 3, 1),
        at(file("A"), 2, 2),
        at(folder("e"), 0, 4),
        at(file("c"), 1, 2),
    ];
    let clean = CleanPath::new();
    for (query, expected, links, sorted) in [
        ("", "d/ e/ A b c", "C=N&amp;O=D C=S&amp;O=A C=M&amp;O=A", 0),
        (
            "C=N&O=A",
            "d/ e/ A b c",
            "C=N&amp;O=D C=S&amp;O=A C=M&amp;O=A",
            0,
        ),
        (
            "C=N;O=D",
            "e/ d/ c b A",
            "C=N&amp;O=A C=S&amp;O=A C=M&amp;O=A",
            0,
        ),
        (
            "C=S&O=A",
            "d/ e/ c A b",
            "C=N&amp;O=A C=S&amp;O=D C=M&amp;O=A",
            1,
        ),
        (
            "O=D&C=S",
            "d/ e/ b A c",
            "C=N&amp;O=A C=S&amp;O=A C=M&amp;O=A",
            1,
        ),
        (
            "C=M",
            "e/ d/ b A c",
            "C=N&amp;O=A C=S&amp;O=A C=M&amp;O=D",
            2,
        ),
        (
            "C=M&O=D",
            "d/ e/ A c b",
            "C=N&amp;O=A C=S&amp;O=A C=M&amp;O=A",
            2,
        ),
        (
            "C=X&O=Z&x=<",
            "d/ e/ A b c",
            "C=N&amp;O=D C=S&amp;O=A C=M&amp;O=A",
            0,
        ),
    ] {
        let page = page(
            &clean,
            entries.clone(),
            Order::of(query.as_bytes()),
            (false, false),
        );
        assert_eq!(listed(&page).join(" "), expected, "{query}");
        let (head, _) = page.split_once("<tbody>").unwrap();
        let (_, head) = head.split_once("<thead>").unwrap();
        let shown = hrefs(head).join(" ").replace('?', "");
        assert_eq!(shown, links, "{query}");
        let marked = head.split("<th").skip(1).map(|th| th.contains("aria-sort"));
        assert_eq!(marked.clone().filter(|it| *it).count(), 1, "{query}");
        assert_eq!(marked.take_while(|it| !*it).count(), sorted, "{query}");
    }
}

#[test]
fn exact_sizes_are_bytes() {
    let page = page(
        &CleanPath::new(),
        vec![file("a")],
        Order::default(),
        (true, false),
    );
    assert!(page.contains("<td>1536</td>"), "{page}");
}
