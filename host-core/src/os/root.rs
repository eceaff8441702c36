//! The folder that is served.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::{Result, retry_on_intr};

/// Descriptors that are only looked at or looked up in. They need no permission to read.
#[cfg(target_os = "linux")]
pub(super) const LOOK: OFlags = OFlags::PATH.union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
pub(super) const LOOK: OFlags = OFlags::RDONLY
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

/// How long the folder may be another one than its path names.
const CHECK_EVERY: Duration = Duration::from_secs(1);

/// A folder that nothing served leaves.
///
/// It is held open, and at most once a second looked up anew by its path. So a deploy that swaps
/// a symbolic link, or deletes and recreates the folder, is noticed; while the path names no
/// folder, every lookup tries it and fails.
pub struct Root {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// `None` if the path named no folder when it was last looked up.
    folder: Option<Arc<OwnedFd>>,
    check: Instant,
}

impl Root {
    /// Opens the folder at `path`. A relative one is taken from the current directory of now,
    /// whatever that is later.
    ///
    /// # Errors
    ///
    /// Those of opening it; `NotADirectory` if it is not a folder. They name the path.
    pub fn open(path: &Path) -> io::Result<Self> {
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let path = std::path::absolute(path).map_err(named)?;
        let folder = open_folder(&path).map_err(|errno| named(errno.into()))?;
        Ok(Self {
            path,
            state: Mutex::new(State {
                folder: Some(Arc::new(folder)),
                check: Instant::now() + CHECK_EVERY,
            }),
        })
    }

    /// The folder at `path`, which need not be there yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self {
            path: std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
            state: Mutex::new(State {
                folder: None,
                check: Instant::now(),
            }),
        }
    }

    /// The absolute path of the folder; symbolic links in it are not resolved.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The folder that the path names, or named within the last second.
    pub(super) fn folder(&self) -> Result<Arc<OwnedFd>> {
        self.folder_at(Instant::now())
    }

    fn folder_at(&self, now: Instant) -> Result<Arc<OwnedFd>> {
        let held = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match &state.folder {
                Some(folder) if now < state.check => return Ok(Arc::clone(folder)),
                _ => {}
            }
            // Others go on with the folder held while this thread, without the lock, asks a file
            // system that may be slow.
            state.check = now + CHECK_EVERY;
            state.folder.clone()
        };
        let named = match held {
            Some(folder) if is_at(&folder, &self.path) => return Ok(folder),
            _ => open_folder(&self.path).map(Arc::new),
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.folder = named.as_ref().ok().cloned();
        named
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Root").field(&self.path).finish()
    }
}

pub(super) fn open_folder(path: &Path) -> Result<OwnedFd> {
    let flags = LOOK | OFlags::DIRECTORY;
    retry_on_intr(|| openat(CWD, path, flags, Mode::empty()))
}

/// Whether `path` names the open `folder`. An inode number is not used again while its inode is
/// held open, so a recreated folder differs.
fn is_at(folder: impl AsFd, path: &Path) -> bool {
    match (fstat(folder), stat(path)) {
        (Ok(held), Ok(named)) => (held.st_dev, held.st_ino) == (named.st_dev, named.st_ino),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
