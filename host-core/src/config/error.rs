//! What is wrong with a configuration, and how that is shown.

use std::fmt;

use super::source::{Span, Texts};

/// Errors of one file that are shown at most.
const MOST: usize = 20;

/// Something wrong, before it is known where the lines begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) message: String,
    pub(crate) span: Span,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(span: Span, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            span,
            help: None,
        }
    }

    /// Adds what to do about it.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, if that is known.
    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}

/// Whether a configuration can be used in spite of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It cannot.
    Error,
    /// It can, but likely does not mean what it says.
    Warning,
}

/// Something wrong with a configuration; shown as text with the line of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// The file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The character in the line, from 1.
    pub column: u32,
    /// What to do about it.
    pub help: Option<String>,
    /// The line of the file.
    source: String,
    /// What stands below it.
    carets: String,
}

impl Diagnostic {
    fn new(severity: Severity, problem: Problem, texts: &Texts) -> Self {
        let place = texts.place(problem.span);
        let (source, from, to) = texts.line(problem.span);
        let blank = |char| if char == '\t' { '\t' } else { ' ' };
        let mut carets: String = source[..from].chars().map(blank).collect();
        let width = source[from..to].chars().count().max(1);
        carets.extend(std::iter::repeat_n('^', width));
        Self {
            severity,
            message: problem.message,
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
            help: problem.help,
            source: source.into(),
            carets,
        }
    }
}

impl fmt::Display for Diagnostic {
    /// As compilers show it, ending in a newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let number = self.line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(f, "{severity}: {}", self.message)?;
        writeln!(f, "{margin}--> {}:{}:{}", self.file, self.line, self.column)?;
        // Where there is no file, there is no line either.
        if !self.source.is_empty() {
            writeln!(f, "{margin} |")?;
            writeln!(f, "{number} | {}", self.source)?;
            writeln!(f, "{margin} | {}", self.carets)?;
        }
        match &self.help {
            Some(help) => writeln!(f, "{margin} = help: {help}"),
            None => Ok(()),
        }
    }
}

/// Everything that is wrong with a configuration, in the order of its text; at most 20 errors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    /// Errors that are not shown.
    more: usize,
}

impl Diagnostics {
    pub(crate) fn new(errors: Vec<Problem>, warnings: Vec<Problem>, texts: &Texts) -> Self {
        let more = errors.len().saturating_sub(MOST);
        let errors = errors.into_iter().map(|problem| (Severity::Error, problem));
        let warnings = warnings
            .into_iter()
            .map(|problem| (Severity::Warning, problem));
        let mut all: Vec<_> = errors.take(MOST).chain(warnings.take(MOST)).collect();
        all.sort_by_key(|(_, problem)| (problem.span.file, problem.span.start));
        let list = all.into_iter();
        Self {
            list: list
                .map(|(severity, problem)| Diagnostic::new(severity, problem, texts))
                .collect(),
            more,
        }
    }

    /// All of them.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }
}

impl<'d> IntoIterator for &'d Diagnostics {
    type Item = &'d Diagnostic;
    type IntoIter = std::slice::Iter<'d, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    /// One after the other, with an empty line between them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, diagnostic) in self.list.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        match self.more {
            0 => Ok(()),
            more => writeln!(f, "\nand {more} more errors"),
        }
    }
}

impl std::error::Error for Diagnostics {}
