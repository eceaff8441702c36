//! The access log: a buffer between the requests and a disk that may be slow.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

use super::user::Account;

/// After the first line the writer waits this long for more, so that a busy server pays for one
/// wake-up and one write per many requests.
const GATHER: Duration = Duration::from_millis(10);

/// How long the end of a process waits for lines that are still to be written: longer than a machine with
/// too much to do lets a thread wait.
const FAREWELL: Duration = Duration::from_secs(5);

/// Writes log lines to a file or pipe on a thread of its own. Clones are handles of the same log.
///
/// A full disk, a broken pipe or a slow reader never stops or slows a request: lines that cannot
/// be written are dropped and counted, and the first loss is told on standard error. Dropping the
/// last handle writes out what is still held, if that takes no longer than five seconds.
///
/// ```
/// let log = host_core::os::LogWriter::new(std::io::sink());
/// log.write("127.0.0.1 \"GET / HTTP/1.1\" 200\n");
/// assert_eq!(log.dropped(), 0);
/// ```
#[derive(Clone)]
pub struct LogWriter {
    log: Arc<Log>,
}

struct Log {
    shared: Arc<Shared>,
    /// `None` if no thread could be started; then all lines are dropped.
    thread: Option<JoinHandle<()>>,
    /// What to open again.
    path: Option<PathBuf>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    /// The buffer is no longer empty, or `closed` is set.
    changed: Condvar,
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    buffer: Vec<u8>,
    /// Where to write what comes after the buffer.
    reopened: Option<File>,
    closed: bool,
    /// What was in the buffer is being written.
    busy: bool,
    /// Somebody waits for all that is held to be written.
    flushed: bool,
    /// The thread has written all that it could.
    ended: bool,
}

impl LogWriter {
    /// The most bytes that wait to be written; as many may be in the hands of `out` already.
    pub const CAPACITY: usize = 1024 * 1024;

    /// A log that goes to `out`, in large pieces; `out` needs no buffer.
    pub fn new(out: impl Write + Send + 'static) -> Self {
        Self::start(Box::new(out), None)
    }

