//! The reference of directives, made from their table.

use std::fmt::Write as _;

use super::directives::{Directive, GROUPS, Set};

const HEAD: &str = "# Directives

Generated from the table in `host-core/src/config/directives`; a test fails when this page is stale: `UPDATE=1 cargo test -p host-core`.

The language is nginx's, and so is the meaning of what stands here, unless a difference is named. A directive that is not on this page is an error, not ignored.
";

/// The page that describes every directive, as Markdown.
pub fn reference() -> String {
    let mut page = HEAD.to_owned();
    for group in &GROUPS {
        let _ = write!(page, "\n## {}\n", group.title);
        for directive in group.directives {
            section(&mut page, directive);
        }
    }
    page
}

fn section(page: &mut String, directive: &Directive) {
    let name = directive.name;
    let usage = directive.usage();
    let usage = usage.trim_start_matches("syntax: ");
    let default = match directive.default {
        "" => "none".to_owned(),
        default if directive.block => format!("`{name} {{ {default} }}`"),
        default => format!("`{name} {default};`"),
    };
    let contexts = directive.contexts.names();
    let idle = matches!(directive.set, Set::Idle);
    let (front, back) = if idle {
        ("Accepted with a warning: ", ".")
    } else {
        ("", "")
    };
    let _ = write!(page, "\n### `{name}`\n\n{front}{}{back}\n\n", directive.doc);
    let _ = writeln!(page, "* Syntax: `{usage}`");
    if !idle {
        let _ = writeln!(page, "* Default: {default}");
    }
    let _ = writeln!(page, "* Context: {contexts}");
    if !directive.differs.is_empty() {
        let _ = writeln!(page, "* Unlike nginx: {}", directive.differs);
    }
}
