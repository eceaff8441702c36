use std::time::Duration;

use mio::{Events, Poll, Token, Waker};

use super::Gate;

/// A gate of three workers, and what each of them polls.
fn gate() -> (Gate, [Poll; 3]) {
    let polls = [(); 3].map(|()| Poll::new().unwrap());
    let wakers = (polls.iter()).map(|it| Waker::new(it.registry(), Token(0)).unwrap());
    (Gate::new(wakers.collect()), polls)
}

/// Who was woken since this was last asked.
fn woken(polls: &mut [Poll; 3]) -> [bool; 3] {
    let mut events = Events::with_capacity(8);
    polls.each_mut().map(|poll| {
        poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
        !events.is_empty()
    })
}

#[test]
fn who_was_refused_is_woken_and_nobody_else() {
    let (gate, mut polls) = gate();
    assert!(gate.enter(0, 2) && gate.enter(1, 2));
    assert!(!gate.enter(1, 2) && !gate.enter(2, 2));
    assert_eq!(woken(&mut polls), [false; 3]);
    gate.leave();
    assert_eq!(woken(&mut polls), [false, true, true]);
    assert!(gate.enter(2, 2) && !gate.enter(1, 2));
    gate.leave();
    assert_eq!(woken(&mut polls), [false, true, false]);
    gate.leave();
    assert_eq!(woken(&mut polls), [false; 3]);
}