    /// A log at the end of the file at `path`, which is created where it is missing.
    ///
    /// # Errors
    ///
    /// Those of opening the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        Self::open_for(path, None)
    }

    /// A log that `account` can open again: a file becomes its own.
    pub(super) fn open_for(path: &Path, account: Option<&Account>) -> io::Result<Self> {
        let file = match account {
            Some(account) => account.open(path)?,
            None => open(path, OFlags::empty())?,
        };
        Ok(Self::start(Box::new(file), Some(path.to_owned())))
    }

    fn start(out: Box<dyn Write + Send>, path: Option<PathBuf>) -> Self {
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("log".into())
            .spawn(move || theirs.write_out(out));
        Self {
            log: Arc::new(Log {
                shared,
                thread: thread.ok(),
                path,
            }),
        }
    }

    /// Opens the file anew by its path, so that another program can move or delete it: lines
    /// from before go to the old file, those from now on to the new one. A log that is no file
    /// stays as it is.
    ///
    /// # Errors
    ///
    /// Those of opening the file; the log then goes on in the old one.
    pub fn reopen(&self) -> io::Result<()> {
        if let Some(path) = &self.log.path {
            let file = open(path, OFlags::empty())?;
            self.log.shared.lock().reopened = Some(file);
            self.log.shared.changed.notify_all();
        }
        Ok(())
    }

    /// Appends lines, each ending in a newline, and returns at once. If they do not fit they are
    /// dropped, all of them.
    pub fn write(&self, lines: &str) {
        let Log { shared, thread, .. } = &*self.log;
        let mut state = shared.lock();
        let fits = state.buffer.len() + lines.len() <= Self::CAPACITY;
        if !fits || thread.is_none() {
            drop(state);
            return shared.count_dropped(lines.as_bytes());
        }
        let was_empty = state.buffer.is_empty();
        state.buffer.extend_from_slice(lines.as_bytes());
        drop(state);
        if was_empty {
            shared.changed.notify_one();
        }
    }

    /// Waits until all that is held is written, but no longer than five seconds.
    pub(super) fn flush(&self) {
        let Log { shared, thread, .. } = &*self.log;
        let mut state = shared.lock();
        state.flushed = true;
        shared.changed.notify_all();
        let held = |state: &mut State| {
            let running = thread.as_ref().is_some_and(|thread| !thread.is_finished());
            running && (state.busy || !state.buffer.is_empty())
        };
        drop(shared.changed.wait_timeout_while(state, FAREWELL, held));
    }

    /// Lines dropped so far, because there was no room or writing failed.
    pub fn dropped(&self) -> u64 {
        self.log.shared.dropped.load(Relaxed)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        let mut state = self.shared.lock();
        state.closed = true;
        self.shared.changed.notify_all();
        let running = |state: &mut State| !state.ended && !thread.is_finished();
        let changed = &self.shared.changed;
        // A pipe that nobody reads would hold the process for ever.
        drop(changed.wait_timeout_while(state, FAREWELL, running));
    }
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dropped = self.dropped();
        f.debug_struct("LogWriter")
            .field("dropped", &dropped)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// What is in the buffer is whole lines at any time, also after a panic.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count_dropped(&self, lines: &[u8]) {
        let count = memchr::memchr_iter(b'\n', lines).count();
        self.dropped.fetch_add(count as u64, Relaxed);
    }

    /// The thread: writes until the log is closed and the buffer empty.
    fn write_out(&self, mut out: Box<dyn Write>) {
        let (mut batch, mut torn) = (Vec::new(), false);
        while let Some(reopened) = self.next(&mut batch) {
            if let Err(error) = write_lines(&mut out, &batch, &mut torn) {
                if self.dropped.load(Relaxed) == 0 {
                    let _ = writeln!(io::stderr(), "the access log loses lines: {error}");
                }
                self.count_dropped(&batch);
            }
            batch.clear();
            if let Some(file) = reopened {
                (out, torn) = (Box::new(file), false);
            }
        }
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// Waits for lines and exchanges them for the empty `batch`, and for a file to write to after
    /// them. `None` is the end.
    fn next(&self, batch: &mut Vec<u8>) -> Option<Option<File>> {
        let urgent = |state: &State| {
            let flush = state.flushed && !state.buffer.is_empty();
            state.closed || state.reopened.is_some() || flush
        };
        let mut state = self.lock();
        if std::mem::take(&mut state.busy) && state.flushed {
            self.changed.notify_all();
        }
        let changed = &self.changed;
        let state = changed
            .wait_while(state, |state| state.buffer.is_empty() && !urgent(state))
            .unwrap_or_else(PoisonError::into_inner);
        let (mut state, _) = changed
            .wait_timeout_while(state, GATHER, |state| !urgent(state))
            .unwrap_or_else(PoisonError::into_inner);
        mem::swap(&mut state.buffer, batch);
        state.busy = true;
        let reopened = state.reopened.take();
        (!batch.is_empty() || reopened.is_some()).then_some(reopened)
    }
}

/// Opens a file to append to, which is created where it is missing. Never waits: a pipe that nobody
/// reads is an error.
pub(super) fn open(path: &Path, flags: OFlags) -> io::Result<File> {
    let flags = flags | OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = rustix::fs::open(path, flags, 0o666.into())?;
    // The writer may wait.
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file.into())
}

/// Writes whole lines; `torn` says whether the last thing written was a part of one, which is then
/// ended first.
fn write_lines(out: &mut impl Write, mut lines: &[u8], torn: &mut bool) -> io::Result<()> {
    if *torn {
        out.write_all(b"\n")?;
        *torn = false;
    }
    while !lines.is_empty() {
        match out.write(lines) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                *torn = lines[n - 1] != b'\n';
                lines = &lines[n..];
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    out.flush()
}
