//! Directives that rewrite requests: `map` and the rewrite module.

use super::{Contexts, Directive, Group, Set};
use crate::config::context::Context;
use crate::config::error::Problem;
use crate::config::lex::Word;
use crate::config::model::{Condition, FileTest};
use crate::config::source::Span;
use crate::config::tree::Node;

const ANY: Contexts = Contexts::SERVER
    .or(Contexts::LOCATION)
    .or(Contexts::IF_IN_SERVER)
    .or(Contexts::IF_IN_LOCATION);

pub(super) const GROUP: Group = Group {
    title: "Rewriting",
    directives: &[
        Directive::new(
            ("break", ""),
            ANY,
            (0, 0),
            "",
            "Leaves out the directives of this section that follow.",
            Set::Step,
        ),
        Directive::new(
            ("if", "(condition)"),
            Contexts::SERVER.or(Contexts::LOCATION),
            (1, usize::MAX),
            "",
            "Holds where a condition is true: a variable (neither empty nor `0`), `$variable = text`, `!=`, `~ regex`, `~*`, `!~`, `!~*`, \
             or that there is a file (`-f`), a folder (`-d`), either (`-e`), a program (`-x`); `!-f` and the like that there is none.",
            Set::Step,
        )
        .with_block()
        .differs(
            "Only directives that cannot surprise may stand in it: those of this section, and of others those that name `if` among their \
             contexts.",
        ),
        Directive::new(
            ("map", "text $variable"),
            Contexts::HTTP,
            (2, 2),
            "",
            "Gives a variable a value that depends on a text: the value behind the same text without regard to case, with \
             `hostnames` behind a name with an asterisk, behind the first regular expression (`~`, `~*`) that matches, or \
             behind `default`.",
            Set::Block,
        )
        .repeats()
        .differs("`volatile` is accepted and changes nothing, as values are not kept."),
        Directive::new(
            ("return", "code [text | URL] | URL"),
            ANY,
            (1, 2),
            "",
            "Answers. 444 closes the connection without an answer.",
            Set::Step,
        ),
        Directive::new(
            ("rewrite", "regex replacement [last | break | redirect | permanent]"),
            ANY,
            (2, 3),
            "",
            "Replaces the path where it matches. The old arguments are appended unless the replacement ends in `?`.",
            Set::Step,
        ),
        Directive::new(
            ("set", "$variable value"),
            ANY,
            (2, 2),
            "",
            "Gives a variable a value.",
            Set::Step,
        ),
    ],
};

/// Reads what stands in the parentheses of `if`.
pub(crate) fn condition(cx: &mut Context<'_>, node: &Node) -> Result<Condition, Problem> {
    let words = strip(node)?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let span = node.args.first().map_or(node.name.span, |first| {
        first.span.to(node.args.last().unwrap_or(first).span)
    });
    let at = |n: usize| match node.args.len() == words.len() {
        true => node.arg(n).span,
        false => span,
    };
    match *words.as_slice() {
        [value] if value.starts_with('$') => Ok(Condition::True(variable(cx, value, span)?)),
        [test, path] if test.trim_start_matches('!').starts_with('-') => {
            let kind = match test.trim_start_matches('!') {
                "-f" => FileTest::File,
                "-d" => FileTest::Folder,
                "-e" => FileTest::Any,
                "-x" => FileTest::Executable,
                _ => return Err(invalid(span, test)),
            };
            Ok(Condition::File {
                kind,
                path: cx.template_of(path, at(1))?,
                negated: test.starts_with('!'),
            })
        }
        [value, operator, to] if value.starts_with('$') => {
            let value = variable(cx, value, at(0))?;
            let negated = operator.starts_with('!');
            match operator {
                "=" | "!=" => Ok(Condition::Equal {
                    value,
                    to: cx.template_of(to, at(2))?,
                    negated,
                }),
                "~" | "!~" | "~*" | "!~*" => Ok(Condition::Match {
                    value,
                    pattern: cx.pattern(to, operator.ends_with('*'), at(2))?,
                    negated,
                }),
                _ => Err(
                    Problem::new(span, format!("unexpected \"{operator}\" in condition"))
                        .help("operators are =, !=, ~, ~*, !~ and !~*"),
                ),
            }
        }
        _ => Err(invalid(span, &words.join(" "))),
    }
}

/// The words without the parentheses.
fn strip(node: &Node) -> Result<Vec<String>, Problem> {
    let missing = |word: &Word| {
        Problem::new(word.span, format!("invalid condition \"{}\"", word.text))
            .help("a condition stands in parentheses, as in \"if ($scheme = http)\"")
    };
    let mut words: Vec<String> = node.args.iter().map(|word| word.text.clone()).collect();
    if let Some(first) = words.first_mut() {
        *first = match first.strip_prefix('(') {
            Some(rest) => rest.to_owned(),
            None => return Err(missing(node.arg(0))),
        };
    }
    if let Some(last) = words.last_mut() {
        *last = match last.strip_suffix(')') {
            Some(rest) => rest.to_owned(),
            None => return Err(missing(node.args.last().unwrap_or(&node.name))),
        };
    }
    // Only the parentheses may be words by themselves; `""` is one that is empty.
    if words.len() > 1 && words.first().is_some_and(String::is_empty) {
        words.remove(0);
    }
    if words.len() > 1 && node.args.last().is_some_and(|last| last.text == ")") {
        words.pop();
    }
    Ok(words)
}

fn variable(
    cx: &mut Context<'_>,
    text: &str,
    span: Span,
) -> Result<crate::config::template::Template, Problem> {
    let template = cx.template_of(text, span)?;
    match template.parts.len() {
        1 => Ok(template),
        _ => {
            Err(invalid(span, text).help("one variable is compared; \"set\" makes one of several"))
        }
    }
}

fn invalid(span: Span, text: &str) -> Problem {
    Problem::new(span, format!("invalid condition \"{text}\""))
        .help("as in \"$uri\", \"$host = example.org\", \"$uri ~ ^/a\" or \"-f $request_filename\"")
}
