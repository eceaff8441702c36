//! The table of directives: it drives parsing, errors and the reference.

mod access;
mod answers;
mod cgi;
mod compression;
mod connections;
mod dav;
mod files;
mod idle;
mod lacking;
mod limits;
mod logs;
mod process;
mod rewriting;
mod servers;
mod types;
mod usage;

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use super::context::Context;
use super::draft::Draft;
use super::error::Problem;
use super::tree::Node;
use super::value::{Unit, nearest};

pub(crate) use answers::expires_value;
pub(crate) use files::refuse_own_name;
pub(crate) use rewriting::condition;
pub(crate) use servers::wildcard;
use usage::time;

/// Kinds of blocks in which a directive may stand: a set of bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Contexts(u16);

impl Contexts {
    pub(crate) const MAIN: Self = Self(1);
    pub(crate) const EVENTS: Self = Self(2);
    pub(crate) const HTTP: Self = Self(4);
    pub(crate) const SERVER: Self = Self(8);
    pub(crate) const LOCATION: Self = Self(16);
    pub(crate) const IF_IN_SERVER: Self = Self(32);
    pub(crate) const IF_IN_LOCATION: Self = Self(64);
    pub(crate) const LIMIT_EXCEPT: Self = Self(128);
    /// http, server and location.
    pub(crate) const HSL: Self = Self(4 | 8 | 16);

    const NAMES: [(Self, &'static str); 8] = [
        (Self::MAIN, "main"),
        (Self::EVENTS, "events"),
        (Self::HTTP, "http"),
        (Self::SERVER, "server"),
        (Self::LOCATION, "location"),
        (Self::IF_IN_SERVER, "if in server"),
        (Self::IF_IN_LOCATION, "if in location"),
        (Self::LIMIT_EXCEPT, "limit_except"),
    ];

    pub(crate) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Names, with commas.
    pub(crate) fn names(self) -> String {
        let names = Self::NAMES.iter().filter(|(context, _)| self.has(*context));
        names.map(|(_, name)| *name).collect::<Vec<_>>().join(", ")
    }
}

/// How a directive is read: what it sets, or who knows what to do with it.
#[derive(Clone, Copy)]
pub(crate) enum Set {
    Flag(fn(&mut Draft) -> &mut bool),
    Time(fn(&mut Draft) -> &mut Duration),
    Size(fn(&mut Draft) -> &mut u64),
    /// A number from the first to the second.
    Number(u32, u32, fn(&mut Draft) -> &mut u32),
    With(Setter),
    /// Read before the others of its level, as they name it.
    Early(Setter),
    /// A block that has a level of its own.
    Block,
    /// A step of the rewrite module, whose order counts.
    Step,
    /// Nothing, and a warning that says so.
    Idle,
}

pub(crate) type Setter = fn(&mut Context<'_>, &mut Draft, &Use<'_>) -> Result<(), Problem>;

/// A directive as it stands in a file.
#[derive(Clone, Copy)]
pub(crate) struct Use<'n> {
    pub(crate) node: &'n Node,
    pub(crate) spec: &'static Directive,
    /// Whether it is the first of its list in its level: lists start anew then.
    pub(crate) first: bool,
}

/// A row of the table.
pub(crate) struct Directive {
    pub(crate) name: &'static str,
    /// The arguments as documented.
    pub(crate) syntax: &'static str,
    pub(crate) contexts: Contexts,
    /// The least and the most arguments.
    pub(crate) arity: (usize, usize),
    /// The arguments that it has where it is not written; empty if there are none.
    pub(crate) default: &'static str,
    pub(crate) doc: &'static str,
    /// In what it is not like nginx's.
    pub(crate) differs: &'static str,
    pub(crate) set: Set,
    pub(crate) block: bool,
    /// Whether it may stand in a level more than once.
    pub(crate) repeats: bool,
    /// The directive with which it makes one list.
    pub(crate) list: &'static str,
}

/// Any number of arguments from 1.
pub(crate) const SOME: (usize, usize) = (1, usize::MAX);

impl Directive {
    pub(crate) const fn new(
        (name, syntax): (&'static str, &'static str),
        contexts: Contexts,
        arity: (usize, usize),
        default: &'static str,
        doc: &'static str,
        set: Set,
    ) -> Self {
        Self {
            name,
            syntax,
            contexts,
            arity,
            default,
            doc,
            differs: "",
            set,
            block: matches!(set, Set::Block),
            repeats: matches!(set, Set::Step),
            list: name,
        }
    }

    /// `on` or `off`.
    const fn flag(
        name: &'static str,
        contexts: Contexts,
        default: &'static str,
        doc: &'static str,
        field: fn(&mut Draft) -> &mut bool,
    ) -> Self {
        let set = Set::Flag(field);
        Self::new((name, "on | off"), contexts, (1, 1), default, doc, set)
    }

