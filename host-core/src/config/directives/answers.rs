//! Directives about answers: their status, fields and content types.

use h1_core::Status;

use super::{Contexts, Directive, Group, SOME, Set, Use, time};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::value::{Unit, number};

const HSL: Contexts = Contexts::HSL;
const HSL_IF: Contexts = HSL.or(Contexts::IF_IN_LOCATION);

pub(super) const GROUP: Group = Group {
    title: "Answers",
    directives: &[
        Directive::new(
            ("add_header", "name value [always]"),
            HSL_IF,
            (2, 3),
            "",
            "Adds a field to answers with 200, 201, 204, 206, 301, 302, 303, 304, 307 and 308, to all with `always`. Inherited where there is none at the level.",
            Set::With(|cx, draft, usage| {
                let field = added(cx, usage)?;
                add(&mut draft.settings.add_headers, field, usage);
                Ok(())
            }),
        )
        .repeats()
        .differs("Fields of the framing (Content-Length, Transfer-Encoding, Connection, ...) are refused."),
        Directive::new(
            ("add_trailer", "name value [always]"),
            HSL_IF,
            (2, 3),
            "",
            "Adds a field behind the content of answers, as `add_header` does before it.",
            Set::With(|cx, draft, usage| {
                let field = added(cx, usage)?;
                add(&mut draft.settings.add_trailers, field, usage);
                Ok(())
            }),
        )
        .repeats(),
        Directive::flag(
            "absolute_redirect",
            HSL,
            "on",
            "Whether redirects of the server itself name the host.",
            |draft| &mut draft.settings.absolute_redirect,
        ),
        Directive::flag(
            "port_in_redirect",
            HSL,
            "on",
            "Whether they name the port.",
            |draft| &mut draft.settings.port_in_redirect,
        ),
        Directive::flag(
            "server_name_in_redirect",
            HSL,
            "off",
            "Whether they name the first `server_name`, or what the request says.",
            |draft| &mut draft.settings.server_name_in_redirect,
        ),
        Directive::new(
            ("early_hints", "link ..."),
            HSL,
            SOME,
            "",
            "Sends these values of `Link` ahead, in a 103 answer.",
            Set::With(|cx, draft, usage| {
                if usage.first {
                    draft.settings.early_hints.clear();
                }
                for word in &usage.node.args {
                    draft.settings.early_hints.push(cx.template(word)?);
                }
                Ok(())
            }),
        )
        .repeats()
        .differs("There it passes on hints of others, on a condition. They are sent to GET by HTTP/1.1, before an answer with 200."),
        Directive::new(
            ("error_page", "code ... [=[code]] uri"),
            HSL,
            (2, usize::MAX),
            "",
            "What is shown for a status of 300 to 599: another path, `@name`, or a redirect to a URL. `=` takes the status of what is shown. \
             Inherited where there is none at the level.",
            Set::With(error_page),
        )
        .repeats()
        .differs("It cannot stand in `if`."),
        Directive::flag(
            "recursive_error_pages",
            HSL,
            "off",
            "Whether an error while an error page is made has one of its own.",
            |draft| &mut draft.settings.recursive_error_pages,
        ),
        Directive::flag(
            "etag",
            HSL,
            "on",
            "Whether files have an ETag.",
            |draft| &mut draft.settings.etag,
        ),
        Directive::new(
            ("expires", "[modified] time | @time | epoch | max | off"),
            HSL_IF,
            (1, 2),
            "off",
            "Adds Expires and Cache-Control: a time from now, from the last change of the file (`modified`), or at a time of the day (`@`); \
             a negative one forbids caches to keep the answer.",
            Set::With(expires),
        ),
        Directive::new(
            ("if_modified_since", "off | exact | before"),
            HSL,
            (1, 1),
            "exact",
            "What If-Modified-Since is compared with: nothing, the very time of the last change, or that and later ones.",
            Set::With(|_, draft, usage| {
                draft.settings.if_modified_since = usage.choice(0, &SINCE)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("max_ranges", "number"),
            HSL,
            (1, 1),
            "",
            "The most ranges in a request; with 0 there are none.",
            Set::With(|_, draft, usage| {
                draft.settings.max_ranges = Some(usage.number(0, 0, u32::MAX)?);
                Ok(())
            }),
        )
        .differs("Ranges that overlap or touch count as one. More than 64, or 256 as they are written, get the whole file."),
        Directive::new(
            ("server_tokens", "on | off | build"),
            HSL,
            (1, 1),
            "on",
            "Whether the version is told in the Server field.",
            Set::With(|_, draft, usage| {
                let choices = [("on", true), ("off", false), ("build", true)];
                draft.settings.server_tokens = usage.choice(0, &choices)?;
                Ok(())
            }),
        )
        .differs("`build` is `on`, and there is no text of one's own."),
        Directive::new(
            ("stub_status", ""),
            Contexts::SERVER.or(Contexts::LOCATION),
            (0, 1),
            "",
            "Answers with counters of connections and requests.",
            Set::With(|_, draft, _| {
                draft.settings.stub_status = true;
                Ok(())
            }),
        ),
    ],
};

const SINCE: [(&str, IfModifiedSince); 3] = [
    ("off", IfModifiedSince::Off),
    ("exact", IfModifiedSince::Exact),
    ("before", IfModifiedSince::Before),
];

/// Fields that the connection alone writes.
const FRAMING: [&str; 7] = [
    "connection",
    "content-length",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

fn add(list: &mut Vec<AddField>, field: AddField, usage: &Use<'_>) {
    if usage.first {
        list.clear();
    }
    list.push(field);
}

fn added(cx: &mut Context<'_>, usage: &Use<'_>) -> Result<AddField, Problem> {
    let name = usage.text(0);
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Err(usage.invalid(0, "it must be the name of a field"));
    }
    if FRAMING.contains(&name.to_ascii_lowercase().as_str()) {
        return Err(usage.invalid(0, "the server writes this field by itself"));
    }
    let always = match usage.node.args.get(2) {
        None => false,
        Some(word) if word.text == "always" => true,
        Some(_) => return Err(usage.parameter(2)),
    };
    plain(usage, 1)?;
    Ok(AddField {
        place: cx.place(usage.node.name.span),
        name: name.into(),
        value: cx.template(usage.node.arg(1))?,
        always,
    })
}

/// An argument that can be sent in a field.
pub(super) fn plain<'n>(usage: &'n Use<'_>, n: usize) -> Result<&'n str, Problem> {
    let text = usage.text(n);
    match text
        .bytes()
        .any(|byte| byte.is_ascii_control() && byte != b'\t')
    {
        true => Err(usage.invalid(n, "a field cannot hold control characters")),
        false => Ok(text),
    }
}

fn error_page(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let Some((target, mut front)) = usage.node.args.split_last() else {
        return Ok(());
    };
    let mut answer = Answer::Same;
    if let Some((word, rest)) = front.split_last()
        && let Some(code) = word.text.strip_prefix('=')
    {
        answer = match code {
            "" => Answer::OfPage,
            _ => Answer::Code(status(code, 200).ok_or_else(|| {
                usage.invalid(rest.len(), "it must be \"=\" or a status, as in \"=200\"")
            })?),
        };
        front = rest;
        if rest.is_empty() {
            return Err(usage.invalid(0, "the status that the page is for is missing"));
        }
    }
    let statuses = front.iter().enumerate().map(|(n, word)| {
        let status = status(&word.text, 300).filter(|status| (300..600).contains(&status.code()));
        let help = "the status must be a number from 300 to 599, but not 499";
        status
            .filter(|status| status.code() != 499)
            .ok_or_else(|| usage.invalid(n, help))
    });
    let statuses: Vec<Status> = statuses.collect::<Result<_, _>>()?;
    let to = match target.text.as_bytes() {
        [b'@', ..] => {
            cx.server.references.push(target.clone());
            ErrorTarget::Named(target.text[1..].into())
        }
        [b'/', ..] => ErrorTarget::Uri(cx.template(target)?),
        [b'$', ..] if !target.text.starts_with("$scheme") => ErrorTarget::Uri(cx.template(target)?),
        _ => ErrorTarget::Url(cx.template(target)?),
    };
    let pages = &mut draft.settings.error_pages;
    if usage.first {
        pages.clear();
    }
    for (word, status) in front.iter().zip(&statuses) {
        if pages.iter().any(|page| page.statuses.contains(status)) {
            let message = format!("the error page of {status} is set already, ignored");
            cx.warn(word.span, message);
        }
    }
    pages.push(ErrorPage {
        place: cx.place(usage.node.name.span),
        statuses,
        answer,
        to,
    });
    Ok(())
}

fn status(text: &str, least: u64) -> Option<Status> {
    let code = number(text).filter(|code| *code >= least)?;
    Status::new(u16::try_from(code).ok()?)
}

fn expires(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let modified = usage.node.args.len() == 2;
    if modified && usage.text(0) != "modified" {
        return Err(usage.parameter(0));
    }
    let n = usize::from(modified);
    draft.settings.expires = match usage.text(n) {
        text if text.starts_with('$') && !modified => {
            Expires::Variable(cx.template(usage.node.arg(n))?)
        }
        text => expires_word(text, modified).map_err(|help| usage.invalid(n, help))?,
    };
    Ok(())
}

/// What `expires` takes, as one text: the value of a variable.
pub(crate) fn expires_value(text: &str) -> Option<Expires> {
    match text.strip_prefix("modified ") {
        Some(time) => expires_word(time.trim_start(), true).ok(),
        None => expires_word(text, false).ok(),
    }
}

fn expires_word(text: &str, modified: bool) -> Result<Expires, &'static str> {
    match text {
        "off" if !modified => Ok(Expires::Off),
        "epoch" if !modified => Ok(Expires::Epoch),
        "max" if !modified => Ok(Expires::Max),
        _ => expires_time(text, modified),
    }
}

fn expires_time(text: &str, modified: bool) -> Result<Expires, &'static str> {
    if let Some(daily) = text.strip_prefix('@') {
        let seconds = time(daily, Unit::Seconds)?.as_secs();
        let second = u32::try_from(seconds)
            .ok()
            .filter(|second| *second <= 86400);
        return match (modified, second) {
            (false, Some(second)) => Ok(Expires::Daily(second)),
            (true, _) => Err("a time of the day does not go with \"modified\""),
            (_, None) => Err("a time of the day must not be more than 24 hours"),
        };
    }
    let (sign, positive) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let seconds = time(positive, Unit::Seconds)?.as_secs();
    let seconds = sign * i64::try_from(seconds).unwrap_or(i64::MAX);
    Ok(match modified {
        true => Expires::Modified(seconds),
        false => Expires::After(seconds),
    })
}
