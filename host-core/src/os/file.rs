//! Open files, and the bytes in them.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::{FileType, Mode, Stat, fstat};
use rustix::io::retry_on_intr;

use crate::date;
use crate::step::{ReadFile, SendFile};

/// Somebody may run it.
const EXECUTABLE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);

/// An open regular file, and what it was when it was opened.
#[derive(Debug)]
pub struct OpenFile {
    file: File,
    len: u64,
    modified: Option<SystemTime>,
    executable: bool,
}

impl OpenFile {
    /// Takes an open file.
    ///
    /// ```
    /// let file = std::fs::File::open("Cargo.toml")?;
    /// assert!(host_core::os::OpenFile::new(file)?.len() > 0);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `PermissionDenied` if it is not a regular file: a folder, FIFO, socket or device.
    pub fn new(file: File) -> io::Result<Self> {
        let stat = fstat(&file)?;
        Self::with_stat(file, &stat)
    }

    /// [`new`](Self::new), where the descriptor has been looked at already.
    pub(super) fn with_stat(file: File, stat: &Stat) -> io::Result<Self> {
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "not a regular file",
            ));
        }
        Ok(Self {
            file,
            len: len(stat),
            modified: modified(stat),
            executable: Mode::from_raw_mode(stat.st_mode).intersects(EXECUTABLE),
        })
    }

    /// Bytes in the file when it was opened.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a file of no bytes is like any other"
    )]
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether somebody may run it.
    pub(crate) fn is_executable(&self) -> bool {
        self.executable
    }

    /// When the file was last changed, if HTTP can express that: in the years 1970 to 9999.
    pub fn modified(&self) -> Option<SystemTime> {
        self.modified
    }
}

pub(super) fn len(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or_default()
}

pub(super) fn modified(stat: &Stat) -> Option<SystemTime> {
    let seconds = u64::try_from(stat.st_mtime).ok()?;
    let nanos = u32::try_from(stat.st_mtime_nsec).ok()?;
    let modified = UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))?;
    date::expressible(modified).then_some(modified)
}

/// Fills `read.buf` from `read.offset`. Returns the bytes read: fewer than asked for only at the
/// end of the file.
///
/// # Errors
///
/// Those of `pread`, but not `Interrupted`.
pub fn read_file(read: &mut ReadFile<'_>) -> io::Result<usize> {
    let mut done = 0;
    while done < read.buf.len() {
        let offset = read.offset + done as u64;
        match read.file.file.read_at(&mut read.buf[done..], offset) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// Sends bytes of a file to `socket`, with `sendfile` where there is one. Returns how many, which
/// may be fewer than asked for: ask for the rest from there. 0 is the end of the file.
///
/// # Errors
///
/// `WouldBlock` if the socket takes nothing now; else those of reading and writing, but not
/// `Interrupted`.
pub fn send_file(socket: impl AsFd, send: &SendFile<'_>) -> io::Result<usize> {
    #[cfg(target_os = "linux")]
    {
        use rustix::io::Errno;

        let mut offset = send.offset;
        let sent = retry_on_intr(|| {
            rustix::fs::sendfile(&socket, &send.file.file, Some(&mut offset), send.len)
        });
        match sent {
            // This file system, or this kind of socket, has none.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            sent => return Ok(sent?),
        }
    }
    copy(socket, send)
}

/// [`send_file`] through a buffer. What the socket does not take is read again next time.
fn copy(socket: impl AsFd, send: &SendFile<'_>) -> io::Result<usize> {
    let mut buffer = [0; 16 * 1024];
    let wanted = send.len.min(buffer.len());
    let read = read_file(&mut ReadFile {
        file: send.file,
        offset: send.offset,
        buf: &mut buffer[..wanted],
    })?;
    if read == 0 {
        return Ok(0);
    }
    Ok(retry_on_intr(|| {
        rustix::io::write(&socket, &buffer[..read])
    })?)
}
