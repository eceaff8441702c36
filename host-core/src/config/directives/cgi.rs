//! Directives about scripts.

use super::{Contexts, Directive, Group, Set, Use, time};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::{CgiChildren, CgiPass, CgiStderr};
use crate::config::value::{Unit, number};

const HSL: Contexts = Contexts::HSL;
const IF: Contexts = Contexts::IF_IN_LOCATION;

pub(super) const GROUP: Group = Group {
    title: "Scripts",
    directives: &[
        Directive::new(
            ("cgi", "on | off"),
            HSL.or(IF),
            (1, 1),
            "off",
            "Whether files that somebody may run are scripts (RFC 3875), which run by themselves. All others are served as they are.",
            Set::With(|cx, draft, usage| {
                let place = cx.place(usage.node.name.span);
                draft.settings.cgi.executables = usage.flag(0)?.then_some(place);
                Ok(())
            }),
        )
        .differs("Not there."),
        Directive::new(
            ("cgi_pass", "interpreter | exec | off"),
            Contexts::LOCATION.or(IF),
            (1, 1),
            "off",
            "All files of the location are scripts, which this program runs, or which run by themselves (`exec`). What follows the script in a path is PATH_INFO.",
            Set::With(pass),
        )
        .differs("Not there."),
        Directive::new(
            ("cgi_env", "name value"),
            HSL,
            (2, 2),
            "",
            "A variable in the environment of scripts, in place of ours of this name. Inherited where there is none at the level.",
            Set::With(env),
        )
        .repeats()
        .differs("Not there."),
        Directive::new(
            ("cgi_timeout", "time"),
            HSL,
            (1, 1),
            "60s",
            "How long a script may be silent: then it is ended, and the answer is 504 or cut.",
            Set::Time(|draft| &mut draft.settings.cgi.timeout),
        )
        .differs("Not there."),
        Directive::new(
            ("cgi_max_children", "number [queue=number] [wait=time]"),
            Contexts::HTTP,
            (1, 3),
            "64 queue=256 wait=10s",
            "How many scripts run at a time. So many requests more wait, so long; those beyond get 503.",
            Set::With(|cx, _, usage| {
                cx.main.cgi_children = children(usage)?;
                Ok(())
            }),
        )
        .differs("Not there."),
        Directive::flag(
            "cgi_body_buffering",
            HSL,
            "on",
            "Whether a script starts when all content of the request has come. Without it content of a known length reaches the script as it comes.",
            |draft| &mut draft.settings.cgi.body_buffering,
        )
        .differs("Not there."),
        Directive::new(
            ("cgi_stderr", "log | off | file"),
            HSL,
            (1, 1),
            "log",
            "Where the standard error of scripts goes: to the error log, nowhere, or to the end of a file.",
            Set::With(|cx, draft, usage| {
                draft.settings.cgi.stderr = match usage.text(0) {
                    "log" => CgiStderr::Log,
                    "off" => CgiStderr::Off,
                    "" => return Err(usage.invalid(0, "it must be \"log\", \"off\" or the path of a file")),
                    path => CgiStderr::File(cx.path(path)),
                };
                Ok(())
            }),
        )
        .differs("Not there."),
        Directive::flag(
            "cgi_pass_authorization",
            HSL,
            "off",
            "Whether scripts get the Authorization field, and passwords with it.",
            |draft| &mut draft.settings.cgi.pass_authorization,
        )
        .differs("Not there."),
    ],
};

fn pass(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let interpreter = match usage.text(0) {
        "off" => {
            draft.settings.cgi.pass = None;
            return Ok(());
        }
        "exec" => None,
        path if path.starts_with('/') => {
            if cx.source.glob(path).is_ok_and(|found| found.is_empty()) {
                let message = format!("there is no program \"{path}\"");
                cx.warn(usage.node.arg(0).span, message);
            }
            Some(path.into())
        }
        _ => {
            let help = "it must be \"exec\", \"off\" or the path of a program from the root, as in \"/usr/bin/python3\"";
            return Err(usage.invalid(0, help));
        }
    };
    let place = cx.place(usage.node.name.span);
    draft.settings.cgi.pass = Some(CgiPass { interpreter, place });
    Ok(())
}

fn env(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let name = usage.text(0);
    let digit = name.starts_with(|first: char| first.is_ascii_digit());
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    if name.is_empty() || digit || !name.bytes().all(valid) {
        return Err(usage.invalid(0, "it must be a name of letters, digits and \"_\""));
    }
    let value = cx.template(usage.node.arg(1))?;
    let env = &mut draft.settings.cgi.env;
    if usage.first {
        env.clear();
    }
    env.push((name.to_owned(), value));
    Ok(())
}

fn children(usage: &Use<'_>) -> Result<CgiChildren, Problem> {
    let mut children = CgiChildren {
        most: usage.number(0, 1, 1 << 16)? as usize,
        ..CgiChildren::default()
    };
    for n in 1..usage.node.args.len() {
        match usage.text(n).split_once('=') {
            Some(("queue", value)) => {
                let queue = number(value).and_then(|queue| usize::try_from(queue).ok());
                let help = "it must be a number, as in \"queue=100\"";
                children.queue = queue.ok_or_else(|| usage.invalid(n, help))?;
            }
            Some(("wait", value)) => {
                let wait = time(value, Unit::Milliseconds);
                children.wait = wait.map_err(|help| usage.invalid(n, help))?;
            }
            _ => return Err(usage.parameter(n)),
        }
    }
    Ok(children)
}
