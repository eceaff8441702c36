//! Open files, and the bytes in them.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use rustix::fs::{FileType, Mode, Stat, fstat};
use rustix::io::retry_on_intr;

use crate::date;
use crate::step::{ReadFile, SendFile};

/// Somebody may run it.
const EXECUTABLE: Mode = Mode::XUSR.union(Mode::XGRP).union(Mode::XOTH);

/// An open regular file, and what it was when it was opened.
#[derive(Debug)]
pub struct OpenFile {
    source: Source,
    len: u64,
    modified: Option<SystemTime>,
    executable: bool,
    readable: bool,
    version: Version,
}

/// Where the bytes of a file are.
#[derive(Debug)]
enum Source {
    Own(File),
    /// A [`FileCache`](super::FileCache) has it, too.
    Shared(Arc<File>),
    /// All of them, as long as the file.
    Memory(Bytes),
}

/// What changes whenever a file is changed or exchanged, but for two changes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    device: u64,
    inode: u64,
    len: i64,
    modified: (i64, i64),
    /// The last change of anything: nobody can set this time.
    changed: (i64, i64),
}

impl Version {
    fn of(stat: &Stat) -> Self {
        // The types of these fields are not the same on all systems.
        #[allow(clippy::unnecessary_cast)]
        Self {
            device: stat.st_dev as u64,
            inode: stat.st_ino as u64,
            len: stat.st_size as i64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            changed: (stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        }
    }

    /// When the file was last changed; long ago if that is before 1970.
    pub(super) fn changed(&self) -> SystemTime {
        let (seconds, nanos) = self.changed;
        let time = Duration::new(
            seconds.try_into().unwrap_or_default(),
            nanos.try_into().unwrap_or_default(),
        );
        UNIX_EPOCH.checked_add(time).unwrap_or(UNIX_EPOCH)
    }
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
            source: Source::Own(file),
            len: len(stat),
            modified: modified(stat),
            executable: Mode::from_raw_mode(stat.st_mode).intersects(EXECUTABLE),
            readable: true,
            version: Version::of(stat),
        })
    }

    /// The same file, where we may not read it.
    pub(super) fn unreadable(self) -> Self {
        Self {
            readable: false,
            ..self
        }
    }

    /// The same file, which [`again`](Self::again) can give out from now on.
    pub(super) fn shared(self) -> Self {
        let source = match self.source {
            Source::Own(file) => Source::Shared(Arc::new(file)),
            source => source,
        };
        Self { source, ..self }
    }

    /// The same file once more, if it is shared.
    pub(super) fn again(&self) -> Option<Self> {
        let source = match &self.source {
            Source::Own(_) => return None,
            Source::Shared(file) => Source::Shared(Arc::clone(file)),
            Source::Memory(bytes) => Source::Memory(bytes.clone()),
        };
        Some(Self { source, ..*self })
    }

    /// The same file with its bytes in memory, if it has not changed since it was opened.
    pub(super) fn in_memory(&self) -> Option<Self> {
        let mut bytes = vec![0; usize::try_from(self.len).ok()?];
        let mut read = ReadFile {
            file: self,
            offset: 0,
            buf: &mut bytes,
        };
        let whole = read_file(&mut read).ok()? == bytes.len();
        // A write in between shows here: the last one was long before.
        let same = Version::of(&fstat(self.descriptor()?).ok()?) == self.version;
        (whole && same).then(|| Self {
            source: Source::Memory(bytes.into()),
            ..*self
        })
    }

    /// These bytes, where they are in memory.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Option<Bytes> {
        let Source::Memory(bytes) = &self.source else {
            return None;
        };
        let range = usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?;
        let inside = range.start <= range.end && range.end <= bytes.len();
        inside.then(|| bytes.slice(range))
    }

    pub(super) fn is_in_memory(&self) -> bool {
        matches!(self.source, Source::Memory(_))
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    fn descriptor(&self) -> Option<&File> {
        match &self.source {
            Source::Own(file) => Some(file),
            Source::Shared(file) => Some(file),
            Source::Memory(_) => None,
        }
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

    /// Whether we may read it.
    pub(crate) fn is_readable(&self) -> bool {
        self.readable
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
    let Some(file) = read.file.descriptor() else {
        return Ok(copy_from_memory(read));
    };
    let mut done = 0;
    while done < read.buf.len() {
        let offset = read.offset + done as u64;
        match file.read_at(&mut read.buf[done..], offset) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

fn copy_from_memory(read: &mut ReadFile<'_>) -> usize {
    let end = read.offset.saturating_add(read.buf.len() as u64);
    let end = end.min(read.file.len);
    let bytes = read.file.bytes(read.offset..end).unwrap_or_default();
    read.buf[..bytes.len()].copy_from_slice(&bytes);
    bytes.len()
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
    if let Some(file) = send.file.descriptor() {
        use rustix::io::Errno;

        let mut offset = send.offset;
        let sent =
            retry_on_intr(|| rustix::fs::sendfile(&socket, file, Some(&mut offset), send.len));
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
