//! Every deadline of a session, to the nanosecond: one before it nothing happens.
#![allow(clippy::unwrap_used)]

mod world;

use std::time::Duration;

use host_core::{Step, Wait};
use world::{Node, Seen, World, file, get, open, pattern, server};

const TICK: Duration = Duration::from_nanos(1);
const PUT: &str = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ";

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn reading(world: &World, until: Duration) -> Seen {
    Seen::Wait(Wait {
        read: true,
        write: false,
        backend: false,
        until: Some(world.at(until)),
    })
}

fn writing(world: &World, until: Duration) -> Seen {
    Seen::Wait(Wait {
        read: false,
        write: true,
        backend: false,
        until: Some(world.at(until)),
    })
}

/// Checks that the session waits until exactly `deadline` and does nothing a tick before it;
/// returns what it does then.
fn expire(world: &mut World, deadline: Duration) -> Seen {
    let waiting = world.run();
    let Seen::Wait(wait) = waiting else {
        panic!("{waiting:?} instead of a wait")
    };
    assert_eq!(wait.until, Some(world.at(deadline)));
    assert_eq!(world.session.deadline(), wait.until);
    let (sent, log) = (world.sent.len(), world.log.len());
    assert_eq!(world.turn(deadline - TICK), waiting);
    assert_eq!((world.sent.len(), world.log.len()), (sent, log));
    world.steps.clear();
    world.turn(deadline)
}

/// Checks that the session lingers since `since` and closes when that is over.
fn lingers(world: &mut World, since: Duration) {
    let end = since + secs(5);
    assert_eq!(world.run(), reading(world, end));
    assert_eq!(expire(world, end), Seen::Close);
}

#[test]
fn a_silent_connection_is_closed_without_a_byte() {
    let mut world = World::new([]);
    assert_eq!(world.run(), reading(&world, secs(60)));
    assert_eq!(expire(&mut world, secs(60)), Seen::Close);
    assert_eq!((world.sent.as_slice(), world.log.as_str()), (&b""[..], ""));
    assert_eq!(world.done(), [Seen::Close]);
}

#[test]
fn half_a_head_is_answered_with_408_sixty_seconds_after_the_start() {
    let mut world = World::new([]);
    world.run();
    world.turn(secs(30));
    assert_eq!(world.send("GET / HT"), reading(&world, secs(60)));
    assert_eq!(expire(&mut world, secs(60)), reading(&world, secs(65)));
    assert!(world.done().contains(&Seen::ShutdownWrite));
    let text = world.received();
    assert!(
        text.starts_with("HTTP/1.1 408 Request Timeout\r\n"),
        "{text}"
    );
    assert!(text.contains("\r\nConnection: close\r\n"), "{text}");
    lingers(&mut world, secs(60));
    assert_eq!(world.sent, b"");
}

#[test]
fn a_dripped_head_has_sixty_seconds_in_all() {
    let mut world = World::new([]);
    let target = "/".repeat(99);
    for (second, byte) in (0..60).zip(get(&target).as_bytes().chunks(1)) {
        world.turn(secs(second));
        assert_eq!(world.send(byte), reading(&world, secs(60)), "{second}");
    }
    expire(&mut world, secs(60));
    assert_eq!(world.statuses(), ["408"]);
}

#[test]
fn an_idle_connection_is_closed_silently_75_seconds_after_the_last_answer() {
    let mut world = World::new([]);
    for second in [10, 50, 124] {
        world.turn(secs(second));
        let waiting = world.send(get("/"));
        assert_eq!(waiting, reading(&world, secs(second + 75)));
    }
    world.sent.clear();
    assert_eq!(expire(&mut world, secs(124 + 75)), Seen::Close);
    assert_eq!(world.sent, b"");
    assert_eq!(world.done(), [Seen::Close]);
}

#[test]
fn idle_time_starts_when_the_answer_is_written() {
    let mut world = World::new([]);
    world.room = 10;
    world.send(get("/"));
    world.turn(secs(40));
    assert_eq!(world.make_room(9999), reading(&world, secs(115)));
}

#[test]
fn the_second_head_has_sixty_seconds_from_its_first_byte() {
    let mut world = World::new([]);
    world.send(get("/"));
    for second in [70, 71, 129] {
        world.turn(secs(second));
        assert_eq!(world.send("X"), reading(&world, secs(130)), "{second}");
    }
    world.sent.clear();
    expire(&mut world, secs(130));
    assert_eq!(world.statuses(), ["408"]);
    lingers(&mut world, secs(130));
}

