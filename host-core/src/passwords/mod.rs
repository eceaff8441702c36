//! Names and passwords: files as htpasswd writes them, and what was checked already.

mod checked;
mod hash;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use checked::Checked;
pub(crate) use checked::Verdict;

/// The longest file that is read, in bytes.
pub(crate) const FILE_MAX: u64 = 1024 * 1024;

/// Files that are kept. More than these come only of variables in their paths.
const FILES: usize = 64;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What all connections know of passwords.
#[derive(Debug, Default)]
pub(crate) struct Passwords {
    /// By path.
    files: Mutex<HashMap<Vec<u8>, Arc<Users>>>,
    checked: Mutex<Checked>,
}

/// When a file was last changed, and its length: as long as they stay it is not read again.
pub(crate) type Version = (Option<SystemTime>, u64);

/// The names of a file and their hashed passwords.
pub(crate) struct Users {
    version: Version,
    hashes: HashMap<Vec<u8>, String>,
}

impl std::fmt::Debug for Users {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Users").finish_non_exhaustive()
    }
}

/// A name and a password, as a client sent them.
pub(crate) struct Credentials {
    bytes: Vec<u8>,
    colon: usize,
}

impl Credentials {
    /// Those in the value of an Authorization field (RFC 7617, section 2).
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (scheme, rest) = value.split_at_checked(6)?;
        if !scheme.eq_ignore_ascii_case(b"basic ") {
            return None;
        }
        let bytes = BASE64.decode(rest.trim_ascii()).ok()?;
        let colon = memchr::memchr(b':', &bytes)?;
        Some(Self { bytes, colon })
    }

    pub(crate) fn name(&self) -> &[u8] {
        &self.bytes[..self.colon]
    }

    fn password(&self) -> &[u8] {
        &self.bytes[self.colon + 1..]
    }
}

impl Users {
    /// Lines of `name:hash`, and comments behind `#`. What stands behind another colon is ignored, and
    /// so is a name that was there before.
    fn parse(version: Version, text: &[u8]) -> Self {
        let mut hashes = HashMap::new();
        for line in text.split(|b| matches!(b, b'\n' | b'\r')) {
            let mut parts = line.splitn(3, |b| *b == b':');
            if let (Some(name), Some(hash)) = (parts.next(), parts.next())
                && !name.starts_with(b"#")
                && let Ok(hash) = str::from_utf8(hash)
            {
                hashes
                    .entry(name.to_vec())
                    .or_insert_with(|| hash.to_owned());
            }
        }
        Self { version, hashes }
    }

    /// Whether the file has this name.
    pub(crate) fn has(&self, name: &[u8]) -> bool {
        self.hashes.contains_key(name)
    }
}

impl Passwords {
    /// The users in the file at `path`, if they were read from this version of it.
    pub(crate) fn users(&self, path: &[u8], version: Version) -> Option<Arc<Users>> {
        let files = lock(&self.files);
        let users = files.get(path).filter(|users| users.version == version);
        users.cloned()
    }

    /// The file at `path` has been read.
    pub(crate) fn add(&self, path: &[u8], version: Version, text: &[u8]) -> Arc<Users> {
        let users = Arc::new(Users::parse(version, text));
        let mut files = lock(&self.files);
        if files.len() >= FILES {
            files.clear();
        }
        files.insert(path.to_vec(), Arc::clone(&users));
        users
    }

    /// Whether the password is right; `reserved` is whether the time for it came with an earlier
    /// [`Verdict::Wait`].
    pub(crate) fn check(
        &self,
        users: &Users,
        sent: &Credentials,
        reserved: bool,
        now: Instant,
    ) -> Verdict {
        let Some(hash) = users.hashes.get(sent.name()) else {
            return Verdict::Wrong;
        };
        let key = {
            let mut checked = lock(&self.checked);
            let key = checked.key(hash, sent);
            if let Some(right) = checked.known(key) {
                return Verdict::of(right);
            }
            if !reserved && let Some(verdict) = checked.reserve(hash::cost(hash), now) {
                return verdict;
            }
            key
        };
        // Nobody waits for the lock meanwhile.
        let right = hash::matches(hash, sent.password());
        lock(&self.checked).add(key, right);
        Verdict::of(right)
    }
}

/// What is guarded is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
