mod diagram;
mod rules;
mod tables;

use alloc::string::String;
use alloc::vec::Vec;

use super::*;

extern crate std;

const STATES: [State; 9] = [
    State::Idle,
    State::SendResponse,
    State::SendBody,
    State::Done,
    State::MustClose,
    State::Closed,
    State::MightSwitch,
    State::Switched,
    State::Error,
];
const INPUTS: [Input; 7] = [
    Input::Request,
    Input::Informational,
    Input::Switch,
    Input::Response,
    Input::Data,
    Input::EndOfMessage,
    Input::Close,
];
const SIDES: [Side; 2] = [Side::Client, Side::Server];

/// Every pair of states that any sequence of inputs and failures leads to, with the flags.
fn reachable() -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut open = Vec::new();
    for (keep_alive, switch_proposed) in
        [(true, false), (false, false), (true, true), (false, true)]
    {
        open.push(Exchange {
            keep_alive,
            switch_proposed,
            ..Exchange::new()
        });
    }
    let key = |e: &Exchange| (e.client, e.server, e.keep_alive, e.switch_proposed);
    while let Some(exchange) = open.pop() {
        if found.iter().any(|old| key(old) == key(&exchange)) {
            continue;
        }
        found.push(exchange);
        for side in SIDES {
            for input in INPUTS {
                let mut next = exchange;
                // The connections refuse a switch that nobody asked for.
                let possible = input != Input::Switch || exchange.switch_proposed;
                if possible && next.step(side, input).is_ok() {
                    open.push(next);
                }
            }
            let mut failed = exchange;
            failed.fail(side);
            open.push(failed);
        }
        let mut last = exchange;
        last.keep_alive = false;
        last.settle();
        open.push(last);
    }
    found
}

/// The checked-in documents say what the code does. `UPDATE=1 cargo test -p h1-core` writes them
/// anew.
#[test]
#[cfg_attr(miri, ignore = "reads files")]
fn documents_are_up_to_date() {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("UPDATE").is_some();
    let documents: [(&str, String); 3] = [
        ("STATES.md", tables::page()),
        ("docs/states.md", tables::tables()),
        ("docs/states.svg", diagram::document()),
    ];
    for (name, text) in documents {
        let path = package.join(name);
        if update {
            std::fs::write(&path, &text).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == text, "{name} is stale: run with UPDATE=1");
    }
}

#[test]
fn every_state_and_input_has_an_answer_and_final_states_stay() {
    for side in SIDES {
        for state in STATES {
            for input in INPUTS {
                let next = advance(side, state, input);
                match state {
                    State::Error | State::Switched | State::MightSwitch => assert_eq!(next, None),
                    State::MustClose | State::Closed => {
                        assert!(matches!(
                            (input, next),
                            (Input::Close, Some(State::Closed)) | (_, None)
                        ));
                    }
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn only_clients_ask_and_only_servers_answer() {
    for state in STATES {
        assert_eq!(advance(Side::Server, state, Input::Request), None);
        for input in [Input::Informational, Input::Switch, Input::Response] {
            assert_eq!(advance(Side::Client, state, input), None);
        }
    }
}

#[test]
fn rules_for_both_sides_hold_wherever_one_can_get() {
    for exchange in reachable() {
        let Exchange {
            client,
            server,
            keep_alive,
            switch_proposed,
        } = exchange;
        if !keep_alive {
            assert_ne!(server, State::Done, "{exchange:?}");
            assert!(client != State::Done, "{exchange:?}");
        }
        if client == State::Closed || client == State::Error {
            assert_ne!(server, State::Done, "{exchange:?}");
        }
        if client == State::MightSwitch {
            assert!(switch_proposed && server != State::Switched, "{exchange:?}");
        }
        assert_ne!(client, State::SendResponse);
        assert_ne!(server, State::MightSwitch);
    }
}

#[test]
fn a_new_cycle_needs_both_sides_to_be_done() {
    for mut exchange in reachable() {
        let done = exchange.client == State::Done && exchange.server == State::Done;
        let both = (exchange.client, exchange.server);
        match exchange.next_cycle() {
            Ok(()) => assert!(done && exchange.client == State::Idle),
            Err(state) => {
                assert!(!done && state != State::Done);
                assert_eq!((exchange.client, exchange.server), both, "nothing changes");
            }
        }
    }
}

#[test]
fn half_closing_client_still_gets_its_answer() {
    let mut exchange = Exchange::new();
    for (side, input) in [
        (Side::Client, Input::Request),
        (Side::Client, Input::EndOfMessage),
        (Side::Client, Input::Close),
        (Side::Server, Input::Response),
        (Side::Server, Input::Data),
        (Side::Server, Input::EndOfMessage),
    ] {
        exchange.step(side, input).unwrap();
    }
    assert_eq!(
        (exchange.client, exchange.server),
        (State::Closed, State::MustClose)
    );
}
