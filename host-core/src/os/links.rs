//! Opening a path by the rules for symbolic links.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::{Errno, Result, retry_on_intr};

use super::root::{LOOK, open_folder};
use crate::step::{Links, Lookup};

/// What tells rules for links apart.
pub(super) fn key<'l>(links: Links<'l>) -> (u8, &'l [u8]) {
    match links {
        Links::Beneath => (0, b""),
        Links::All => (1, b""),
        Links::None(from) => (2, from),
        Links::SameOwner(from) => (3, from),
    }
}

/// Opens `path`, which begins below the root of the lookup.
pub(super) fn open(lookup: &Lookup<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    if lookup.links == Links::Beneath {
        return open_beneath(lookup.root.folder()?.as_fd(), path, flags);
    }
    // Only the name of an index file can have these.
    if path.split(|&byte| byte == b'/').any(|name| name == b"..") {
        return Err(Errno::XDEV);
    }
    match lookup.links {
        Links::None(from) => checked(lookup, path, flags, from, open_without_links),
        Links::SameOwner(from) => checked(lookup, path, flags, from, |folder, path, flags| {
            walk_by(folder, path, flags, open_same_owner)
        }),
        Links::All | Links::Beneath => follow(lookup.root.folder()?.as_fd(), path, flags),
    }
}

/// Opens by `open` what of the whole path follows the part `from`, in which all links are followed.
fn checked(
    lookup: &Lookup<'_>,
    path: &[u8],
    flags: OFlags,
    from: &[u8],
    open: fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd>,
) -> Result<OwnedFd> {
    let root = lookup.root.path().as_os_str().as_bytes();
    let root = root.strip_suffix(b"/").unwrap_or(root);
    let whole = [root, path].join(&b'/');
    let (free, rest) = split(&whole, from);
    if rest.is_empty() {
        return follow(CWD, &whole, flags);
    }
    let folder = match free {
        b"" => Arc::new(open_folder(Path::new("/"))?),
        free if free == root => lookup.root.folder()?,
        free => Arc::new(open_folder(Path::new(OsStr::from_bytes(free)))?),
    };
    open(folder.as_fd(), rest, flags)
}

/// The part `from` at the front of a path, and the rest; it counts only where a name ends.
fn split<'p>(path: &'p [u8], from: &[u8]) -> (&'p [u8], &'p [u8]) {
    let front = from.strip_suffix(b"/").unwrap_or(from);
    match path.strip_prefix(front) {
        Some(b"") if front == from => (path, b""),
        Some([b'/', rest @ ..]) => (&path[..front.len()], rest),
        _ => (b"", &path[1..]),
    }
}

fn follow(folder: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    retry_on_intr(|| openat(folder, path, flags, Mode::empty()))
}

/// Opens `path`, which may go through symbolic links, if none of it leaves `root`.
#[cfg(target_os = "linux")]
pub(super) fn open_beneath(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    use rustix::fs::ResolveFlags;

    resolve(
        root,
        path,
        flags,
        ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS,
    )
}

/// Opens `path` below `root` if none of it is a symbolic link. As with nginx, one in place of a folder is
/// no folder.
fn open_without_links(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    #[cfg(target_os = "linux")]
    match resolve(root, path, flags, rustix::fs::ResolveFlags::NO_SYMLINKS) {
        Err(Errno::LOOP) => {}
        opened => return opened,
    }
    walk_by(root, path, flags, |parent, name, flags| {
        follow(parent, name, flags | OFlags::NOFOLLOW)
    })
}

#[cfg(target_os = "linux")]
fn resolve(
    root: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    how: rustix::fs::ResolveFlags,
) -> Result<OwnedFd> {
    const TRIES: usize = 8;

    let open = || retry_on_intr(|| rustix::fs::openat2(root, path, flags, Mode::empty(), how));
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
pub(super) use walk as open_beneath;

/// Opens `path` name by name, and follows no symbolic link.
pub(super) fn walk(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd> {
    walk_by(root, path, flags, open_name)
}

/// Opens `path` name by name, each by `open`.
fn walk_by(
    root: BorrowedFd<'_>,
    path: &[u8],
    flags: OFlags,
    open: fn(BorrowedFd<'_>, &[u8], OFlags) -> Result<OwnedFd>,
) -> Result<OwnedFd> {
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
        folder = Some(open(parent, name, flags)?);
    }
    match folder {
        Some(opened) => Ok(opened),
        None => open(root, b".", flags),
    }
}

fn open_name(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    if name == b".." {
        return Err(Errno::XDEV);
    }
    match follow(parent, name, flags | OFlags::NOFOLLOW) {
        // Linux says this, too, of a link where it was told to open a folder.
        Err(Errno::NOTDIR) if is_link(parent, name) => Err(Errno::LOOP),
        opened => opened,
    }
}

/// Opens a name; where that is a link, if it has the owner of what it leads to.
fn open_same_owner(parent: BorrowedFd<'_>, name: &[u8], flags: OFlags) -> Result<OwnedFd> {
    let look = || statat(parent, name, AtFlags::SYMLINK_NOFOLLOW);
    let link = match open_name(parent, name, flags) {
        Err(Errno::LOOP | Errno::MLINK) => look()?,
        // What is only looked at may be the link itself.
        Ok(opened) if is(&fstat(&opened)?, FileType::Symlink) => look()?,
        opened => return opened,
    };
    let target = readlinkat(parent, name, Vec::new())?;
    let again = look()?;
    let same = |stat: &Stat| (stat.st_dev, stat.st_ino, stat.st_ctime, stat.st_ctime_nsec);
    // Another link has come in between: nobody knows whose target that was.
    if same(&link) != same(&again) {
        return Err(Errno::LOOP);
    }
    let opened = follow(parent, target.as_bytes(), flags)?;
    match fstat(&opened)?.st_uid == link.st_uid {
        true => Ok(opened),
        false => Err(Errno::LOOP),
    }
}

fn is_link(parent: BorrowedFd<'_>, name: &[u8]) -> bool {
    statat(parent, name, AtFlags::SYMLINK_NOFOLLOW).is_ok_and(|stat| is(&stat, FileType::Symlink))
}

pub(super) fn is(stat: &Stat, kind: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == kind
}
