use std::process::Stdio;

use bytes::BytesMut;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, test_kill_process, waitid};

use super::*;
use crate::config::model::CgiChildren;
use crate::os::backend::{Backend, exchange};
use crate::os::children::{Children, Entry};
use crate::os::process::Process;
use crate::{Exchange, Exit, Output};

/// A backend, and the job that starts its process.
fn prepare(mut command: Command) -> (Backend, Job) {
    let (output, stdout) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&output, true).unwrap();
    command.stdout(stdout).stdin(Stdio::null());
    let life = Arc::new(Mutex::new(Life::Starting));
    let process = process(&life);
    let backend = Backend::with(output.into(), None, Some(process)).unwrap();
    let watch = backend.watch();
    let job = Job {
        command,
        life,
        watch,
    };
    (backend, job)
}

fn process(life: &Arc<Mutex<Life>>) -> Process {
    let children = Arc::new(Children::new(CgiChildren {
        most: 1,
        queue: 0,
        wait: Duration::ZERO,
    }));
    let Entry::Place(place) = children.enter().unwrap() else {
        panic!("no place");
    };
    Process {
        life: Arc::clone(life),
        errors: None,
        exit: None,
        _place: place,
    }
}

fn shell(script: &str) -> Command {
    use std::os::unix::process::CommandExt;

    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).process_group(0);
    command
}

/// All that it says, and how it ends.
fn read(backend: &mut Backend) -> (BytesMut, Option<Exit>) {
    let (mut text, mut exit, mut ended) = (BytesMut::new(), None, false);
    while !ended || exit.is_none() {
        poll(&mut [PollFd::new(backend, PollFlags::IN)], None).unwrap();
        let moved = exchange(&mut Exchange {
            backend,
            content: &[],
            whole: true,
            output: Some(&mut text),
        });
        ended |= moved.output == Output::End;
        exit = exit.or(moved.exit);
    }
    (text, exit)
}

#[test]
fn more_than_there_are_threads() {
    let jobs = (0..4 * MOST).map(|n| prepare(shell(&format!("echo {n}; exit {n}"))));
    let mut backends: Vec<_> = jobs
        .map(|(backend, job)| {
            start(job);
            backend
        })
        .collect();
    for (n, backend) in backends.iter_mut().enumerate() {
        let (text, exit) = read(backend);
        assert_eq!(text, format!("{n}\n").as_bytes());
        assert_eq!(exit, Some(Exit::Status(n as i32)));
        assert!(backend.failure().is_none());
    }
    assert!(STARTER.lock().threads <= MOST);
}

/// Threads that go as soon as they can, while more comes.
#[test]
fn nothing_is_left_in_the_queue() {
    for patience in [Duration::ZERO, Duration::from_micros(50)] {
        let starter = Box::leak(Box::new(Starter::new(patience)));
        let life = || Arc::new(Mutex::new(Life::Unwanted(Signal::TERM)));
        for _ in 0..500 {
            let burst: [_; 16] = std::array::from_fn(|_| life());
            for life in &burst {
                starter.start(Job {
                    command: Command::new("true"),
                    life: Arc::clone(life),
                    watch: Weak::new(),
                });
            }
            for life in &burst {
                while !matches!(*lock(life), Life::Failed(None)) {
                    thread::yield_now();
                }
            }
        }
        while starter.lock().threads > 0 {
            thread::yield_now();
        }
    }
}

#[test]
fn the_end_of_the_output_tells_of_a_failure() {
    let (mut backend, job) = prepare(Command::new("/none/at/all"));
    assert!(backend.failure().is_none());
    start(job);
    assert!(read(&mut backend).0.is_empty());
    let error = backend.failure().unwrap();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[test]
fn who_is_not_wanted_is_not_started() {
    let folder = tempfile::tempdir().unwrap();
    let told = folder.path().join("told");
    let (backend, job) = prepare(shell(&format!("echo >{}", told.display())));
    let life = Arc::clone(&job.life);
    drop(backend);
    job.run();
    assert!(matches!(*lock(&life), Life::Failed(None)));
    assert!(!told.exists());
}

/// As after a panic.
#[test]
fn what_is_never_started_ends() {
    let (mut backend, job) = prepare(shell("sleep 1000"));
    drop(job);
    let (text, exit) = read(&mut backend);
    assert_eq!((&*text, exit), (&b""[..], Some(Exit::Status(0))));
    assert!(backend.failure().is_none());
}

/// The backend goes while the process starts: what has come of it is ended, with its children.
#[test]
fn who_is_not_wanted_any_more_is_ended() {
    let (backend, mut job) = prepare(shell("sleep 1000 & wait"));
    let life = Arc::clone(&job.life);
    let child = job.command.spawn();
    let pid = Pid::from_child(child.as_ref().unwrap());
    drop(backend);
    job.born(child);
    assert!(matches!(*lock(&life), Life::Running { .. }));
    // The reaper waits for it.
    while test_kill_process(pid).is_ok() {
        thread::yield_now();
    }
}

#[test]
fn a_signal_for_one_that_starts_comes_later() {
    let (mut backend, mut job) = prepare(shell("sleep 1000 & wait"));
    let process = process(&job.life);
    process.kill(Signal::TERM);
    assert!(!process.is_zombie());
    let child = job.command.spawn();
    job.born(child);
    drop(job);
    assert_eq!(
        read(&mut backend).1,
        Some(Exit::Signal(Signal::TERM.as_raw()))
    );
}

#[test]
fn the_end_of_a_script_is_told_with_all_that_it_has_written() {
    let (mut backend, job) = prepare(shell("head -c 60000 /dev/zero"));
    let life = Arc::clone(&job.life);
    job.run();
    let pid = match &*lock(&life) {
        Life::Running { child, .. } => Pid::from_child(child),
        life => panic!("{life:?}"),
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(pid), options).unwrap();
    let mut taken = BytesMut::new();
    let moved = exchange(&mut Exchange {
        backend: &mut backend,
        content: &[],
        whole: true,
        output: Some(&mut taken),
    });
    assert!(moved.exit.is_some(), "{moved:?}");
    assert_eq!((taken.len(), moved.output), (60_000, Output::Bytes(60_000)));
}
