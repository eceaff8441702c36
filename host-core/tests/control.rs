//! What a server is told reaches every subscriber, whenever it subscribed.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::thread;

use host_core::os::{Control, Root, Stop, Subscription};
use host_core::{Server, Site};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn server() -> Arc<Server> {
    let root = Root::open("/".as_ref()).unwrap();
    Arc::new(Server::new(Site::new(root)))
}

fn is_readable(subscription: &Subscription) -> bool {
    let mut fds = [PollFd::new(subscription, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).unwrap() == 1
}

#[test]
fn a_faster_stop_wins() {
    use Stop::{Fast, Graceful};
    let cases: [(&[Stop], Option<Stop>); 5] = [
        (&[], None),
        (&[Graceful], Some(Graceful)),
        (&[Fast], Some(Fast)),
        (&[Graceful, Fast], Some(Fast)),
        (&[Fast, Graceful], Some(Fast)),
    ];
    for (stops, expected) in cases {
        let control = Control::new();
        stops.iter().for_each(|stop| control.stop(*stop));
        assert_eq!(control.stopping(), expected, "{stops:?}");
    }
}

#[test]
fn each_change_wakes_each_subscriber() {
    let (control, old) = (Control::new(), server());
    let mut subscriptions = [
        control.subscribe(&old).unwrap(),
        control.subscribe(&old).unwrap(),
    ];
    let new = server();
    for subscription in &mut subscriptions {
        assert!(!is_readable(subscription));
        assert!(Arc::ptr_eq(subscription.server(), &old));
    }
    control.reload(new.clone());
    for subscription in &mut subscriptions {
        assert!(is_readable(subscription));
        subscription.clear();
        assert!(!is_readable(subscription));
        assert!(Arc::ptr_eq(subscription.server(), &new));
    }
    control.stop(Stop::Graceful);
    control.stop(Stop::Fast);
    for subscription in &subscriptions {
        assert!(is_readable(subscription));
        subscription.clear();
        assert!(!is_readable(subscription));
        assert_eq!(subscription.stopping(), Some(Stop::Fast));
    }
}

#[test]
fn who_subscribes_late_is_told() {
    let (control, old, new) = (Control::new(), server(), server());
    control.reload(new.clone());
    let mut late = control.subscribe(&old).unwrap();
    assert!(is_readable(&late));
    assert!(Arc::ptr_eq(late.server(), &new));

    let control = Control::new();
    control.stop(Stop::Graceful);
    assert!(is_readable(&control.subscribe(&old).unwrap()));
}

/// More wake-ups than a socket holds, while nobody looks.
#[test]
fn a_subscriber_that_does_not_look_stops_nothing() {
    let (control, server) = (Control::new(), server());
    let subscription = control.subscribe(&server).unwrap();
    drop(control.subscribe(&server).unwrap());
    for _ in 0..100_000 {
        control.stop(Stop::Graceful);
    }
    assert!(is_readable(&subscription));
    subscription.clear();
    assert!(!is_readable(&subscription));
    control.stop(Stop::Fast);
    assert!(is_readable(&subscription));
}

#[test]
fn no_wake_up_is_lost_between_threads() {
    let (control, old) = (Control::new(), server());
    let mut subscription = control.subscribe(&old).unwrap();
    let servers: Vec<_> = (0..200).map(|_| server()).collect();
    let last = servers.last().unwrap().clone();
    thread::scope(|scope| {
        scope.spawn(|| servers.into_iter().for_each(|it| control.reload(it)));
        while !Arc::ptr_eq(subscription.server(), &last) {
            poll(&mut [PollFd::new(&subscription, PollFlags::IN)], None).unwrap();
            subscription.clear();
        }
    });
}
