//! The steps of the rewrite module.

use std::sync::Arc;

use h1_core::Status;

use super::Builder;
use crate::config::directives::{Contexts, Set, Use, condition};
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::tree::Node;
use crate::config::value::number;

impl Builder<'_, '_> {
    /// The steps among the directives of a level; `inside` is what a block of `if` is there.
    pub(super) fn script(&mut self, uses: &[Use<'_>], inside: Contexts, draft: &Draft) -> Vec<Op> {
        let mut script = Vec::new();
        let mut end = false;
        for usage in uses {
            if !matches!(usage.spec.set, Set::Step) {
                continue;
            }
            if end {
                let message = format!("this \"{}\" is never reached", usage.spec.name);
                self.cx.warn(usage.node.span(), message);
            }
            end = end || matches!(usage.spec.name, "return" | "break");
            match self.step(usage, inside, draft) {
                Ok(kind) => script.push(Op {
                    place: self.cx.place(usage.node.name.span),
                    kind,
                }),
                Err(problem) => self.cx.errors.push(problem),
            }
        }
        if inside == Contexts::IF_IN_LOCATION {
            replace_all(&mut script, draft);
        }
        script
    }

    fn step(
        &mut self,
        usage: &Use<'_>,
        inside: Contexts,
        draft: &Draft,
    ) -> Result<OpKind, Problem> {
        match usage.spec.name {
            "break" => Ok(OpKind::Break),
            "if" => self.if_block(usage.node, inside, draft),
            "return" => self.return_(usage),
            "rewrite" => self.rewrite(usage),
            _ => self.set(usage.node),
        }
    }

    fn set(&mut self, node: &Node) -> Result<OpKind, Problem> {
        let target = node.arg(0);
        let Some(name) = target.text.strip_prefix('$') else {
            let message = format!("invalid variable name \"{}\"", target.text);
            return Err(Problem::new(target.span, message).help("it begins with \"$\""));
        };
        Ok(OpKind::Set {
            target: match name {
                "args" => Target::Args,
                "limit_rate" => Target::LimitRate,
                _ => Target::Slot(self.cx.variables.define(name, target.span)?),
            },
            value: self.cx.template(node.arg(1))?,
        })
    }

    fn if_block(
        &mut self,
        node: &Node,
        inside: Contexts,
        draft: &Draft,
    ) -> Result<OpKind, Problem> {
        let condition = condition(self.cx, node);
        let mut own = draft.child();
        let block = node.block.as_deref().unwrap_or_default();
        let uses = self.level(block, inside, &mut own);
        let script = self.script(&uses, inside, &own);
        // As in nginx, the block takes the place of its location, and has no `try_files`.
        let drops = draft.settings.try_files.is_some() && inside == Contexts::IF_IN_LOCATION;
        let settings = (drops || uses.len() < block.len()).then(|| own.finish());
        if drops && !script.iter().any(leaves) {
            let message = "\"try_files\" does not hold where this \"if\" is true";
            self.cx.warn(node.span(), message);
        }
        Ok(OpKind::If {
            condition: condition?,
            script,
            settings,
        })
    }

    fn return_(&mut self, usage: &Use<'_>) -> Result<OpKind, Problem> {
        let node = usage.node;
        let code = node.text(0);
        let redirect = is_url(code) && node.args.len() == 1;
        let status = match redirect {
            true => Some(Status::FOUND),
            false => number(code)
                .and_then(|code| u16::try_from(code).ok())
                .and_then(Status::new)
                .filter(|status| !status.is_informational()),
        };
        let status = status.ok_or_else(|| {
            Problem::new(node.arg(0).span, format!("invalid return code \"{code}\""))
                .help("it must be a number from 200 to 999, or a URL alone")
        })?;
        let text = match node.args.len() {
            1 if redirect => Some(node.arg(0)),
            1 => None,
            _ => Some(node.arg(1)),
        };
        let body = match text {
            None => ReturnBody::None,
            Some(word) => {
                let text = self.cx.template(word)?;
                match status.code() {
                    301 | 302 | 303 | 307 | 308 => ReturnBody::Location(text),
                    _ => ReturnBody::Text(text),
                }
            }
        };
        Ok(OpKind::Return { status, body })
    }

    fn rewrite(&mut self, usage: &Use<'_>) -> Result<OpKind, Problem> {
        let node = usage.node;
        let pattern = self.cx.pattern(node.text(0), false, node.arg(0).span)?;
        let text = node.text(1);
        let (text, drop_args) = match text.strip_suffix('?') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let flag = match node.args.get(2).map(|word| word.text.as_str()) {
            None => Flag::None,
            Some("last") => Flag::Last,
            Some("break") => Flag::Break,
            Some("redirect") => Flag::Redirect,
            Some("permanent") => Flag::Permanent,
            Some(_) => return Err(usage.parameter(2)),
        };
        Ok(OpKind::Rewrite {
            pattern,
            replacement: self.cx.template_of(text, node.arg(1).span)?,
            drop_args,
            flag: match flag {
                Flag::Permanent => flag,
                _ if is_url(text) => Flag::Redirect,
                _ => flag,
            },
        })
    }
}

fn is_url(text: &str) -> bool {
    let starts = ["http://", "https://", "$scheme"];
    starts.iter().any(|start| text.starts_with(start))
}

/// Settings of a block replace those of the one before: where one has some, all others in its
/// location bring back those of the location.
fn replace_all(script: &mut [Op], draft: &Draft) {
    let mut blocks: Vec<_> = (script.iter_mut())
        .filter_map(|op| match &mut op.kind {
            OpKind::If { settings, .. } => Some(settings),
            _ => None,
        })
        .collect();
    if blocks.iter().any(|settings| settings.is_some()) {
        let plain = draft.child().finish();
        for settings in &mut blocks {
            settings.get_or_insert_with(|| Arc::clone(&plain));
        }
    }
}

/// Whether the request goes on elsewhere behind this step.
fn leaves(op: &Op) -> bool {
    match op.kind {
        OpKind::Return { .. } => true,
        OpKind::Rewrite { flag, .. } => !matches!(flag, Flag::None | Flag::Break),
        _ => false,
    }
}
