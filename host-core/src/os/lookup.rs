//! From a path to an open file, never leaving the root.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Dir, DirEntry, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::{Errno, Result, retry_on_intr};

use super::file::{self, OpenFile};
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
/// What is opened lies below the root, symbolic links included: on Linux the kernel sees to that
/// (`openat2`), and a link works as long as it stays inside. Without `openat2`, links are refused.
/// The type is read from the open descriptor, and that descriptor is what is served, so no race
/// with a rename can exchange the file in between.
///
/// # Errors
///
/// `NotFound` if there is no such file, or if it is a file and the path ends in a slash.
/// `PermissionDenied` if the file may not be read, is no regular file, or lies outside the root.
/// `ResourceBusy` if there are no more
/// descriptors or memory. Others as they come.
///
/// ```
/// use host_core::{CleanPath, Found, Lookup, os};
///
/// let root = os::Root::open("src".as_ref())?;
/// let mut path = CleanPath::new();
/// path.decode("/lib.rs")?;
/// let found = os::lookup(&Lookup { root: &root, path: &path, index: &[], listing: false, path_info: false })?;
/// assert!(matches!(found, Found::File { index: None, .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn lookup(lookup: &Lookup<'_>) -> io::Result<Found> {
    let root = lookup.root.folder()?;
    let beneath = Beneath {
        root: root.as_fd(),
        open: open_beneath,
    };
    beneath.find(lookup)
}

/// Opens a path below a folder.
type Open = fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd>;

struct Beneath<'r> {
    root: BorrowedFd<'r>,
    open: Open,
}

impl Beneath<'_> {
    fn find(&self, lookup: &Lookup<'_>) -> io::Result<Found> {
        if !lookup.path.is_folder() {
            return match self.find_file(lookup.path.below_root()) {
                Err(_) if lookup.path_info => self.find_script(lookup.path.below_root()),
                found => found,
            };
        }
        for (index, name) in lookup.index.iter().enumerate() {
            if let Some(file) = self.find_index(&join(lookup, name.as_bytes()))? {
                let index = Some(index);
                return Ok(Found::File { file, index });
            }
        }
        match self.find_folder(lookup) {
            Err(_) if lookup.path_info => self.find_script(lookup.path.below_root()),
            found => found,
        }
    }

    fn find_file(&self, path: &[u8]) -> io::Result<Found> {
        let opened = match (self.open)(self.root, path, READ) {
            // A folder without permission to read may have an index file all the same.
            Err(Errno::ACCESS)
                if (self.open)(self.root, path, LOOK | OFlags::DIRECTORY).is_ok() =>
            {
                return Ok(Found::Folder);
            }
            opened => opened.map_err(error)?,
        };
        let stat = fstat(&opened)?;
        if is(&stat, FileType::Directory) {
            return Ok(Found::Folder);
        }
        let file = OpenFile::with_stat(File::from(opened), &stat)?;
        Ok(Found::File { file, index: None })
    }

    /// The longest front of `path` that names a file.
    fn find_script(&self, path: &[u8]) -> io::Result<Found> {
        let mut front = path;
        loop {
            match (self.open)(self.root, front, LOOK) {
                // Something in front of the last name is a file.
                Err(Errno::NOTDIR) => {}
                Err(errno) => return Err(error(errno)),
                Ok(_) if front.len() == path.len() => return self.find_file(path),
                Ok(_) => break,
            }
            let slash = memchr::memrchr(b'/', front);
            front = &front[..slash.ok_or(ErrorKind::NotFound)?];
        }
        match self.find_file(front)? {
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
        match self.find_file(path) {
            Ok(Found::File { file, .. }) => Ok(Some(file)),
            Ok(_) => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A folder without index file.
    fn find_folder(&self, lookup: &Lookup<'_>) -> io::Result<Found> {
        let flags = if lookup.listing { READ } else { LOOK };
        let path = lookup.path.below_root();
        let folder = (self.open)(self.root, path, flags | OFlags::DIRECTORY).map_err(error)?;
        if !lookup.listing {
            return Ok(Found::Folder);
        }
        let mut dir = Dir::new(folder)?;
        let mut entries = Vec::new();
        while entries.len() < LISTING_READ_MAX
            && let Some(entry) = dir.read()
        {
            entries.extend(self.entry(lookup, dir.fd()?, &entry?));
        }
        Ok(Found::Listing(entries))
    }

    /// A line of a listing, if it is a file or folder that [`lookup`] would find.
    fn entry(&self, lookup: &Lookup<'_>, dir: BorrowedFd<'_>, entry: &DirEntry) -> Option<Entry> {
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            return None;
        }
        let mut stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        if is(&stat, FileType::Symlink) {
            let target = (self.open)(self.root, &join(lookup, name.to_bytes()), LOOK);
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
}

/// The path, relative to the root, of `name` in the folder that is looked up.
fn join(lookup: &Lookup<'_>, name: &[u8]) -> Vec<u8> {
    [lookup.path.below_root(), b"/", name].concat()
}

fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}

/// The kind of error that a lookup promises.
fn error(errno: Errno) -> io::Error {
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

/// Opens `path`, which may go through symbolic links, if none of it leaves `root`.
#[cfg(target_os = "linux")]
fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};

    const RESOLVE: ResolveFlags = ResolveFlags::BENEATH.union(ResolveFlags::NO_MAGICLINKS);
    const TRIES: usize = 8;

    let open = || retry_on_intr(|| openat2(root, path, flags, Mode::empty(), RESOLVE));
    let mut opened = open();
    for _ in 1..TRIES {
        // A rename came in between: the kernel cannot tell whether `..` left the root.
        if !matches!(opened, Err(Errno::AGAIN)) {
            break;
        }
        opened = open();
    }
    match opened {
        // An old kernel, or a filter of system calls that does not know this one.
        Err(Errno::NOSYS | Errno::PERM) => walk(root, path, flags),
        opened => opened,
    }
}

#[cfg(not(target_os = "linux"))]
use walk as open_beneath;

/// Opens `path` name by name, and follows no symbolic link.
fn walk(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let parts = path.split(|&byte| byte == b'/');
    let mut names = parts.filter(|name| !matches!(*name, b"" | b".")).peekable();
    let mut folder: Option<OwnedFd> = None;
    while let Some(name) = names.next() {
        let flags = match names.peek() {
            Some(_) => LOOK | OFlags::DIRECTORY,
            None if path.ends_with(b"/") => flags | OFlags::DIRECTORY,
            None => flags,
        };
        let parent = folder.as_ref().map_or(root, AsFd::as_fd);
        folder = Some(open_name(parent, name, flags)?);
    }
    match folder {
        Some(opened) => Ok(opened),
        None => open_name(root, b".", flags),
    }
}

fn open_name(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    if name == b".." {
        return Err(Errno::XDEV);
    }
    let flags = flags | OFlags::NOFOLLOW;
    match retry_on_intr(|| openat(parent, name, flags, Mode::empty())) {
        // Linux says this, too, of a link where it was told to open a folder.
        Err(Errno::NOTDIR) if is_link(parent, name) => Err(Errno::LOOP),
        opened => opened,
    }
}

fn is_link(parent: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| is(&stat, FileType::Symlink))
}

#[cfg(test)]
mod tests;
