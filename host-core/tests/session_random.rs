//! Whatever is said to a session, in whatever order, it does not panic, and what it asks for makes
//! sense.
#![allow(clippy::unwrap_used)]

mod world;

use std::io::{Error, ErrorKind};
use std::time::Duration;

use host_core::os::OpenFile;
use host_core::{Entry, Found, Log, Now, Session, Step};
use world::{Node, Rng, World, get, offered, open, pattern};

const FRAGMENTS: [&str; 24] = [
    "GET /f HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\nRange: bytes=1-70000\r\n\r\n",
    "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET /f HTTP/1.0\r\n\r\n",
    "GET /f HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
    "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n",
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n",
    "5\r\nhello\r\n",
    "0\r\n\r\n",
    "GET /",
    " HTTP/1.1\r\n",
    "Host: a\r\n",
    "X: y\r\n",
    "\r\n",
    "\r",
    "x",
    "\x01",
    "0\r\nX: y\r\n",
    "ffff\r\n",
];

/// A session, and what is known of it.
struct Case {
    world: World,
    rng: Rng,
    over: bool,
    closed: bool,
}

impl Case {
    fn session(&mut self) -> (&mut Session, Now) {
        (&mut self.world.session, self.world.now)
    }

    /// One of the things that a driver can do.
    fn act(&mut self) {
        match self.rng.below(20) {
            0..=7 => self.step(),
            8..=11 => self.read(),
            12 => self.write(),
            13 if self.rng.below(3) == 0 => {
                let millis = [1, 500, 1000, 4_999, 59_999][self.rng.below(5)];
                self.world.now.monotonic += Duration::from_millis(millis);
                self.world.now.wall += Duration::from_millis(millis);
            }
            14 => self.tell(Session::on_timeout),
            15 => self.tell(Session::on_writable),
            16 if self.rng.below(4) == 0 => self.tell(Session::on_write_blocked),
            16 => self.tell(Session::on_read_blocked),
            17 => self.found(),
            18 if self.rng.below(4) == 0 => self.file_read(),
            _ => self.rarely(),
        }
    }

    fn tell(&mut self, what: fn(&mut Session, Now)) {
        let (session, now) = self.session();
        what(session, now);
    }

    fn rarely(&mut self) {
        let choice = self.rng.below(30);
        let (session, now) = self.session();
        match choice {
            0 => session.drain(),
            1 => session.on_socket_error(&Error::from(ErrorKind::BrokenPipe), now),
            2 => {
                session.on_read(0, now);
                self.closed = true;
            }
            _ => drop((session.is_idle(), session.deadline())),
        }
    }

    fn step(&mut self) {
        let mut asked = false;
        let (answer, chance) = (self.rng.below(8) > 0, self.rng.below(300_000));
        let (session, now) = self.session();
        let over = match session.step(now) {
            Step::Wait(wait) => {
                assert!(wait.read || wait.write);
                let until = wait.until.unwrap();
                assert!(until <= now.monotonic + Duration::from_secs(75));
                assert!(!wait.read || !session.read_slot().is_empty());
                assert_eq!(session.deadline(), Some(until));
                false
            }
            Step::SendFile(part) => {
                assert!(part.len > 0);
                let n = part.len.min(chance);
                if answer {
                    session.on_written(n, now);
                }
                false
            }
            Step::ReadFile(part) => {
                let n = part.buf.len();
                assert!(0 < n && n <= 64 * 1024);
                if answer {
                    session.on_file_read(Ok(n), now);
                }
                false
            }
            Step::Log(Log { lines, .. }) => {
                assert!(lines.ends_with('\n') && lines.starts_with("192.0.2.7 - - ["));
                false
            }
            Step::Write { .. } => {
                assert!(offered(session, 0).1 > 0);
                false
            }
            Step::Lookup(_) => {
                asked = answer;
                false
            }
            Step::Spool(_) | Step::Spawn(_) | Step::Exchange(_) => panic!("there are no scripts"),
            Step::Change(_) => panic!("nothing may be changed"),
            Step::Read => {
                assert!(!session.read_slot().is_empty());
                if answer {
                    session.on_read_blocked(now);
                }
                false
            }
            Step::ShutdownWrite => false,
            Step::Reset | Step::Close => true,
        };
        self.over |= over;
        if asked {
            self.found();
        }
        let (_, queued) = offered(&self.world.session, 0);
        assert!(queued < (128 + 64 + 8) * 1024, "{queued}");
    }

    fn read(&mut self) {
        if self.closed {
            return;
        }
        // Mostly whole requests, or sessions would be short.
        let choice = match self.rng.below(4) {
            0 => self.rng.below(FRAGMENTS.len()),
            _ => self.rng.below(4),
        };
        let fragment = FRAGMENTS[choice];
        let cut = 1 + self.rng.below(16 * fragment.len());
        let (session, now) = self.session();
        let slot = session.read_slot();
        let n = cut.min(fragment.len()).min(slot.len());
        if n > 0 {
            slot[..n].copy_from_slice(&fragment.as_bytes()[..n]);
            session.on_read(n, now);
        }
    }

    fn write(&mut self) {
        let (_, all) = offered(&self.world.session, 0);
        let n = match self.rng.below(2) {
            0 => all,
            _ => self.rng.below(all + 1),
        };
        let (session, now) = self.session();
        session.on_written(n, now);
    }

    fn found(&mut self) {
        let size = [0, 5, 65_536, 200_000, 200_000][self.rng.below(5)];
        let found = match self.rng.below(8) {
            0 => Ok(Found::Folder),
            1 => Ok(Found::Listing(vec![Entry {
                name: b"a".to_vec(),
                folder: true,
                len: 0,
                modified: None,
            }])),
            2 => Err(ErrorKind::NotFound.into()),
            n => {
                let file = tempfile::tempfile().unwrap();
                file.set_len(size).unwrap();
                let (file, index) = (OpenFile::new(file).unwrap(), (n == 3).then_some(9));
                Ok(Found::File { file, index })
            }
        };
        let (session, now) = self.session();
        session.on_found(found, now);
    }

    fn file_read(&mut self) {
        let read = match self.rng.below(3) {
            0 => Err(ErrorKind::Other.into()),
            1 => Ok(0),
            _ => Ok(5),
        };
        let (session, now) = self.session();
        session.on_file_read(read, now);
    }
}

#[test]
fn any_call_at_any_time_is_harmless() {
    let world = World::new([]);
    for seed in 0..1000 {
        let mut case = Case {
            world: world.again(),
            rng: Rng(seed << 32),
            over: false,
            closed: false,
        };
        let mut calls = 0;
        while !case.over && calls < 5000 {
            case.act();
            calls += 1;
        }
        for _ in 0..10 {
            case.act();
        }
    }
}

/// Without a client that cares, any session ends by its own clocks.
#[test]
fn no_session_is_left_alone_for_ever() {
    let world = World::new([("/f", Node::File(open(pattern(200_000))))]);
    for seed in 0..300 {
        let mut world = world.again();
        let mut rng = Rng(seed << 32);
        world.room = rng.below(300_000);
        for _ in 0..rng.below(20) {
            let fragment = FRAGMENTS[rng.below(FRAGMENTS.len())];
            world.send(if rng.below(2) == 0 {
                get("/f")
            } else {
                fragment.into()
            });
        }
        let mut after = Duration::ZERO;
        while let world::Seen::Wait(wait) = world.run() {
            let left = wait.until.unwrap() - world.now.monotonic;
            after += left;
            world.turn(after);
            assert!(after < Duration::from_secs(200), "{seed}");
        }
    }
}
