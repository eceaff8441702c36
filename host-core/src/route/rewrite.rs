//! The rewrite module: `set`, `if`, `rewrite`, `return`, `break`.

use std::sync::Arc;

use bytes::Bytes;
use h1_core::Status;

use super::Route;
use super::flow::Outcome;
use super::trace::{Note, Script};
use super::variables::{LONGEST, View};
use crate::cgi::escape;
use crate::config::model::{Condition, Flag, Level, Pattern, Place, Target};
use crate::config::read_size;
use crate::config::template::{Part, Template, Variable};
use crate::os::Root;
use crate::path::encode_target;

/// One step; those of an `if` follow it.
#[derive(Debug)]
pub(crate) struct Instruction {
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Set {
        target: Target,
        value: Template,
    },
    If {
        condition: Condition,
        /// So many instructions are passed over where it does not hold.
        skip: usize,
        rules: Option<usize>,
        /// As much as is fixed of the path of a file that is asked for.
        folder: Option<Arc<Root>>,
    },
    Rewrite {
        pattern: Pattern,
        replacement: Template,
        drop_args: bool,
        flag: Flag,
    },
    Return {
        status: Status,
        text: Option<Text>,
    },
    Redirect {
        status: Status,
        to: Template,
    },
    Break,
}

#[derive(Debug)]
pub(crate) enum Text {
    Fixed(Bytes),
    Template(Template),
}

/// Where a script has got to.
pub(super) enum Ran {
    /// Its end.
    End,
    /// This instruction asks whether there is a file.
    Ask(usize),
    /// The request is answered.
    Answer(Outcome),
    /// With this error.
    Fail(Status),
}

/// What an instruction does to the course of the script.
enum Then {
    Next,
    Skip(usize),
    Stop,
    Ask,
    Answer(Outcome),
    Fail(Status),
}

