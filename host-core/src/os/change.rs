//! Storing and removing files and folders, never outside the root.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, Stat, fchmod, fstat, mkdirat, openat, statat, unlinkat,
};
use rustix::io::{Errno, Result};

use super::file;
use super::links::{self, is};
use super::lookup::error;
use super::root::LOOK;
use super::store::Store;
use super::tree::remove_tree;
use crate::files::conditional::Validators;
use crate::step::{Change, Changed, Deed, Lookup};

/// How far a [`Change`] is. What it has not finished is undone when this is dropped.
#[derive(Debug, Default)]
pub struct Progress {
    /// A file on its way to its name.
    store: Option<Store>,
    /// A part of what is to be removed has gone.
    removes: bool,
}

/// Changes the file or folder that a request names.
///
/// All names but the last are looked up as [`lookup`](super::lookup()) does. A symbolic link at the last one is
/// itself what is replaced or removed. A file that is stored is written under another name in the same folder, and renamed
/// when it is whole. Large content, and folders with much in them, take several calls
/// ([`Changed::Part`]).
///
/// ```
/// use host_core::{CleanPath, Deed, os};
///
/// # let folder = tempfile::tempdir()?;
/// let root = os::Root::open(folder.path())?;
/// let mut path = CleanPath::new();
/// path.decode("/new/")?;
/// let mut progress = os::Progress::default();
/// let mut change = host_core::Change::new(&root, &path, Deed::MakeFolder, &mut progress);
/// assert_eq!(os::change(&mut change)?, host_core::Changed::Created);
/// assert_eq!(os::change(&mut change)?, host_core::Changed::Exists);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// `NotFound` if there is nothing to remove. `PermissionDenied` if it may not be changed, or lies outside
/// the root. `StorageFull` and others as they come.
pub fn change(change: &mut Change<'_>) -> io::Result<Changed> {
    let changed = match change.deed {
        Deed::Put { .. } => put(change),
        Deed::Delete { folder } => delete(change, folder),
        Deed::MakeFolder => make_folder(change),
    };
    for cache in change.caches {
        cache.outdate();
    }
    changed
}

fn put(change: &mut Change<'_>) -> io::Result<Changed> {
    let Deed::Put {
        front,
        rest,
        folders,
        modified,
    } = change.deed
    else {
        return Ok(Changed::Conflict);
    };
    let (parent, name) = split(change);
    if change.progress.store.is_none() {
        let folder = match open(change, parent, LOOK | OFlags::DIRECTORY) {
            Ok(folder) => Some(folder),
            Err(Errno::NOENT) if folders => None,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Changed::Conflict),
            Err(errno) => return Err(error(errno)),
        };
        let (_, refused) = replaces(change, folder.as_ref(), name)?;
        if let Some(refused) = refused {
            return Ok(refused);
        }
        let folder = match folder {
            Some(folder) => folder,
            None => match make_folders(change, parent) {
                Err(Errno::NOTDIR) => return Ok(Changed::Conflict),
                made => made.map_err(error)?,
            },
        };
        change.progress.store = Some(Store::new(folder, front)?);
    }
    let Some(store) = &mut change.progress.store else {
        return Ok(Changed::Conflict);
    };
    if !store.copy()? {
        return Ok(Changed::Part);
    }
    let Some(mut store) = change.progress.store.take() else {
        return Ok(Changed::Conflict);
    };
    store.finish(rest, Mode::from_raw_mode(change.mode), modified)?;
    // Others may have been here since the first look.
    let (exists, refused) = replaces(change, Some(&store.folder), name)?;
    if let Some(refused) = refused {
        return Ok(refused);
    }
    match store.place(name, wants_none(change)) {
        Ok(()) if exists => Ok(Changed::Done),
        Ok(()) => Ok(Changed::Created),
        Err(Errno::EXIST) => Ok(Changed::Unmet),
        Err(Errno::ISDIR | Errno::NOTEMPTY) => Ok(Changed::Conflict),
        Err(errno) => Err(error(errno)),
    }
}

/// Whether a file is replaced, and what speaks against that.
fn replaces(
    change: &Change<'_>,
    folder: Option<&OwnedFd>,
    name: &[u8],
) -> io::Result<(bool, Option<Changed>)> {
    let there = match folder {
        Some(folder) => look(folder.as_fd(), name).map_err(error)?,
        None => None,
    };
    let refused = match there {
        Some(stat) if is(&stat, FileType::Directory) => Some(Changed::Conflict),
        there if !allowed(change, there.as_ref()) => Some(Changed::Unmet),
        _ => None,
    };
    Ok((there.is_some(), refused))
}

