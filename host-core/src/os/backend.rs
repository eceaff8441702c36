//! The other end of an answer: a stream of bytes, and the process behind it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rustix::io::Errno;

use super::process::Process;
use super::reaper;
use crate::step::{Exchange, Moved, Output};

/// What is read at a time: little at first, as most answers are short, and more of long ones.
const ROOM: usize = 4 * 1024;
const ROOM_MAX: usize = 64 * 1024;

/// Where an answer comes from, and the content of the request goes to: so far a script's pipes.
///
/// As a descriptor ([`AsFd`]) it becomes readable when an [`exchange`] can move something. When it is
/// dropped, the script and all that it has started is ended.
#[derive(Debug)]
pub struct Backend {
    /// `None` after its end.
    output: Option<OwnedFd>,
    input: Option<OwnedFd>,
    process: Option<Process>,
    watch: Watch,
    room: usize,
}

impl Backend {
    /// A backend that only answers: `output` is read until its end, and does not block.
    ///
    /// # Errors
    ///
    /// When it cannot be watched.
    pub fn new(output: OwnedFd) -> io::Result<Self> {
        Self::with(output, None, None)
    }

    pub(super) fn with(
        output: OwnedFd,
        input: Option<OwnedFd>,
        process: Option<Process>,
    ) -> io::Result<Self> {
        let errors = process
            .as_ref()
            .and_then(|it| it.errors.as_ref()?.pipe.as_ref());
        let watch = Watch::new([
            (Some(output.as_fd()), Ready::OUTPUT),
            (input.as_ref().map(AsFd::as_fd), Ready::INPUT),
            (errors.map(AsFd::as_fd), Ready::ERRORS),
        ])?;
        Ok(Self {
            output: Some(output),
            input,
            process,
            watch,
            room: ROOM,
        })
    }

    /// Where the end of the process is to be told, as long as this is there.
    pub(super) fn watch(&self) -> Weak<OwnedFd> {
        self.watch.handle()
    }

    /// Why there is no process, once the end of the output has told that.
    pub(crate) fn failure(&mut self) -> Option<io::Error> {
        match self.output {
            Some(_) => None,
            None => self.process.as_mut()?.failure(),
        }
    }

    /// What the script has written to standard error first.
    pub(crate) fn first_errors(&self) -> &[u8] {
        let errors = self.process.as_ref().and_then(|it| it.errors.as_ref());
        errors.map_or(&[], |errors| errors.first())
    }

    /// The answer is whole: what the script still has to say is thrown away, and it has so long to end.
    pub(crate) fn leave(mut self, time: Duration) {
        self.input = None;
        if let Some(process) = self.process.take().filter(|it| it.exit.is_none()) {
            let until = Instant::now().checked_add(time);
            reaper::adopt(process, self.output.take(), until);
        }
    }

    fn read(&mut self, slot: &mut BytesMut) -> Output {
        let Some(output) = &self.output else {
            return Output::End;
        };
        let start = slot.len();
        slot.resize(start + self.room, 0);
        let read = loop {
            match rustix::io::read(output, &mut slot[start..]) {
                Err(Errno::INTR) => {}
                read => break read,
            }
        };
        slot.truncate(start + *read.as_ref().unwrap_or(&0));
        match read {
            Ok(n) if n > 0 => {
                if n == self.room {
                    self.room = (self.room * 4).min(ROOM_MAX);
                }
                Output::Bytes(n)
            }
            Err(Errno::AGAIN) => {
                self.watch.ready.remove(Ready::OUTPUT);
                Output::Blocked
            }
            // A stream that fails brings no more.
            _ => {
                self.output = None;
                self.watch.ready.remove(Ready::OUTPUT);
                Output::End
            }
        }
    }

    /// Reads as much as a pipe holds; returns how much that was.
    fn read_on(&mut self, slot: &mut BytesMut) -> usize {
        let mut sum = 0;
        while sum < ROOM_MAX
            && let Output::Bytes(n) = self.read(slot)
        {
            sum += n;
        }
        sum
    }

    /// Returns how much of `content` the other side has taken, or need not be given any more.
    fn feed(&mut self, content: &[u8], whole: bool) -> usize {
        let Some(input) = &self.input else {
            return content.len();
        };
        let mut taken = 0;
        if !content.is_empty() && !self.watch.ready.has(Ready::INPUT) {
            return 0;
        }
        while taken < content.len() {
            match rustix::io::write(input, &content[taken..]) {
                Ok(n) => taken += n,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    self.watch.ready.remove(Ready::INPUT);
                    return taken;
                }
                // It reads no more.
                Err(_) => {
                    self.input = None;
                    return content.len();
                }
            }
        }
        if whole {
            self.input = None;
        }
        taken
    }

    fn drain_errors(&mut self) {
        let Some(process) = &mut self.process else {
            return;
        };
        if let Some(errors) = &mut process.errors
            && self.watch.ready.take(Ready::ERRORS)
        {
            errors.drain();
        }
    }
}

impl AsFd for Backend {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.watch.as_fd(self.output.as_ref())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        if let Some(process) = self.process.take().filter(|it| it.exit.is_none()) {
            reaper::adopt(process, self.output.take(), None);
        }
    }
}

