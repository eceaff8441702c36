//! From root to a user with fewer rights: nginx's `user`.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use nix::unistd::{Gid, Group, Uid, User};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::log;
use super::startup::because;

/// Whom to become.
#[derive(Debug)]
pub(super) struct Account {
    #[cfg_attr(target_vendor = "apple", expect(dead_code))]
    name: CString,
    uid: Uid,
    gid: Gid,
}

impl Account {
    /// Finds `NAME` or `NAME:GROUP`; without a group it is the user's own.
    pub(super) fn find(text: &str) -> Result<Self, String> {
        let (name, group) = match text.split_once(':') {
            Some((name, group)) => (name, Some(group)),
            None => (text, None),
        };
        let failure = || because(format!("cannot become {text}"));
        let missing = |what| failure()(io::Error::new(ErrorKind::NotFound, what));
        let user = User::from_name(name)
            .map_err(|errno| failure()(errno.into()))?
            .ok_or_else(|| missing("there is no such user"))?;
        let gid = match group {
            None => user.gid,
            Some(group) => {
                Group::from_name(group)
                    .map_err(|errno| failure()(errno.into()))?
                    .ok_or_else(|| missing("there is no such group"))?
                    .gid
            }
        };
        Ok(Self {
            name: CString::new(user.name).map_err(|error| failure()(error.into()))?,
            uid: user.uid,
            gid,
        })
    }

    /// Opens a log, and lets the account do so later on. What is no regular file stays as it is: a
    /// terminal or `/dev/null` is not ours to give away.
    ///
    /// # Errors
    ///
    /// Beside those of opening the file: when it is regular and has another name or a symbolic link.
    /// The account may have made that one, and would become the owner of a file of root.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let (file, is_link) = match log::open(path, OFlags::NOFOLLOW) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::LOOP) => {
                (File::options().append(true).open(path)?, true)
            }
            opened => (opened?, false),
        };
        let metadata = file.metadata()?;
        if metadata.is_file() {
            if is_link || metadata.nlink() > 1 {
                return Err(io::Error::other("it is a link to a file"));
            }
            fchown(&file, Some(self.uid.as_raw()), Some(self.gid.as_raw()))?;
        }
        Ok(file)
    }

    /// Gives up all rights but those of the account, in all threads and for good.
    #[cfg(not(target_vendor = "apple"))]
    pub(super) fn assume(&self) -> io::Result<()> {
        use nix::unistd::{getresgid, getresuid, initgroups, setgid, setuid};

        // In this order: the first two need the rights that the last one gives up.
        initgroups(&self.name, self.gid)?;
        setgid(self.gid)?;
        setuid(self.uid)?;
        let (users, groups) = (getresuid()?, getresgid()?);
        let assumed = [users.real, users.effective, users.saved] == [self.uid; 3]
            && [groups.real, groups.effective, groups.saved] == [self.gid; 3]
            && (self.uid.is_root() || setuid(Uid::from_raw(0)).is_err());
        match assumed {
            true => Ok(()),
            false => Err(io::Error::other("the system has kept rights of root")),
        }
    }

    /// Not here: this system has no `initgroups` that can be called safely.
    #[cfg(target_vendor = "apple")]
    pub(super) fn assume(&self) -> io::Result<()> {
        Err(ErrorKind::Unsupported.into())
    }
}
