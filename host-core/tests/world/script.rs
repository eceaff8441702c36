//! Scripts that do what a test says.

use std::collections::{BTreeMap, VecDeque};
use std::io;

use host_core::os::Backend;
use host_core::{Exchange, Exit, Moved, Output, Spawn, SpawnContent, Started};

/// What a script does next.
#[derive(Clone, Debug)]
pub enum Act {
    Say(Vec<u8>),
    /// It closes its output.
    Close,
    Exit(Exit),
}

/// The scripts of a world: each that is started does all that has been said so far, and goes on with what
/// is said later.
#[derive(Debug, Default)]
pub struct Script {
    acts: VecDeque<Act>,
    /// The variables of the last one, of those that were asked for.
    pub variables: BTreeMap<&'static str, Option<String>>,
    /// What its standard input has brought.
    pub input: Vec<u8>,
    /// It takes so many bytes more.
    pub takes: usize,
    /// All of its input has come.
    pub whole: bool,
    /// How many were started.
    pub started: usize,
    /// Why none can be.
    pub refuses: Option<io::ErrorKind>,
    /// There is no place.
    pub queued: bool,
    pub full: bool,
    closed: bool,
    exit: Option<Exit>,
    changed: bool,
}

impl Script {
    /// Also of these variables the values are kept.
    pub fn ask(&mut self, names: &[&'static str]) {
        self.variables
            .extend(names.iter().map(|name| (*name, None)));
    }

    pub fn say(&mut self, text: impl AsRef<[u8]>) {
        self.act(Act::Say(text.as_ref().to_vec()));
    }

    /// It ends well.
    pub fn end(&mut self) {
        self.act(Act::Close);
        self.act(Act::Exit(Exit::Status(0)));
    }

    pub fn act(&mut self, act: Act) {
        self.acts.push_back(act);
        self.changed = true;
    }

    /// The place has come.
    pub fn admit(&mut self) {
        self.queued = false;
        self.changed = true;
    }

    /// It takes so many bytes more.
    pub fn take(&mut self, n: usize) {
        self.takes = self.takes.saturating_add(n);
        self.changed = true;
    }

    /// What its input has brought, as text.
    pub fn input(&self) -> String {
        String::from_utf8_lossy(&self.input).into_owned()
    }

    pub(super) fn is_ready(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(super) fn start(&mut self, spawn: &mut Spawn<'_>) -> io::Result<Started> {
        if let Some(kind) = self.refuses {
            return Err(kind.into());
        }
        if self.full {
            return Ok(Started::Full);
        }
        if self.queued {
            return Ok(Started::Queued);
        }
        for (name, value) in &mut self.variables {
            let text = spawn.variable(name).map(String::from_utf8_lossy);
            *value = text.map(|text| text.into_owned());
        }
        self.input.clear();
        self.started += 1;
        (self.closed, self.exit, self.whole) = (false, None, true);
        match &spawn.content {
            SpawnContent::None => {}
            SpawnContent::Bytes(bytes) => self.input.extend_from_slice(bytes),
            SpawnContent::File(file) => self.input.resize(file.len() as usize, b'f'),
            SpawnContent::Stream => self.whole = false,
        }
        self.changed = true;
        let (output, _) = io::pipe()?;
        Backend::new(output.into()).map(Started::Running)
    }

    pub(super) fn exchange(&mut self, exchange: &mut Exchange<'_>) -> Moved {
        let taken = exchange.content.len().min(self.takes);
        self.takes -= taken;
        self.input.extend_from_slice(&exchange.content[..taken]);
        self.whole |= exchange.whole && taken == exchange.content.len();
        let output = match self.acts.front() {
            _ if self.closed => Output::End,
            Some(Act::Say(_)) => self.said(exchange),
            Some(Act::Close) => {
                self.acts.pop_front();
                self.closed = true;
                Output::End
            }
            _ => Output::Blocked,
        };
        if let Some(Act::Exit(exit)) = self.acts.front() {
            self.exit = Some(*exit);
            self.acts.pop_front();
        }
        Moved {
            taken,
            output,
            exit: self.exit,
            has_process: true,
        }
    }

    fn said(&mut self, exchange: &mut Exchange<'_>) -> Output {
        match (self.acts.pop_front(), &mut exchange.output) {
            (Some(Act::Say(text)), Some(slot)) => {
                slot.extend_from_slice(&text);
                Output::Bytes(text.len())
            }
            _ => Output::Blocked,
        }
    }
}
