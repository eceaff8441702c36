//! The one question a driver asks, [`Session::step`](crate::Session::step), and its answers.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::BytesMut;
use h1_core::RequestHead;

use crate::cgi::Script;
use crate::os::children::Children;
use crate::os::{Backend, FileCache, LogWriter, OpenFile, Progress, Root, SpoolFile, Turn};
use crate::path::CleanPath;

/// The time, as the driver read it: deadlines run on `monotonic`, dates on `wall`.
///
/// [`os::now`](crate::os::now) reads both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// A clock that never goes back.
    pub monotonic: Instant,
    /// The clock of the calendar.
    pub wall: SystemTime,
}

/// What the session wants done next. Do that one thing, report it with the method that the
/// variant names, and ask again.
#[derive(Debug)]
pub enum Step<'s> {
    /// Open the file or folder that a request names
    /// ([`os::lookup`](crate::os::lookup)); answer with `on_found`.
    Lookup(Lookup<'s>),
    /// Read a part of a file ([`os::read_file`](crate::os::read_file)); answer with
    /// `on_file_read`.
    ReadFile(ReadFile<'s>),
    /// Append content of the request to a temporary file ([`os::spool`](crate::os::spool)); answer
    /// with `on_spooled`.
    Spool(Spool<'s>),
    /// Change the file or folder that a request names ([`os::change`](crate::os::change)); answer
    /// with `on_changed`.
    Change(Change<'s>),
    /// Start a script ([`os::spawn`](crate::os::spawn)); answer with `on_spawned`.
    Spawn(Spawn<'s>),
    /// Move bytes to and from the backend ([`os::exchange`](crate::os::exchange)); answer with
    /// `on_exchanged`.
    Exchange(Exchange<'s>),
    /// Append lines to a log. No answer.
    Log(Log<'s>),
    /// Write `slices` to the socket ([`os::send`](crate::os::send)); answer with `on_written` or
    /// `on_write_blocked`.
    Write {
        /// A part of a file follows at once, and a packet may wait for it.
        more: bool,
    },
    /// Write a part of a file to the socket ([`os::send_file`](crate::os::send_file)); answer
    /// with `on_written` or `on_write_blocked`.
    SendFile(SendFile<'s>),
    /// Read what the socket has now into `read_slot`, without waiting; answer with `on_read` or
    /// `on_read_blocked`.
    Read,
    /// Shut down the sending side of the socket. No answer.
    ShutdownWrite,
    /// Wait until one of these holds: then `on_read`, `on_writable` or `on_timeout`.
    Wait(Wait),
    /// Close the socket with a reset, so that the kernel forgets what it still holds.
    Reset,
    /// Close the socket. The session is over.
    Close,
}

/// What to wait for, at least one of them. Without `read` and `write` it is for the moment alone: whatever
/// the socket has to tell, except that it is broken, changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The socket can be read into `read_slot`.
    pub read: bool,
    /// The socket can be written.
    pub write: bool,
    /// The descriptor of [`Session::backend`](crate::Session::backend) can be read: then
    /// `on_backend`.
    pub backend: bool,
    /// This moment has come.
    pub until: Option<Instant>,
}

/// Lines for a log.
#[derive(Clone, Copy, Debug)]
pub struct Log<'s> {
    /// The log.
    pub writer: &'s LogWriter,
    /// The lines, each ending in a newline.
    pub lines: &'s str,
}

/// Which file or folder a request names.
#[derive(Debug)]
pub struct Lookup<'s> {
    /// The folder that nothing may leave.
    pub root: &'s Root,
    /// The path below it.
    pub path: &'s CleanPath,
    /// File names to try, in order, where the path names a folder.
    pub index: &'s [String],
    /// Whether a folder without an index file is listed.
    pub listing: bool,
    /// The symbolic links that are followed.
    pub links: Links<'s>,
    /// What is remembered of other lookups, if anything. Listings are not.
    pub caching: Option<Caching<'s>>,
    /// Whether the path may go on behind the name of a file: [`Found::Script`].
    pub path_info: bool,
    /// Whether a program is found although it may not be read: it may run all the same.
    pub programs: bool,
}

/// Which symbolic links are followed: nginx's `disable_symlinks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links<'s> {
    /// Those that stay below the root.
    Beneath,
    /// All.
    All,
    /// None, in the whole path from `/` on; but all in this first part of it.
    None(&'s [u8]),
    /// Those that have the same owner as what they lead to; but all in this first part of the path.
    SameOwner(&'s [u8]),
}

/// How a lookup is answered from what is remembered: nginx's `open_file_cache_…`.
#[derive(Clone, Copy, Debug)]
pub struct Caching<'s> {
    /// What is remembered.
    pub cache: &'s FileCache,
    /// How long it holds until it is looked at again.
    pub valid: Duration,
    /// So many lookups must have asked for a file until it is kept open.
    pub min_uses: u32,
    /// Whether failures are remembered.
    pub errors: bool,
    /// The present time.
    pub now: Now,
}

/// What a lookup found.
#[derive(Debug)]
pub enum Found {
    /// A regular file, open.
    File {
        /// The open file.
        file: OpenFile,
        /// The index file that stands for the folder asked for: its place in
        /// [`Lookup::index`].
        index: Option<usize>,
    },
    /// A regular file that the front of the path names, where [`Lookup::path_info`] allows it.
    Script {
        /// The open file.
        file: OpenFile,
        /// Bytes of the path behind its name.
        path_info: usize,
    },
    /// A folder: the path does not end in a slash, or there is neither an index file nor a listing.
    Folder,
    /// The content of a folder, when [`Lookup::listing`] allows it.
    Listing(Vec<Entry>),
}

/// One line of a folder's listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The name as the file system spells it, not always UTF-8.
    pub name: Vec<u8>,
    /// Whether it is a folder.
    pub folder: bool,
    /// Bytes; 0 for a folder.
    pub len: u64,
    /// The last change, where the file system knows it.
    pub modified: Option<SystemTime>,
}

/// Fill `buf` from `offset`.
#[derive(Debug)]
pub struct ReadFile<'s> {
    /// The file.
    pub file: &'s OpenFile,
    /// The first byte to read.
    pub offset: u64,
    /// Where to put the bytes; all of it is wanted.
    pub buf: &'s mut [u8],
}

/// Send `len` bytes from `offset`, or fewer.
#[derive(Debug)]
pub struct SendFile<'s> {
    /// The file.
    pub file: &'s OpenFile,
    /// The first byte to send.
    pub offset: u64,
    /// The most bytes to send now; at least 1.
    pub len: usize,
}

/// Append `bytes` to `file`.
#[derive(Debug)]
pub struct Spool<'s> {
    /// The file.
    pub file: &'s mut SpoolFile,
    /// The bytes; all of them are to be written.
    pub bytes: &'s [u8],
}

