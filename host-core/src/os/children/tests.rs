use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::*;

fn children(most: usize, queue: usize) -> Arc<Children> {
    let wait = Duration::from_secs(1);
    Arc::new(Children::new(CgiChildren { most, queue, wait }))
}

fn place(children: &Arc<Children>) -> Place {
    match children.enter().unwrap() {
        Entry::Place(place) => place,
        entry => panic!("{entry:?}"),
    }
}

fn turn(children: &Arc<Children>) -> Turn {
    match children.enter().unwrap() {
        Entry::Turn(turn) => turn,
        entry => panic!("{entry:?}"),
    }
}

fn is_ready(turn: &Turn) -> bool {
    let now = Timespec::default();
    poll(&mut [PollFd::new(turn, PollFlags::IN)], Some(&now)).unwrap() > 0
}

#[test]
fn places_are_given_in_order() {
    let children = children(2, 2);
    let (a, b) = (place(&children), place(&children));
    let (first, second) = (turn(&children), turn(&children));
    assert!(matches!(children.enter().unwrap(), Entry::Full));
    assert!(!is_ready(&first) && first.place().is_none());
    drop(a);
    assert!(is_ready(&first) && !is_ready(&second));
    let taken = first.place().unwrap();
    assert!(first.place().is_none(), "once");
    drop(b);
    assert!(is_ready(&second));
    drop((taken, second));
    drop((place(&children), place(&children)));
}

#[test]
fn other_limits_hold_for_those_who_are_there() {
    let children = children(1, 3);
    let limit = |most| {
        let limits = children.limits();
        children.limit(CgiChildren { most, ..limits });
    };
    let a = place(&children);
    let (first, second, third) = (turn(&children), turn(&children), turn(&children));
    limit(2);
    assert!(is_ready(&first) && !is_ready(&second));
    limit(1);
    drop(a);
    assert!(!is_ready(&second), "one is there still");
    drop(first);
    assert!(is_ready(&second) && !is_ready(&third));
    limit(9);
    assert!(is_ready(&third));
}

#[test]
fn who_goes_away_holds_up_nobody() {
    let children = children(1, 3);
    let only = place(&children);
    let (first, second, third) = (turn(&children), turn(&children), turn(&children));
    drop(first);
    drop(only);
    assert!(is_ready(&second), "the first has gone before");
    drop(second);
    assert!(is_ready(&third), "the second has gone with its place");
    drop(third);
    drop(place(&children));
}
