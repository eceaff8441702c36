//! What is remembered of lookups: nginx's `open_file_cache`.

use std::collections::hash_map::RandomState;
use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use lru::LruCache;

use super::OpenFile;
use crate::step::{Caching, Found};

/// The longest file that a [`FileCache`] holds in memory, in bytes. Of longer ones it holds a descriptor.
pub const MEMORY_FILE_MAX: u64 = 64 * 1024;

/// The most bytes of files that a [`FileCache`] holds in memory for each worker.
pub const MEMORY_MAX: u64 = 32 * 1024 * 1024;

/// A file that has changed this recently may change again while its times stay the same, as the clock of a
/// file system is coarse: its bytes are not held.
const SETTLED: Duration = Duration::from_secs(2);

/// Entries that one lookup throws out because nobody has asked for them.
const EXPIRE: usize = 2;

/// Open files, folders and failures that lookups have met.
///
/// Threads share it; each worker has a part of its own, as the processes of nginx do, so that
/// none waits for another. Nothing is done but in a lookup: there is no timer.
///
/// ```
/// use std::time::Duration;
/// use host_core::{Caching, CleanPath, Found, Links, Lookup, os};
///
/// let root = os::Root::open("src".as_ref())?;
/// let cache = os::FileCache::new(1000, Duration::from_secs(60));
/// let mut path = CleanPath::new();
/// path.decode("/lib.rs")?;
/// let lookup = Lookup {
///     root: &root,
///     path: &path,
///     index: &[],
///     listing: false,
///     path_info: false, programs: false,
///     links: Links::Beneath,
///     caching: Some(Caching {
///         cache: &cache,
///         valid: Duration::from_secs(60),
///         min_uses: 1,
///         errors: false,
///         now: os::now(),
///     }),
/// };
/// for _ in 0..2 {
///     // The second one asks no file system.
///     assert!(matches!(os::lookup(&lookup)?, Found::File { .. }));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct FileCache {
    inactive: Duration,
    parts: Box<[Mutex<Part>]>,
    /// How often we have changed files ourselves: read before the file system is asked.
    changes: AtomicU64,
}

/// What one worker has.
struct Part {
    entries: LruCache<Box<[u8]>, Entry, RandomState>,
    most: Bounds,
    /// A key under construction.
    key: Vec<u8>,
    /// Descriptors, and bytes in memory, of all entries.
    descriptors: usize,
    memory: u64,
}

#[derive(Clone, Copy)]
struct Bounds {
    entries: usize,
    descriptors: usize,
}

struct Entry {
    known: Known,
    uses: u32,
    /// When it was last looked whether this still holds.
    checked: Instant,
    /// The changes before that.
    changes: u64,
    used: Instant,
    /// When the bytes of the file may be taken into memory.
    settles: Option<SystemTime>,
}

/// What an entry knows.
enum Known {
    File(OpenFile),
    /// There is one, which is not asked for often enough to be kept open.
    Closed,
    Folder,
    Failure(ErrorKind),
}

/// What a part answers.
enum Recalled {
    Fresh(io::Result<Found>),
    /// Fresh, and its bytes may be taken into memory now.
    Settled(OpenFile),
    /// Nothing that holds.
    Unknown,
}

impl FileCache {
    /// An empty cache for `max` entries, at least one; who is not asked for in the time `inactive` goes.
    pub fn new(max: usize, inactive: Duration) -> Self {
        let most = Bounds {
            entries: max.max(1),
            descriptors: usize::MAX,
        };
        Self {
            inactive,
            parts: Box::new([Mutex::new(Part::new(most))]),
            changes: AtomicU64::new(0),
        }
    }

    /// The same cache with a part for each of so many workers. Each has up to `max` entries, of which no
    /// more than `descriptors` are open files.
    pub(crate) fn divide(&mut self, workers: usize, descriptors: usize) {
        let most = Bounds {
            descriptors: descriptors.max(1),
            ..lock(&self.parts[0]).most
        };
        let parts = (0..workers.max(1)).map(|_| Mutex::new(Part::new(most)));
        self.parts = parts.collect();
    }

