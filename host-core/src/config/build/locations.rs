//! `location` blocks.

use std::collections::HashMap;
use std::sync::Arc;

use super::Builder;
use crate::config::directives::{Contexts, Use, refuse_own_name};
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::source::Span;
use crate::config::template::Part;
use crate::config::tree::Node;

/// What a location stands in.
pub(super) enum Parent<'p> {
    Server,
    Location(&'p Matches),
}

/// Methods that `limit_except` knows.
const METHODS: [&str; 14] = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "MKCOL",
    "COPY",
    "MOVE",
    "OPTIONS",
    "PROPFIND",
    "PROPPATCH",
    "LOCK",
    "UNLOCK",
    "PATCH",
];

impl Builder<'_, '_> {
    /// The locations among the blocks of a level.
    pub(super) fn locations(
        &mut self,
        uses: &[Use<'_>],
        draft: &Draft,
        parent: &Parent<'_>,
    ) -> Locations {
        let mut locations = Locations::default();
        let mut seen: HashMap<String, Place> = HashMap::new();
        for usage in uses.iter().filter(|usage| usage.spec.name == "location") {
            let place = self.cx.place(usage.node.name.span);
            match self.location(usage, draft, parent) {
                Ok(location) => {
                    let key = location.matches.key();
                    if let Some(first) = seen.get(&key) {
                        self.duplicate(usage.node, &location.matches, first);
                        continue;
                    }
                    seen.insert(key, place);
                    locations.insert(location);
                }
                Err(problem) => self.cx.errors.push(problem),
            }
        }
        locations
            .prefixes
            .sort_by(|a, b| a.matches.text().cmp(b.matches.text()));
        locations
    }

    /// nginx says nothing of regular expressions that can never match, nor of names.
    fn duplicate(&mut self, node: &Node, matches: &Matches, first: &Place) {
        let span = node.span();
        let message = format!("duplicate location \"{}\" in {first}", matches.name());
        match matches {
            Matches::Exact(_) | Matches::Prefix { .. } => {
                self.cx.errors.push(Problem::new(span, message));
            }
            _ => self.cx.warn(span, format!("{message}, ignored")),
        }
    }

    fn location(
        &mut self,
        usage: &Use<'_>,
        outer: &Draft,
        parent: &Parent<'_>,
    ) -> Result<Location, Problem> {
        let node = usage.node;
        let matches = self.matches(node, outer.merge_slashes);
        let mut draft = outer.child();
        let inside = node.block.as_deref().unwrap_or_default();
        let uses = self.level(inside, Contexts::LOCATION, &mut draft);
        let matches = matches?;
        check_nesting(&matches, parent, node.span())?;
        self.base(inside, &matches, &mut draft);
        for usage in uses
            .iter()
            .filter(|usage| usage.spec.name == "limit_except")
        {
            self.limit_except(usage, &mut draft);
        }
        Ok(Location {
            script: self.script(&uses, Contexts::IF_IN_LOCATION, &draft),
            nested: self.locations(&uses, &draft, &Parent::Location(&matches)),
            matches,
            place: self.cx.place(node.name.span),
            settings: draft.finish(),
            internal: draft.internal,
        })
    }

    fn matches(&mut self, node: &Node, merge_slashes: bool) -> Result<Matches, Problem> {
        let (modifier, text, span) = match node.args.len() {
            1 => {
                let text = node.text(0);
                let starts = ["=", "^~", "~*", "~"];
                let modifier = starts.into_iter().find(|start| text.starts_with(start));
                let modifier = modifier.unwrap_or("");
                (modifier, &text[modifier.len()..], node.arg(0).span)
            }
            _ => (node.text(0), node.text(1), node.arg(1).span),
        };
        let matches = match modifier {
            "=" => Matches::Exact(text.into()),
            "^~" => Matches::Prefix {
                uri: text.into(),
                final_: true,
            },
            "~" | "~*" => {
                return Ok(Matches::Pattern(self.cx.pattern(
                    text,
                    modifier == "~*",
                    span,
                )?));
            }
            "" => match text.strip_prefix('@') {
                Some(name) => return Ok(Matches::Named(name.into())),
                None => Matches::Prefix {
                    uri: text.into(),
                    final_: false,
                },
            },
            _ => {
                let message = format!("invalid location modifier \"{modifier}\"");
                return Err(
                    Problem::new(node.arg(0).span, message).help("modifiers are =, ~, ~* and ^~")
                );
            }
        };
        self.check_path(text, merge_slashes, span);
        Ok(matches)
    }

    /// Warns of what no path is or begins with.
    fn check_path(&mut self, text: &str, merge_slashes: bool, span: Span) {
        let why = match text {
            "" => return,
            _ if !text.starts_with('/') => "paths begin with a slash",
            _ if text.contains("/./") || text.contains("/../") => "paths have no such segments",
            _ if text.contains("//") && merge_slashes => "slashes are merged before",
            _ if text.contains('?') => "arguments are not a part of paths",
            _ if encoded(text) => "paths are decoded before",
            _ => return,
        };
        let message = format!("location \"{text}\" does not match: {why}");
        self.cx.warn(span, message);
    }

    /// `root` is read already; `alias` needs to know its location.
    fn base(&mut self, nodes: &[Node], matches: &Matches, draft: &mut Draft) {
        let find = |name| nodes.iter().position(|node| node.name.text == name);
        let Some(alias) = find("alias") else {
            return;
        };
        let Some(node) = nodes.get(alias).filter(|node| node.args.len() == 1) else {
            return;
        };
        if let Some(root) = find("root") {
            let (first, second) = if root < alias {
                (root, alias)
            } else {
                (alias, root)
            };
            if let (Some(first), Some(second)) = (nodes.get(first), nodes.get(second)) {
                let message = format!(
                    "\"{}\" directive is duplicate, \"{}\" directive was specified earlier",
                    second.name.text, first.name.text
                );
                self.cx.errors.push(Problem::new(second.span(), message));
            }
            return;
        }
        match self.alias(node, matches) {
            Ok(base) => draft.settings.root = base,
            Err(problem) => self.cx.errors.push(problem),
        }
    }

    fn alias(&mut self, node: &Node, matches: &Matches) -> Result<Base, Problem> {
        let word = node.arg(0);
        if let Some(spec) = crate::config::directives::find("alias") {
            refuse_own_name(&Use {
                node,
                spec,
                first: true,
            })?;
        }
        let prefix = self.cx.prefix;
        let path = self.cx.path_template(&word.text, word.span, prefix)?;
        let prefix = match matches {
            Matches::Named(_) => {
                let message = "the \"alias\" directive cannot be used inside the named location";
                return Err(Problem::new(node.span(), message));
            }
            Matches::Pattern(_) => None,
            Matches::Exact(uri) => Some(uri.clone()),
            Matches::Prefix { uri, .. } => {
                let variable = matches!(path.parts.last(), Some(Part::Variable(_)));
                if !variable && uri.ends_with(b"/") != word.text.ends_with('/') {
                    return Err(slashes(word.span, uri, &word.text));
                }
                self.cx.expect_folder(&path, word.span);
                Some(uri.clone())
            }
        };
        Ok(Base::Alias { path, prefix })
    }

    fn limit_except(&mut self, usage: &Use<'_>, draft: &mut Draft) {
        let mut methods = Vec::new();
        for (n, word) in usage.node.args.iter().enumerate() {
            let method = word.text.to_ascii_uppercase();
            if METHODS.contains(&method.as_str()) {
                methods.push(method);
            } else {
                let known = METHODS.join(", ");
                self.cx
                    .errors
                    .push(usage.invalid(n, format!("methods are {known}")));
            }
        }
        if methods.iter().any(|method| method == "GET") && !methods.iter().any(|m| m == "HEAD") {
            methods.push("HEAD".into());
        }
        let mut own = draft.child();
        let inside = usage.node.block.as_deref().unwrap_or_default();
        self.level(inside, Contexts::LIMIT_EXCEPT, &mut own);
        draft.settings.limit_except = Some((methods, own.finish()));
    }
}

/// With a slash on one side only, `/img../secret` would leave the folder, or names would be glued
/// together.
fn slashes(span: Span, uri: &[u8], path: &str) -> Problem {
    let uri = String::from_utf8_lossy(uri);
    let message =
        format!("location \"{uri}\" and alias \"{path}\" must both end in \"/\", or neither");
    let help = match path.ends_with('/') {
        true => format!("write \"location {uri}/\""),
        false => format!("write \"alias {path}/\""),
    };
    Problem::new(span, message).help(help)
}

fn check_nesting(matches: &Matches, parent: &Parent<'_>, span: Span) -> Result<(), Problem> {
    let Parent::Location(outer) = parent else {
        return Ok(());
    };
    let (text, out) = (matches.text(), outer.text());
    let (name, outer_name) = (matches.name(), outer.name());
    let inside = |what: &str| {
        let message =
            format!("location \"{name}\" cannot be inside the {what} location \"{outer_name}\"");
        Err(Problem::new(span, message))
    };
    match (outer, matches) {
        (Matches::Exact(_), _) => inside("exact"),
        (Matches::Named(_), _) => inside("named"),
        (_, Matches::Named(_)) => {
            let message = format!("named location \"{name}\" can be on the server level only");
            Err(Problem::new(span, message))
        }
        (_, Matches::Pattern(_)) => Ok(()),
        _ if text.starts_with(out) => Ok(()),
        _ => {
            let message = format!("location \"{name}\" is outside location \"{outer_name}\"");
            Err(Problem::new(span, message))
        }
    }
}

impl Matches {
    /// The path, expression or name.
    pub(crate) fn text(&self) -> &[u8] {
        match self {
            Self::Exact(uri) | Self::Prefix { uri, .. } => uri,
            Self::Pattern(pattern) => pattern.text.as_bytes(),
            Self::Named(name) => name.as_bytes(),
        }
    }