/// Change what a path names, if the request's preconditions hold.
#[derive(Debug)]
pub struct Change<'s> {
    /// The folder that nothing may leave.
    pub root: &'s Root,
    /// The path below it.
    pub path: &'s CleanPath,
    /// The symbolic links that are followed on the way to the last name, which never is.
    pub links: Links<'s>,
    /// What is done.
    pub deed: Deed<'s>,
    /// How far it is.
    pub progress: &'s mut Progress,
    /// The permissions of new files; folders can also be entered by who may read them. nginx's
    /// `dav_access`, default 0600.
    pub mode: u32,
    pub(crate) request: Option<RequestHead<'s>>,
    /// Whether files have entity tags.
    pub(crate) etag: bool,
    pub(crate) now: SystemTime,
    /// What is remembered of files.
    pub(crate) caches: &'s [FileCache],
}

impl<'s> Change<'s> {
    /// A change that no request asks for.
    pub fn new(
        root: &'s Root,
        path: &'s CleanPath,
        deed: Deed<'s>,
        progress: &'s mut Progress,
    ) -> Self {
        Self {
            root,
            path,
            links: Links::Beneath,
            deed,
            progress,
            mode: 0o600,
            request: None,
            etag: true,
            now: SystemTime::UNIX_EPOCH,
            caches: &[],
        }
    }
}

