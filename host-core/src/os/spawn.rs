//! Starts scripts.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};

use rustix::fs::OFlags;
use rustix::io::ioctl_fionbio;

use super::backend::Backend;
use super::children::Entry;
use super::log;
use super::process::{Errors, Life, Process};
use super::spool::SpoolFile;
use super::starter::{self, Job, scarce};
use crate::config::model::CgiStderr;
use crate::step::{Spawn, SpawnContent, Started};

/// Starts a script in a process group of its own, with descriptors 0 to 2 and no variables but its own.
/// Does not wait until it runs: that it cannot be run shows when its output ends.
/// Where all places are taken, the script is put into the queue; ask again when its turn has come.
///
/// # Errors
///
/// `ResourceBusy` if there are no more descriptors or memory; others if a file cannot be opened.
pub fn spawn(spawn: &mut Spawn<'_>) -> io::Result<Started> {
    let entry = match spawn.turn.take() {
        None => spawn.children.enter().map_err(scarce)?,
        Some(turn) => match turn.place() {
            Some(place) => Entry::Place(place),
            None => Entry::Turn(turn),
        },
    };
    let place = match entry {
        Entry::Place(place) => place,
        Entry::Turn(turn) => {
            *spawn.turn = Some(turn);
            return Ok(Started::Queued);
        }
        Entry::Full => return Ok(Started::Full),
    };
    let script = spawn.script;
    let (output, stdout) = pipe().map_err(scarce)?;
    let (input, stdin) = content(spawn).map_err(scarce)?;
    let name = script.path.to_string_lossy().into_owned();
    let (errors, stderr) = stderr(spawn, name).map_err(scarce)?;
    let mut command = command(spawn);
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    let life = Arc::new(Mutex::new(Life::Starting));
    let process = Process {
        life: Arc::clone(&life),
        errors,
        exit: None,
        _place: place,
    };
    let backend = Backend::with(output, input, Some(process)).map_err(scarce)?;
    let watch = backend.watch();
    starter::start(Job {
        command,
        life,
        watch,
    });
    Ok(Started::Running(backend))
}

fn command(spawn: &Spawn<'_>) -> Command {
    let script = spawn.script;
    let mut command = match &script.interpreter {
        Some(interpreter) => {
            let mut command = Command::new(interpreter);
            command.arg(&script.path);
            command
        }
        None => Command::new(&script.path),
    };
    let vars = script.env.iter();
    let vars = vars.map(|(name, value)| (name, OsStr::from_bytes(value)));
    command.env_clear().envs(vars).process_group(0);
    command.current_dir(script.path.parent().unwrap_or(Path::new("/")));
    command
}

/// Our end, which does not block, and that of the script.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    ioctl_fionbio(&reader, true)?;
    Ok((reader.into(), writer.into()))
}

fn content(spawn: &Spawn<'_>) -> io::Result<(Option<OwnedFd>, Stdio)> {
    match &spawn.content {
        SpawnContent::None => Ok((None, nothing()?)),
        SpawnContent::Stream => {
            let (reader, writer) = io::pipe()?;
            ioctl_fionbio(&writer, true)?;
            Ok((Some(writer.into()), reader.into()))
        }
        SpawnContent::Bytes(bytes) => Ok((None, filled(bytes)?)),
        SpawnContent::File(file) => Ok((None, file.reader()?.into())),
    }
}

/// What is empty, from the start. It is opened once: a copy costs less than to find it again.
fn nothing() -> io::Result<Stdio> {
    static NULL: OnceLock<File> = OnceLock::new();

    let null = match NULL.get() {
        Some(null) => null,
        None => {
            let null = File::open("/dev/null")?;
            NULL.get_or_init(|| null)
        }
    };
    Ok(null.try_clone()?.into())
}

/// A pipe with these bytes in it, or a file where that has no room for them.
fn filled(bytes: &[u8]) -> io::Result<Stdio> {
    let (reader, writer) = io::pipe()?;
    ioctl_fionbio(&writer, true)?;
    if rustix::io::write(&writer, bytes) == Ok(bytes.len()) {
        return Ok(reader.into());
    }
    let mut file = SpoolFile::new();
    file.append(bytes)?;
    Ok(file.reader()?.into())
}

fn stderr(spawn: &Spawn<'_>, name: String) -> io::Result<(Option<Errors>, Stdio)> {
    match &spawn.script.stderr {
        CgiStderr::Off => Ok((None, Stdio::null())),
        CgiStderr::File(path) => {
            let file: File = log::open(path, OFlags::empty())?;
            Ok((None, file.into()))
        }
        CgiStderr::Log => {
            let (reader, writer) = pipe()?;
            let errors = Errors::new(reader, spawn.errors.cloned(), name);
            Ok((Some(errors), writer.into()))
        }
    }
}