    /// Without effect here, because of `why`.
    const fn idle(
        form: (&'static str, &'static str),
        contexts: Contexts,
        arity: (usize, usize),
        why: &'static str,
    ) -> Self {
        Self::new(form, contexts, arity, "", why, Set::Idle)
    }

    const fn repeats(self) -> Self {
        Self {
            repeats: true,
            ..self
        }
    }

    const fn with_block(self) -> Self {
        Self {
            block: true,
            ..self
        }
    }

    const fn differs(self, differs: &'static str) -> Self {
        Self { differs, ..self }
    }

    const fn shares(self, list: &'static str) -> Self {
        Self { list, ..self }
    }

    /// Checks the number of arguments and the block.
    fn check_form(&self, node: &Node) -> Result<(), Problem> {
        let span = node.span();
        let name = self.name;
        match (&node.block, self.block) {
            (Some(_), false) => {
                let message = format!("directive \"{name}\" is not terminated by \";\"");
                return Err(Problem::new(span, message));
            }
            (None, true) => {
                let message = format!("directive \"{name}\" has no opening \"{{\"");
                return Err(Problem::new(span, message).help(self.usage()));
            }
            _ => {}
        }
        let (least, most) = self.arity;
        if (least..=most).contains(&node.args.len()) {
            return Ok(());
        }
        let message = format!("invalid number of arguments in \"{name}\" directive");
        let swallowed = node.args.iter().find(|word| find(&word.text).is_some());
        Err(match swallowed {
            Some(word) => Problem::new(word.span, message)
                .help(format!("is a \";\" missing before \"{}\"?", word.text)),
            None => Problem::new(span, message).help(self.usage()),
        })
    }

    /// How it is written.
    pub(crate) fn usage(&self) -> String {
        let gap = if self.syntax.is_empty() { "" } else { " " };
        let end = if self.block { " { ... }" } else { ";" };
        format!("syntax: {}{gap}{}{end}", self.name, self.syntax)
    }
}

/// The directives with something in common, a section of the reference.
pub(crate) struct Group {
    pub(crate) title: &'static str,
    pub(crate) directives: &'static [Directive],
}

/// Every directive there is.
pub(crate) static GROUPS: [Group; 14] = [
    process::GROUP,
    servers::GROUP,
    files::GROUP,
    rewriting::GROUP,
    answers::GROUP,
    dav::GROUP,
    types::GROUP,
    compression::GROUP,
    cgi::GROUP,
    access::GROUP,
    limits::GROUP,
    connections::GROUP,
    logs::GROUP,
    idle::GROUP,
];

static BY_NAME: LazyLock<HashMap<&'static str, &'static Directive>> = LazyLock::new(|| {
    let all = GROUPS.iter().flat_map(|group| group.directives);
    all.map(|directive| (directive.name, directive)).collect()
});

/// The row of a name.
pub(crate) fn find(name: &str) -> Option<&'static Directive> {
    BY_NAME.get(name).copied()
}

/// The row of a directive that stands in `context`.
///
/// # Errors
///
/// It is unknown, not supported, misplaced, or not written as it should be.
pub(crate) fn check(node: &Node, context: Contexts) -> Result<&'static Directive, Problem> {
    let name = node.name.text.as_str();
    let span = node.name.span;
    let Some(directive) = find(name) else {
        return Err(unknown(node));
    };
    if !directive.contexts.has(context) {
        let message = format!(
            "\"{name}\" directive is not allowed here, in \"{}\"",
            context.names()
        );
        let help = match directive.contexts {
            Contexts::MAIN => "it stands outside of all blocks".into(),
            contexts => format!("it may stand in: {}", contexts.names()),
        };
        return Err(Problem::new(span, message).help(help));
    }
    directive.check_form(node)?;
    Ok(directive)
}

fn unknown(node: &Node) -> Problem {
    let name = node.name.text.as_str();
    let span = node.name.span;
    if let Some(help) = lacking::find(name) {
        let message = format!("\"{name}\" directive is not supported");
        return Problem::new(span, message).maybe_help(help.map(str::to_owned));
    }
    let near = nearest(name, BY_NAME.keys().copied());
    Problem::new(span, format!("unknown directive \"{name}\""))
        .maybe_help(near.map(|name| format!("did you mean \"{name}\"?")))
}

/// Reads the arguments of a directive.
pub(crate) fn apply(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    usage: &Use<'_>,
) -> Result<(), Problem> {
    match usage.spec.set {
        Set::Flag(field) => *field(draft) = usage.flag(0)?,
        Set::Time(field) => *field(draft) = usage.time(0, Unit::Milliseconds)?,
        Set::Size(field) => *field(draft) = usage.size(0)?,
        Set::Number(least, most, field) => *field(draft) = usage.number(0, least, most)?,
        Set::With(set) | Set::Early(set) => set(cx, draft, usage)?,
        Set::Idle => cx.idle(usage.node.span(), usage.spec.name, usage.spec.doc),
        Set::Block | Set::Step => {}
    }
    Ok(())
}