impl View<'_> {
    /// Runs `script` from instruction `at` on.
    pub(super) fn run_script(
        &self,
        route: &mut Route,
        name: Script,
        script: &[Instruction],
        mut at: usize,
    ) -> Ran {
        while let Some(instruction) = script.get(at) {
            let then = self.run(route, &instruction.kind);
            if route.sink.is_on() {
                self.note(route, name, at, &instruction.kind, &then);
            }
            match then {
                Then::Next => at += 1,
                Then::Skip(n) => at += 1 + n,
                Then::Stop => return Ran::End,
                Then::Ask => return Ran::Ask(at),
                Then::Answer(outcome) => return Ran::Answer(outcome),
                Then::Fail(status) => return Ran::Fail(status),
            }
        }
        Ran::End
    }

    fn run(&self, route: &mut Route, kind: &Kind) -> Then {
        match kind {
            Kind::Set { target, value } => self.set(route, *target, value),
            Kind::If {
                condition,
                skip,
                rules,
                ..
            } => match self.holds(route, condition) {
                None => Then::Ask,
                Some(false) => Then::Skip(*skip),
                Some(true) => {
                    route.rules = rules.unwrap_or(route.rules);
                    Then::Next
                }
            },
            Kind::Rewrite {
                pattern,
                replacement,
                drop_args,
                flag,
            } => {
                let uri = std::mem::take(&mut route.uri);
                let matches = route.bindings.matches(pattern, &uri);
                route.uri = uri;
                match matches {
                    true => self.rewrite(route, replacement, *drop_args, *flag),
                    false => {
                        route.bindings.clear_groups();
                        Then::Next
                    }
                }
            }
            Kind::Return { status, text } => self.answer(route, *status, text.as_ref()),
            Kind::Redirect { status, to } => {
                let mut target = std::mem::take(&mut route.target);
                target.clear();
                self.expand(route, to, &mut target);
                route.target = target;
                Then::Answer(Outcome::Redirect(*status))
            }
            Kind::Break => {
                route.uri_changed = false;
                Then::Stop
            }
        }
    }

    fn set(&self, route: &mut Route, target: Target, value: &Template) -> Then {
        let mut text = route.take_scratch();
        self.expand(route, value, &mut text);
        match target {
            Target::Slot(slot) => route.bindings.bind(slot, &text),
            Target::Args => {
                route.args.clear();
                route.args.extend_from_slice(&text);
            }
            // As with nginx, what is no size changes nothing.
            Target::LimitRate => match read_size(&text) {
                Some(rate) => route.limit_rate = Some(rate),
                None => self.complain(route, Level::Error, || {
                    format!("invalid $limit_rate \"{}\"", escape(&text))
                }),
            },
        }
        route.give_scratch(text);
        Then::Next
    }

    fn answer(&self, route: &mut Route, status: Status, text: Option<&Text>) -> Then {
        let body = match text {
            _ if status.code() == 444 => return Then::Answer(Outcome::Close),
            None if status.code() >= 400 => return Then::Fail(status),
            None => Bytes::new(),
            // As in nginx, text that is never there is none.
            Some(Text::Fixed(text)) if text.is_empty() && status.code() >= 400 => {
                return Then::Fail(status);
            }
            Some(Text::Fixed(text)) => text.clone(),
            Some(Text::Template(template)) => {
                let mut text = Vec::new();
                self.expand(route, template, &mut text);
                text.into()
            }
        };
        Then::Answer(Outcome::Text(status, body))
    }

    /// Whether a condition holds; `None` if a file has to be looked for first.
    fn holds(&self, route: &mut Route, condition: &Condition) -> Option<bool> {
        Some(match condition {
            Condition::True(value) => self.is_true(route, value),
            Condition::Equal { value, to, negated } => {
                let (mut a, mut b) = (route.take_scratch(), route.take_scratch());
                self.expand(route, value, &mut a);
                self.expand(route, to, &mut b);
                let equal = a == b;
                route.give_scratch(a);
                route.give_scratch(b);
                equal != *negated
            }
            Condition::Match {
                value,
                pattern,
                negated,
            } => {
                let mut text = route.take_scratch();
                self.expand(route, value, &mut text);
                let matches = route.bindings.matches(pattern, &text);
                if !matches {
                    route.bindings.clear_groups();
                }
                route.give_scratch(text);
                matches != *negated
            }
            Condition::File { negated, .. } => route.tested.take()? != *negated,
        })
    }

    /// The URI has matched: it becomes `replacement`.
    fn rewrite(
        &self,
        route: &mut Route,
        replacement: &Template,
        drop_args: bool,
        flag: Flag,
    ) -> Then {
        let redirect = matches!(flag, Flag::Redirect | Flag::Permanent);
        let (mut uri, mut args) = (route.take_scratch(), None);
        for part in &replacement.parts {
            self.append(route, part, redirect, &mut uri, &mut args);
        }
        if !drop_args && !route.args.is_empty() {
            if let Some(args) = &mut args {
                if !args.is_empty() {
                    args.push(b'&');
                }
                args.extend_from_slice(&route.args);
            } else if redirect {
                args = Some(route.args.clone());
            }
        }
        if redirect {
            route.target.clear();
            route.target.extend_from_slice(&uri);
            if let Some(args) = args.filter(|args| !args.is_empty()) {
                route.target.push(b'?');
                route.target.extend_from_slice(&args);
            }
            route.give_scratch(uri);
            return Then::Answer(Outcome::Redirect(match flag {
                Flag::Permanent => Status::MOVED_PERMANENTLY,
                _ => Status::FOUND,
            }));
        }
        if uri.is_empty() || uri.len() > LONGEST {
            return Then::Fail(Status::INTERNAL_SERVER_ERROR);
        }
        route.uri.clear();
        route.uri.extend_from_slice(&uri);
        route.give_scratch(uri);
        match args {
            Some(args) => route.args = args,
            None if drop_args => route.args.clear(),
            None => {}
        }
        route.uri_changed = flag != Flag::Break;
        route.internal = true;
        match flag {
            Flag::None => Then::Next,
            _ => Then::Stop,
        }
    }

    /// Appends a part of a replacement to the URI or, behind a question mark in its text, to the
    /// arguments, where what was captured is encoded anew.
    fn append(
        &self,
        route: &mut Route,
        part: &Part,
        redirect: bool,
        uri: &mut Vec<u8>,
        args: &mut Option<Vec<u8>>,
    ) {
        match (part, &mut *args) {
            (Part::Text(text), Some(args)) => args.extend_from_slice(text),
            (Part::Text(text), None) => match memchr::memchr(b'?', text) {
                Some(mark) => {
                    uri.extend_from_slice(&text[..mark]);
                    *args = Some(text[mark + 1..].to_vec());
                }
                None => uri.extend_from_slice(text),
            },
            (Part::Folder(_), _) => {}
            (Part::Variable(variable), args) => {
                let group = matches!(variable, Variable::Group(_));
                let encoded = group && (redirect || args.is_some()) && self.is_quoted();
                let out = args.as_mut().unwrap_or(uri);
                if !encoded {
                    self.push(route, variable, out);
                    return;
                }
                let mut value = route.take_scratch();
                self.push(route, variable, &mut value);
                encode_target(&value, out);
                route.give_scratch(value);
            }
        }
    }

    /// Whether the path of the request was encoded: only then is what was captured.
    fn is_quoted(&self) -> bool {
        let path = self.request.map_or("", |request| request.path());
        memchr::memchr2(b'%', b'+', path.as_bytes()).is_some()
    }

    fn note(&self, route: &mut Route, script: Script, at: usize, kind: &Kind, then: &Then) {
        let what = match (kind, then) {
            (Kind::If { .. }, Then::Ask) => return,
            (Kind::If { .. }, Then::Skip(_)) => "the condition does not hold".into(),
            (Kind::If { .. }, _) => "the condition holds".into(),
            (Kind::Rewrite { .. }, Then::Next) if !route.uri_changed => "it does not match".into(),
            (Kind::Rewrite { .. }, Then::Answer(_)) => {
                format!("redirect to {}", String::from_utf8_lossy(&route.target))
            }
            (Kind::Rewrite { .. }, _) => {
                format!("the URI becomes {}", String::from_utf8_lossy(&route.uri))
            }
            (Kind::Return { status, .. } | Kind::Redirect { status, .. }, _) => {
                format!("return {status}")
            }
            (Kind::Break, _) => "break".into(),
            (Kind::Set { .. }, _) => "set".into(),
        };
        route.sink.note(|| Note::Rewrite { script, at, what });
    }
}
