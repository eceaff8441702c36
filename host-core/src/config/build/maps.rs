//! `map` blocks.

use std::collections::BTreeMap;

use super::Builder;
use crate::config::directives::wildcard;
use crate::config::error::Problem;
use crate::config::model::{Map, ServerName};
use crate::config::template::Template;
use crate::config::tree::Node;

impl Builder<'_, '_> {
    pub(super) fn map(&mut self, node: &Node) {
        match self.read_map(node) {
            Ok(map) if self.cx.maps.iter().any(|other| other.slot == map.slot) => {
                let message = format!("there is another map of \"{}\"", node.text(1));
                self.cx.warn(node.arg(1).span, message);
                self.cx.maps.retain(|other| other.slot != map.slot);
                self.cx.maps.push(map);
            }
            Ok(map) => self.cx.maps.push(map),
            Err(problem) => self.cx.errors.push(problem),
        }
    }

    fn read_map(&mut self, node: &Node) -> Result<Map, Problem> {
        let target = node.arg(1);
        let Some(name) = target.text.strip_prefix('$') else {
            let message = format!("invalid variable name \"{}\"", target.text);
            return Err(Problem::new(target.span, message).help("it begins with \"$\""));
        };
        let slot = self.cx.variables.define(name, target.span)?;
        let entries = node.block.as_deref().unwrap_or_default();
        let hostnames = entries
            .iter()
            .any(|entry| entry.name.text == "hostnames" && entry.args.is_empty());
        let mut map = Map {
            source: self.cx.template(node.arg(0))?,
            slot,
            hostnames,
            exact: BTreeMap::new(),
            names: Vec::new(),
            patterns: Vec::new(),
            default: Template::default(),
        };
        let mut default = false;
        for entry in entries {
            if let Err(problem) = self.entry(&mut map, entry, &mut default) {
                self.cx.errors.push(problem);
            }
        }
        Ok(map)
    }

    fn entry(&mut self, map: &mut Map, entry: &Node, default: &mut bool) -> Result<(), Problem> {
        let (key, span) = (entry.name.text.as_str(), entry.name.span);
        if let ("hostnames" | "volatile", true) = (key, entry.args.is_empty()) {
            return Ok(());
        }
        if entry.args.len() != 1 || entry.block.is_some() {
            let message = "invalid number of the map parameters";
            return Err(Problem::new(entry.span(), message).help("syntax: text value;"));
        }
        let value = self.cx.template(entry.arg(0))?;
        let conflict = || Problem::new(span, format!("conflicting parameter \"{key}\""));
        if key == "default" {
            if std::mem::replace(default, true) {
                return Err(Problem::new(span, "duplicate default map parameter"));
            }
            map.default = value;
            return Ok(());
        }
        if let Some(text) = key.strip_prefix('~') {
            let (text, caseless) = match text.strip_prefix('*') {
                Some(text) => (text, true),
                None => (text, false),
            };
            map.patterns
                .push((self.cx.pattern(text, caseless, span)?, value));
            return Ok(());
        }
        let plain = key.strip_prefix('\\').unwrap_or(key).to_ascii_lowercase();
        if !map.hostnames {
            let old = map.exact.insert(plain.into(), value);
            return old.map_or(Ok(()), |_| Err(conflict()));
        }
        let names = wildcard(&plain)
            .ok_or_else(|| Problem::new(span, format!("invalid hostname or wildcard \"{key}\"")))?;
        for name in names {
            let taken = match name {
                ServerName::Exact(name) => map.exact.insert(name.into(), value.clone()).is_some(),
                name => {
                    let text = name.to_string();
                    let taken = map.names.iter().any(|(other, _)| other.to_string() == text);
                    map.names.push((name, value.clone()));
                    taken
                }
            };
            if taken {
                return Err(conflict());
            }
        }
        Ok(())
    }
}