fn delete(change: &mut Change<'_>, folder: bool) -> io::Result<Changed> {
    let (parent, name) = split(change);
    let parent = match open(change, parent, LOOK | OFlags::DIRECTORY) {
        Err(Errno::NOTDIR) => return Ok(Changed::Conflict),
        parent => parent.map_err(error)?,
    };
    if name.is_empty() {
        return Ok(Changed::Conflict);
    }
    let stat = look(parent.as_fd(), name).map_err(error)?;
    let Some(stat) = stat else {
        return Err(error(Errno::NOENT));
    };
    // As with nginx a slash at the end says that the folder is meant, and what is in it.
    if is(&stat, FileType::Directory) != folder {
        return Ok(Changed::Conflict);
    }
    if !change.progress.removes && !allowed(change, Some(&stat)) {
        return Ok(Changed::Unmet);
    }
    change.progress.removes = true;
    let removed = match folder {
        true => remove_tree(parent.as_fd(), name),
        false => unlinkat(&parent, name, AtFlags::empty()).map(|()| true),
    };
    match removed {
        Ok(true) => Ok(Changed::Done),
        Ok(false) => Ok(Changed::Part),
        // Somebody has put something into it meanwhile.
        Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(Changed::Conflict),
        Err(errno) => Err(error(errno)),
    }
}

fn make_folder(change: &Change<'_>) -> io::Result<Changed> {
    let (parent, name) = split(change);
    let parent = match open(change, parent, LOOK | OFlags::DIRECTORY) {
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Changed::Conflict),
        parent => parent.map_err(error)?,
    };
    if name.is_empty() || look(parent.as_fd(), name).map_err(error)?.is_some() {
        return Ok(Changed::Exists);
    }
    if !allowed(change, None) {
        return Ok(Changed::Unmet);
    }
    match make(&parent, name, change.mode) {
        Ok(()) => Ok(Changed::Created),
        Err(Errno::EXIST) => Ok(Changed::Exists),
        Err(errno) => Err(error(errno)),
    }
}

/// Makes a folder where files have `mode`, whatever the umask is.
fn make(parent: &OwnedFd, name: &[u8], mode: u32) -> Result<()> {
    mkdirat(parent, name, Mode::RWXU)?;
    let enter = Mode::from_raw_mode(mode | (mode & 0o444) >> 2);
    if enter != Mode::RWXU {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        fchmod(openat(parent, name, flags, Mode::empty())?, enter)?;
    }
    Ok(())
}

/// The folder at `path`, with all that are missing on the way there.
fn make_folders(change: &Change<'_>, path: &[u8]) -> Result<OwnedFd> {
    let mut folder = open(change, b".", LOOK | OFlags::DIRECTORY)?;
    let mut at = 0;
    for name in path.split(|&byte| byte == b'/') {
        let end = at + name.len();
        let front = &path[..end];
        folder = match open(change, front, LOOK | OFlags::DIRECTORY) {
            Err(Errno::NOENT) => {
                match make(&folder, name, change.mode) {
                    Ok(()) | Err(Errno::EXIST) => {}
                    Err(errno) => return Err(errno),
                }
                open(change, front, LOOK | OFlags::DIRECTORY)?
            }
            opened => opened?,
        };
        at = end + 1;
    }
    Ok(folder)
}

/// The folder that the path is in, and the name there; that of the root is empty.
fn split<'s>(change: &Change<'s>) -> (&'s [u8], &'s [u8]) {
    let path = &change.path.as_bytes()[1..];
    let path = path.strip_suffix(b"/").unwrap_or(path);
    match memchr::memrchr(b'/', path) {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b".", path),
    }
}

fn open(change: &Change<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let lookup = Lookup {
        root: change.root,
        path: change.path,
        index: &[],
        listing: false,
        links: change.links,
        caching: None,
        path_info: false,
        programs: false,
    };
    links::open(&lookup, path, flags)
}

/// What has this name, which may be a link.
fn look(folder: BorrowedFd<'_>, name: &[u8]) -> Result<Option<Stat>> {
    match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether the preconditions of the request hold.
fn allowed(change: &Change<'_>, there: Option<&Stat>) -> bool {
    let Some(request) = &change.request else {
        return true;
    };
    let path = change.path.below_root();
    let followed = match there {
        Some(stat) if is(stat, FileType::Symlink) => open(change, path, LOOK).and_then(fstat).ok(),
        _ => None,
    };
    let validators = match followed.as_ref().or(there) {
        Some(stat) if is(stat, FileType::RegularFile) => Validators::of(
            file::modified(stat),
            file::len(stat),
            change.etag,
            change.now,
        ),
        _ => Validators::none(),
    };
    validators.may_change(&request.fields(), there.is_some())
}

/// Whether the request is for a name that nobody has.
fn wants_none(change: &Change<'_>) -> bool {
    let request = change.request.as_ref();
    request.is_some_and(|it| it.fields().get("if-none-match") == Some(b"*"))
}
