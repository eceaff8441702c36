//! Where the file of a URI is: `root` and `alias`.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Route;
use super::variables::View;
use crate::Links;
use crate::config::model::{Base, DisableSymlinks};
use crate::config::template::{Part, Template};
use crate::os::Root;
use crate::path::PathError;

/// Where files are.
#[derive(Debug)]
pub(crate) struct Files {
    /// The folder that nothing leaves: as much of the path as no variable can change.
    pub(crate) root: Arc<Root>,
    /// What follows it, before the part of the URI.
    lead: Template,
    pub(crate) tail: Tail,
    /// All of it, as it was written: `$document_root`.
    pub(super) base: Template,
}

/// Which part of a URI is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    Uri,
    /// What follows so many bytes.
    After(usize),
    Nothing,
}

impl Tail {
    pub(crate) fn of(self, uri: &[u8]) -> &[u8] {
        match self {
            Self::Uri => uri,
            Self::After(len) => uri.get(len..).unwrap_or_default(),
            Self::Nothing => b"",
        }
    }
}

impl Files {
    pub(super) fn new(base: &Base, roots: &mut HashMap<PathBuf, Arc<Root>>) -> Self {
        let (base, tail) = match base {
            Base::Root(path) => (path, Tail::Uri),
            Base::Alias { path, prefix } => match prefix {
                Some(prefix) => (path, Tail::After(prefix.len())),
                None => (path, Tail::Nothing),
            },
        };
        let (folder, lead) = split(base, tail);
        Self {
            root: root(folder, roots),
            lead,
            tail,
            base: base.clone(),
        }
    }
}

fn root(folder: PathBuf, roots: &mut HashMap<PathBuf, Arc<Root>>) -> Arc<Root> {
    let root = roots
        .entry(folder)
        .or_insert_with_key(|folder| Arc::new(Root::at(folder)));
    Arc::clone(root)
}

/// As much of `path` as is always the same.
pub(super) fn folder(path: &Template, roots: &mut HashMap<PathBuf, Arc<Root>>) -> Arc<Root> {
    root(split(path, Tail::Nothing).0, roots)
}

/// The folder that is always the same, and what follows it.
fn split(base: &Template, tail: Tail) -> (PathBuf, Template) {
    let (first, rest) = match base.parts.split_first() {
        Some((Part::Text(text), rest)) => (&text[..], rest),
        _ => (&b""[..], &base.parts[..]),
    };
    // A root is a folder, whether it ends in a slash or not.
    let whole = rest.is_empty() && tail == Tail::Uri;
    // The URI decides whether the slash at the end of an `alias` holds.
    let names = match rest.is_empty() && tail == Tail::Nothing {
        true => first.strip_suffix(b"/").unwrap_or(first),
        false => first,
    };
    let end = match memchr::memrchr(b'/', names) {
        _ if whole => first.len(),
        Some(slash) => slash + 1,
        None => 0,
    };
    let (folder, lead) = first.split_at(end);
    let folder = if folder.is_empty() { b"/" } else { folder };
    let mut parts = Vec::new();
    if !lead.is_empty() {
        parts.push(Part::Text(lead.to_vec()));
    }
    parts.extend_from_slice(rest);
    let folder = Path::new(OsStr::from_bytes(folder)).to_owned();
    (folder, Template { parts })
}

impl View<'_> {
    /// Sets `route.links_from` to the part of paths in which links are not looked at.
    pub(super) fn expand_links_from(&self, route: &mut Route) {
        let from = match &self.rules(route).settings.disable_symlinks {
            DisableSymlinks::On { from } | DisableSymlinks::IfNotOwner { from } => from,
            DisableSymlinks::Beneath | DisableSymlinks::Off => return,
        };
        let mut text = std::mem::take(&mut route.links_from);
        text.clear();
        self.expand(route, from, &mut text);
        route.links_from = text;
    }

    /// Which links are followed.
    pub(super) fn links<'l>(&self, route: &'l Route) -> Links<'l> {
        match &self.rules(route).settings.disable_symlinks {
            DisableSymlinks::Beneath => Links::Beneath,
            DisableSymlinks::Off => Links::All,
            DisableSymlinks::On { .. } => Links::None(&route.links_from),
            DisableSymlinks::IfNotOwner { .. } => Links::SameOwner(&route.links_from),
        }
    }

    /// Sets `route.path` to that of the file which `uri` names below the root of the rules.
    pub(super) fn locate(&self, route: &mut Route, uri: &[u8]) -> Result<(), PathError> {
        let files = &self.rules(route).files;
        if files.lead.parts.is_empty() {
            return route.path.set(&[files.tail.of(uri)]);
        }
        let mut lead = route.take_scratch();
        self.expand(route, &files.lead, &mut lead);
        let tail = files.tail.of(uri);
        // The segment that the lead ends in goes on in the tail.
        let end = memchr::memchr(b'/', tail).unwrap_or(tail.len());
        lead.extend_from_slice(&tail[..end]);
        let climbs = lead.split(|&b| b == b'/').any(|it| it == b"..");
        let set = match climbs {
            true => Err(PathError::AboveRoot),
            false => route.path.set(&[&lead, &tail[end..]]),
        };
        route.give_scratch(lead);
        set
    }
}
