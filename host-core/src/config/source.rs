//! Where the text of a configuration comes from, and where in it something stands.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::Place;

/// What the configuration has to ask the system.
pub(crate) trait Source {
    /// The content of a file.
    fn read(&self, path: &Path) -> io::Result<Vec<u8>>;

    /// The paths that match a shell pattern, sorted.
    fn glob(&self, pattern: &str) -> io::Result<Vec<PathBuf>>;

    /// The same path from the root of the file system.
    fn absolute(&self, path: &Path) -> PathBuf;

    /// Whether there is such a folder.
    fn is_folder(&self, path: &Path) -> bool;

    /// The addresses of a host name.
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;

    /// The value of a variable in our environment.
    fn variable(&self, name: &str) -> Option<OsString>;

    /// The name of this machine.
    fn hostname(&self) -> String;

    /// Whether there is such a user.
    fn has_user(&self, name: &str) -> bool;

    /// Whether there is such a group.
    fn has_group(&self, name: &str) -> bool;

    /// Whether the process may do what root may: ports below 1024, other users.
    fn is_root(&self) -> bool;
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its number in [`Texts`].
    pub(crate) file: u32,
    /// The first byte.
    pub(crate) start: u32,
    /// The byte behind the last one.
    pub(crate) end: u32,
}

impl Span {
    pub(crate) fn new(file: u32, start: usize, end: usize) -> Self {
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            file,
            start: offset(start),
            end: offset(end),
        }
    }

    /// From the start of this one to the end of `last`, where both are of one file.
    pub(crate) fn to(self, last: Self) -> Self {
        match self.file == last.file {
            true => Self {
                end: last.end.max(self.end),
                ..self
            },
            false => self,
        }
    }
}

/// The files that were read, in that order.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    files: Vec<Text>,
}

#[derive(Debug)]
struct Text {
    name: Arc<str>,
    text: Arc<str>,
    /// Where lines start.
    lines: Vec<u32>,
}

impl Texts {
    /// Keeps a file and tells its number.
    pub(crate) fn add(&mut self, name: &str, text: Arc<str>) -> u32 {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let starts = ends.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
        let lines = std::iter::once(0).chain(starts).collect();
        self.files.push(Text {
            name: name.into(),
            text,
            lines,
        });
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    /// How many files there are.
    pub(crate) fn len(&self) -> usize {
        self.files.len()
    }

    /// Names and contents.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|file| (&*file.name, &*file.text))
    }

    /// The place of the first character.
    pub(crate) fn place(&self, span: Span) -> Place {
        let Some(file) = self.files.get(span.file as usize) else {
            debug_assert!(false, "a span of no file");
            return Place {
                file: "".into(),
                line: 1,
                column: 1,
            };
        };
        let (line, start) = file.line_of(span.start);
        let before = file.text.get(start as usize..span.start as usize);
        let column = before.map_or(0, |text| text.chars().count());
        Place {
            file: file.name.clone(),
            line: u32::try_from(line + 1).unwrap_or(u32::MAX),
            column: u32::try_from(column + 1).unwrap_or(u32::MAX),
        }
    }

    /// The text of the line where `span` starts, and the part of `span` on it: its first byte there
    /// and the one behind its last.
    pub(crate) fn line(&self, span: Span) -> (&str, usize, usize) {
        let Some(file) = self.files.get(span.file as usize) else {
            return ("", 0, 0);
        };
        let (_, start) = file.line_of(span.start);
        let rest = file.text.get(start as usize..).unwrap_or_default();
        let line = rest.split(['\n', '\r']).next().unwrap_or_default();
        let from = ((span.start - start) as usize).min(line.len());
        let to = ((span.end - start) as usize).clamp(from, line.len());
        (line, from, to)
    }

    /// The text as written.
    pub(crate) fn raw(&self, span: Span) -> &str {
        let file = self.files.get(span.file as usize);
        file.and_then(|file| file.text.get(span.start as usize..span.end as usize))
            .unwrap_or_default()
    }

    /// The part of `span` where `needle` stands, as far as it is written like that.
    pub(crate) fn narrow(&self, span: Span, needle: &str) -> Span {
        match self.raw(span).find(needle) {
            Some(at) => {
                let start = span.start as usize + at;
                Span::new(span.file, start, start + needle.len())
            }
            None => span,
        }
    }
}

impl Text {
    /// The number of a line, from 0, and where it starts.
    fn line_of(&self, at: u32) -> (usize, u32) {
        let line = self.lines.partition_point(|start| *start <= at);
        let line = line.saturating_sub(1);
        (line, self.lines.get(line).copied().unwrap_or(0))
    }
}
