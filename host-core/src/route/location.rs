//! Which location a URI is in.

use foldhash::HashMap;

use super::bindings::Bindings;
use super::trace::{Note, Sink};
use super::{Hosting, Located};
use crate::config::PatternList;
use crate::config::model::Pattern;

/// The locations of one block, ready to be searched.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    pub(super) exact: HashMap<Box<[u8]>, usize>,
    /// Sorted by URI.
    pub(super) prefixes: Vec<Prefix>,
    /// In the order of the file.
    pub(super) patterns: Vec<(Pattern, usize)>,
    list: PatternList,
    pub(super) named: HashMap<String, usize>,
}

#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) uri: Box<[u8]>,
    pub(super) location: usize,
    /// `^~`
    pub(super) final_: bool,
    /// The longest other one that this one begins with.
    pub(super) parent: Option<usize>,
}

/// How a search has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    /// By `=`, or by a regular expression: nothing else can win.
    Settled,
    /// At most by a prefix: expressions of the blocks around are tried still.
    Open,
}

impl Tree {
    /// Sets the parents of the prefixes, and has patterns searched at once, now that all are there.
    pub(super) fn link(&mut self) {
        self.list = PatternList::new(self.patterns.iter().map(|(pattern, _)| pattern));
        self.prefixes.sort_by(|a, b| a.uri.cmp(&b.uri));
        for at in 1..self.prefixes.len() {
            let (before, rest) = self.prefixes.split_at(at);
            // In the order of the alphabet a prefix stands before what begins with it.
            let mut parent = Some(at - 1);
            while let Some(above) = parent.and_then(|n| before.get(n))
                && !rest[0].uri.starts_with(&above.uri)
            {
                parent = above.parent;
            }
            self.prefixes[at].parent = parent;
        }
    }

    /// The location of the first pattern that matches `uri`.
    fn first_pattern(&self, uri: &[u8], bindings: &mut Bindings, sink: &mut Sink) -> Option<usize> {
        let found = self.list.first(uri, |at| {
            let pattern = self.patterns.get(at);
            pattern.is_some_and(|(pattern, _)| bindings.matches(pattern, uri))
        });
        let end = found.unwrap_or(self.patterns.len());
        for (_, location) in &self.patterns[..end] {
            sink.note(|| Note::NotLocation {
                location: *location,
                why: "its regular expression does not match",
            });
        }
        self.patterns.get(found?).map(|(_, location)| *location)
    }

    /// The longest prefix of `uri`.
    fn longest(&self, uri: &[u8]) -> Option<&Prefix> {
        let after = self.prefixes.partition_point(|prefix| &*prefix.uri <= uri);
        let mut at = after.checked_sub(1);
        while let Some(prefix) = at.and_then(|n| self.prefixes.get(n)) {
            if uri.starts_with(&prefix.uri) {
                return Some(prefix);
            }
            at = prefix.parent;
        }
        None
    }
}

impl Hosting {
    /// The location of `uri` in `tree`, by nginx's rules: `=` first, then the longest prefix and what
    /// is nested in it, then, unless that prefix is `^~`, regular expressions in the order of the
    /// file, the first that matches, and what is nested in that.
    pub(crate) fn find_location(
        &self,
        tree: &Tree,
        uri: &[u8],
        bindings: &mut Bindings,
        sink: &mut Sink,
    ) -> Option<usize> {
        let mut found = None;
        self.search(tree, uri, &mut found, bindings, sink);
        found
    }

    fn search(
        &self,
        tree: &Tree,
        uri: &[u8],
        found: &mut Option<usize>,
        bindings: &mut Bindings,
        sink: &mut Sink,
    ) -> Search {
        if let Some(location) = tree.exact.get(uri) {
            *found = Some(*location);
            sink.note(|| Note::Location {
                location: *location,
                why: "it is exactly the URI",
            });
            return Search::Settled;
        }
        let mut last = false;
        if let Some(prefix) = tree.longest(uri) {
            *found = Some(prefix.location);
            last = prefix.final_;
            note_prefixes(tree, prefix, uri, sink);
            if let Some(Located { nested, .. }) = self.locations.get(prefix.location)
                && self.search(nested, uri, found, bindings, sink) == Search::Settled
            {
                return Search::Settled;
            }
        }
        if last {
            return Search::Open;
        }
        let Some(location) = tree.first_pattern(uri, bindings, sink) else {
            return Search::Open;
        };
        sink.note(|| Note::Location {
            location,
            why: "it is the first regular expression that matches",
        });
        *found = Some(location);
        if let Some(Located { nested, .. }) = self.locations.get(location) {
            self.search(nested, uri, found, bindings, sink);
        }
        Search::Settled
    }
}

fn note_prefixes(tree: &Tree, chosen: &Prefix, uri: &[u8], sink: &mut Sink) {
    if !sink.is_on() {
        return;
    }
    let shorter = tree.prefixes.iter().filter(|p| uri.starts_with(&p.uri));
    for prefix in shorter.filter(|p| p.location != chosen.location) {
        sink.note(|| Note::NotLocation {
            location: prefix.location,
            why: "a longer prefix matches",
        });
    }
    sink.note(|| Note::Location {
        location: chosen.location,
        why: match chosen.final_ {
            true => "it is the longest prefix, and ^~ keeps regular expressions out",
            false => "it is the longest prefix",
        },
    });
}

#[cfg(test)]
mod tests;