/// Moves bytes to and from a backend, as far as that goes without waiting.
pub fn exchange(exchange: &mut Exchange<'_>) -> Moved {
    let backend = &mut *exchange.backend;
    let idle = !backend.watch.ready.has(Ready::OUTPUT);
    if idle || (!exchange.content.is_empty() && !backend.watch.ready.has(Ready::INPUT)) {
        backend.watch.look();
    }
    let taken = backend.feed(exchange.content, exchange.whole);
    let mut output = match exchange.output.as_deref_mut() {
        Some(slot) if backend.watch.ready.has(Ready::OUTPUT) => backend.read(slot),
        Some(_) if backend.output.is_none() => Output::End,
        _ => Output::Blocked,
    };
    backend.drain_errors();
    let asks = backend.watch.ready.take(Ready::EXIT) || backend.output.is_none();
    let exit = match &mut backend.process {
        Some(process) if asks || process.exit.is_some() => process.poll_exit(),
        _ => None,
    };
    if exit.is_some() {
        // All that it has written is there, and is taken before others that have its output are cut off.
        backend.watch.ready.insert(Ready::ERRORS);
        backend.drain_errors();
        if let (Output::Bytes(n), Some(slot)) = (output, exchange.output.as_deref_mut()) {
            output = Output::Bytes(n + backend.read_on(slot));
        }
    }
    Moved {
        taken,
        output,
        exit,
        has_process: backend.process.is_some(),
    }
}

/// Which of the descriptors may be ready: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ready(u8);

impl Ready {
    const OUTPUT: Self = Self(1);
    const INPUT: Self = Self(2);
    const ERRORS: Self = Self(4);
    const EXIT: Self = Self(8);
    const ALL: Self = Self(15);

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn insert(&mut self, other: Self) {
        self.0 |= other.0;
    }

    fn remove(&mut self, other: Self) {
        self.0 &= !other.0;
    }

    fn take(&mut self, other: Self) -> bool {
        let had = self.has(other);
        self.remove(other);
        had
    }
}

type Sources<'f> = [(Option<BorrowedFd<'f>>, Ready); 3];

/// One descriptor for several.
#[cfg(target_os = "linux")]
#[derive(Debug)]
struct Watch {
    epoll: Arc<OwnedFd>,
    ready: Ready,
}

#[cfg(target_os = "linux")]
impl Watch {
    fn new(sources: Sources<'_>) -> io::Result<Self> {
        use rustix::event::epoll::{CreateFlags, EventData, EventFlags, add, create};

        let epoll = create(CreateFlags::CLOEXEC)?;
        for (fd, ready) in sources {
            let Some(fd) = fd else { continue };
            // Each change is told once, so that what is left for later makes no noise.
            let flags = match ready {
                Ready::INPUT => EventFlags::OUT | EventFlags::ET,
                _ => EventFlags::IN | EventFlags::ET,
            };
            add(&epoll, fd, EventData::new_u64(ready.0.into()), flags)?;
        }
        Ok(Self {
            epoll: Arc::new(epoll),
            ready: Ready(0),
        })
    }

    fn handle(&self) -> Weak<OwnedFd> {
        Arc::downgrade(&self.epoll)
    }

    fn look(&mut self) {
        use rustix::buffer::spare_capacity;
        use rustix::event::epoll::wait;

        let mut events = Vec::with_capacity(4);
        let now = rustix::event::Timespec::default();
        if wait(&self.epoll, spare_capacity(&mut events), Some(&now)).is_err() {
            self.ready = Ready::ALL;
        }
        for event in &events {
            self.ready.insert(Ready(event.data.u64() as u8));
        }
    }

    fn as_fd<'w>(&'w self, _: Option<&'w OwnedFd>) -> BorrowedFd<'w> {
        self.epoll.as_fd()
    }
}

/// Tells a backend of the end of its process, which `ended` tells of.
#[cfg(target_os = "linux")]
pub(super) fn watch_exit(watch: &OwnedFd, ended: &OwnedFd) -> io::Result<()> {
    use rustix::event::epoll::{EventData, EventFlags, add};

    let data = EventData::new_u64(Ready::EXIT.0.into());
    Ok(add(watch, ended, data, EventFlags::IN | EventFlags::ET)?)
}

/// Where there is no such descriptor, that of the output stands for all, and the session looks now and then.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
struct Watch {
    none: OwnedFd,
    ready: Ready,
}

#[cfg(not(target_os = "linux"))]
impl Watch {
    fn new(_: Sources<'_>) -> io::Result<Self> {
        let (none, _) = io::pipe()?;
        Ok(Self {
            none: none.into(),
            ready: Ready::ALL,
        })
    }

    fn handle(&self) -> Weak<OwnedFd> {
        Weak::new()
    }

    fn look(&mut self) {
        self.ready = Ready::ALL;
    }

    fn as_fd<'w>(&'w self, output: Option<&'w OwnedFd>) -> BorrowedFd<'w> {
        output.unwrap_or(&self.none).as_fd()
    }
}
