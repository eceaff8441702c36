//! A world for one [`Session`]: files, a client, a socket and clocks that move only when a test
//! says so. There is no socket, no sleep and no real clock in it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test uses its part of the world"
)]

pub mod answer;
pub mod script;

use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::{self, ErrorKind, IoSlice, Write};
use std::mem;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, UNIX_EPOCH};

use host_core::os::{LogWriter, OpenFile, Root, read_file};
use script::Script;

use host_core::{
    Entry, Found, Now, Parked, Pool, ReadFile, SendFile, Server, Session, Site, Step, Wait,
};

/// The wall clock when the client connects.
pub const DATE: &str = "Fri, 20 Nov 2026 08:44:33 GMT";
const WALL: Duration = Duration::from_secs(1_795_164_273);

pub const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 50_000);

/// When every file was last changed, and the entity tag of one of 5 bytes.
pub const MODIFIED: &str = "Sun, 09 Sep 2001 01:46:40 GMT";
const MODIFIED_AT: Duration = Duration::from_secs(1_000_000_000);
pub const ETAG_5: &str = "\"de0b6b3a7640000-5\"";

/// More steps than these without a wait are a loop without end.
const SPINS: usize = 5_000_000;

/// What a path leads to.
#[derive(Debug)]
pub enum Node {
    File(File),
    /// A folder with this index file.
    Index(File),
    /// A folder, asked for without its slash.
    Folder,
    Listing(Vec<Entry>),
    Error(ErrorKind),
}

/// A step, as the world saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    Lookup,
    /// So many bytes from this place were asked for.
    ReadFile(u64, usize),
    Log,
    /// So many bytes of content.
    Spool(usize),
    Change,
    Spawn,
    Exchange,
    /// So many bytes were offered, and a part of a file was said to follow them or not.
    Write(usize),
    WriteMore(usize),
    /// So many bytes from this place were asked for.
    SendFile(u64, usize),
    Read,
    ShutdownWrite,
    Wait(Wait),
    Reset,
    Close,
}

type Files = BTreeMap<&'static str, Node>;

/// One session and all that is around it.
pub struct World {
    pub session: Session,
    /// The client's address; only `again_from` looks at it.
    pub peer: SocketAddr,
    pub now: Now,
    /// What the client has received.
    pub sent: Vec<u8>,
    /// The access log.
    pub log: String,
    pub steps: Vec<Seen>,
    /// The bytes that the socket takes before it blocks.
    pub room: usize,
    /// The most that one write takes.
    pub per_write: usize,
    /// What scripts do.
    pub script: Script,
    /// Files are looked for where the session says, on the disk.
    pub disk: bool,
    /// Why no file can be changed.
    pub refuses_change: Option<ErrorKind>,
    server: Arc<Server>,
    files: Rc<Files>,
    start: Now,
    /// What the client has sent; each read gets one of these at most.
    inbox: VecDeque<Vec<u8>>,
    hung_up: bool,
}

