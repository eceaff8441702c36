//! Directives about content types.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::answers::plain;
use super::{Contexts, Directive, Group, SOME, Set, Use};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;

const HSL: Contexts = Contexts::HSL;

pub(super) const GROUP: Group = Group {
    title: "Content types",
    directives: &[
        Directive::new(
            ("charset", "name | off"),
            HSL.or(Contexts::IF_IN_LOCATION),
            (1, 1),
            "off",
            "The charset in the content type of answers with one of `charset_types`.",
            Set::With(charset),
        )
        .differs("Nothing is converted, and the name cannot be a variable."),
        Directive::new(
            ("charset_types", "type ..."),
            HSL,
            SOME,
            "text/html text/xml text/plain text/vnd.wap.wml application/javascript application/rss+xml",
            "The content types that `charset` is for, besides `text/html`; `*` is all.",
            Set::With(|cx, draft, usage| {
                content_types(cx, &mut draft.settings.charset_types, usage, &["text/html"]);
                Ok(())
            }),
        )
        .repeats(),
        Directive::new(
            ("default_type", "type"),
            HSL,
            (1, 1),
            "text/plain",
            "The content type of files whose extension `types` does not have.",
            Set::With(|_, draft, usage| {
                draft.settings.default_type = plain(usage, 0)?.into();
                Ok(())
            }),
        ),
        Directive::new(
            ("types", ""),
            HSL,
            (0, 0),
            "text/html html; image/gif gif; image/jpeg jpg;",
            "Content types and the extensions of their files.",
            Set::With(types),
        )
        .with_block()
        .repeats(),
    ],
};

fn charset(_: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let name = plain(usage, 0)?;
    if name.contains('$') {
        return Err(usage.invalid(0, "variables are not supported here"));
    }
    draft.settings.charset = (name != "off").then(|| name.into());
    Ok(())
}

fn types(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut types = match (usage.first, &draft.settings.types) {
        (false, Some(types)) => BTreeMap::clone(types),
        _ => BTreeMap::new(),
    };
    for node in usage.node.block.iter().flatten() {
        if node.block.is_some() {
            let message = "there are no blocks in \"types\"";
            cx.errors.push(Problem::new(node.span(), message));
            continue;
        }
        let content_type = &node.name.text;
        for word in &node.args {
            let old = types.insert(word.text.to_ascii_lowercase(), content_type.clone());
            if let Some(old) = old {
                let message = format!(
                    "duplicate extension \"{}\", content type: \"{content_type}\", previous content type: \"{old}\"",
                    word.text
                );
                cx.warn(word.span, message);
            }
        }
    }
    draft.settings.types = Some(Arc::new(types));
    Ok(())
}

/// Adds content types, or starts a list of them that always has `text/html`.
pub(super) fn content_types(
    cx: &mut Context<'_>,
    list: &mut Arc<Vec<String>>,
    usage: &Use<'_>,
    fixed: &[&str],
) {
    let mut types = match usage.first {
        true => fixed.iter().map(|name| (*name).to_owned()).collect(),
        false => Vec::clone(list),
    };
    for word in &usage.node.args {
        let name = word.text.to_ascii_lowercase();
        if types.contains(&name) {
            cx.warn(word.span, format!("duplicate MIME type \"{}\"", word.text));
        } else {
            types.push(name);
        }
    }
    *list = Arc::new(types);
}
