//! Removing a folder with all that is in it.

use std::os::fd::BorrowedFd;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::{Errno, Result};
use rustix::path::Arg;

use super::links::is;

/// Names that one call removes, so that other connections have their turn.
const PART: usize = 256;

/// Folders within folders that are removed: each needs a descriptor.
const DEPTH: usize = 64;

/// Removes a part of the folder `name`, and what is in it; returns whether all has gone. No symbolic link is followed.
///
/// # Errors
///
/// Those of opening and removing; `NOTEMPTY` too, if there are too many folders one in the other.
pub(super) fn remove_tree(parent: BorrowedFd<'_>, name: &[u8]) -> Result<bool> {
    remove(parent, name, &mut PART.clone(), DEPTH)
}

fn remove<P: Arg + Copy>(
    parent: BorrowedFd<'_>,
    name: P,
    left: &mut usize,
    depth: usize,
) -> Result<bool> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut dir = Dir::new(openat(parent, name, flags, Mode::empty())?)?;
    while let Some(entry) = dir.read() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        if *left == 0 {
            return Ok(false);
        }
        *left -= 1;
        let folder = dir.fd()?;
        let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)?;
        match is(&stat, FileType::Directory) {
            false => unlinkat(folder, name, AtFlags::empty())?,
            true if depth == 0 => return Err(Errno::NOTEMPTY),
            true if !remove(folder, name, left, depth - 1)? => return Ok(false),
            true => {}
        }
    }
    drop(dir);
    unlinkat(parent, name, AtFlags::REMOVEDIR)?;
    Ok(true)
}