impl World {
    pub fn new<const N: usize>(files: [(&'static str, Node); N]) -> Self {
        Self::with(server(), files)
    }

    pub fn with<const N: usize>(server: Server, files: [(&'static str, Node); N]) -> Self {
        Self::connect(Arc::new(server), Rc::new(Files::from(files)))
    }

    /// Another connection to the same server.
    pub fn again(&self) -> Self {
        Self::connect(self.server.clone(), self.files.clone())
    }

    /// Another connection to the same server, with buffers from `pool`.
    pub fn again_from(&self, pool: &mut Pool) -> Self {
        let mut world = self.again();
        world.now = self.start;
        world.start = self.start;
        let parked = Parked::new(self.server.clone(), self.peer, world.now);
        world.session = pool.wake(parked, world.now);
        world
    }

    fn connect(server: Arc<Server>, files: Rc<Files>) -> Self {
        let start = Now {
            monotonic: Instant::now(),
            wall: UNIX_EPOCH + WALL,
        };
        Self {
            session: Session::new(server.clone(), PEER, start),
            peer: PEER,
            now: start,
            sent: Vec::new(),
            log: String::new(),
            steps: Vec::new(),
            room: usize::MAX,
            per_write: usize::MAX,
            script: Script::default(),
            disk: false,
            refuses_change: None,
            server,
            files,
            start,
            inbox: VecDeque::new(),
            hung_up: false,
        }
    }

    /// The client sends `bytes`, and the session runs on.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Seen {
        self.send_pieces([bytes.as_ref()])
    }

    pub fn send_pieces<'p>(&mut self, pieces: impl IntoIterator<Item = &'p [u8]>) -> Seen {
        let pieces = pieces.into_iter().filter(|piece| !piece.is_empty());
        self.inbox.extend(pieces.map(<[u8]>::to_vec));
        self.run()
    }

    /// The client sends `bytes`, and nothing else happens.
    pub fn feed(&mut self, bytes: impl AsRef<[u8]>) {
        self.inbox.push_back(bytes.as_ref().to_vec());
        self.read();
    }

    /// The client ends its stream.
    pub fn hang_up(&mut self) -> Seen {
        self.hung_up = true;
        self.run()
    }

    /// Runs to the end: a client that sees that no more comes goes, too.
    pub fn end(&mut self) -> Seen {
        match self.run() {
            Seen::Wait(_) if self.steps.contains(&Seen::ShutdownWrite) => self.hang_up(),
            seen => seen,
        }
    }

    /// The socket takes `room` more bytes.
    pub fn make_room(&mut self, room: usize) -> Seen {
        self.room = self.room.saturating_add(room);
        self.run()
    }

    /// The connection waits without its buffers, which stay in `pool`, and takes some from there again.
    pub fn park(&mut self, pool: &mut Pool) {
        assert!(self.try_park(pool), "it is not idle");
    }

    /// As `park`, unless the session does not allow it.
    pub fn try_park(&mut self, pool: &mut Pool) -> bool {
        let parked = self.replace_session().park(pool);
        let may = parked.is_ok();
        self.session = match parked {
            Ok(parked) => pool.wake(parked, self.now),
            Err(session) => session,
        };
        may
    }

    /// Whatever the connection is doing, it is over, and leaves its buffers in `pool`.
    pub fn leave(mut self, pool: &mut Pool) {
        pool.put(self.replace_session());
    }

    fn replace_session(&mut self) -> Session {
        let idle = Session::new(self.server.clone(), PEER, self.now);
        mem::replace(&mut self.session, idle)
    }

    /// So long after the start.
    pub fn at(&self, after: Duration) -> Instant {
        self.start.monotonic + after
    }

    /// Turns the clocks to `after` the start, and says so.
    pub fn turn(&mut self, after: Duration) -> Seen {
        self.now = Now {
            monotonic: self.at(after),
            wall: self.start.wall + after,
        };
        self.session.on_timeout(self.now);
        self.run()
    }

    /// Does what the session asks for until it waits in vain or is over.
    pub fn run(&mut self) -> Seen {
        for _ in 0..SPINS {
            let seen = self.step();
            match seen {
                Seen::Close | Seen::Reset => return seen,
                Seen::Wait(wait) if !self.proceed(wait) => return seen,
                _ => {}
            }
        }
        panic!("it spins: {:?}", &self.steps[self.steps.len() - 9..]);
    }

    /// Does one step.
    pub fn step(&mut self) -> Seen {
        let now = self.now;
        let seen = match self.session.step(now) {
            Step::Lookup(lookup) => {
                let found = match self.disk {
                    true => host_core::os::lookup(&lookup),
                    false => find(&self.files, lookup.path.as_bytes()),
                };
                self.session.on_found(found, now);
                Seen::Lookup
            }
            Step::ReadFile(mut part) => {
                let (offset, len) = (part.offset, part.buf.len());
                let read = read_file(&mut part);
                self.session.on_file_read(read, now);
                Seen::ReadFile(offset, len)
            }
            Step::Spool(mut part) => {
                let n = part.bytes.len();
                let spooled = host_core::os::spool(&mut part);
                self.session.on_spooled(spooled, now);
                Seen::Spool(n)
            }
            Step::Change(mut change) => {
                let changed = match self.refuses_change {
                    Some(kind) => Err(kind.into()),
                    None => host_core::os::change(&mut change),
                };
                self.session.on_changed(changed, now);
                Seen::Change
            }
            Step::Spawn(mut spawn) => {
                let started = self.script.start(&mut spawn);
                self.session.on_spawned(started, now);
                Seen::Spawn
            }
            Step::Exchange(mut exchange) => {
                let moved = self.script.exchange(&mut exchange);
                self.session.on_exchanged(moved, now);
                Seen::Exchange
            }
            Step::Log(log) => {
                self.log.push_str(log.lines);
                Seen::Log
            }
            Step::Write { more } => {
                let (bytes, all) = offered(&self.session, self.per_write.min(self.room));
                self.written(&bytes);
                match more {
                    true => Seen::WriteMore(all),
                    false => Seen::Write(all),
                }
            }
            Step::SendFile(part) => {
                let (offset, len) = (part.offset, part.len);
                let n = len.min(self.per_write).min(self.room);
                match file_bytes(&part, n) {
                    bytes if bytes.is_empty() && n > 0 => self.session.on_written(0, now),
                    bytes => self.written(&bytes),
                }
                Seen::SendFile(offset, len)
            }
            Step::Read => {
                if !self.read() {
                    self.session.on_read_blocked(now);
                }
                Seen::Read
            }
            Step::ShutdownWrite => Seen::ShutdownWrite,
            Step::Wait(wait) => Seen::Wait(wait),
            Step::Reset => Seen::Reset,
            Step::Close => Seen::Close,
        };
        self.steps.push(seen);
        seen
    }

    fn written(&mut self, bytes: &[u8]) {
        self.sent.extend(bytes);
        self.room -= bytes.len();
        match bytes.len() {
            0 => self.session.on_write_blocked(self.now),
            n => self.session.on_written(n, self.now),
        }
    }

    /// Ends the wait, if what it is for is there.
    fn proceed(&mut self, wait: Wait) -> bool {
        if wait.write && self.room > 0 {
            self.session.on_writable(self.now);
            return true;
        }
        if wait.backend && self.script.is_ready() {
            self.session.on_backend(self.now);
            return true;
        }
        wait.read && self.read()
    }

    fn read(&mut self) -> bool {
        let slot = self.session.read_slot();
        assert!(!slot.is_empty(), "asked to read into nothing");
        let n = match self.inbox.front_mut() {
            Some(piece) => {
                let n = piece.len().min(slot.len());
                slot[..n].copy_from_slice(&piece[..n]);
                match n == piece.len() {
                    true => drop(self.inbox.pop_front()),
                    false => drop(piece.drain(..n)),
                }
                n
            }
            None if self.hung_up => 0,
            None => return false,
        };
        self.session.on_read(n, self.now);
        true
    }

    /// What the client has received since the last look, as text.
    pub fn received(&mut self) -> String {
        String::from_utf8_lossy(&mem::take(&mut self.sent)).into_owned()
    }

    /// The status codes of what the client has received since the last look.
    pub fn statuses(&mut self) -> Vec<String> {
        let text = self.received();
        let heads = text.split("HTTP/1.1 ").skip(1);
        heads.map(|head| head[..3].into()).collect()
    }

    /// The steps since the last look, but waits.
    pub fn done(&mut self) -> Vec<Seen> {
        let mut steps = mem::take(&mut self.steps);
        steps.retain(|step| !matches!(step, Seen::Wait(_)));
        steps
    }
}

fn find(files: &Files, path: &[u8]) -> io::Result<Found> {
    let node = std::str::from_utf8(path)
        .ok()
        .and_then(|path| files.get(path));
    let open = |file: &File| OpenFile::new(file.try_clone()?);
    match node.unwrap_or(&Node::Error(ErrorKind::NotFound)) {
        Node::File(file) => Ok(Found::File {
            file: open(file)?,
            index: None,
        }),
        Node::Index(file) => Ok(Found::File {
            file: open(file)?,
            index: Some(0),
        }),
        Node::Folder => Ok(Found::Folder),
        Node::Listing(entries) => Ok(Found::Listing(entries.clone())),
        Node::Error(kind) => Err((*kind).into()),
    }
}

/// The first bytes that a session wants written, at most so many, and how many there are in all.
pub fn offered(session: &Session, most: usize) -> (Vec<u8>, usize) {
    let mut slices = [IoSlice::new(&[]); 256];
    let n = session.slices(&mut slices);
    let (mut bytes, mut all) = (Vec::new(), 0);
    for slice in &slices[..n] {
        let wanted = slice.len().min(most - bytes.len());
        bytes.extend_from_slice(&slice[..wanted]);
        all += slice.len();
    }
    (bytes, all)
}

fn file_bytes(part: &SendFile<'_>, n: usize) -> Vec<u8> {
    let mut bytes = vec![0; n];
    let read = read_file(&mut ReadFile {
        file: part.file,
        offset: part.offset,
        buf: &mut bytes,
    });
    bytes.truncate(read.unwrap());
    bytes
}

/// A server with an access log.
pub fn server() -> Server {
    server_of(site())
}

/// A site whose files are those of the world.
pub fn site() -> Site {
    Site::new(Root::open(&std::env::temp_dir()).unwrap())
}

/// A server of a site, with an access log.
pub fn server_of(site: Site) -> Server {
    let mut server = Server::new(site);
    server.access_log = Some(LogWriter::new(io::sink()));
    server
}

/// A file with this content.
pub fn file(content: impl AsRef<[u8]>) -> Node {
    Node::File(open(content))
}

pub fn open(content: impl AsRef<[u8]>) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.set_modified(UNIX_EPOCH + MODIFIED_AT).unwrap();
    file
}

/// Content in which no two places look alike.
pub fn pattern(len: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        let word = (bytes.len() as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        bytes.extend_from_slice(&word.to_be_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// A response head with these fields after Server and Date.
pub fn head(status: &str, fields: &[&str]) -> String {
    let mut lines = vec![
        format!("HTTP/1.1 {status}"),
        format!("Server: h1/{}", env!("CARGO_PKG_VERSION")),
        format!("Date: {DATE}"),
    ];
    lines.extend(fields.iter().map(|field| field.to_string()));
    lines.join("\r\n") + "\r\n\r\n"
}

/// `GET target` and its Host.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

/// A small generator of numbers (splitmix64): the same seed gives the same ones.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }
}
