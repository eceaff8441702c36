//! Directives of the process, outside of `http`.

use super::{Contexts, Directive, Group, Set, Use};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::value::Unit;

const MAIN: Contexts = Contexts::MAIN;

pub(super) const GROUP: Group = Group {
    title: "Process",
    directives: &[
        Directive::new(
            ("daemon", "on | off"),
            MAIN,
            (1, 1),
            "off",
            "Whether the server goes on in the background.",
            Set::With(|cx, _, usage| {
                cx.main.daemon = usage.flag(0)?;
                Ok(())
            }),
        )
        .differs("The default is `on` there."),
        Directive::new(
            ("env", "variable[=value]"),
            MAIN,
            (1, 1),
            "",
            "Scripts get this variable as the server has it, or with this value. Those of the request and of `cgi_env` \
             count for more.",
            Set::With(env),
        )
        .repeats()
        .differs("Without it they get none of the server's, not even `TZ`. The server keeps the environment that it was started with."),
        Directive::new(
            ("events", ""),
            MAIN,
            (0, 0),
            "",
            "How connections are processed.",
            Set::Block,
        ),
        Directive::new(
            ("include", "file | pattern"),
            Contexts(u16::MAX),
            (1, 1),
            "",
            "Reads another file, or all that match a pattern, sorted, as if they stood here. Paths are relative to the folder \
             of the configuration file. It is no error when no file matches a pattern.",
            // Those that are well-formed are gone when directives are read.
            Set::With(|_, _, _| Ok(())),
        )
        .repeats(),
        Directive::new(
            ("master_process", "on | off"),
            MAIN,
            (1, 1),
            "on",
            "Whether workers are processes of their own.",
            Set::With(|cx, _, usage| {
                cx.main.master_process = usage.flag(0)?;
                Ok(())
            }),
        )
        .differs("There is one process in any case; both values are accepted."),
        Directive::new(
            ("pid", "file"),
            MAIN,
            (1, 1),
            "",
            "The file that holds the number of the process.",
            Set::With(|cx, _, usage| {
                cx.main.pid = (usage.text(0) != "off").then(|| cx.path(usage.text(0)));
                Ok(())
            }),
        )
        .differs("There is no such file unless it is asked for; `off` is accepted."),
        Directive::new(
            ("user", "user [group]"),
            MAIN,
            (1, 2),
            "",
            "Whom the server becomes when its ports and logs are open, where it was started as root.",
            Set::With(user),
        )
        .differs("The default is `nobody` there; here the server stays who it is."),
        Directive::new(
            ("worker_connections", "number"),
            Contexts::EVENTS,
            (1, 1),
            "512",
            "The most connections at the same time.",
            Set::With(|cx, _, usage| {
                cx.main.worker_connections = usage.number(0, 1, u32::MAX)? as usize;
                Ok(())
            }),
        )
        .differs("It is the number of all workers together, and of clients alone."),
        Directive::new(
            ("worker_processes", "number | auto"),
            MAIN,
            (1, 1),
            "1",
            "How many threads share the connections; `auto` is one for each processor.",
            Set::With(|cx, _, usage| {
                cx.main.worker_processes = match usage.text(0) {
                    "auto" => None,
                    _ => Some(usage.number(0, 1, 1 << 16)? as usize),
                };
                Ok(())
            }),
        )
        .differs("Workers are threads."),
        Directive::new(
            ("worker_rlimit_nofile", "number"),
            MAIN,
            (1, 1),
            "",
            "The most files and sockets that are open at the same time (`RLIMIT_NOFILE`).",
            Set::With(|cx, _, usage| {
                cx.main.worker_rlimit_nofile = Some(usage.number(0, 1, u32::MAX)?.into());
                Ok(())
            }),
        )
        .differs("It is for all workers together. There are only as many connections as it leaves two descriptors for, the second for a file, \
                  so that none is accepted that gets nothing but 503: with 64 that is 19; a line on standard error says so."),
        Directive::new(
            ("worker_shutdown_timeout", "time"),
            MAIN,
            (1, 1),
            "",
            "How long a graceful stop waits for answers that are being sent; then it cuts them.",
            Set::With(|cx, _, usage| {
                cx.main.worker_shutdown_timeout = Some(usage.time(0, Unit::Milliseconds)?);
                Ok(())
            }),
        ),
        Directive::new(
            ("http", ""),
            MAIN,
            (0, 0),
            "",
            "Everything about HTTP.",
            Set::Block,
        ),
    ],
};

fn env(cx: &mut Context<'_>, _: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let (name, value) = match usage.text(0).split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (usage.text(0), None),
    };
    if name.is_empty() {
        return Err(usage.invalid(0, "the name of the variable is missing"));
    }
    let value = match value {
        Some(value) => Some(value.into()),
        None => cx.source.variable(name),
    };
    // As with nginx the first one of a name counts.
    let known = cx.main.env.iter().any(|(known, _)| known == name);
    if let (false, Some(value)) = (known, value) {
        cx.main.env.push((name.to_owned(), value));
    }
    Ok(())
}

fn user(cx: &mut Context<'_>, _: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let group = usage.node.args.get(1).map(|word| word.text.clone());
    if !cx.source.is_root() {
        let message =
            "the \"user\" directive makes sense only if the server is started by root, ignored";
        cx.warn(usage.node.span(), message);
    } else if !cx.source.has_user(usage.text(0)) {
        return Err(usage.invalid(0, "there is no such user"));
    } else if group
        .as_ref()
        .is_some_and(|group| !cx.source.has_group(group))
    {
        return Err(usage.invalid(1, "there is no such group"));
    }
    cx.main.user = Some((usage.text(0).into(), group));
    Ok(())
}
