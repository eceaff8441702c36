use std::process::{Command, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use super::super::children::{Children, Entry, Place};
use super::*;
use crate::config::model::CgiChildren;

fn place() -> Place {
    let children = Arc::new(Children::new(CgiChildren {
        most: 1,
        queue: 0,
        wait: Duration::ZERO,
    }));
    match children.enter().unwrap() {
        Entry::Place(place) => place,
        entry => panic!("{entry:?}"),
    }
}

/// A script that has ended, and of whose output nothing has been read.
fn ended(script: &str) -> Backend {
    let (output, stdout) = io::pipe().unwrap();
    rustix::io::ioctl_fionbio(&output, true).unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null());
    let child = command.stdout(stdout).spawn().unwrap();
    drop(command);
    let pid = WaitId::Pid(Pid::from_child(&child));
    waitid(pid, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).unwrap();
    let process = Process {
        ended: super::super::spawn::watch_end(&child),
        child,
        errors: None,
        exit: None,
        _place: place(),
    };
    Backend::with(output.into(), None, Some(process)).unwrap()
}

#[test]
fn the_end_of_a_script_is_told_with_all_that_it_has_written() {
    let mut backend = ended("head -c 60000 /dev/zero");
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