    /// The most entries of a worker.
    pub(crate) fn max(&self) -> usize {
        lock(&self.parts[0]).most.entries
    }

    /// The answer to a lookup of the parts of `key`, by `open` where the cache has none.
    pub(super) fn find(
        &self,
        how: &Caching<'_>,
        key: &[&[u8]],
        open: impl FnOnce() -> io::Result<Found>,
    ) -> io::Result<Found> {
        let part = self.part();
        let changes = self.changes.load(Ordering::Acquire);
        let recalled = lock(part).recall(how, key, self.inactive, changes);
        // The file system may be slow: it is asked while nobody is locked out.
        match recalled {
            Recalled::Fresh(found) => found,
            Recalled::Settled(file) => {
                let file = match file.in_memory() {
                    Some(held) => lock(part).take_in(key, held).unwrap_or(file),
                    None => file,
                };
                Ok(Found::File { file, index: None })
            }
            Recalled::Unknown => {
                let found = open();
                lock(part).remember(how, key, found, changes)
            }
        }
    }

    /// Files have changed: whatever is remembered is looked at again before it is used.
    pub(super) fn outdate(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// That of this thread.
    fn part(&self) -> &Mutex<Part> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
        }
        let number = NUMBER.with(|number| *number);
        &self.parts[number % self.parts.len()]
    }
}

impl fmt::Debug for FileCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.parts.iter().map(|part| lock(part).entries.len());
        f.debug_struct("FileCache")
            .field("entries", &entries.sum::<usize>())
            .finish_non_exhaustive()
    }
}

