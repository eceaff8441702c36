//! What the code decides, as data: the steps of one side, and what follows for both.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::*;
use super::{INPUTS, SIDES, STATES, reachable};

/// A change of one side's state, and why it comes.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) side: Side,
    pub(super) from: State,
    pub(super) to: State,
    pub(super) cause: Cause,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// The side sends this.
    Sends(Input),
    /// The other side sends this.
    Hears(Input),
    /// It follows from both sides.
    Follows(String),
    NextCycle,
}

/// What a side can see beside its own state.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Context {
    other: State,
    keep_alive: bool,
    switch_proposed: bool,
}

/// Contexts in common: what is `None` may be anything.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cube {
    other: Option<State>,
    keep_alive: Option<bool>,
    switch_proposed: Option<bool>,
}

pub(super) fn word(input: Input) -> &'static str {
    match input {
        Input::Request => "request",
        Input::Informational => "1xx",
        Input::Switch => "switch",
        Input::Response => "response",
        Input::Data => "data",
        Input::EndOfMessage => "end of message",
        Input::Close => "close",
    }
}

fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}

/// The states in which `side` can be found.
pub(super) fn states_of(side: Side) -> Vec<State> {
    let found = reachable();
    let mut states = STATES.to_vec();
    states.retain(|state| found.iter().any(|exchange| *at(exchange, side) == *state));
    states
}

fn at(exchange: &Exchange, side: Side) -> &State {
    match side {
        Side::Client => &exchange.client,
        Side::Server => &exchange.server,
    }
}

/// Every change that the code makes, in a fixed order; but those that are two others in a row.
pub(super) fn edges() -> Vec<Edge> {
    let mut edges = Vec::new();
    for side in SIDES {
        let states = states_of(side);
        for &from in &states {
            for input in INPUTS {
                if let Some(to) = advance(side, from, input) {
                    let cause = Cause::Sends(input);
                    edges.push(Edge {
                        side,
                        from,
                        to,
                        cause,
                    });
                }
            }
        }
        edges.extend(heard(side));
        edges.extend(followed(side, &states));
        if let Some((from, to)) = cycled(side) {
            let cause = Cause::NextCycle;
            edges.push(Edge {
                side,
                from,
                to,
                cause,
            });
        }
    }
    edges
}

/// What `side` becomes as the other one sends something.
fn heard(side: Side) -> Vec<Edge> {
    let mut edges: Vec<Edge> = Vec::new();
    let quiet = |exchange: &Exchange| exchange.keep_alive && !exchange.switch_proposed;
    for exchange in reachable().iter().filter(|exchange| quiet(exchange)) {
        for input in [Input::Request, Input::Response] {
            let (mut stepped, mut alone) = (*exchange, *exchange);
            let sender = other(side);
            if stepped.step(sender, input).is_err() {
                continue;
            }
            // What the joint rules do is told elsewhere.
            let sent = advance(sender, *at(exchange, sender), input);
            match sender {
                Side::Client => alone.client = sent.unwrap_or(State::Error),
                Side::Server => alone.server = sent.unwrap_or(State::Error),
            }
            alone.settle();
            let edge = Edge {
                side,
                from: *at(exchange, side),
                to: *at(&stepped, side),
                cause: Cause::Hears(input),
            };
            let is_new = edge.from != edge.to && !edges.contains(&edge);
            if is_new && at(&alone, side) != at(&stepped, side) {
                edges.push(edge);
            }
        }
    }
    edges
}

/// What the joint rules make of `side`.
fn followed(side: Side, states: &[State]) -> Vec<Edge> {
    let whole: Vec<(State, Outcomes)> = states
        .iter()
        .map(|from| (*from, outcomes(side, *from)))
        .collect();
    let mut edges = Vec::new();
    for (from, outcomes) in &whole {
        let first: Outcomes = outcomes
            .iter()
            .map(|(context, _)| (*context, first(&whole, *from, context)))
            .collect();
        for to in states.iter().filter(|to| *to != from) {
            if first.iter().any(|(_, state)| state == to) {
                let cause = Cause::Follows(condition(side, &first, *to));
                let (from, to) = (*from, *to);
                edges.push(Edge {
                    side,
                    from,
                    to,
                    cause,
                });
            }
        }
    }
    edges
}

/// Contexts, and what a state becomes in each.
type Outcomes = Vec<(Context, State)>;

/// What `from` becomes at first in `context`, where more than one rule applies in a row.
fn first(whole: &[(State, Outcomes)], from: State, context: &Context) -> State {
    let of = |state| {
        whole
            .iter()
            .filter(move |(from, _)| *from == state)
            .flat_map(|(_, all)| all)
    };
    let end = |state| {
        of(state)
            .find(|(found, _)| found == context)
            .map(|(_, state)| *state)
    };
    let last = end(from).unwrap_or(from);
    let leads_to = |middle: State| {
        let mut ways =
            of(from).filter(|(found, _)| found.switch_proposed == context.switch_proposed);
        middle != from
            && middle != last
            && end(middle) == Some(last)
            && ways.any(|(_, to)| *to == middle)
    };
    let mut middles = whole.iter().map(|(state, _)| *state);
    middles.find(|middle| leads_to(*middle)).unwrap_or(last)
}

