//! Why a request is answered as it is: what `explain` shows.

use super::vhost::Reason;
use crate::config::model::Place;

/// One reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Note {
    /// The address that the request came to.
    Listen(usize),
    /// The server that `host` belongs to.
    Server {
        host: String,
        server: usize,
        reason: Reason,
    },
    /// A location, which holds unless a later note names another.
    Location { location: usize, why: &'static str },
    /// One that could have been it.
    NotLocation { location: usize, why: &'static str },
    /// No location: the settings of the server hold.
    NoLocation,
    /// An instruction of the rewrite module has done something.
    Rewrite {
        script: Script,
        at: usize,
        what: String,
    },
    /// The request goes on with another URI.
    Redirect { to: String, why: &'static str },
    /// A file or folder was looked for.
    Tried { path: String, found: &'static str },
    /// What a directive about clients says of this one.
    Rule {
        what: &'static str,
        text: String,
        place: Option<Place>,
    },
    /// The status that an error page stands for.
    Error { status: u16 },
    /// A script that runs.
    Script {
        path: String,
        interpreter: Option<String>,
        place: Option<Place>,
    },
    /// A file or folder is changed.
    Change { what: String, place: Option<Place> },
    /// What is answered.
    Answer(String),
    /// A field of the answer that `add_header` has added.
    Field {
        rules: usize,
        at: usize,
        value: String,
    },
}

/// Whose instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    Server(usize),
    Location(usize),
}

/// Where notes go: nowhere, unless somebody asks. Then none is made.
#[derive(Debug, Default)]
pub(crate) struct Sink(Option<Vec<Note>>);

impl Sink {
    pub(crate) fn on() -> Self {
        Self(Some(Vec::new()))
    }

    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    #[inline]
    pub(crate) fn note(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.0 {
            notes.push(note());
        }
    }

    /// Notes what is not noted yet.
    pub(crate) fn note_once(&mut self, note: impl FnOnce() -> Note) {
        if let Some(notes) = &mut self.0 {
            let note = note();
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }

    /// The notes since the last call.
    pub(crate) fn take(&mut self) -> Vec<Note> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
