//! nginx's configuration language, and what a configuration means.

mod build;
mod context;
mod directives;
mod draft;
mod error;
mod lex;
#[expect(
    dead_code,
    reason = "directives that are read, and refused as not supported yet"
)]
pub(crate) mod model;
mod pattern;
mod reference;
mod source;
pub(crate) mod template;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod variables;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use context::Context;
use model::{CgiChildren, ErrorLog, Level, Main, Model};
use tree::Reader;

pub(crate) use directives::expires_value;
pub use error::{Diagnostic, Diagnostics, Severity};
pub(crate) use pattern::PatternList;
pub use reference::reference;
pub(crate) use source::Source;
use source::Texts;
pub(crate) use value::read_size;

/// What the command line says about the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `-p`: the folder that paths are relative to, but for those of `include` and
    /// `auth_basic_user_file`. Otherwise it is that of the configuration file.
    pub prefix: Option<PathBuf>,
    /// `-g`: directives that stand outside of all blocks.
    pub globals: String,
    /// `-e`: the error log until the configuration names one.
    pub error_log: Option<PathBuf>,
}

/// A configuration that can be served.
#[derive(Debug)]
pub struct Config {
    pub(crate) model: Model,
    texts: Texts,
}

impl Config {
    /// Reads a configuration file and all that it includes; the second value has the warnings.
    ///
    /// ```
    /// use host_core::config::{Config, Overrides};
    ///
    /// # fn main() -> std::io::Result<()> {
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("nginx.conf");
    /// std::fs::write(&path, "events { }\nhttp { server { lisen 8080; } }\n")?;
    ///
    /// let errors = Config::load(&path, &Overrides::default()).unwrap_err();
    /// let error = errors.iter().next().unwrap();
    /// assert_eq!((error.line, error.column), (2, 17));
    /// assert_eq!(error.message, "unknown directive \"lisen\"");
    /// assert_eq!(error.help.as_deref(), Some("did you mean \"listen\"?"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong, the warnings among it.
    pub fn load(path: &Path, overrides: &Overrides) -> Result<(Self, Diagnostics), Diagnostics> {
        load(&crate::os::Disk, path, overrides)
    }

    /// All files as they were read, each behind a line with its name: what `-T` prints.
    pub fn dump(&self) -> String {
        let files = self.texts.iter();
        files
            .map(|(name, text)| format!("# configuration file {name}:\n{text}\n"))
            .collect()
    }
}

/// The names of all directives that a configuration may use, in the order of the alphabet.
///
/// ```
/// assert!(host_core::config::supported().contains(&"try_files"));
/// ```
pub fn supported() -> Vec<&'static str> {
    let all = directives::GROUPS.iter().flat_map(|group| group.directives);
    let mut names: Vec<_> = all.map(|directive| directive.name).collect();
    names.sort_unstable();
    names
}

/// Reads a configuration.
pub(crate) fn load(
    source: &dyn Source,
    path: &Path,
    overrides: &Overrides,
) -> Result<(Config, Diagnostics), Diagnostics> {
    let folder = path.parent().unwrap_or(Path::new(""));
    let prefix = source.absolute(overrides.prefix.as_deref().unwrap_or(folder));
    let mut reader = Reader {
        source,
        folder,
        texts: Texts::default(),
        problems: Vec::new(),
    };
    let mut nodes = match overrides.globals.as_str() {
        "" => Vec::new(),
        globals => {
            // The last of them need not end in a semicolon.
            let end = if globals.trim_end().ends_with(['}', ';']) {
                ""
            } else {
                ";"
            };
            reader.text("-g", format!("{globals}{end}").into(), 0)
        }
    };
    nodes.extend(reader.file(path, None, 0));
    let Reader {
        texts, problems, ..
    } = reader;
    if !problems.is_empty() {
        return Err(Diagnostics::new(problems, Vec::new(), &texts));
    }
    let main = defaults(overrides);
    let mut cx = Context::new(source, &texts, &prefix, folder, main);
    let model = build::build(&nodes, &mut cx);
    let (errors, warnings) = (cx.errors, cx.warnings);
    let failed = !errors.is_empty();
    let diagnostics = Diagnostics::new(errors, warnings, &texts);
    match failed {
        true => Err(diagnostics),
        false => Ok((Config { model, texts }, diagnostics)),
    }
}

/// The process where nothing is said.
fn defaults(overrides: &Overrides) -> Main {
    Main {
        worker_processes: Some(1),
        worker_connections: 512,
        worker_rlimit_nofile: None,
        worker_shutdown_timeout: None,
        user: None,
        pid: None,
        daemon: false,
        master_process: true,
        env: Vec::new(),
        error_logs: Arc::new(vec![ErrorLog {
            path: overrides.error_log.clone(),
            level: Level::Error,
        }]),
        cgi_children: CgiChildren::default(),
    }
}
