//! Directives about logs.

use std::sync::Arc;
use std::time::Duration;

use super::{Contexts, Directive, Group, Set, Use, time};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::template::Template;
use crate::config::value::{Unit, nearest, size};

pub(super) const GROUP: Group = Group {
    title: "Logs",
    directives: &[
        Directive::new(
            ("access_log", "path [format [buffer=size] [flush=time] [if=condition]] | off"),
            Contexts::HSL
                .or(Contexts::IF_IN_LOCATION)
                .or(Contexts::LIMIT_EXCEPT),
            (1, usize::MAX),
            "/dev/stdout combined",
            "Where requests are logged. With `if` only those for which the condition is neither empty nor `0`. Inherited where there is \
             none at the level.",
            Set::With(access_log),
        )
        .repeats()
        .differs("The default is a file there. `syslog:`, `gzip` and variables in the path are not supported; `buffer` and `flush` have no effect."),
        Directive::new(
            ("log_format", "name [escape=default | json | none] text ..."),
            Contexts::HTTP,
            (2, usize::MAX),
            "combined \"...\"",
            "The lines of an access log; texts are joined.",
            Set::Early(log_format),
        )
        .repeats(),
        Directive::new(
            ("error_log", "file | stderr [level]"),
            Contexts::MAIN.or(Contexts::HSL),
            (1, 2),
            "stderr error",
            "Where errors are logged, those of requests too, from a level on, and what is worse. Inherited where there is none at the level: `debug`, `info`, `notice`, `warn`, `error`, `crit`, `alert`, `emerg`.",
            Set::With(error_log),
        )
        .repeats()
        .differs("The default is a file there. `syslog:` and `memory:` are not supported. Times are UTC, and nothing is told at `debug` alone."),
    ],
};

const LEVELS: [(&str, Level); 8] = [
    ("debug", Level::Debug),
    ("info", Level::Info),
    ("notice", Level::Notice),
    ("warn", Level::Warn),
    ("error", Level::Error),
    ("crit", Level::Crit),
    ("alert", Level::Alert),
    ("emerg", Level::Emerg),
];

fn unsupported(usage: &Use<'_>, n: usize, what: &str) -> Problem {
    let message = format!("{what} in \"{}\" is not supported", usage.spec.name);
    Problem::new(usage.node.arg(n).span, message)
}

fn access_log(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut logs = match usage.first {
        true => Vec::new(),
        false => Vec::clone(&draft.settings.access_logs),
    };
    let path = usage.text(0);
    if usage.first {
        draft.log_off = false;
    }
    if path == "off" && usage.node.args.len() == 1 {
        draft.log_off = true;
    } else if path.starts_with("syslog:") {
        let problem = unsupported(usage, 0, "\"syslog:\"");
        return Err(problem.help("write to /dev/stdout, which a service manager collects"));
    } else if path.contains('$') {
        let problem = unsupported(usage, 0, "a variable in the path");
        return Err(problem.help("write one log, with the variable in its format"));
    } else {
        logs.push(log_line(cx, usage)?);
    }
    if draft.log_off {
        logs.clear();
    }
    draft.settings.access_logs = Arc::new(logs);
    Ok(())
}

fn log_line(cx: &mut Context<'_>, usage: &Use<'_>) -> Result<AccessLog, Problem> {
    let parameters = ["buffer=", "flush=", "if=", "gzip"];
    let named = usage.text(1);
    let unnamed =
        usage.node.args.len() == 1 || parameters.iter().any(|start| named.starts_with(start));
    let name = if unnamed { "combined" } else { named };
    let format = cx.formats.get(name).cloned().ok_or_else(|| {
        let near = nearest(name, cx.formats.keys().map(String::as_str));
        let help = near.map(|name| format!("did you mean \"{name}\"?"));
        let message = format!("unknown log format \"{name}\"");
        Problem::new(usage.node.arg(1).span, message).maybe_help(help)
    })?;
    let mut log = AccessLog {
        path: Some(cx.path(usage.text(0))),
        format,
        buffer: None,
        flush: None,
        condition: None,
    };
    for n in if unnamed { 1 } else { 2 }..usage.node.args.len() {
        match usage.text(n).split_once('=') {
            Some(("buffer", value)) => {
                let size = size(value).filter(|size| *size > 0);
                let help = "it must be a size, as in \"buffer=64k\"";
                log.buffer = Some(size.ok_or_else(|| usage.invalid(n, help))?);
            }
            Some(("flush", value)) => {
                let flush = time(value, Unit::Milliseconds);
                let flush = flush.map_err(|help| usage.invalid(n, help))?;
                log.flush = Some(flush).filter(|flush| *flush > Duration::ZERO);
            }
            Some(("if", value)) => {
                log.condition = Some(cx.template_of(value, usage.node.arg(n).span)?);
            }
            _ if usage.text(n).starts_with("gzip") => {
                return Err(unsupported(usage, n, "\"gzip\""));
            }
            _ => return Err(usage.parameter(n)),
        }
    }
    match (log.flush, log.buffer) {
        (Some(_), None) => {
            let message = "no buffer is defined for access_log \"flush\"";
            return Err(Problem::new(usage.node.span(), message));
        }
        (_, Some(_)) => {
            let why = "lines are gathered for 10 milliseconds";
            cx.idle(usage.node.span(), "buffer=", why);
        }
        _ => {}
    }
    Ok(log)
}

fn log_format(cx: &mut Context<'_>, _: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let name = usage.text(0);
    if cx.formats.contains_key(name) {
        let message = format!("duplicate \"log_format\" name \"{name}\"");
        return Err(Problem::new(usage.node.arg(0).span, message));
    }
    let read = read_format(cx, usage);
    // Who names a bad one has made no mistake.
    let (escape, line) = read
        .as_ref()
        .map_or_else(|_| Default::default(), Clone::clone);
    let format = LogFormat {
        name: name.into(),
        escape,
        line,
    };
    cx.formats.insert(name.into(), Arc::new(format));
    read.map(drop)
}

fn read_format(cx: &mut Context<'_>, usage: &Use<'_>) -> Result<(Escape, Template), Problem> {
    let (escape, from) = match usage.text(1).strip_prefix("escape=") {
        None => (Escape::Default, 1),
        Some("default") => (Escape::Default, 2),
        Some("json") => (Escape::Json, 2),
        Some("none") => (Escape::None, 2),
        Some(_) => {
            let help = "it must be \"escape=default\", \"escape=json\" or \"escape=none\"";
            return Err(usage.invalid(1, help));
        }
    };
    if usage.node.args.len() == from {
        return Err(Problem::new(
            usage.node.span(),
            "the text of the format is missing",
        ));
    }
    let mut line = Template::default();
    for word in usage.node.args.iter().skip(from) {
        line.parts.extend(cx.template(word)?.parts);
    }
    Ok((escape, line))
}

fn error_log(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let path = usage.text(0);
    for scheme in ["syslog:", "memory:"] {
        if path.starts_with(scheme) {
            return Err(unsupported(usage, 0, &format!("\"{scheme}\"")));
        }
    }
    let level = match usage.node.args.len() {
        1 => Level::Error,
        _ => usage.choice(1, &LEVELS)?,
    };
    let log = ErrorLog {
        path: (path != "stderr").then(|| cx.path(path)),
        level,
    };
    let logs = Arc::make_mut(&mut draft.settings.error_logs);
    if usage.first {
        logs.clear();
    }
    logs.push(log);
    Ok(())
}
