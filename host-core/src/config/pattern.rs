//! Regular expressions: PCRE's syntax, as far as it can be matched in linear time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};

use super::error::Problem;
use super::model::Pattern;
use super::source::Span;
use super::variables::Variables;

/// The expressions of a configuration: equal ones, and servers tend to have the same, share their tables.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    compiled: HashMap<(String, bool), Regex>,
}

impl Patterns {
    /// Compiles `text`, and makes variables of its named groups.
    ///
    /// # Errors
    ///
    /// It is no expression, or one that cannot be matched in linear time.
    pub(crate) fn compile(
        &mut self,
        text: &str,
        caseless: bool,
        span: Span,
        variables: &mut Variables,
    ) -> Result<Pattern, Problem> {
        let regex = match self.compiled.entry((text.into(), caseless)) {
            Entry::Occupied(entry) => entry.get().clone(),
            Entry::Vacant(entry) => {
                let regex = regex(text, caseless).map_err(|(message, help)| {
                    let message = format!("invalid regular expression \"{text}\": {message}");
                    Problem::new(span, message).maybe_help(help)
                })?;
                entry.insert(regex).clone()
            }
        };
        let mut named = Vec::new();
        for (group, name) in regex.capture_names().enumerate() {
            if let Some(name) = name {
                named.push((group, variables.define(name, span)?));
            }
        }
        Ok(Pattern {
            regex,
            text: text.into(),
            caseless,
            named,
        })
    }
}

/// So many expressions are searched at once; of fewer each one is tried.
const MANY: usize = 8;

/// Expressions of which the first that matches is wanted. However many there are, the text is looked at
/// once.
#[derive(Debug, Default)]
pub(crate) struct PatternList {
    len: usize,
    set: Option<RegexSet>,
}

impl PatternList {
    pub(crate) fn new<'p>(patterns: impl ExactSizeIterator<Item = &'p Pattern>) -> Self {
        let len = patterns.len();
        if len < MANY {
            return Self { len, set: None };
        }
        let texts = patterns.map(|pattern| match pattern.caseless {
            true => format!("(?i:{})", pattern.regex.as_str()),
            false => pattern.regex.as_str().into(),
        });
        // Where they are too large together, or one ends in a comment, each one is tried.
        let set = RegexSetBuilder::new(texts).unicode(false).build().ok();
        Self { len, set }
    }

    /// The place of the first expression that matches `text`, and for which `matches` says so, too.
    pub(crate) fn first(
        &self,
        text: &[u8],
        mut matches: impl FnMut(usize) -> bool,
    ) -> Option<usize> {
        match &self.set {
            Some(set) => set.matches(text).iter().find(|at| matches(*at)),
            None => (0..self.len).find(|at| matches(*at)),
        }
    }
}

/// What PCRE has and a matcher without backtracking cannot have.
const LACKING: [(&str, &str); 7] = [
    ("(?=", "look-ahead"),
    ("(?!", "look-ahead"),
    ("(?<=", "look-behind"),
    ("(?<!", "look-behind"),
    ("(?>", "an atomic group"),
    ("(?(", "a condition"),
    ("(?R", "recursion"),
];

fn regex(text: &str, caseless: bool) -> Result<Regex, (String, Option<String>)> {
    let translated = translate(text);
    if is_possessive(&translated) {
        return Err(lacking("a possessive quantifier"));
    }
    // Bytes, as PCRE without its UTF mode: names of files need not be UTF-8.
    let built = RegexBuilder::new(&translated)
        .unicode(false)
        .case_insensitive(caseless)
        .build();
    built.map_err(|error| {
        let found = LACKING.iter().find(|(syntax, _)| text.contains(syntax));
        let reference = (b'1'..=b'9').any(|digit| text.contains(&format!("\\{}", digit as char)));
        let what = match found {
            Some((_, what)) => Some(*what),
            None => reference.then_some("a back-reference"),
        };
        match what {
            Some(what) => lacking(what),
            None => (reason(&error), None),
        }
    })
}

fn lacking(what: &str) -> (String, Option<String>) {
    (
        format!("{what} is not supported"),
        Some(match what {
            "look-ahead" => "expressions are matched in linear time, without backtracking: write what it leaves out as a location of its own, \
                             as in \"location ^~ /.well-known/ { }\", or use \"map\" or \"if\""
                .into(),
            _ => "expressions are matched in linear time, without backtracking: use a second location, \"map\" or \"if\"".into(),
        }),
    )
}

/// Whether a `+` follows a quantifier in what [`translate`] has written. Here: once more. There: without
/// going back.
fn is_possessive(text: &str) -> bool {
    let mut chars = text.chars().peekable();
    let (mut classes, mut counts, mut quantified) = (0_u32, false, false);
    while let Some(char) = chars.next() {
        let before = std::mem::take(&mut quantified);
        match char {
            '\\' if matches!(chars.next(), Some('p' | 'P' | 'x')) => {
                chars.next_if_eq(&'{');
            }
            '\\' => {}
            '[' => classes += 1,
            ']' => classes = classes.saturating_sub(1),
            _ if classes > 0 => {}
            '+' if before => return true,
            '*' | '+' | '?' => quantified = true,
            '{' => counts = true,
            '}' => quantified = std::mem::take(&mut counts),
            _ => {}
        }
    }
    false
}

/// The last line of the message, the one that says why.
fn reason(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().last().unwrap_or_default();
    line.trim_start_matches("error: ").into()
}

/// From PCRE's syntax to that of `regex` where both accept a text and mean different things by it.
fn translate(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut class = false;
    while let Some(char) = chars.next() {
        match char {
            // Here: starts and ends of words. There: themselves.
            '\\' if matches!(chars.peek(), Some('<' | '>')) => {
                out.extend(chars.next());
                continue;
            }
            '\\' => {
                out.push('\\');
                let escaped = chars.next();
                out.extend(escaped);
                if matches!(escaped, Some('p' | 'P' | 'x')) {
                    out.extend(chars.next_if_eq(&'{'));
                }
                continue;
            }
            // There: itself, unless it counts.
            '{' if !class && !counts(chars.clone()) => out.push('\\'),
            '[' if !class => {
                class = true;
                out.push('[');
                out.extend(chars.next_if_eq(&'^'));
                // First in a class it stands for itself.
                if chars.next_if_eq(&']').is_some() {
                    out.push_str("\\]");
                }
                continue;
            }
            // Here: a class in a class, and operations on sets. There: themselves.
            '[' if chars.peek() != Some(&':') => out.push('\\'),
            '[' => {
                out.push('[');
                out.extend(chars.by_ref().take_while(|char| *char != ']'));
                out.push(']');
                continue;
            }
            '&' | '~' if class => out.push('\\'),
            '-' if class && chars.next_if_eq(&'-').is_some() => {
                out.push_str("-\\-");
                continue;
            }
            ']' => class = false,
            _ => {}
        }
        out.push(char);
    }
    out
}

/// Whether this is the rest of `{2}`, `{2,}` or `{2,3}`.
fn counts(rest: impl Iterator<Item = char>) -> bool {
    let inside: String = rest.take_while(|char| *char != '}').take(32).collect();
    let (least, most) = inside.split_once(',').unwrap_or((&inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}
