//! The Content-Type of what a URI names: `types`, `default_type` and `charset`.

use std::collections::BTreeMap;
use std::sync::Arc;

use foldhash::HashMap;

use crate::config::model::Settings;
use crate::files::mime;

/// Longer extensions are unknown, so that one can be lower-cased on the stack.
const LONGEST: usize = 32;

/// Types by extension.
#[derive(Debug)]
pub(crate) enum Types {
    /// Ours.
    BuiltIn,
    Table {
        by_extension: HashMap<Box<[u8]>, String>,
        other: String,
    },
}

impl Types {
    fn new(settings: &Settings) -> Self {
        let Some(types) = &settings.types else {
            return Self::BuiltIn;
        };
        let full = |kind: &String| with_charset(kind, settings);
        let entries = types.iter();
        Self::Table {
            by_extension: entries
                .map(|(extension, kind)| (extension.as_bytes().into(), full(kind)))
                .collect(),
            other: full(&settings.default_type),
        }
    }

    /// The value of Content-Type for `uri`; empty where there is to be none.
    pub(crate) fn of(&self, uri: &[u8]) -> &str {
        let name = || {
            let slash = memchr::memrchr(b'/', uri);
            &uri[slash.map_or(0, |slash| slash + 1)..]
        };
        match self {
            Self::BuiltIn => mime::content_type(name()),
            Self::Table {
                by_extension,
                other,
            } if by_extension.is_empty() => other,
            Self::Table {
                by_extension,
                other,
            } => {
                let found = extension(name(), |extension| by_extension.get(extension));
                found.unwrap_or(other)
            }
        }
    }
}

fn with_charset(kind: &str, settings: &Settings) -> String {
    match &settings.charset {
        Some(charset) if takes_charset(kind, settings) => format!("{kind}; charset={charset}"),
        _ => kind.to_owned(),
    }
}

fn takes_charset(kind: &str, settings: &Settings) -> bool {
    let mut types = settings.charset_types.iter();
    !kind.contains("charset=") && types.any(|it| it == "*" || it.eq_ignore_ascii_case(kind))
}

/// Looks up what follows the last dot, in lower case.
fn extension<T>(name: &[u8], get: impl FnOnce(&[u8]) -> Option<T>) -> Option<T> {
    let dot = memchr::memrchr(b'.', name)?;
    let extension = &name[dot + 1..];
    let mut lower = [0; LONGEST];
    let lower = lower.get_mut(..extension.len())?;
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    get(lower)
}

/// What the types of settings depend on.
type Key = (
    Option<*const BTreeMap<String, String>>,
    String,
    Option<String>,
    *const Vec<String>,
);

/// Tables that settings share.
#[derive(Default)]
pub(super) struct Cache(HashMap<Key, Arc<Types>>);

impl Cache {
    pub(super) fn get(&mut self, settings: &Settings) -> Arc<Types> {
        let key = (
            settings.types.as_ref().map(Arc::as_ptr),
            settings.default_type.clone(),
            settings.charset.clone(),
            Arc::as_ptr(&settings.charset_types),
        );
        let types = self.0.entry(key);
        Arc::clone(types.or_insert_with(|| Arc::new(Types::new(settings))))
    }
}