#[test]
fn half_a_head_behind_a_request_has_sixty_seconds_from_its_answer() {
    let mut world = World::new([]);
    world.turn(secs(50));
    let waiting = world.send(get("/") + "GET /");
    assert_eq!(waiting, reading(&world, secs(110)));
    world.turn(secs(100));
    let waiting = world.send(" HTTP/1.1\r\nHost: a\r\n\r\nG");
    assert_eq!(waiting, reading(&world, secs(160)));
}

#[test]
fn a_body_that_stalls_ends_the_connection_without_a_second_answer() {
    let mut world = World::new([]);
    let waiting = world.send(format!("{PUT}1000\r\n\r\nabc"));
    assert_eq!(waiting, reading(&world, secs(60)));
    assert_eq!(world.statuses(), ["405"]);
    assert_eq!(expire(&mut world, secs(60)), reading(&world, secs(65)));
    assert_eq!(world.done(), [Seen::ShutdownWrite]);
    lingers(&mut world, secs(60));
    assert_eq!(world.sent, b"");
}

#[test]
fn body_bytes_buy_no_more_than_sixty_seconds() {
    let mut world = World::new([]);
    world.send(format!("{PUT}60000\r\n\r\n"));
    world.turn(secs(20));
    assert_eq!(world.send([0; 40_000]), reading(&world, secs(80)));
    // At the least rate, 500 bytes a second, these are worth two seconds.
    world.turn(secs(50));
    assert_eq!(world.send([0; 1000]), reading(&world, secs(82)));
}

#[test]
fn a_body_below_the_least_rate_ends_the_connection() {
    let mut world = World::new([]);
    world.send(format!("{PUT}65536\r\n\r\n"));
    for second in 1..=74 {
        world.turn(secs(second));
        let until = secs(60) + millis(200 * second);
        assert_eq!(world.send([0; 100]), reading(&world, until), "{second}");
    }
    expire(&mut world, millis(74_800));
    lingers(&mut world, millis(74_800));
}

#[test]
fn a_body_of_one_kilobyte_a_second_arrives() {
    let mut world = World::new([]);
    world.send(format!("{PUT}65536\r\n\r\n"));
    for second in 1..=64 {
        world.turn(secs(second));
        world.send([0; 1024]);
    }
    assert_eq!(world.send(get("/")), reading(&world, secs(64 + 75)));
    assert_eq!(world.statuses(), ["405", "404"]);
}

#[test]
fn without_a_least_rate_any_byte_is_progress() {
    let mut server = server();
    server.timeouts.min_rate = 0;
    let mut world = World::with(server, []);
    world.send(format!("{PUT}100\r\n\r\n"));
    for byte in 1..100 {
        world.turn(secs(59 * byte));
        assert_eq!(world.send("x"), reading(&world, secs(59 * byte + 60)));
    }
}

#[test]
fn whoever_stops_reading_is_reset_after_sixty_seconds() {
    let mut world = World::new([("/f", file(pattern(1_000_000)))]);
    world.room = 5000;
    assert_eq!(world.send(get("/f")), writing(&world, secs(60)));
    world.turn(secs(20));
    assert_eq!(world.make_room(500), writing(&world, secs(61)));
    let sent = world.sent.len();
    assert_eq!(expire(&mut world, secs(61)), Seen::Reset);
    assert_eq!(world.done(), [Seen::Log, Seen::Reset]);
    assert_eq!(world.sent.len(), sent);
}

#[test]
fn the_send_deadline_is_known_during_the_write() {
    let mut world = World::new([("/f", file(pattern(1_000_000)))]);
    world.room = 1;
    world.turn(secs(7));
    world.send(get("/f"));
    assert_eq!(world.session.deadline(), Some(world.at(secs(67))));
}

#[test]
fn a_reader_below_the_least_rate_is_reset() {
    let mut world = World::new([("/f", file(pattern(100_000)))]);
    world.room = 0;
    world.send(get("/f"));
    for second in 1..=74 {
        world.turn(secs(second));
        let until = secs(60) + millis(200 * second);
        assert_eq!(world.make_room(100), writing(&world, until), "{second}");
    }
    assert_eq!(expire(&mut world, millis(74_800)), Seen::Reset);
}

