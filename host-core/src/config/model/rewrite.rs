//! What rewrites requests: the rewrite module and `map`.

use std::collections::BTreeMap;
use std::sync::Arc;

use h1_core::Status;

use super::{Pattern, Place, ServerName, Settings};
use crate::config::template::Template;

/// One step of the rewrite module, in the order of the file.
#[derive(Debug)]
pub(crate) struct Op {
    pub(crate) place: Place,
    pub(crate) kind: OpKind,
}

#[derive(Debug)]
pub(crate) enum OpKind {
    Set {
        target: Target,
        value: Template,
    },
    If {
        condition: Condition,
        script: Vec<Op>,
        /// Those of the block, when it has directives of other modules or its location has
        /// `try_files`: they replace those of the location for the rest of the request (the last `if`
        /// that was true counts).
        settings: Option<Arc<Settings>>,
    },
    Rewrite {
        pattern: Pattern,
        replacement: Template,
        /// The replacement ends in `?`: the old arguments are not appended.
        drop_args: bool,
        flag: Flag,
    },
    Return {
        status: Status,
        body: ReturnBody,
    },
    /// `break`
    Break,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Slot(u16),
    /// `$args`
    Args,
    /// `$limit_rate`
    LimitRate,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    /// Go on with the next directive.
    None,
    Last,
    Break,
    /// 302
    Redirect,
    /// 301
    Permanent,
}

#[derive(Debug)]
pub(crate) enum ReturnBody {
    None,
    /// For 301, 302, 303, 307, 308.
    Location(Template),
    Text(Template),
}

/// What `if` asks.
#[derive(Debug)]
pub(crate) enum Condition {
    /// Neither empty nor `0`.
    True(Template),
    Equal {
        value: Template,
        to: Template,
        negated: bool,
    },
    Match {
        value: Template,
        pattern: Pattern,
        negated: bool,
    },
    File {
        kind: FileTest,
        path: Template,
        negated: bool,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileTest {
    /// `-f`
    File,
    /// `-d`
    Folder,
    /// `-e`
    Any,
    /// `-x`
    Executable,
}

/// A `map` block.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) source: Template,
    pub(crate) slot: u16,
    pub(crate) hostnames: bool,
    /// In lower case.
    pub(crate) exact: BTreeMap<Vec<u8>, Template>,
    pub(crate) names: Vec<(ServerName, Template)>,
    pub(crate) patterns: Vec<(Pattern, Template)>,
    pub(crate) default: Template,
}
