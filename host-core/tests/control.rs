//! What a server is told reaches every subscriber, whenever it subscribed.
#![allow(clippy::unwrap_used)]

use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use host_core::os::{Control, Root, Service, Stop, Subscription};
use host_core::{Server, Site};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

fn service() -> Service {
    service_at("127.0.0.1:0")
}

fn service_at(address: &str) -> Service {
    let root = Root::open("/".as_ref()).unwrap();
    let listener = TcpListener::bind(address).unwrap();
    Service::new(Server::new(Site::new(root)), [listener]).unwrap()
}

/// Whether the last reload, not asked for until now, has brought this.
fn brings(subscription: &mut Subscription, service: &Service) -> bool {
    let brought = subscription.reloaded().unwrap();
    Arc::ptr_eq(&brought.server, &service.server) && brought.listeners == service.listeners
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
    let control = Control::new();
    let mut subscriptions = [control.subscribe().unwrap(), control.subscribe().unwrap()];
    for subscription in &mut subscriptions {
        assert!(!is_readable(subscription));
        assert!(subscription.reloaded().is_none());
    }
    let new = service();
    control.reload(new.clone());
    for subscription in &mut subscriptions {
        assert!(is_readable(subscription));
        subscription.clear();
        assert!(!is_readable(subscription));
        assert!(brings(subscription, &new));
        assert!(subscription.reloaded().is_none());
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
    let (control, new) = (Control::new(), service());
    control.reload(service());
    control.reload(new.clone());
    let mut late = control.subscribe().unwrap();
    assert!(is_readable(&late));
    assert!(brings(&mut late, &new));

    let control = Control::new();
    control.stop(Stop::Graceful);
    assert!(is_readable(&control.subscribe().unwrap()));
}

/// Whoever stops listening is the last one to have the sockets.
#[test]
#[cfg(target_os = "linux")]
fn a_stop_leaves_no_socket_open() {
    for reload_first in [true, false] {
        // Nobody else listens there, nor is a client there, whatever the port.
        let (control, service) = (Control::new(), service_at("127.0.0.2:0"));
        let mut subscription = control.subscribe().unwrap();
        let address = service.listeners[0].local_addr().unwrap();
        if reload_first {
            control.reload(service);
            TcpStream::connect(address).unwrap();
            control.stop(Stop::Graceful);
        } else {
            control.stop(Stop::Graceful);
            control.reload(service);
        }
        assert!(TcpStream::connect(address).is_err());
        assert!(subscription.reloaded().is_none());
    }
}

/// More wake-ups than a socket holds, while nobody looks.
#[test]
fn a_subscriber_that_does_not_look_stops_nothing() {
    let control = Control::new();
    let subscription = control.subscribe().unwrap();
    drop(control.subscribe().unwrap());
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
    let control = Control::new();
    let mut subscription = control.subscribe().unwrap();
    let services: Vec<_> = (0..200).map(|_| service()).collect();
    let last = services.last().unwrap().clone();
    thread::scope(|scope| {
        scope.spawn(|| services.into_iter().for_each(|it| control.reload(it)));
        let mut brought = None;
        while brought.is_none_or(|it: Service| it.listeners != last.listeners) {
            poll(&mut [PollFd::new(&subscription, PollFlags::IN)], None).unwrap();
            subscription.clear();
            brought = subscription.reloaded();
        }
    });
}
