//! Connections give their buffers to others while they are idle, and nobody notices.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{Error, ErrorKind};
use std::mem::size_of;
use std::sync::Arc;
use std::time::Duration;

use host_core::os::now;
use host_core::{Parked, Pool, Server, Session};
use world::{Node, PEER, Seen, World, file, get, pattern, server};

/// Whatever a client can do, each ends with a state of its own.
const CLIENTS: [&str; 20] = [
    "",
    "G",
    "GET /secret HT",
    "GET /f HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\n\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\n\r\nGET /secret HTTP/1.1\r\nCookie: secret\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\nReferer: secret\r\nUser-Agent: secret\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "GET /f HTTP/1.0\r\n\r\n",
    "HEAD /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /list/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /big HTTP/1.1\r\nHost: a\r\nRange: bytes=7-70000\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nsec",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nsec",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "\x16\x03\x01",
];

fn world(server: Server) -> World {
    let files = [
        ("/f", file("hello")),
        ("/list/", Node::Listing(Vec::new())),
        ("/big", file(pattern(100_000))),
    ];
    World::with(server, files)
}

/// A server that differs in all that a connection could remember.
fn other_server() -> Server {
    let mut other = server();
    other.access_log = None;
    other.keepalive_requests = 1;
    other.limits.buffer = 4096;
    other.limits.head = 8192;
    other.timeouts.head = Duration::from_secs(1);
    other.timeouts.keep_alive = Duration::from_secs(1);
    other
}

/// All that can be seen of a connection with buffers from `pool`: the room for its first bytes, its
/// steps and times, what its client receives, and what is logged.
fn serve(origin: &World, requests: &str, pool: &mut Pool) -> (usize, Vec<Seen>, Vec<u8>, String) {
    let mut world = origin.again_from(pool);
    let room = world.session.read_slot().len();
    world.room = 70_000;
    for piece in requests.as_bytes().chunks(40) {
        world.send(piece);
    }
    world.turn(Duration::from_secs(3));
    world.make_room(usize::MAX);
    world.turn(Duration::from_secs(70));
    world.hang_up();
    (room, world.steps, world.sent, world.log)
}

/// Leaves the buffers of a client in `pool`, at some moment of its life.
fn leave(mut world: World, requests: &str, moment: usize, pool: &mut Pool) {
    if moment == 0 {
        world.room = 100;
    }
    if !requests.is_empty() {
        world.feed(requests);
    }
    match moment {
        0 => drop(world.run()),
        1 => drop(world.send("")),
        2 => drop(world.hang_up()),
        3 => drop(world.turn(Duration::from_secs(99))),
        4 => drop(world.step()),
        5 => {
            world.session.drain();
            world.run();
        }
        _ => {
            world.run();
            let error = Error::from(ErrorKind::ConnectionReset);
            world.session.on_socket_error(&error, world.now);
        }
    }
    world.leave(pool);
}

/// No byte, field, limit, counter or flag: not one step differs from those of the first client ever.
#[test]
fn nothing_of_one_client_reaches_the_next() {
    let mut origins = [world(server()), world(server()), world(other_server())];
    origins[1].peer = ([198, 51, 100, 9], 1).into();
    let long = format!("GET / HTTP/1.1\r\nCookie: {}", "secret".repeat(4000));
    let firsts = [CLIENTS.as_slice(), &[&long]].concat();
    for second in CLIENTS {
        let alone = serve(&origins[0], second, &mut Pool::new(0));
        for (first, moment) in firsts.iter().flat_map(|it| (0..7).map(move |n| (it, n))) {
            for origin in &origins {
                let mut pool = Pool::new(1);
                leave(origin.again_from(&mut pool), first, moment, &mut pool);
                let after = serve(&origins[0], second, &mut pool);
                assert!(
                    after == alone,
                    "{second:?} after {first:?} {moment}: {after:?}"
                );
            }
        }
    }
}

#[test]
fn who_is_parked_after_each_answer_notices_nothing() {
    let origin = world(server());
    let mut pool = Pool::new(1);
    let mut parking = origin.again_from(&mut pool);
    let mut staying = origin.again_from(&mut Pool::new(0));
    for second in [0, 1, 2, 70, 144] {
        for request in ["/f", "/big", "/none"].map(get) {
            for world in [&mut parking, &mut staying] {
                world.turn(Duration::from_secs(second));
                world.send(&request);
            }
            assert_eq!(parking.steps, staying.steps);
            assert_eq!(parking.sent, staying.sent);
            parking.park(&mut pool);
        }
    }
    assert_eq!(parking.turn(Duration::from_secs(144 + 75)), Seen::Close);
    assert_eq!(parking.log, staying.log);
}

#[test]
fn requests_are_counted_while_a_connection_is_parked() {
    let mut server = server();
    server.keepalive_requests = 3;
    let (mut world, mut pool) = (world(server), Pool::new(1));
    for last in [false, false, true] {
        world.send(get("/f"));
        let text = world.received();
        assert_eq!(text.contains("\r\nConnection: close\r\n"), last, "{text}");
        if !last {
            world.park(&mut pool);
        }
    }
}

#[test]
fn a_parked_connection_has_the_deadline_that_it_had() {
    let (mut world, mut pool) = (world(server()), Pool::new(1));
    for (requests, deadline) in [(String::new(), 60), (get("/f"), 40 + 75)] {
        let Seen::Wait(wait) = world.send(requests) else {
            panic!("no wait")
        };
        assert_eq!(wait.until, Some(world.at(Duration::from_secs(deadline))));
        world.park(&mut pool);
        world.turn(Duration::from_secs(40));
        assert_eq!(world.run(), Seen::Wait(wait));
    }
    let parked = Parked::new(server().into(), PEER, world.now);
    let head = world.now.monotonic + Duration::from_secs(60);
    assert_eq!(parked.deadline(), Some(head));
}

#[test]
fn who_is_not_idle_is_not_parked() {
    let busy = [
        ("G", usize::MAX),
        ("\r", usize::MAX),
        ("\r\n", usize::MAX),
        (&get("/f"), 9),
        (&get("/big"), 70_000),
        ("GET /f HTTP/1.0\r\n\r\n", usize::MAX),
        ("\x16", usize::MAX),
    ];
    for (requests, room) in busy {
        let mut world = world(server());
        world.room = room;
        let waiting = world.send(requests);
        assert!(!world.try_park(&mut Pool::new(1)), "{requests}");
        assert_eq!(world.run(), waiting);
    }
    // Not between the answer and its line in the log, nor before it is known how long to wait.
    let mut world = world(server());
    world.feed(get("/f"));
    while !matches!(world.step(), Seen::Wait(_)) {
        assert!(!world.try_park(&mut Pool::new(1)));
    }
    assert!(world.try_park(&mut Pool::new(1)));
}

#[test]
fn a_pool_holds_on_to_no_server() {
    let server = Arc::new(server());
    let mut pool = Pool::new(9);
    let parked = Parked::new(server.clone(), PEER, now());
    let session = pool.wake(parked, now());
    pool.put(session);
    assert_eq!(Arc::strong_count(&server), 1);
}

#[test]
fn a_parked_connection_is_small() {
    assert!(size_of::<Parked>() <= 128, "{}", size_of::<Parked>());
    assert!(size_of::<Session>() <= 16, "{}", size_of::<Session>());
}
