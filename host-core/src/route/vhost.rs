//! Which server a request is for: nginx's `server_name`.

use foldhash::HashMap;

use h1_core::RequestHead;

use crate::config::PatternList;
use crate::config::model::{Pattern, ServerName};

/// Names, and what each stands for: the servers that listen on one address, or the values of a map.
#[derive(Debug, Default)]
pub(crate) struct Names {
    exact: HashMap<Box<[u8]>, usize>,
    /// `*.example.org`, by what stands behind the asterisk.
    suffix: HashMap<Box<[u8]>, usize>,
    /// `www.example.*`, by what stands before the asterisk.
    prefix: HashMap<Box<[u8]>, usize>,
    /// What each pattern stands for, and its place among its server's names.
    patterns: Vec<(usize, usize)>,
    list: PatternList,
}

/// How a name was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Exact,
    Suffix,
    Prefix,
    Pattern,
    Default,
}

impl Reason {
    /// As a sentence goes on after a name.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Exact => "it has exactly this name",
            Self::Suffix => "its name with an asterisk in front is the longest that matches",
            Self::Prefix => "its name with an asterisk at the end is the longest that matches",
            Self::Pattern => "its regular expression is the first that matches",
            Self::Default => "no name matches, and it is the default",
        }
    }
}

impl Names {
    /// Adds the name of `index` that is the one at place `at` there. What has the name already keeps it.
    pub(crate) fn add(&mut self, index: usize, at: usize, name: &ServerName) {
        let (table, text) = match name {
            ServerName::Exact(text) => (&mut self.exact, text),
            ServerName::Suffix(text) => (&mut self.suffix, text),
            ServerName::Prefix(text) => (&mut self.prefix, text),
            ServerName::Pattern(_) => return self.patterns.push((index, at)),
        };
        table.entry(text.as_bytes().into()).or_insert(index);
    }

    /// Has its patterns, in the order in which they were added, searched at once.
    pub(crate) fn link<'p>(&mut self, patterns: impl ExactSizeIterator<Item = &'p Pattern>) {
        self.list = PatternList::new(patterns);
    }

    /// What `host` stands for, which is in lower case; `matches` tries the pattern at a place.
    /// An exact name comes first, then the longest `*.x`, the longest `x.*`, and the first pattern.
    pub(crate) fn find(
        &self,
        host: &[u8],
        mut matches: impl FnMut(usize, usize) -> bool,
    ) -> Option<(usize, Reason)> {
        let fixed = (self.exact.get(host).map(|index| (*index, Reason::Exact)))
            .or_else(|| Some((self.by_suffix(host)?, Reason::Suffix)))
            .or_else(|| Some((self.by_prefix(host)?, Reason::Prefix)));
        fixed.or_else(|| {
            let found = self.list.first(host, |n| {
                let pattern = self.patterns.get(n);
                pattern.is_some_and(|(index, at)| matches(*index, *at))
            })?;
            let (index, _) = self.patterns.get(found)?;
            Some((*index, Reason::Pattern))
        })
    }

    /// The longest one: that which begins at the first dot.
    fn by_suffix(&self, host: &[u8]) -> Option<usize> {
        if self.suffix.is_empty() {
            return None;
        }
        let mut dots = memchr::memchr_iter(b'.', host).filter(|&dot| dot > 0);
        dots.find_map(|dot| self.suffix.get(&host[dot..]).copied())
    }

    /// The longest one: that which ends at the last dot.
    fn by_prefix(&self, host: &[u8]) -> Option<usize> {
        if self.prefix.is_empty() {
            return None;
        }
        let mut dots = memchr::memrchr_iter(b'.', host).filter(|&dot| dot + 1 < host.len());
        dots.find_map(|dot| self.prefix.get(&host[..=dot]).copied())
    }
}

/// Writes the host of a request to `out` as names are compared: in lower case, without port and
/// final dot; nothing where there is none. Returns whether it has no two dots in a row: no name has,
/// and as part of a path they would leave a folder.
pub(crate) fn normalize(request: &RequestHead<'_>, out: &mut Vec<u8>) -> bool {
    out.clear();
    let host = request.host_bytes().unwrap_or_default();
    let end = match host.first() {
        Some(b'[') => memchr::memchr(b']', host).map(|end| end + 1),
        _ => memchr::memchr(b':', host),
    };
    out.extend_from_slice(&host[..end.unwrap_or(host.len())]);
    out.make_ascii_lowercase();
    let good = !out.windows(2).any(|pair| pair == b"..");
    if out.last() == Some(&b'.') {
        out.pop();
    }
    good
}

#[cfg(test)]
mod tests;
