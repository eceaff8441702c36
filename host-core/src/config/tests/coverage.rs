//! No directive without tests of its effect, of its inheritance and of bad uses, and the reference up to date.

use std::collections::BTreeSet;
use std::path::Path;

use super::{DOCUMENTS, pairs, read, read_text};
use crate::config::directives::{Contexts, GROUPS, Set, find};
use crate::config::reference;

fn names() -> BTreeSet<&'static str> {
    let all = GROUPS.iter().flat_map(|group| group.directives);
    all.map(|directive| directive.name).collect()
}

/// The directives that errors of the documents are about: they stand in the line that is shown.
#[test]
fn every_directive_has_a_test_of_a_bad_use() {
    let mut missing = names();
    each_pair(|block| {
        if let Err(errors) = read(block) {
            let text = errors.to_string();
            missing.retain(|name| !text.contains(&format!("\"{name}\"")) && !has(&text, name));
        }
    });
    assert!(missing.is_empty(), "no bad use of {missing:?}");
}

/// Without an effect of their own.
const IDLE: [&str; 5] = [
    "client_header_buffer_size",
    "gzip_buffers",
    // Its effect is that of what it reads: `include.md`.
    "include",
    "tcp_nodelay",
    "tcp_nopush",
];

/// Directives in texts of the tests that send requests.
#[test]
fn every_directive_has_a_test_of_its_effect() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests", "../e2e/tests", "../e2e/tests/nginx", "../e2e/src"];
    let mut missing = names();
    missing.retain(|name| !is_idle(name) && !IDLE.contains(name));
    for folder in folders {
        for entry in std::fs::read_dir(here.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|end| end == "rs" || end == "conf")
            {
                let text = std::fs::read_to_string(path).unwrap();
                missing.retain(|name| !has(&text, name));
            }
        }
    }
    assert!(missing.is_empty(), "no effect of {missing:?}");
}

fn is_idle(name: &str) -> bool {
    find(name).is_some_and(|it| matches!(it.set, Set::Idle))
}

/// Those that may stand in a block and in one within it.
#[test]
fn every_directive_that_is_inherited_has_a_test_of_that() {
    // They are for the level where they stand, or are blocks.
    const ALONE: [&str; 10] = [
        "alias",
        "break",
        "if",
        "include",
        "internal",
        "location",
        "return",
        "rewrite",
        "set",
        "try_files",
    ];
    let mut missing = names();
    missing.retain(|name| {
        let contexts = find(name).map(|it| it.contexts);
        let levels = [Contexts::HTTP, Contexts::SERVER, Contexts::LOCATION];
        let levels = levels
            .iter()
            .filter(|it| contexts.is_some_and(|all| all.has(**it)));
        levels.count() > 1 && !ALONE.contains(name) && !is_idle(name) && !IDLE.contains(name)
    });
    for document in ["inheritance.md", "cgi.md", "logs.md"] {
        let document = std::fs::read_to_string(Path::new(DOCUMENTS).join(document)).unwrap();
        for (block, expected) in pairs(&document) {
            if expected.info[0] == "model" {
                missing.retain(|name| !has(&block.text, name));
            }
        }
    }
    assert!(missing.is_empty(), "no inheritance of {missing:?}");
}

/// Each in a wrong place, with a wrong number of arguments, and with what is no value.
#[test]
fn every_directive_has_its_errors() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/errors.md");
    let mut page = ERRORS.to_owned();
    for name in names() {
        page.push_str(&errors_of(name));
    }
    page.push_str("```\n");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = stored
        .lines()
        .zip(page.lines())
        .find(|(old, new)| old != new);
    assert!(stored == page, "tests/errors.md is stale: {differs:?}");
}

const ERRORS: &str = "# What bad uses of each directive are told

A test makes the uses, and this page of them: `UPDATE=1 cargo test -p host-core`; the review is reading the difference. Each directive stands in
a wrong place, has a wrong number of arguments, and has `%` as each of its arguments; \"taken\" is what any text may be.

```text
";

fn errors_of(name: &str) -> String {
    let Some(directive) = find(name) else {
        return String::new();
    };
    let (least, most) = directive.arity;
    let contexts = directive.contexts;
    let places = [
        (Contexts::MAIN, "", ""),
        (Contexts::EVENTS, "events {", "}"),
        (Contexts::HTTP, "http {", "}"),
        (Contexts::SERVER, "server {", "}"),
        (Contexts::LOCATION, "location / {", "}"),
    ];
    let used = |count: usize| match directive.block {
        true => format!("{name}{} {{ }}", " %".repeat(count)),
        false => format!("{name}{};", " %".repeat(count)),
    };
    let right = places.iter().find(|(place, ..)| contexts.has(*place));
    let right = right.unwrap_or(&places[4]);
    let wrong = places.iter().find(|(place, ..)| !contexts.has(*place));
    let mut uses = Vec::new();
    uses.extend(wrong.map(|place| (place, used(least))));
    uses.extend(least.checked_sub(1).map(|less| (right, used(less))));
    uses.extend(
        most.checked_add(1)
            .filter(|_| most < 9)
            .map(|more| (right, used(more))),
    );
    uses.extend((least > 0).then(|| (right, used(least))));
    let lines = uses.into_iter().map(|((place, front, back), text)| {
        let shown = [*front, &text, *back].join(" ");
        format!("{}\n    {}\n", shown.trim(), told(*place, &text))
    });
    lines.collect()
}

/// What a directive is told in a configuration that is well but for it.
fn told(place: Contexts, text: &str) -> String {
    let in_place = |at: Contexts| if place == at { text } else { "" };
    let config = format!(
        "{}\nevents {{ {} }}\nhttp {{ {} server {{ {} location / {{ {} }} }} }}\n",
        in_place(Contexts::MAIN),
        in_place(Contexts::EVENTS),
        in_place(Contexts::HTTP),
        in_place(Contexts::SERVER),
        in_place(Contexts::LOCATION),
    );
    let diagnostics = match read_text(&config) {
        Ok((_, warnings)) => warnings,
        Err(errors) => errors,
    };
    let first = diagnostics.iter().next().map(|it| {
        let help = it.help.as_ref().map(|help| format!(" ({help})"));
        format!(
            "{:?}: {}{}",
            it.severity,
            it.message,
            help.unwrap_or_default()
        )
    });
    first.unwrap_or_else(|| "taken".into())
}

#[test]
fn every_directive_is_taken_somewhere() {
    let mut missing = names();
    each_pair(|block| {
        if read(block).is_ok() {
            missing.retain(|name| !has(&block.text, name));
        }
    });
    assert!(missing.is_empty(), "no use of {missing:?}");
}

/// Whether a word of `text` is this name.
fn has(text: &str, name: &str) -> bool {
    let mut words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.any(|word| word == name)
}

fn each_pair(mut look: impl FnMut(&super::Block)) {
    for entry in std::fs::read_dir(DOCUMENTS).unwrap() {
        let document = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        for (block, _) in pairs(&document) {
            look(&block);
        }
    }
}

#[test]
fn names_are_there_once() {
    let all = GROUPS
        .iter()
        .map(|group| group.directives.len())
        .sum::<usize>();
    assert_eq!(names().len(), all);
    assert!(find("root").is_some());
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/directives.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, reference()).unwrap();
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        stored == reference(),
        "docs/directives.md is stale: run with UPDATE=1"
    );
}
