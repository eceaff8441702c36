//! The states and their changes as a document.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::*;
use super::rules::{Cause, Edge, edges, name, states_of, word};
use super::{INPUTS, SIDES, reachable};

const INTRODUCTION: &str = "\
# States

Generated from `src/state.rs` by its tests, which fail when this page is stale: `UPDATE=1 cargo test -p h1-core`.

![The states of both sides](docs/states.svg)

";

const LEGEND: &str = "\
A connection of either role keeps both sides: `state()` is its own, `peer_state()` the other one. A side moves when it
sends something, and when both have come to a point from which something follows.
";

/// The page for readers of the repository, where the drawing is a file beside it.
pub(super) fn page() -> String {
    [INTRODUCTION, &tables()].concat()
}

/// The tables alone.
pub(super) fn tables() -> String {
    let mut out = String::from(LEGEND);
    for side in SIDES {
        out.push_str(&format!("\n## What the {} sends\n\n", name(side)));
        out.push_str("What an empty cell stands for cannot be sent.\n\n");
        sends(&mut out, side);
    }
    out.push_str("\n## What follows from both sides\n\n");
    out.push_str("After each step, until nothing changes any more.\n\n");
    follows(&mut out);
    out.push_str("\n## Where a connection can be found\n\n");
    out.push_str("Every pair of states that any sequence of steps, failures and `disable_keep_alive` leads to.\n\n");
    pairs(&mut out);
    out
}

fn row(out: &mut String, cells: &[String]) {
    out.push_str(&format!("| {} |\n", cells.join(" | ")));
}

fn head(out: &mut String, cells: &[String]) {
    row(out, cells);
    out.push_str(&"|---".repeat(cells.len()));
    out.push_str("|\n");
}

fn sends(out: &mut String, side: Side) {
    let states = states_of(side);
    let used = |input: &Input| {
        states
            .iter()
            .any(|state| advance(side, *state, *input).is_some())
    };
    let inputs: Vec<Input> = INPUTS.into_iter().filter(used).collect();
    let mut cells = Vec::from([String::from("in state")]);
    cells.extend(inputs.iter().map(|input| String::from(word(*input))));
    head(out, &cells);
    for state in &states {
        let mut cells = Vec::from([format!("**{state:?}**")]);
        cells.extend(
            inputs
                .iter()
                .map(|input| match advance(side, *state, *input) {
                    Some(next) => format!("{next:?}"),
                    None => String::new(),
                }),
        );
        row(out, &cells);
    }
}

fn follows(out: &mut String) {
    head(out, &["side", "from", "to", "when"].map(String::from));
    for Edge {
        side,
        from,
        to,
        cause,
    } in edges()
    {
        let when = match cause {
            Cause::Sends(_) => continue,
            Cause::Hears(input) => format!("the other side sends its {}", word(input)),
            Cause::Follows(condition) => condition,
            Cause::NextCycle => String::from("`next_cycle()`: both sides are Done"),
        };
        row(
            out,
            &[
                name(side).into(),
                format!("{from:?}"),
                format!("{to:?}"),
                when,
            ],
        );
    }
    row(
        out,
        &[
            "either",
            "any",
            "Error",
            "it breaks the protocol, or cannot finish its message",
        ]
        .map(String::from),
    );
}

fn pairs(out: &mut String) {
    let found = reachable();
    let servers = states_of(Side::Server);
    let mut cells = Vec::from([String::from("client \\ server")]);
    cells.extend(servers.iter().map(|state| format!("{state:?}")));
    head(out, &cells);
    for client in states_of(Side::Client) {
        let mut cells = Vec::from([format!("**{client:?}**")]);
        cells.extend(servers.iter().map(|server| {
            let is = |exchange: &Exchange| (exchange.client, exchange.server) == (client, *server);
            String::from(if found.iter().any(is) { "•" } else { "" })
        }));
        row(out, &cells);
    }
}
