//! `docs/cgi.md` names no test that does not exist.

use std::fs;
use std::path::Path;

/// The tests that the rows of the table name: file and name.
fn named(page: &str) -> Vec<Vec<(&str, &str)>> {
    let rows = page.lines().filter_map(|line| {
        let cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let [section, _, _, shown] = cells.collect::<Vec<_>>()[..] else {
            return None;
        };
        section
            .starts_with(|first: char| first.is_ascii_digit())
            .then_some(shown)
    });
    let test = |shown| -> (&str, &str) {
        let name: Option<_> = str::strip_prefix(shown, "`").and_then(|s| s.split_once("`: "));
        name.unwrap_or_else(|| panic!("malformed: {shown}"))
    };
    rows.map(|shown| shown.split("<br>").map(test).collect())
        .collect()
}

/// Whether `file` has a test of this name, which runs on each driver.
fn exists(file: &str, name: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(file);
    let text = fs::read_to_string(path).unwrap_or_default();
    text.contains(&format!("\nfn {}(driver: &Driver)", name.replace(' ', "_")))
}

#[test]
fn the_page_names_tests_that_exist() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/cgi.md");
    let page = fs::read_to_string(page).expect("page");
    let rows = named(&page);
    assert!(rows.len() > 40, "{} rows", rows.len());
    let tests = rows.iter().flatten();
    let missing: Vec<_> = tests.filter(|(file, name)| !exists(file, name)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
}
