//! From a path to an open file, never leaving the root.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, OFlags, fstat, statat};
use rustix::io::{Errno, Result};

use super::file::{self, OpenFile};
use super::links::{self, is, open};
use super::root::LOOK;
use crate::files::listing::LISTING_READ_MAX;
use crate::step::{Entry, Found, Lookup};

/// Non-blocking, so that a FIFO without a writer is opened at once, and then refused.
const READ: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// Opens the file or folder that a request names.
///
/// What is opened lies below the root, symbolic links included, unless [`Lookup::links`] says otherwise: on
/// Linux the kernel sees to that (`openat2`), and a link works as long as it stays inside. Without
/// `openat2`, links are refused.
/// The type is read from the open descriptor, and that descriptor is what is served, so no race
/// with a rename can exchange the file in between.
///
/// # Errors
///
/// `NotFound` if there is no such file, or if it is a file and the path ends in a slash.
/// `PermissionDenied` if the file may not be read (but see [`Lookup::programs`]), is no regular file, or lies outside the root.
/// `ResourceBusy` if there are no more
/// descriptors or memory. Others as they come.
///
/// ```
/// use host_core::{CleanPath, Found, Links, Lookup, os};
///
/// let root = os::Root::open("src".as_ref())?;
/// let mut path = CleanPath::new();
/// path.decode("/lib.rs")?;
/// let found = os::lookup(&Lookup {
///     root: &root,
///     path: &path,
///     index: &[],
///     listing: false,
///     links: Links::Beneath,
///     caching: None,
///     path_info: false,
///     programs: false,
/// })?;
/// assert!(matches!(found, Found::File { index: None, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lookup(lookup: &Lookup<'_>) -> io::Result<Found> {
    Finder { lookup, open }.find()
}

/// Opens a path of a lookup.
type Open = fn(&Lookup<'_>, &[u8], OFlags) -> Result<OwnedFd>;

struct Finder<'l> {
    lookup: &'l Lookup<'l>,
    open: Open,
}

