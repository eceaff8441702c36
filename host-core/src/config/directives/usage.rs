//! The arguments of a directive.

use std::time::Duration;

use super::Use;
use crate::config::error::Problem;
use crate::config::value::{self, Unit};

impl Use<'_> {
    pub(crate) fn text(&self, n: usize) -> &str {
        self.node.text(n)
    }

    /// An argument is not what it should be.
    pub(crate) fn invalid(&self, n: usize, why: impl Into<String>) -> Problem {
        let (value, name) = (self.text(n), self.spec.name);
        let message = format!("invalid value \"{value}\" in \"{name}\" directive");
        Problem::new(self.node.arg(n).span, message).help(why)
    }

    /// An argument that is none of those that there are.
    pub(crate) fn parameter(&self, n: usize) -> Problem {
        let (value, name) = (self.text(n), self.spec.name);
        let message = format!("invalid parameter \"{value}\" in \"{name}\" directive");
        Problem::new(self.node.arg(n).span, message).help(self.spec.usage())
    }

    pub(crate) fn flag(&self, n: usize) -> Result<bool, Problem> {
        self.choice(n, &[("on", true), ("off", false)])
    }

    /// One of some words, in either case.
    pub(crate) fn choice<T: Copy>(&self, n: usize, choices: &[(&str, T)]) -> Result<T, Problem> {
        let text = self.text(n);
        let found = choices
            .iter()
            .find(|(name, _)| text.eq_ignore_ascii_case(name));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices
                .iter()
                .map(|(name, _)| format!("\"{name}\""))
                .collect();
            let (last, front) = names
                .split_last()
                .map_or(("", &names[..]), |(last, front)| (last, front));
            self.invalid(n, format!("it must be {} or {last}", front.join(", ")))
        })
    }

    pub(crate) fn time(&self, n: usize, unit: Unit) -> Result<Duration, Problem> {
        time(self.text(n), unit).map_err(|help| self.invalid(n, help))
    }

    pub(crate) fn size(&self, n: usize) -> Result<u64, Problem> {
        let help = "it must be a number of bytes, as in \"512\", \"8k\", \"1m\" or \"2g\"";
        value::size(self.text(n)).ok_or_else(|| self.invalid(n, help))
    }

    pub(crate) fn number(&self, n: usize, least: u32, most: u32) -> Result<u32, Problem> {
        let number = value::number(self.text(n)).and_then(|number| u32::try_from(number).ok());
        let range = number.filter(|number| (least..=most).contains(number));
        range.ok_or_else(|| {
            let range = match most {
                u32::MAX => format!("from {least}"),
                _ => format!("from {least} to {most}"),
            };
            self.invalid(n, format!("it must be a number {range}"))
        })
    }
}

/// A time, or what it should look like.
pub(super) fn time(text: &str, unit: Unit) -> Result<Duration, &'static str> {
    value::time(text, unit).ok_or(match unit {
        Unit::Milliseconds => "it must be a time, as in \"30s\", \"1h30m\" or \"500ms\"",
        Unit::Seconds => "it must be a time in whole seconds, as in \"30s\", \"1h30m\" or \"10d\"",
    })
}