/// What `settle` makes of `side` in `from`, in each context that there is.
fn outcomes(side: Side, from: State) -> Outcomes {
    let mut outcomes = Vec::new();
    for other in states_of(other(side)) {
        for (keep_alive, switch_proposed) in
            [(true, false), (true, true), (false, false), (false, true)]
        {
            let (client, server) = match side {
                Side::Client => (from, other),
                Side::Server => (other, from),
            };
            let mut exchange = Exchange {
                client,
                server,
                keep_alive,
                switch_proposed,
            };
            exchange.settle();
            let context = Context {
                other,
                keep_alive,
                switch_proposed,
            };
            outcomes.push((context, *at(&exchange, side)));
        }
    }
    outcomes
}

fn cycled(side: Side) -> Option<(State, State)> {
    reachable().iter().find_map(|exchange| {
        let mut next = *exchange;
        next.next_cycle().ok()?;
        Some((*at(exchange, side), *at(&next, side)))
    })
}

/// In which contexts the outcome is `to`, in words, as short as that can be said.
fn condition(side: Side, outcomes: &Outcomes, to: State) -> String {
    let mut open: Vec<Context> = Vec::new();
    open.extend(
        outcomes
            .iter()
            .filter(|(_, state)| *state == to)
            .map(|(context, _)| *context),
    );
    let mut cubes = Vec::new();
    while !open.is_empty() {
        let covered = |cube: &Cube| open.iter().filter(|context| cube.holds(context)).count();
        let within = |cube: &Cube| {
            outcomes
                .iter()
                .all(|(c, state)| *state == to || !cube.holds(c))
        };
        let candidates = Cube::all().into_iter().filter(within);
        let Some(best) = candidates.max_by_key(|cube| (covered(cube), cube.freedom())) else {
            break;
        };
        open.retain(|context| !best.holds(context));
        cubes.push(best);
    }
    in_words(side, &cubes)
}

fn in_words(side: Side, cubes: &[Cube]) -> String {
    let mut parts: Vec<(Vec<&str>, Vec<State>)> = Vec::new();
    for cube in cubes {
        let mut flags = Vec::new();
        flags.extend(
            cube.keep_alive
                .map(|yes| if yes { "keep-alive" } else { "no keep-alive" }),
        );
        let proposed = |yes| {
            if yes {
                "switch proposed"
            } else {
                "no switch proposed"
            }
        };
        flags.extend(cube.switch_proposed.map(proposed));
        match parts.iter_mut().find(|(seen, _)| *seen == flags) {
            Some((_, states)) => states.extend(cube.other),
            None => parts.push((flags, Vec::from_iter(cube.other))),
        }
    }
    let first = parts
        .first()
        .map(|(flags, _)| flags.clone())
        .unwrap_or_default();
    let in_all =
        |flag: &&str| parts.len() > 1 && parts.iter().all(|(flags, _)| flags.contains(flag));
    let common: Vec<&str> = first.into_iter().filter(in_all).collect();
    let parts = parts.iter().map(|(flags, states)| {
        let states = any_of(other(side), states);
        let flags = flags.iter().copied().filter(|flag| !common.contains(flag));
        let words: Vec<&str> = flags.chain(states.as_deref()).collect();
        words.join(" and ")
    });
    let mut words = parts.collect::<Vec<_>>().join(", or ");
    for flag in &common {
        words.push_str(&format!("; {flag}"));
    }
    words
}

/// `side` in one of these states, or in any other than the one that is missing.
fn any_of(side: Side, states: &[State]) -> Option<String> {
    let all = states_of(side);
    let (is, not): (Vec<State>, Vec<State>) = all.iter().partition(|state| states.contains(state));
    let name = name(side);
    match (&is[..], &not[..]) {
        ([], _) => None,
        ([.., _], [only]) => Some(format!("{name} not {only:?}")),
        ([only], _) => Some(format!("{name} {only:?}")),
        ([first @ .., last], _) => {
            let first: Vec<String> = first.iter().map(|state| format!("{state:?}")).collect();
            Some(format!("{name} {} or {last:?}", first.join(", ")))
        }
    }
}

pub(super) fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

impl Cube {
    /// How much may be anything.
    fn freedom(&self) -> usize {
        let flags = [self.keep_alive, self.switch_proposed];
        flags.iter().filter(|flag| flag.is_none()).count() + usize::from(self.other.is_none())
    }

    fn all() -> Vec<Self> {
        let mut cubes = Vec::new();
        let flags = [Some(true), Some(false), None];
        for other in STATES.into_iter().map(Some).chain([None]) {
            for keep_alive in flags {
                for switch_proposed in flags {
                    cubes.push(Self {
                        other,
                        keep_alive,
                        switch_proposed,
                    });
                }
            }
        }
        cubes
    }

    fn holds(&self, context: &Context) -> bool {
        self.other.is_none_or(|other| other == context.other)
            && self.keep_alive.is_none_or(|yes| yes == context.keep_alive)
            && self
                .switch_proposed
                .is_none_or(|yes| yes == context.switch_proposed)
    }
}