#[test]
fn a_reader_of_one_kilobyte_a_second_gets_all() {
    let mut world = World::new([("/f", file(pattern(300_000)))]);
    world.room = 0;
    world.send(get("/f"));
    for second in 1..=301 {
        world.turn(secs(second));
        world.make_room(1000);
    }
    assert!(world.sent.ends_with(&pattern(300_000)));
    assert_eq!(world.run(), reading(&world, secs(301 + 75)));
}

#[test]
fn lingering_lasts_five_seconds_whatever_comes() {
    let mut world = World::new([]);
    assert_eq!(world.send("\x01"), reading(&world, secs(5)));
    for tenth in 1..50 {
        world.turn(millis(100 * tenth));
        assert_eq!(world.send([0; 20_000]), reading(&world, secs(5)));
    }
    assert_eq!(expire(&mut world, secs(5)), Seen::Close);
    assert_eq!(world.statuses(), ["400"]);
}

#[test]
fn lingering_ends_with_the_stream() {
    let mut world = World::new([]);
    world.send("\x01");
    world.turn(secs(1));
    world.send("more");
    assert_eq!(world.hang_up(), Seen::Close);
}

/// A refused client reads its answer as slowly as any other.
#[test]
fn lingering_starts_when_the_answer_is_written() {
    let mut world = World::new([]);
    world.room = 0;
    assert_eq!(world.send("\x01"), writing(&world, secs(60)));
    world.turn(secs(40));
    assert_eq!(world.make_room(9999), reading(&world, secs(45)));
    assert_eq!(world.statuses(), ["400"]);
}

#[test]
fn a_head_that_is_refused_is_no_longer_timed() {
    let mut world = World::new([]);
    world.run();
    world.turn(secs(59));
    world.feed("GET /\x01");
    assert!(matches!(world.session.step(world.now), Step::Write { .. }));
    assert_eq!(world.session.deadline(), Some(world.at(secs(59 + 60))));
}

/// The moments that sessions in each state wait for; nothing before them changes anything.
#[test]
fn each_state_waits_for_its_own_moment() {
    let until = |seconds, prepare: &dyn Fn(&mut World) -> Seen| {
        let big = open("");
        big.set_len(1 << 30).unwrap();
        let mut world = World::new([("/f", file("hello")), ("/big", Node::File(big))]);
        world.run();
        prepare(&mut world);
        world.turn(secs(1));
        expire(&mut world, secs(seconds));
    };
    until(60, &|world| world.run());
    until(60, &|world| world.send("GET"));
    until(75, &|world| world.send(get("/f")));
    until(60, &|world| world.send(get("/f") + "G"));
    until(60, &|world| world.send(format!("{PUT}5\r\n\r\n")));
    until(5, &|world| world.send(format!("{PUT}99999\r\n\r\n")));
    until(60, &|world| {
        world.room = 0;
        world.send(get("/f"))
    });
    until(60, &|world| {
        world.room = 1000;
        world.send(get("/big"))
    });
    // Half a request waits behind an answer without a clock of its own.
    until(60, &|world| {
        world.room = 1000;
        world.send(get("/big") + "GET")
    });
}

#[test]
fn times_are_those_of_the_server() {
    let mut server = server();
    server.timeouts.head = secs(1);
    server.timeouts.body = secs(2);
    server.timeouts.send = secs(3);
    server.timeouts.keep_alive = secs(4);
    server.timeouts.linger = secs(6);
    let mut world = World::with(server, []);
    assert_eq!(world.run(), reading(&world, secs(1)));
    assert_eq!(world.send(get("/")), reading(&world, secs(4)));
    let waiting = world.send(format!("{PUT}5\r\n\r\n"));
    assert_eq!(waiting, reading(&world, secs(2)));
    world.room = 0;
    assert_eq!(world.send("hello\x01"), writing(&world, secs(3)));
    assert_eq!(world.make_room(9999), reading(&world, secs(6)));
}

/// A driver may ask for expired deadlines whenever it likes.
#[test]
fn asking_too_often_is_harmless() {
    let conversation = get("/f") + PUT + "5\r\n\r\nhello" + &get("/g") + "\x01";
    let mut plain = World::new([("/f", file(pattern(100_000)))]);
    plain.send(&conversation);
    plain.hang_up();
    let mut asked = plain.again();
    asked.per_write = 1000;
    for byte in conversation.as_bytes().chunks(1) {
        asked.send(byte);
        asked.session.on_timeout(asked.now);
    }
    asked.hang_up();
    assert_eq!(asked.sent, plain.sent);
    assert_eq!(asked.log, plain.log);
}
