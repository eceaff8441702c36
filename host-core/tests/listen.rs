//! Several listeners of one address.
#![allow(clippy::unwrap_used)]

use std::net::{SocketAddr, TcpListener, TcpStream};

use host_core::os::{Listener, Spare};
use rustix::event::{PollFd, PollFlags, poll};
use socket2::{Domain, SockRef, Socket, Type};

#[test]
#[cfg(target_os = "linux")]
fn siblings_share_the_connections() {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    socket.bind(&any.into()).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.listen(64).unwrap();
    let listener = Listener::new(socket).unwrap();
    let sibling = listener.sibling();
    assert_ne!(sibling, listener);
    assert_eq!(sibling.local_addr(), listener.local_addr());

    let mut spare = Spare::new();
    let (mut ours, mut theirs) = (0, 0);
    while ours == 0 || theirs == 0 {
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut fds = [
            PollFd::new(&listener, PollFlags::IN),
            PollFd::new(&sibling, PollFlags::IN),
        ];
        assert_eq!(poll(&mut fds, None).unwrap(), 1);
        match fds[0].revents().is_empty() {
            true => theirs += usize::from(spare.accept(&sibling).is_ok()),
            false => ours += usize::from(spare.accept(&listener).is_ok()),
        }
    }
}

#[test]
fn a_listener_that_was_not_made_to_be_shared_has_none() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let listener = Listener::new(listener).unwrap();
    assert_eq!(listener.sibling(), listener);
}

#[test]
#[cfg(target_os = "linux")]
fn a_sibling_takes_the_same_addresses() {
    for only_v6 in [true, false] {
        let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, None) else {
            return eprintln!("NOT TESTED: there is no IPv6 here");
        };
        socket.set_only_v6(only_v6).unwrap();
        let any: SocketAddr = "[::]:0".parse().unwrap();
        socket.bind(&any.into()).unwrap();
        socket.listen(64).unwrap();
        socket.set_reuse_port(true).unwrap();
        let listener = Listener::new(socket).unwrap();
        let sibling = listener.sibling();
        assert_ne!(sibling, listener);
        assert_eq!(SockRef::from(&sibling).only_v6().unwrap(), only_v6);
    }
}
