//! `map`: a value that depends on another one.

use super::bindings::Bindings;
use super::vhost::Names;
use crate::config::PatternList;
use crate::config::model::{self, Pattern};
use crate::config::template::Template;

/// A `map` block, ready to be searched.
#[derive(Debug)]
pub(crate) struct Map {
    pub(super) source: Template,
    pub(super) slot: u16,
    exact: std::collections::HashMap<Vec<u8>, Template>,
    names: Names,
    /// The values of `names`.
    values: Vec<Template>,
    patterns: Vec<(Pattern, Template)>,
    list: PatternList,
    default: Template,
}

impl Map {
    pub(super) fn new(map: model::Map) -> Self {
        let (mut names, mut values) = (Names::default(), Vec::new());
        for (name, value) in map.names {
            names.add(values.len(), 0, &name);
            values.push(value);
        }
        Self {
            source: map.source,
            slot: map.slot,
            exact: map.exact.into_iter().collect(),
            names,
            values,
            list: PatternList::new(map.patterns.iter().map(|(pattern, _)| pattern)),
            patterns: map.patterns,
            default: map.default,
        }
    }

    /// The value for `source`, whose case counts for regular expressions alone.
    pub(super) fn find(&self, source: &[u8], bindings: &mut Bindings) -> &Template {
        let lower = source.to_ascii_lowercase();
        if let Some(value) = self.exact.get(&lower) {
            return value;
        }
        if let Some((at, _)) = self.names.find(&lower, |_, _| false) {
            return self.values.get(at).unwrap_or(&self.default);
        }
        let found = self.list.first(source, |at| {
            let pattern = self.patterns.get(at);
            pattern.is_some_and(|(pattern, _)| bindings.matches(pattern, source))
        });
        let found = found.and_then(|at| self.patterns.get(at));
        found.map_or(&self.default, |(_, value)| value)
    }
}
