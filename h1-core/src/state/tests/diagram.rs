//! The states and their changes as a drawing. Where a box stands and which way an arrow goes is told
//! here; which boxes and arrows there are comes from the code.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::super::*;
use super::SIDES;
use super::rules::{Cause, Edge, edges, states_of, word};

const BOX: (i32, i32) = (160, 50);
const PITCH: (i32, i32) = (375, 120);
/// Between two arrows beside each other on their way down.
const LANE: i32 = 32;
const PANEL: (i32, i32) = (768, 750);
const FIRST_BOX: (i32, i32) = (176, 76);
const GAP: i32 = 24;

/// Colours that can be read on white and on black; text takes that of the page. Where the drawing
/// is a document of its own, it follows the reader's system.
const STYLE: &str = "\
.h1s{font-family:system-ui,sans-serif;font-size:14px;color:inherit}
svg.h1s:root{color:#1f2328;background:#fff}
@media(prefers-color-scheme:dark){svg.h1s:root{color:#e6edf3;background:#0d1117}}
.h1s text{fill:currentColor}
.h1s .panel{fill:currentColor;fill-opacity:.04;stroke:currentColor;stroke-opacity:.2}
.h1s .side{font-size:22px;font-weight:600}
.h1s .state{font-size:16px;font-weight:600;text-anchor:middle}
.h1s .note{font-size:12px;fill-opacity:.75;text-anchor:middle}
.h1s .end{text-anchor:end}
.h1s .mid{text-anchor:middle}
.h1s .box{stroke-width:2}
.h1s .go{fill:#2f81f7;fill-opacity:.14;stroke:#2f81f7}
.h1s .stop{fill:#848d97;fill-opacity:.16;stroke:#848d97}
.h1s .leave{fill:#a371f7;fill-opacity:.16;stroke:#a371f7}
.h1s .fail{fill:#f85149;fill-opacity:.14;stroke:#f85149}
.h1s path{fill:none;stroke-width:1.8}
.h1s .sends{stroke:currentColor}
.h1s .follows{stroke:#d9822b;stroke-dasharray:7 4}
.h1s .cycle{stroke:#2da44e;stroke-dasharray:2 4;stroke-linecap:round;stroke-width:2.4}
.h1s .breaks{stroke:#f85149}
.h1s .tip path{stroke:none}
.h1s .tip .sends{fill:currentColor}
.h1s .tip .follows{fill:#d9822b}
.h1s .tip .cycle{fill:#2da44e}
.h1s .tip .breaks{fill:#f85149}
";

/// Which way an arrow goes.
#[derive(Clone, Copy)]
enum Way {
    /// Straight down, or up; its text on the left or on the right.
    Down(Text),
    /// Straight to the next column, this far from the middle of the boxes.
    Across(i32),
    /// Around what lies between, on the lane of this number, from and to this far from the middle
    /// of the boxes.
    Left(i32, i32, i32),
    Right(i32, i32, i32),
    /// Back to where it came from, this far from the middle of the box.
    Loop(i32),
}

#[derive(Clone, Copy)]
enum Text {
    Left,
    Right,
}

fn way(edge: &Edge) -> Option<Way> {
    use State as S;
    Some(match (edge.side, edge.from, edge.to) {
        (_, S::SendResponse, S::SendResponse) => Way::Loop(12),
        (_, S::Closed, S::Closed) => Way::Loop(11),
        (_, from, to) if from == to => Way::Loop(0),
        (Side::Server, S::Idle, S::SendBody) => Way::Left(1, 16, -8),
        (_, S::Done, S::Idle) => Way::Left(2, 0, 6),
        (_, S::Idle, S::MustClose) => Way::Left(3, -6, 0),
        (_, S::Idle, S::Closed) => Way::Left(4, -16, 0),
        (_, S::Done, S::Closed) => Way::Right(1, 18, -13),
        (_, S::Done, S::MightSwitch) => Way::Across(-8),
        (_, S::MightSwitch, S::Done) => Way::Across(8),
        (_, S::SendResponse, S::Switched) => Way::Across(-12),
        (_, S::Done, S::MustClose) => Way::Down(Text::Left),
        (_, S::Idle, S::SendBody | S::SendResponse)
        | (_, S::SendResponse, S::SendBody)
        | (_, S::SendBody, S::Done)
        | (_, S::MustClose, S::Closed)
        | (_, S::MightSwitch, S::Switched) => Way::Down(Text::Right),
        _ => return None,
    })
}

/// The middle of a state's box.
fn place(side: Side, state: State) -> (i32, i32) {
    let (column, row) = match state {
        State::Idle => (0, 0),
        State::SendResponse => (0, 1),
        State::SendBody => (0, 2),
        State::Done => (0, 3),
        State::MustClose => (0, 4),
        State::Closed => (0, 5),
        State::Switched => (1, 1),
        State::MightSwitch => (1, 3),
        State::Error => (1, 5),
    };
    let (left, top) = origin(side);
    (
        left + FIRST_BOX.0 + BOX.0 / 2 + column * PITCH.0,
        top + FIRST_BOX.1 + BOX.1 / 2 + row * PITCH.1,
    )
}

/// The corner of a side's panel.
fn origin(side: Side) -> (i32, i32) {
    match side {
        Side::Client => (GAP, GAP),
        Side::Server => (GAP, 2 * GAP + PANEL.1),
    }
}

fn looks(state: State) -> (&'static str, &'static str) {
    match state {
        State::Idle => ("go", "nothing sent"),
        State::SendResponse => ("go", "owes the response"),
        State::SendBody => ("go", "its head is sent"),
        State::Done => ("go", "its message is whole"),
        State::MustClose => ("stop", "only the end is left"),
        State::Closed => ("stop", "its stream has ended"),
        State::MightSwitch => ("leave", "waits for the answer"),
        State::Switched => ("leave", "another protocol"),
        State::Error => ("fail", "broken off"),
    }
}

pub(super) fn document() -> String {
    let (width, height) = (2 * GAP + PANEL.0, 3 * GAP + 2 * PANEL.1 + 40);
    let mut out = format!(
        "<svg class=\"h1s\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
         role=\"img\" aria-label=\"The states of both sides of a connection\">\n<style>\n{STYLE}</style>\n<defs>\n"
    );
    for class in ["sends", "follows", "cycle", "breaks"] {
        out.push_str(&format!(
            "<marker class=\"tip\" id=\"h1s-{class}\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" \
             markerWidth=\"10\" markerHeight=\"10\" markerUnits=\"userSpaceOnUse\" \
             orient=\"auto\"><path class=\"{class}\" d=\"M0 0 10 5 0 10z\"/></marker>\n"
        ));
    }
    out.push_str("</defs>\n");
    for side in SIDES {
        panel(&mut out, side);
    }
    for edge in joined(edges()) {
        let Some(way) = way(&edge) else {
            panic!(
                "no way for {:?} {:?} to {:?}",
                edge.side, edge.from, edge.to
            );
        };
        arrow(&mut out, &edge, way);
    }
    for side in SIDES {
        for state in states_of(side) {
            state_box(&mut out, side, state);
        }
    }
    legend(&mut out, height - GAP);
    out.push_str("</svg>\n");
    out
}

/// Edges with the same ends as one: a request is one arrow, whatever leads to it.
fn joined(mut edges: Vec<Edge>) -> Vec<Edge> {
    let mut seen = Vec::new();
    edges.retain(|edge| {
        let ends = (edge.side, edge.from, edge.to);
        let is_new = !seen.contains(&ends);
        seen.push(ends);
        is_new
    });
    edges
}

fn text(out: &mut String, class: &str, (x, y): (i32, i32), content: &str) {
    let content = content.replace('&', "&amp;").replace('<', "&lt;");
    out.push_str(&format!(
        "<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{content}</text>\n"
    ));
}

fn rectangle(out: &mut String, class: &str, (x, y): (i32, i32), (w, h): (i32, i32)) {
    out.push_str(&format!(
        "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"10\"/>\n"
    ));
}

fn panel(out: &mut String, side: Side) {
    let (left, top) = origin(side);
    rectangle(out, "panel", (left, top), PANEL);
    let title = match side {
        Side::Client => "Client",
        Side::Server => "Server",
    };
    text(out, "side", (left + 24, top + 40), title);
    let (x, y) = place(side, State::Error);
    let line = [(x, y - BOX.1 / 2 - 44), (x, y - BOX.1 / 2)];
    path(out, "breaks", &line);
    text(out, "", (x + 10, y - BOX.1 / 2 - 24), "from any state");
}

fn state_box(out: &mut String, side: Side, state: State) {
    let (x, y) = place(side, state);
    let (class, note) = looks(state);
    rectangle(
        out,
        &format!("box {class}"),
        (x - BOX.0 / 2, y - BOX.1 / 2),
        BOX,
    );
    text(out, "state", (x, y - 2), &format!("{state:?}"));
    text(out, "note", (x, y + 16), note);
}

/// The class of an edge, and its text.
fn label(edge: &Edge) -> (&'static str, String) {
    match &edge.cause {
        Cause::Sends(Input::Switch) => ("sends", "101, 2xx to CONNECT".into()),
        Cause::Sends(input) => ("sends", word(*input).to_string()),
        Cause::Hears(input) => ("follows", format!("the client's {}", word(*input))),
        Cause::Follows(condition) => ("follows", condition.clone()),
        Cause::NextCycle => ("cycle", "next_cycle(), both Done".into()),
    }
}

fn arrow(out: &mut String, edge: &Edge, way: Way) {
    let (class, label) = label(edge);
    let (from, to) = (place(edge.side, edge.from), place(edge.side, edge.to));
    let (w, h) = (BOX.0 / 2, BOX.1 / 2);
    match way {
        Way::Down(side) => {
            let down = (to.1 - from.1).signum();
            path(
                out,
                class,
                &[(from.0, from.1 + down * h), (to.0, to.1 - down * h)],
            );
            let (anchor, x, longest) = match side {
                Text::Left => ("end", from.0 - 10, 23),
                Text::Right => ("", from.0 + 10, 19),
            };
            lines(
                out,
                anchor,
                (x, i32::midpoint(from.1, to.1) + 5),
                &label,
                longest,
            );
        }
        Way::Across(dy) => {
            let right = (to.0 - from.0).signum();
            let y = from.1 + dy;
            path(
                out,
                class,
                &[(from.0 + right * w, y), (to.0 - right * w, y)],
            );
            let x = i32::midpoint(from.0, to.0) + if dy > 0 { LANE / 2 } else { 0 };
            let text_y = if dy > 0 { y + 27 } else { y - 8 };
            lines(out, "mid", (x, text_y), &label, 24);
        }
        Way::Left(lane, dy, end) => around(out, class, &label, (from, to), (-lane, dy, end)),
        Way::Right(lane, dy, end) => around(out, class, &label, (from, to), (lane, dy, end)),
        Way::Loop(dy) => {
            let (x, y) = (from.0 + w, from.1 + dy);
            let corners = [(x, y - 9), (x + LANE, y - 9), (x + LANE, y + 9), (x, y + 9)];
            path(out, class, &corners);
            text(out, "", (x + LANE + 8, y + 5), &label);
        }
    }
}

type Ends = ((i32, i32), (i32, i32));

/// An arrow that leaves its column, with its text along it.
fn around(
    out: &mut String,
    class: &str,
    label: &str,
    (from, to): Ends,
    (lane, dy, end): (i32, i32, i32),
) {
    let side = lane.signum() * BOX.0 / 2;
    let x = from.0 + side + lane * LANE;
    let (start, end) = (from.1 + dy, to.1 + end);
    path(
        out,
        class,
        &[
            (from.0 + side, start),
            (x, start),
            (x, end),
            (to.0 + side, end),
        ],
    );
    let y = i32::midpoint(start, end);
    let turn = format!("<g transform=\"translate({} {y}) rotate(-90)\">\n", x - 6);
    out.push_str(&turn);
    text(out, "mid", (0, 0), label);
    out.push_str("</g>\n");
}

/// A line through these points with round corners, and a tip at its end.
fn path(out: &mut String, class: &str, points: &[(i32, i32)]) {
    const RADIUS: i32 = 9;
    let toward = |from: (i32, i32), to: (i32, i32)| {
        let step =
            |from: i32, to: i32| from + (to - from).signum() * RADIUS.min((to - from).abs() / 2);
        (step(from.0, to.0), step(from.1, to.1))
    };
    let mut d = format!("M{} {}", points[0].0, points[0].1);
    for corner in points.windows(3) {
        let (before, after) = (toward(corner[1], corner[0]), toward(corner[1], corner[2]));
        d.push_str(&format!(
            " L{} {} Q{} {} {} {}",
            before.0, before.1, corner[1].0, corner[1].1, after.0, after.1
        ));
    }
    let last = points[points.len() - 1];
    d.push_str(&format!(" L{} {}", last.0, last.1));
    out.push_str(&format!(
        "<path class=\"{class}\" marker-end=\"url(#h1s-{class})\" d=\"{d}\"/>\n"
    ));
}

/// `words` in lines of at most about `longest` characters, around the height of `at`.
fn lines(out: &mut String, class: &str, at: (i32, i32), words: &str, longest: usize) {
    const LINE: i32 = 17;
    let mut lines: Vec<String> = Vec::new();
    for word in words.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= longest && !line.ends_with(';') => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    let first = at.1 - LINE * (lines.len() as i32 - 1) / 2;
    for (n, line) in lines.iter().enumerate() {
        text(out, class, (at.0, first + n as i32 * LINE), line);
    }
}

fn legend(out: &mut String, y: i32) {
    let mut x = GAP + 24;
    for (class, words, width) in [
        ("sends", "this side sends it", 225),
        ("follows", "follows from what both sides did", 325),
        ("cycle", "the next exchange", 250),
    ] {
        path(out, class, &[(x, y - 5), (x + 60, y - 5)]);
        text(out, "", (x + 72, y), words);
        x += width;
    }
}
