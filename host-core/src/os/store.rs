//! A file on its way to its name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::time::SystemTime;

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, linkat, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::spool::SpoolFile;
use crate::route::new_id;

/// Bytes that one call copies, so that other connections have their turn.
const PART: u64 = 4 << 20;

/// A file under a name that nobody knows, in the folder where it is to be. It goes when it is dropped
/// before it has its name.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) folder: OwnedFd,
    temporary: String,
    file: File,
    /// What is still to be copied.
    source: Option<File>,
    placed: bool,
}

impl Store {
    /// An empty file in `folder`, which begins with `front`.
    pub(super) fn new(folder: OwnedFd, front: Option<&SpoolFile>) -> io::Result<Self> {
        let source = front.map(SpoolFile::reader).transpose()?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        loop {
            let [id, _] = new_id();
            let temporary = format!(".h1-{id:016x}");
            match openat(&folder, &temporary, flags, Mode::RUSR | Mode::WUSR) {
                Err(Errno::EXIST) => {}
                opened => {
                    return Ok(Self {
                        file: opened?.into(),
                        folder,
                        temporary,
                        source,
                        placed: false,
                    });
                }
            }
        }
    }

    /// Copies the next part; returns whether that was the last one.
    pub(super) fn copy(&mut self) -> io::Result<bool> {
        let Some(source) = &mut self.source else {
            return Ok(true);
        };
        Ok(io::copy(&mut source.take(PART), &mut self.file)? < PART)
    }

    /// Writes the end of the file, and lets others have it.
    pub(super) fn finish(
        &mut self,
        rest: &[u8],
        mode: Mode,
        modified: Option<SystemTime>,
    ) -> io::Result<()> {
        self.file.write_all(rest)?;
        fchmod(&self.file, mode)?;
        match modified {
            Some(time) => self.file.set_modified(time),
            None => Ok(()),
        }
    }

    /// Gives the file its name; `alone`: unless something has it already.
    pub(super) fn place(mut self, name: &[u8], alone: bool) -> Result<(), Errno> {
        let (folder, temporary) = (&self.folder, &self.temporary);
        if alone {
            match linkat(folder, temporary, folder, name, AtFlags::empty()) {
                // A file system without links: the look before has to do.
                Err(Errno::PERM | Errno::OPNOTSUPP | Errno::NOSYS) => {}
                linked => return linked,
            }
        }
        renameat(folder, temporary, folder, name)?;
        self.placed = true;
        Ok(())
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if !self.placed {
            // Nobody can be told.
            let _ = unlinkat(&self.folder, &self.temporary, AtFlags::empty());
        }
    }
}