    /// What a message calls it.
    fn name(&self) -> String {
        let sign = if matches!(self, Self::Named(_)) {
            "@"
        } else {
            ""
        };
        format!("{sign}{}", String::from_utf8_lossy(self.text()))
    }

    /// The same for locations of which only one can be.
    fn key(&self) -> String {
        let kind = match self {
            Self::Exact(_) => "=",
            Self::Prefix { .. } => "",
            // Without regard to case, it may match what the other one does not.
            Self::Pattern(pattern) if pattern.caseless => "~*",
            Self::Pattern(_) => "~",
            Self::Named(_) => "@",
        };
        format!("{kind} {}", String::from_utf8_lossy(self.text()))
    }
}

impl Locations {
    fn insert(&mut self, location: Location) {
        let location = Arc::new(location);
        match &location.matches {
            Matches::Exact(uri) => {
                self.exact.insert(uri.clone(), location);
            }
            Matches::Prefix { .. } => self.prefixes.push(location),
            Matches::Pattern(_) => self.patterns.push(location),
            Matches::Named(name) => {
                self.named.insert(name.clone(), location);
            }
        }
    }
}

/// Whether there is a percent-encoded byte.
fn encoded(text: &str) -> bool {
    let digits = |pair: &[u8]| pair.iter().all(u8::is_ascii_hexdigit);
    let mut triples = text.as_bytes().windows(3);
    triples.any(|triple| triple.starts_with(b"%") && digits(&triple[1..]))
}
