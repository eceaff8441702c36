//! Directives that rewrite requests: `map` and the rewrite module.

use super::{Contexts, Directive, Group, Set};
use crate::config::context::Context;
use crate::config::error::Problem;
use crate::config::lex::Word;
use crate::config::model::{Condition, FileTest};
use crate::config::source::Span;
use crate::config::template::Template;
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
            "Gives a variable a value; of those with a meaning of their own only `$args` and `$limit_rate`.",
            Set::Step,
        ),
    ],
};

/// Reads what stands in the parentheses of `if`.
pub(crate) fn condition(cx: &mut Context<'_>, node: &Node) -> Result<Condition, Problem> {
    let words = strip(node)?;
    let first = words.first().map_or(node.name.span, |word| word.span);
    let span = first.to(words.last().map_or(first, |word| word.span));
    match words.as_slice() {
        [value] if value.text.starts_with('$') => Ok(Condition::True(variable(cx, value)?)),
        [test, path] if test.text.trim_start_matches('!').starts_with('-') => {
            let kind = match test.text.trim_start_matches('!') {
                "-f" => FileTest::File,
                "-d" => FileTest::Folder,
                "-e" => FileTest::Any,
                "-x" => FileTest::Executable,
                _ => return Err(invalid(test.span, &test.text)),
            };
            Ok(Condition::File {
                kind,
                path: cx.template(path)?,
                negated: test.text.starts_with('!'),
            })
        }
        [value, operator, to] if value.text.starts_with('$') => {
            let value = variable(cx, value)?;
            let negated = operator.text.starts_with('!');
            match operator.text.as_str() {
                "=" | "!=" => Ok(Condition::Equal {
                    value,
                    to: cx.template(to)?,
                    negated,
                }),
                "~" | "!~" | "~*" | "!~*" => Ok(Condition::Match {
                    value,
                    pattern: cx.pattern(&to.text, operator.text.ends_with('*'), to.span)?,
                    negated,
                }),
                text => {
                    let message = format!("unexpected \"{text}\" in condition");
                    Err(Problem::new(operator.span, message)
                        .help("operators are =, !=, ~, ~*, !~ and !~*"))
                }
            }
        }
        _ => {
            let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
            Err(invalid(span, &texts.join(" ")))
        }
    }
}

/// The words without the parentheses.
fn strip(node: &Node) -> Result<Vec<Word>, Problem> {
    let missing = |word: &Word| {
        Problem::new(word.span, format!("invalid condition \"{}\"", word.text))
            .help("a condition stands in parentheses, as in \"if ($scheme = http)\"")
    };
    let mut words = node.args.clone();
    match words.first_mut() {
        Some(first) if first.text == "(" && node.args.len() > 1 => {
            words.remove(0);
        }
        Some(first) if first.text.starts_with('(') => {
            first.text.remove(0);
            first.span.start += 1;
        }
        _ => return Err(missing(node.arg(0))),
    }
    let alone = words.len() == 1;
    match words.last_mut() {
        Some(last) if last.text == ")" && !alone => {
            words.pop();
        }
        Some(last) if last.text.ends_with(')') => {
            last.text.pop();
            last.span.end -= 1;
        }
        _ => return Err(missing(node.args.last().unwrap_or(&node.name))),
    }
    Ok(words)
}

fn variable(cx: &mut Context<'_>, word: &Word) -> Result<Template, Problem> {
    let template = cx.template(word)?;
    match template.parts.len() {
        1 => Ok(template),
        _ => Err(invalid(word.span, &word.text)
            .help("one variable is compared; \"set\" makes one of several")),
    }
}

fn invalid(span: Span, text: &str) -> Problem {
    Problem::new(span, format!("invalid condition \"{text}\""))
        .help("as in \"$uri\", \"$host = example.org\", \"$uri ~ ^/a\" or \"-f $request_filename\"")
}
