//! The one question a driver asks, [`Session::step`](crate::Session::step), and its answers.

use std::time::{Instant, SystemTime};

use crate::os::{LogWriter, OpenFile, Root};
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
    /// Read the first part of a body ([`os::read_file`](crate::os::read_file)); answer with
    /// `on_file_read`.
    ReadFile(ReadFile<'s>),
    /// Append lines to the access log. No answer.
    Log(Log<'s>),
    /// Write `slices` to the socket; answer with `on_written` or `on_write_blocked`.
    Write,
    /// Write a part of a file to the socket ([`os::send_file`](crate::os::send_file)); answer
    /// with `on_written` or `on_write_blocked`.
    SendFile(SendFile<'s>),
    /// Read what the socket has now into `read_slot`, without waiting; answer with `on_read` or
    /// `on_read_blocked`. Asked for only after [`drain`](crate::Session::drain).
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
    /// This moment has come.
    pub until: Option<Instant>,
}

/// Lines for the access log.
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
