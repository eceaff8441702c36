//! Directives about which files are served, and how they are opened.

use std::time::Duration;

use super::{Contexts, Directive, Group, SOME, Set, Use, time};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::value::{Unit, number};

const HSL: Contexts = Contexts::HSL;

pub(super) const GROUP: Group = Group {
    title: "Files",
    directives: &[
        Directive::new(
            ("root", "path"),
            HSL,
            (1, 1),
            "html",
            "The folder to whose path that of the request is appended.",
            Set::With(root),
        )
        .differs("It cannot stand in `if`: use a variable of `map` in the path."),
        Directive::new(
            ("alias", "path"),
            Contexts::LOCATION,
            (1, 1),
            "",
            "What the beginning of the path, as far as the location names it, is replaced with; the whole path where \
             the location is a regular expression.",
            // Its location knows whether they fit.
            Set::With(|_, _, _| Ok(())),
        )
        .differs("Where the location ends in a slash and the path does not, or the other way round, it is refused."),
        Directive::new(
            ("index", "file ..."),
            HSL,
            SOME,
            "index.html",
            "The files that stand for a folder: the first that exists. One that begins with a slash may be the last and is taken as it is.",
            Set::With(index),
        )
        .repeats(),
        Directive::new(
            ("try_files", "file ... uri | @name | =code"),
            Contexts::SERVER.or(Contexts::LOCATION),
            (2, usize::MAX),
            "",
            "Serves the first file that exists, a folder where it ends in a slash; otherwise the request goes on as the last argument says.",
            Set::With(try_files),
        ),
        Directive::flag(
            "autoindex",
            HSL,
            "off",
            "Whether a folder without an index file is listed.",
            |draft| &mut draft.autoindex,
        ),
        Directive::flag(
            "autoindex_exact_size",
            HSL,
            "on",
            "Whether listings show sizes in bytes, or rounded.",
            |draft| &mut draft.listing.exact_size,
        ),
        Directive::new(
            ("autoindex_format", "html | json | xml"),
            HSL,
            (1, 1),
            "html",
            "The format of listings.",
            Set::With(|_, draft, usage| {
                draft.listing.format = usage.choice(0, &FORMATS)?;
                Ok(())
            }),
        )
        .differs("There is no `jsonp`."),
        Directive::flag(
            "autoindex_localtime",
            HSL,
            "off",
            "Whether listings show times in the time zone of the server, or in UTC.",
            |draft| &mut draft.listing.localtime,
        ),
        Directive::new(
            ("disable_symlinks", "off | on | if_not_owner [from=part]"),
            HSL,
            (1, 2),
            "",
            "Which links in the file system are followed: all with `off`, none with `on`, those that have the same owner as what \
             they lead to with `if_not_owner`. The whole path is looked at, or what follows the part `from`.",
            Set::With(disable_symlinks),
        )
        .differs("The default there is `off`; here links are followed by default as long as they do not lead out of the root."),
        Directive::flag(
            "hidden_files",
            HSL,
            "on",
            "Whether files and folders are served whose names begin with a dot.",
            |draft| &mut draft.settings.hidden_files,
        )
        .differs("Not there."),
        Directive::new(
            ("open_file_cache", "off | max=number [inactive=time]"),
            HSL,
            (1, 2),
            "off",
            "Keeps files open, at most so many, until nobody has asked for them for a time (60 seconds by default).",
            Set::With(open_file_cache),
        ),
        Directive::flag(
            "open_file_cache_errors",
            HSL,
            "off",
            "Whether it is remembered as well which files cannot be opened.",
            |draft| &mut draft.open_files.errors,
        ),
        Directive::new(
            ("open_file_cache_min_uses", "number"),
            HSL,
            (1, 1),
            "1",
            "How often a file must be asked for until it is kept open.",
            Set::Number(0, u32::MAX, |draft| &mut draft.open_files.min_uses),
        ),
        Directive::new(
            ("open_file_cache_valid", "time"),
            HSL,
            (1, 1),
            "60s",
            "After how long it is looked whether a file is still the same.",
            Set::With(|_, draft, usage| {
                draft.open_files.valid = usage.time(0, Unit::Seconds)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("sendfile", "on | off"),
            HSL,
            (1, 1),
            "on",
            "The kernel sends large files by itself.",
            Set::With(|cx, draft, usage| {
                draft.settings.sendfile = usage.flag(0)?;
                if !draft.settings.sendfile {
                    cx.idle(usage.node.span(), "sendfile off", "where the kernel cannot, files are copied anyway");
                }
                Ok(())
            }),
        )
        .differs("The default is `off` there; here `off` has no effect."),
        Directive::flag(
            "log_not_found",
            HSL,
            "on",
            "Whether files that were not found are told in the error log, at `error`.",
            |draft| &mut draft.settings.log_not_found,
        ),
    ],
};

const FORMATS: [(&str, ListingFormat); 3] = [
    ("html", ListingFormat::Html),
    ("json", ListingFormat::Json),
    ("xml", ListingFormat::Xml),
];

fn root(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let word = usage.node.arg(0);
    refuse_own_name(usage)?;
    // The path of a request begins with one.
    let text = word.text.strip_suffix('/').unwrap_or(&word.text);
    let prefix = cx.prefix;
    let path = match text {
        "" if !word.text.is_empty() => cx.template_of("", word.span)?,
        _ => cx.path_template(text, word.span, prefix)?,
    };
    cx.expect_folder(&path, word.span);
    draft.settings.root = Base::Root(path);
    Ok(())
}

/// `root` and `alias` make these variables.
pub(crate) fn refuse_own_name(usage: &Use<'_>) -> Result<(), Problem> {
    for name in ["document_root", "request_filename"] {
        let used = [format!("${name}"), format!("${{{name}}}")];
        if used.iter().any(|used| usage.text(0).contains(used)) {
            let message = format!(
                "the ${name} variable cannot be used in the \"{}\" directive",
                usage.spec.name
            );
            return Err(Problem::new(usage.node.arg(0).span, message));
        }
    }
    Ok(())
}

fn index(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    if usage.first {
        draft.settings.index.clear();
    }
    for (n, word) in usage.node.args.iter().enumerate() {
        if word.text.is_empty() {
            return Err(usage.invalid(n, "the name of a file is missing"));
        }
        if word.text.starts_with('/') && n + 1 != usage.node.args.len() {
            let message = format!(
                "only the last index in \"index\" directive should be absolute, not \"{}\"",
                word.text
            );
            cx.warn(word.span, message);
        }
        let name = cx.template(word)?;
        draft.settings.index.push(name);
    }
    Ok(())
}

fn try_files(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let Some((last, files)) = usage.node.args.split_last() else {
        return Ok(());
    };
    let n = files.len();
    let files = files.iter().map(|word| cx.template(word));
    let files = files.collect::<Result<_, _>>()?;
    let last = match last.text.as_bytes() {
        [b'=', ..] => {
            let code = number(&last.text[1..]).and_then(|code| u16::try_from(code).ok());
            let status = code.and_then(h1_core::Status::new);
            let status = status.filter(|status| !status.is_informational());
            let help = "the code must be a number from 200 to 999, as in \"=404\"";
            Fallback::Status(status.ok_or_else(|| usage.invalid(n, help))?)
        }
        [b'@', ..] => {
            cx.server.references.push(last.clone());
            Fallback::Named(last.text[1..].into())
        }
        first => {
            if !first.starts_with(b"/") && !first.starts_with(b"$") {
                let message = format!("\"{}\" leads nowhere: paths begin with a slash", last.text);
                cx.warn(last.span, message);
            }
            Fallback::Uri(cx.template(last)?)
        }
    };
    draft.settings.try_files = Some(TryFiles {
        place: cx.place(usage.node.name.span),
        files,
        last,
    });
    Ok(())
}

fn disable_symlinks(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    usage: &Use<'_>,
) -> Result<(), Problem> {
    let mut from = None;
    let mut chosen = None;
    for (n, word) in usage.node.args.iter().enumerate() {
        match word.text.strip_prefix("from=") {
            Some(part) => from = Some(cx.template_of(part, word.span)?),
            None if chosen.is_none() => chosen = Some(n),
            None => return Err(usage.parameter(n)),
        }
    }
    draft.settings.disable_symlinks = match chosen.map(|n| (n, usage.text(n))) {
        Some((_, "off")) if from.is_some() => {
            let message = "\"from=\" cannot be used with \"off\" parameter";
            return Err(Problem::new(usage.node.span(), message));
        }
        Some((_, "off")) => DisableSymlinks::Off,
        Some((_, "on")) => DisableSymlinks::On {
            from: from.unwrap_or_default(),
        },
        Some((_, "if_not_owner")) => DisableSymlinks::IfNotOwner {
            from: from.unwrap_or_default(),
        },
        Some((n, _)) => return Err(usage.parameter(n)),
        None => {
            let message =
                "\"disable_symlinks\" must have \"off\", \"on\" or \"if_not_owner\" parameter";
            return Err(Problem::new(usage.node.span(), message));
        }
    };
    Ok(())
}

fn open_file_cache(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    usage: &Use<'_>,
) -> Result<(), Problem> {
    draft.cache = usage.text(0) != "off" || usage.node.args.len() > 1;
    if !draft.cache {
        return Ok(());
    }
    draft.open_files.number = cx.caches;
    cx.caches += 1;
    draft.open_files.inactive = Duration::from_secs(60);
    let mut max = None;
    for n in 0..usage.node.args.len() {
        match usage.text(n).split_once('=') {
            Some(("max", value)) => {
                let number = number(value).and_then(|max| usize::try_from(max).ok());
                let help = "it must be a number from 1, as in \"max=1000\"";
                let number = number.filter(|max| *max > 0);
                max = Some(number.ok_or_else(|| usage.invalid(n, help))?);
            }
            Some(("inactive", value)) => {
                let inactive = time(value, Unit::Seconds);
                draft.open_files.inactive = inactive.map_err(|help| usage.invalid(n, help))?;
            }
            _ => return Err(usage.parameter(n)),
        }
    }
    let message = "\"open_file_cache\" must have the \"max\" parameter";
    draft.open_files.max = max.ok_or_else(|| Problem::new(usage.node.span(), message))?;
    Ok(())
}