/// No call below leaves a part half changed.
fn lock(part: &Mutex<Part>) -> MutexGuard<'_, Part> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Part {
    fn new(most: Bounds) -> Self {
        Self {
            entries: LruCache::unbounded_with_hasher(RandomState::new()),
            most,
            key: Vec::new(),
            descriptors: 0,
            memory: 0,
        }
    }

    fn recall(
        &mut self,
        how: &Caching<'_>,
        key: &[&[u8]],
        inactive: Duration,
        changes: u64,
    ) -> Recalled {
        let now = how.now;
        self.expire(now.monotonic, inactive);
        set(&mut self.key, key);
        let Some(entry) = self.entries.get_mut(&self.key[..]) else {
            return Recalled::Unknown;
        };
        if age(entry.used, now.monotonic) >= inactive {
            self.forget();
            return Recalled::Unknown;
        }
        entry.uses = entry.uses.saturating_add(1);
        entry.used = now.monotonic;
        if entry.changes != changes || age(entry.checked, now.monotonic) >= how.valid {
            // Other threads go on with what is known until this one knows better.
            entry.checked = now.monotonic;
            return Recalled::Unknown;
        }
        let file = match &entry.known {
            Known::File(file) => file.again(),
            Known::Closed => None,
            Known::Folder => return Recalled::Fresh(Ok(Found::Folder)),
            Known::Failure(kind) => return Recalled::Fresh(Err((*kind).into())),
        };
        let Some(file) = file else {
            return Recalled::Unknown;
        };
        let room = self.memory.saturating_add(file.len()) <= MEMORY_MAX;
        match entry.settles {
            Some(time) if time <= now.wall && room => {
                entry.settles = None;
                Recalled::Settled(file)
            }
            _ => Recalled::Fresh(Ok(Found::File { file, index: None })),
        }
    }

    /// Throws out who was not asked for.
    fn expire(&mut self, now: Instant, inactive: Duration) {
        for _ in 0..EXPIRE {
            match self.entries.peek_lru() {
                Some((_, entry)) if age(entry.used, now) >= inactive => self.forget_oldest(),
                _ => return,
            }
        }
    }

    /// Notes what the file system has answered, and passes it on.
    fn remember(
        &mut self,
        how: &Caching<'_>,
        key: &[&[u8]],
        found: io::Result<Found>,
        changes: u64,
    ) -> io::Result<Found> {
        set(&mut self.key, key);
        let now = how.now.monotonic;
        let before = self.entries.get_mut(&self.key[..]);
        let uses = before.as_ref().map_or(1, |entry| entry.uses);
        let (known, found) = match found {
            Ok(Found::File { file, index }) => {
                if let Some(entry) = before
                    && let Some(file) = entry.unchanged(&file)
                {
                    (entry.checked, entry.changes) = (now, changes);
                    return Ok(Found::File { file, index });
                }
                if uses < how.min_uses {
                    (Known::Closed, Ok(Found::File { file, index }))
                } else {
                    let file = file.shared();
                    let Some(another) = file.again() else {
                        return Ok(Found::File { file, index });
                    };
                    (Known::File(another), Ok(Found::File { file, index }))
                }
            }
            Ok(Found::Folder) => (Known::Folder, found),
            Ok(Found::Listing(_) | Found::Script { .. }) => return found,
            // What is only busy may be there the next time.
            Err(error) if how.errors && is_lasting(&error) => {
                (Known::Failure(error.kind()), Err(error))
            }
            Err(_) => {
                self.forget();
                return found;
            }
        };
        self.put(known, uses, now, changes);
        found
    }

    /// Puts what is known at the present key.
    fn put(&mut self, known: Known, uses: u32, now: Instant, changes: u64) {
        self.forget();
        let settles = match &known {
            Known::File(file) if file.len() <= MEMORY_FILE_MAX => {
                file.version().changed().checked_add(SETTLED)
            }
            _ => None,
        };
        let descriptor = usize::from(matches!(known, Known::File(_)));
        while !self.entries.is_empty()
            && (self.entries.len() >= self.most.entries
                || self.descriptors + descriptor > self.most.descriptors)
        {
            self.forget_oldest();
        }
        self.descriptors += descriptor;
        let entry = Entry {
            known,
            uses,
            checked: now,
            changes,
            used: now,
            settles,
        };
        self.entries.put(self.key.as_slice().into(), entry);
    }

    /// Puts a file that was read in the place of its descriptor, unless another one is there by now.
    /// Returns it.
    fn take_in(&mut self, key: &[&[u8]], held: OpenFile) -> Option<OpenFile> {
        set(&mut self.key, key);
        let entry = self.entries.get_mut(&self.key[..])?;
        match &entry.known {
            Known::File(file) if !file.is_in_memory() && file.version() == held.version() => {}
            _ => return None,
        }
        let file = held.again();
        self.memory += held.len();
        self.descriptors -= 1;
        entry.known = Known::File(held);
        file
    }

    /// Throws out the entry at the present key.
    fn forget(&mut self) {
        let entry = self.entries.pop(&self.key[..]);
        self.release(entry);
    }

    fn forget_oldest(&mut self) {
        let entry = self.entries.pop_lru();
        self.release(entry.map(|(_, entry)| entry));
    }

    fn release(&mut self, entry: Option<Entry>) {
        match entry.map(|entry| entry.known) {
            Some(Known::File(file)) if file.is_in_memory() => self.memory -= file.len(),
            Some(Known::File(_)) => self.descriptors -= 1,
            _ => {}
        }
    }
}

impl Entry {
    /// The known file, if it is the one that was opened just now.
    fn unchanged(&self, opened: &OpenFile) -> Option<OpenFile> {
        match &self.known {
            Known::File(file) if file.version() == opened.version() => file.again(),
            _ => None,
        }
    }
}

fn set(key: &mut Vec<u8>, parts: &[&[u8]]) {
    key.clear();
    parts.iter().for_each(|part| key.extend_from_slice(part));
}

fn age(since: Instant, now: Instant) -> Duration {
    now.saturating_duration_since(since)
}

fn is_lasting(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotFound | ErrorKind::PermissionDenied
    )
}
