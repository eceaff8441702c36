//! Temporary files, for content that is too long for memory.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat, unlink};
use rustix::io::Errno;

use crate::route::new_id;
use crate::step::Spool;

/// A temporary file without a name, which is gone when it is closed.
#[derive(Debug, Default)]
pub struct SpoolFile {
    /// The folder that it is in; `None` is the system's for temporary files.
    folder: Option<PathBuf>,
    /// Made when the first bytes come.
    file: Option<File>,
    len: u64,
}

impl SpoolFile {
    /// A file in the folder for temporary files.
    pub fn new() -> Self {
        Self::default()
    }

    /// A file in `folder`, and so on its file system.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: Some(folder.to_owned()),
            ..Self::default()
        }
    }

    /// Bytes in it.
    #[expect(
        clippy::len_without_is_empty,
        reason = "a file of no bytes is like any other"
    )]
    pub fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.file.is_none() {
            self.file = Some(match &self.folder {
                Some(folder) => create(folder)?,
                None => create(&std::env::temp_dir())?,
            });
        }
        if let Some(file) = &mut self.file {
            file.write_all(bytes)?;
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// The file, to be read from its start by another process. Nothing is appended after that.
    pub(super) fn reader(&self) -> io::Result<File> {
        let file = self.file.as_ref().ok_or(ErrorKind::NotFound)?;
        let mut reader = file.try_clone()?;
        reader.rewind()?;
        Ok(reader)
    }
}

/// Appends bytes to a temporary file.
///
/// ```
/// use host_core::os::{SpoolFile, spool};
///
/// let mut file = SpoolFile::new();
/// spool(&mut host_core::Spool { file: &mut file, bytes: b"hello" })?;
/// assert_eq!(file.len(), 5);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
///
/// Those of creating the file and of writing to it, such as `StorageFull`.
pub fn spool(spool: &mut Spool<'_>) -> io::Result<()> {
    spool.file.append(spool.bytes)
}

fn create(folder: &Path) -> io::Result<File> {
    let flags = OFlags::RDWR | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    #[cfg(target_os = "linux")]
    match openat(CWD, folder, flags | OFlags::TMPFILE, mode) {
        // This file system has none of that kind.
        Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL) => {}
        created => return Ok(created?.into()),
    }
    loop {
        let [id, _] = new_id();
        let path = folder.join(format!(".h1-{id:016x}"));
        match openat(CWD, &path, flags | OFlags::CREATE | OFlags::EXCL, mode) {
            Err(Errno::EXIST) => {}
            created => {
                let file = File::from(created?);
                unlink(&path)?;
                return Ok(file);
            }
        }
    }
}