impl Finder<'_> {
    fn find(&self) -> io::Result<Found> {
        let path = self.lookup.path.below_root();
        if !self.lookup.path.is_folder() {
            return match self.remembered(path, || self.find_file(path)) {
                Err(_) if self.lookup.path_info => self.find_script(path),
                found => found,
            };
        }
        for (index, name) in self.lookup.index.iter().enumerate() {
            if let Some(file) = self.find_index(&self.join(name.as_bytes()))? {
                let index = Some(index);
                return Ok(Found::File { file, index });
            }
        }
        let found = match self.lookup.listing {
            true => self.list(path),
            false => self.remembered(path, || self.find_folder(path)),
        };
        match found {
            Err(_) if self.lookup.path_info => self.find_script(path),
            found => found,
        }
    }

    /// What the cache knows of this path, or what is found.
    fn remembered(
        &self,
        path: &[u8],
        find: impl FnOnce() -> io::Result<Found>,
    ) -> io::Result<Found> {
        let Some(caching) = &self.lookup.caching else {
            return find();
        };
        // Roots live as long as the cache.
        let root = std::ptr::from_ref(self.lookup.root).addr();
        let (kind, from) = links::key(self.lookup.links);
        let (root, len) = (root.to_ne_bytes(), from.len().to_ne_bytes());
        let kind = [kind, self.lookup.programs.into()];
        caching
            .cache
            .find(caching, &[&root, &kind, &len, from, path], find)
    }

    fn find_file(&self, path: &[u8]) -> io::Result<Found> {
        let opened = match (self.open)(self.lookup, path, READ) {
            Err(Errno::ACCESS) => return self.find_unreadable(path),
            opened => opened.map_err(error)?,
        };
        let stat = fstat(&opened)?;
        if is(&stat, FileType::Directory) {
            return Ok(Found::Folder);
        }
        let file = OpenFile::with_stat(File::from(opened), &stat)?;
        Ok(Found::File { file, index: None })
    }

    /// A folder without permission to read may have an index file all the same, and a program may run.
    fn find_unreadable(&self, path: &[u8]) -> io::Result<Found> {
        let opened = (self.open)(self.lookup, path, LOOK).map_err(error)?;
        let stat = fstat(&opened)?;
        if is(&stat, FileType::Directory) {
            return Ok(Found::Folder);
        }
        let file = OpenFile::with_stat(File::from(opened), &stat)?.unreadable();
        match self.lookup.programs && file.is_executable() {
            true => Ok(Found::File { file, index: None }),
            false => Err(error(Errno::ACCESS)),
        }
    }

    /// The longest front of `path` that names a file.
    fn find_script(&self, path: &[u8]) -> io::Result<Found> {
        let mut front = path;
        loop {
            match (self.open)(self.lookup, front, LOOK) {
                // Something in front of the last name is a file.
                Err(Errno::NOTDIR) => {}
                Err(errno) => return Err(error(errno)),
                Ok(_) if front.len() == path.len() => return self.find_file(path),
                Ok(_) => break,
            }
            let slash = memchr::memrchr(b'/', front);
            front = &front[..slash.ok_or(ErrorKind::NotFound)?];
        }
        match self.remembered(front, || self.find_file(front))? {
            Found::File { file, .. } => Ok(Found::Script {
                file,
                path_info: path.len() - front.len(),
            }),
            _ => Err(ErrorKind::NotFound.into()),
        }
    }

    /// The index file at `path`, if there is one. It is looked up from the root and not from its
    /// folder, since it may be a link to anywhere in the root.
    fn find_index(&self, path: &[u8]) -> io::Result<Option<OpenFile>> {
        match self.remembered(path, || self.find_file(path)) {
            Ok(Found::File { file, .. }) => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A folder without index file.
    fn find_folder(&self, path: &[u8]) -> io::Result<Found> {
        (self.open)(self.lookup, path, LOOK | OFlags::DIRECTORY).map_err(error)?;
        Ok(Found::Folder)
    }

    fn list(&self, path: &[u8]) -> io::Result<Found> {
        let flags = READ | OFlags::DIRECTORY;
        let folder = (self.open)(self.lookup, path, flags).map_err(error)?;
        let mut dir = Dir::new(folder)?;
        let mut entries = Vec::new();
        while entries.len() < LISTING_READ_MAX
            && let Some(entry) = dir.read()
        {
            entries.extend(self.entry(dir.fd()?, &entry?));
        }
        Ok(Found::Listing(entries))
    }

    /// A line of a listing, if it is a file or folder that [`lookup`] would find.
    fn entry(&self, dir: BorrowedFd<'_>, entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            return None;
        }
        let mut stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if is(&stat, FileType::Symlink) {
            let target = (self.open)(self.lookup, &self.join(name.to_bytes()), LOOK);
            stat = fstat(target.ok()?).ok()?;
        }
        let folder = is(&stat, FileType::Directory);
        (folder || is(&stat, FileType::RegularFile)).then(|| Entry {
            name: name.to_bytes().to_vec(),
            folder,
            len: if folder { 0 } else { file::len(&stat) },
            modified: file::modified(&stat),
        })
    }

    /// The path, relative to the root, of `name` in the folder that is looked up.
    fn join(&self, name: &[u8]) -> Vec<u8> {
        let folder = self.lookup.path.as_bytes();
        [&folder[1..], name].concat()
    }
}

/// The kind of error that a lookup promises.
pub(super) fn error(errno: Errno) -> io::Error {
    let kind = match errno {
        // Too long a name, or a file where the path has a folder, is no name of anything.
        Errno::NAMETOOLONG | Errno::NOTDIR => ErrorKind::NotFound,
        // Links that leave the root or go in circles (`O_NOFOLLOW` has its own number on some
        // systems), sockets and devices.
        Errno::XDEV | Errno::LOOP | Errno::MLINK | Errno::NXIO | Errno::NODEV => {
            ErrorKind::PermissionDenied
        }
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => ErrorKind::ResourceBusy,
        _ => return errno.into(),
    };
    io::Error::new(kind, errno)
}

#[cfg(test)]
mod tests;
