//! The log writer: never in the way, and what it loses is counted.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use host_core::os::LogWriter;

/// A log that can be read.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A disk that hangs in its first write until it is let go.
struct Hanging {
    entered: Option<Sender<()>>,
    release: Receiver<()>,
    out: Shared,
}

impl Write for Hanging {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(entered) = self.entered.take() {
            entered.send(()).unwrap();
            self.release.recv().unwrap();
        }
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Broken(ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Panicking(Sender<()>);

impl Write for Panicking {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        self.0.send(()).unwrap();
        panic!("a writer that panics, as the test wants it");
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn dropping_writes_everything_in_order() {
    let out = Shared::default();
    let log = LogWriter::new(out.clone());
    let lines: Vec<String> = (0..1000).map(|n| format!("line {n}\n")).collect();
    for line in &lines {
        log.write(line);
    }
    assert_eq!(log.dropped(), 0);
    drop(log);
    assert_eq!(out.text(), lines.concat());
}

#[test]
fn lines_of_many_threads_stay_whole() {
    let out = Shared::default();
    let log = LogWriter::new(out.clone());
    std::thread::scope(|scope| {
        for name in ["a", "b", "c", "d"] {
            let log = &log;
            scope.spawn(move || (0..500).for_each(|n| log.write(&format!("{name} {n}\n"))));
        }
    });
    drop(log);
    for name in ["a", "b", "c", "d"] {
        let text = out.text();
        let own = text.lines().filter(|line| line.starts_with(name));
        assert!(own.eq((0..500).map(|n| format!("{name} {n}"))), "{name}");
    }
}

#[test]
fn a_line_is_written_without_waiting_for_the_end() {
    let (entered, written) = channel();
    let (release, released) = channel();
    let log = LogWriter::new(Hanging {
        entered: Some(entered),
        release: released,
        out: Shared::default(),
    });
    log.write("line\n");
    written.recv().unwrap();
    release.send(()).unwrap();
}

#[test]
fn a_hanging_disk_stops_nobody_and_what_does_not_fit_is_counted() {
    let (entered, hangs) = channel();
    let (release, released) = channel();
    let out = Shared::default();
    let log = LogWriter::new(Hanging {
        entered: Some(entered),
        release: released,
        out: out.clone(),
    });
    log.write("first\n");
    hangs.recv().unwrap();

    let half = "x".repeat(LogWriter::CAPACITY / 2 - 1) + "\n";
    log.write(&half);
    log.write(&half);
    let when_full = log.dropped();
    log.write("one too many\n");
    log.write("two\ntoo many\n");
    let at_last = log.dropped();

    release.send(()).unwrap();
    drop(log);
    assert_eq!((when_full, at_last), (0, 3));
    assert_eq!(out.text(), ["first\n", &half, &half].concat());
}

#[test]
fn a_full_disk_or_broken_pipe_is_counted() {
    for kind in [ErrorKind::StorageFull, ErrorKind::BrokenPipe] {
        let log = LogWriter::new(Broken(kind));
        log.write("one\ntwo\n");
        while log.dropped() < 2 {
            std::thread::yield_now();
        }
        log.write("three\n");
        while log.dropped() < 3 {
            std::thread::yield_now();
        }
    }
}

#[test]
fn a_writer_that_panics_takes_nobody_along() {
    let (panics, panicked) = channel();
    let log = LogWriter::new(Panicking(panics));
    log.write("line\n");
    panicked.recv().unwrap();
    log.write("another\n");
    drop(log);
}

#[test]
fn debug_shows_what_was_lost() {
    let log = LogWriter::new(io::sink());
    assert_eq!(format!("{log:?}"), "LogWriter { dropped: 0, .. }");
}

/// A disk that takes the first bytes of a line, then is full, then has room again.
struct Full {
    out: Shared,
    fills_after: usize,
}

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.fills_after {
            0 => {
                self.fills_after = usize::MAX;
                Err(ErrorKind::StorageFull.into())
            }
            room => {
                let n = self.out.write(&bytes[..bytes.len().min(room)])?;
                self.fills_after -= n;
                Ok(n)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_torn_line_does_not_swallow_the_next_one() {
    let out = Shared::default();
    let log = LogWriter::new(Full {
        out: out.clone(),
        fills_after: 3,
    });
    log.write("first\n");
    while log.dropped() == 0 {
        std::thread::yield_now();
    }
    log.write("second\n");
    drop(log);
    assert_eq!(out.text(), "fir\nsecond\n");
}

/// Nobody reads the pipe, and nobody will.
#[test]
fn a_log_that_hangs_does_not_hold_the_end_of_the_process() {
    let (entered, has_entered) = channel();
    let (_never, release) = channel();
    let log = LogWriter::new(Hanging {
        entered: Some(entered),
        release,
        out: Shared::default(),
    });
    log.write("line\n");
    has_entered.recv().unwrap();
    // Comes back; without a bound this test would never end.
    drop(log);
}

#[test]
fn a_log_goes_on_at_the_end_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    for line in ["first\n", "second\n"] {
        LogWriter::open(&path).unwrap().write(line);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "first\nsecond\n");
}

#[test]
fn reopened_it_writes_to_the_file_that_the_path_names() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let log = LogWriter::open(&path).unwrap();
    let another = log.clone();
    log.write("before\n");
    fs::rename(&path, &moved).unwrap();
    log.reopen().unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), "", "exists at once");
    // The lines of before are written first.
    while fs::read_to_string(&moved).unwrap() != "before\n" {
        std::thread::yield_now();
    }
    log.reopen().unwrap();
    drop(log);
    another.write("after\n");
    drop(another);
    assert_eq!(fs::read_to_string(&path).unwrap(), "after\n");
    assert_eq!(fs::read_to_string(&moved).unwrap(), "before\n");
}

#[test]
fn a_log_that_cannot_be_opened_again_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (path, moved) = (folder.path().join("log"), folder.path().join("log.1"));
    let log = LogWriter::open(&path).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(log.reopen().is_err());
    log.write("line\n");
    drop(log);
    assert_eq!(fs::read_to_string(&moved).unwrap(), "line\n");
}

#[test]
fn a_log_that_is_no_file_has_nothing_to_open_again() {
    let out = Shared::default();
    let log = LogWriter::new(out.clone());
    log.reopen().unwrap();
    log.write("line\n");
    drop(log);
    assert_eq!(out.text(), "line\n");
}