/// What a [`Change`] does.
#[derive(Clone, Copy, Debug)]
pub enum Deed<'s> {
    /// Stores a file in the place of whatever file is there (RFC 9110, section 9.3.4).
    Put {
        /// The front of its content.
        front: Option<&'s SpoolFile>,
        /// The rest.
        rest: &'s [u8],
        /// Whether folders that are missing are made.
        folders: bool,
        /// The time of its last change, unless that is now.
        modified: Option<SystemTime>,
    },
    /// Removes a file; or a folder and all that is in it (RFC 9110, section 9.3.5).
    Delete {
        /// A folder is meant.
        folder: bool,
    },
    /// Makes a folder (RFC 4918, section 9.3).
    MakeFolder,
}

/// What comes of [`Step::Change`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// There is a file or folder where none was.
    Created,
    /// What was there is replaced, or gone.
    Done,
    /// A part is done: the session asks again.
    Part,
    /// Nothing, as a precondition does not hold.
    Unmet,
    /// Nothing, as what is there is of another kind, or a folder is missing.
    Conflict,
    /// Nothing, as there is something already.
    Exists,
}

/// Run a script.
#[derive(Debug)]
pub struct Spawn<'s> {
    pub(crate) script: &'s Script,
    /// What its standard input brings.
    pub content: SpawnContent<'s>,
    pub(crate) children: &'s Arc<Children>,
    pub(crate) turn: &'s mut Option<Turn>,
    /// Where its standard error goes.
    pub(crate) errors: Option<&'s LogWriter>,
}

impl Spawn<'_> {
    /// The script.
    pub fn path(&self) -> &std::path::Path {
        &self.script.path
    }

    /// The program that runs it, if it does not run by itself.
    pub fn interpreter(&self) -> Option<&std::path::Path> {
        self.script.interpreter.as_deref()
    }

    /// The value of a variable in its environment.
    pub fn variable(&self, name: &str) -> Option<&[u8]> {
        self.script.env.get(name)
    }
}

/// The content of a request, for a script.
#[derive(Debug)]
pub enum SpawnContent<'s> {
    /// There is none.
    None,
    /// All of it.
    Bytes(&'s [u8]),
    /// All of it.
    File(&'s SpoolFile),
    /// It comes in [`Exchange`]s.
    Stream,
}

/// What comes of [`Step::Spawn`].
#[derive(Debug)]
pub enum Started {
    /// The script runs.
    Running(Backend),
    /// It has to wait until others have ended.
    Queued,
    /// So many wait that this one may not.
    Full,
}

/// Move what can be moved without waiting.
#[derive(Debug)]
pub struct Exchange<'s> {
    /// The backend.
    pub backend: &'s mut Backend,
    /// Content of the request that is next.
    pub content: &'s [u8],
    /// No more follows it.
    pub whole: bool,
    /// Where to append output, if there is room for any.
    pub output: Option<&'s mut BytesMut>,
}

/// What comes of [`Step::Exchange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Bytes of the content that were taken.
    pub taken: usize,
    /// What has come.
    pub output: Output,
    /// How the process has ended, if it has.
    pub exit: Option<Exit>,
    /// Whether there is a process.
    pub has_process: bool,
}

/// What a backend has brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// So many bytes, at least one; there may be more.
    Bytes(usize),
    /// Nothing now.
    Blocked,
    /// Its end.
    End,
}

/// How a process has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With this status.
    Status(i32),
    /// By this signal.
    Signal(i32),
}
