//! No directive without its tests, and the reference up to date.

use std::collections::BTreeSet;
use std::path::Path;

use super::{DOCUMENTS, pairs, read};
use crate::config::directives::{GROUPS, find};
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

#[test]
fn every_directive_has_a_test_of_its_effect() {
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
