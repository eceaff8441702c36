//! What directives share while a configuration is read.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::Problem;
use super::lex::Word;
use super::model::*;
use super::pattern::Patterns;
use super::source::{Source, Span, Texts};
use super::template::{Part, Template};
use super::value;
use super::variables::Variables;

/// What directives share while a configuration is read.
pub(crate) struct Context<'c> {
    pub(crate) source: &'c dyn Source,
    pub(crate) texts: &'c Texts,
    /// What paths are relative to.
    pub(crate) prefix: &'c Path,
    /// The folder of the configuration file.
    pub(crate) folder: &'c Path,
    pub(crate) main: Main,
    /// What the server that is being read has said so far.
    pub(crate) server: ServerParts,
    pub(crate) variables: Variables,
    patterns: Patterns,
    pub(crate) maps: Vec<Map>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) formats: HashMap<String, Arc<LogFormat>>,
    /// The caches of open files so far.
    pub(crate) caches: usize,
    pub(crate) errors: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Folders that were looked for.
    seen: HashSet<PathBuf>,
}

/// The directives of a server that are not settings.
#[derive(Default)]
pub(crate) struct ServerParts {
    pub(crate) names: Vec<(ServerName, Span)>,
    pub(crate) listens: Vec<ListenUse>,
    /// Named locations that something goes on to.
    pub(crate) references: Vec<Word>,
}

/// One `listen`.
pub(crate) struct ListenUse {
    pub(crate) addresses: Vec<Address>,
    pub(crate) default_server: bool,
    /// Whether there are options of the socket, and so for all servers on it.
    pub(crate) options: bool,
    pub(crate) backlog: Option<u32>,
    pub(crate) reuseport: bool,
    pub(crate) ipv6only: Option<bool>,
    pub(crate) proxy_protocol: bool,
    pub(crate) bind: bool,
    pub(crate) span: Span,
}

impl<'c> Context<'c> {
    pub(crate) fn new(
        source: &'c dyn Source,
        texts: &'c Texts,
        prefix: &'c Path,
        folder: &'c Path,
        main: Main,
    ) -> Self {
        Self {
            source,
            texts,
            prefix,
            folder,
            main,
            server: ServerParts::default(),
            variables: Variables::default(),
            patterns: Patterns::default(),
            maps: Vec::new(),
            zones: Vec::new(),
            formats: HashMap::new(),
            caches: 0,
            errors: Vec::new(),
            warnings: Vec::new(),
            seen: HashSet::new(),
        }
    }

    pub(crate) fn warn(&mut self, span: Span, message: impl Into<String>) {
        self.warnings.push(Problem::new(span, message));
    }

    /// Warns of what is accepted and does nothing.
    pub(crate) fn idle(&mut self, span: Span, what: &str, why: &str) {
        self.warn(span, format!("\"{what}\" has no effect here: {why}"));
    }

    pub(crate) fn place(&self, span: Span) -> Place {
        self.texts.place(span)
    }

    pub(crate) fn template(&mut self, word: &Word) -> Result<Template, Problem> {
        self.template_of(&word.text, word.span)
    }

    /// A part of a word as template.
    pub(crate) fn template_of(&mut self, text: &str, span: Span) -> Result<Template, Problem> {
        self.variables.template(text, span, self.texts)
    }

    /// A part of a word as regular expression.
    pub(crate) fn pattern(
        &mut self,
        text: &str,
        caseless: bool,
        span: Span,
    ) -> Result<Pattern, Problem> {
        let span = self.texts.narrow(span, text);
        self.patterns
            .compile(text, caseless, span, &mut self.variables)
    }

    /// A path below the prefix.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.prefix.join(text)
    }

    /// A path with variables, below `folder` unless it begins with a slash or comes to do so.
    pub(crate) fn path_template(
        &mut self,
        text: &str,
        span: Span,
        folder: &Path,
    ) -> Result<Template, Problem> {
        let mut template = self.template_of(text, span)?;
        if !text.starts_with('/') {
            let mut front = folder.as_os_str().as_encoded_bytes().to_vec();
            if !front.is_empty() && !front.ends_with(b"/") {
                front.push(b'/');
            }
            let front = match text.starts_with('$') {
                true => Part::Folder(front),
                false => Part::Text(front),
            };
            template.parts.insert(0, front);
        }
        join_text(&mut template);
        Ok(template)
    }

    /// Warns of a file that cannot be read.
    pub(crate) fn expect_file(&mut self, path: &Template, span: Span) {
        let path = path.as_text().and_then(|path| str::from_utf8(path).ok());
        let failure = path.and_then(|path| Some((path, self.source.read(path.as_ref()).err()?)));
        if let Some((path, error)) = failure {
            self.warn(span, format!("cannot read \"{path}\": {error}"));
        }
    }

    /// Warns of a folder that is not there, once.
    pub(crate) fn expect_folder(&mut self, path: &Template, span: Span) {
        let Some(path) = path.as_text().and_then(|path| str::from_utf8(path).ok()) else {
            return;
        };
        // Of `/` nothing is left where paths are appended.
        let path = Path::new(if path.is_empty() { "/" } else { path });
        if self.seen.insert(path.into()) && !self.source.is_folder(path) {
            let message = format!("there is no folder \"{}\"", path.display());
            self.warn(span, message);
        }
    }

    /// The place of a zone.
    pub(crate) fn zone(&self, name: &str, span: Span) -> Result<usize, Problem> {
        let found = self.zones.iter().position(|zone| zone.name == name);
        found.ok_or_else(|| {
            let names = self.zones.iter().map(|zone| zone.name.as_str());
            let near = value::nearest(name, names);
            Problem::new(span, format!("there is no zone \"{name}\""))
                .maybe_help(near.map(|name| format!("did you mean \"{name}\"?")))
        })
    }
}

/// Makes one text of neighbours.
fn join_text(template: &mut Template) {
    let mut parts: Vec<Part> = Vec::with_capacity(template.parts.len());
    for part in template.parts.drain(..) {
        match (parts.last_mut(), part) {
            (Some(Part::Text(front)), Part::Text(text)) => front.extend(text),
            (_, part) => parts.push(part),
        }
    }
    template.parts = parts;
}
