//! Directives about how much and how often.

use super::{Contexts, Directive, Group, Set, Use};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::*;
use crate::config::template::Template;
use crate::config::value::{number, size};
use h1_core::Status;

const HSL: Contexts = Contexts::HSL;
const HSL_IF: Contexts = HSL.or(Contexts::IF_IN_LOCATION);

pub(super) const GROUP: Group = Group {
    title: "Limits",
    directives: &[
        Directive::new(
            ("client_max_body_size", "size"),
            HSL,
            (1, 1),
            "1m",
            "The longest content of a request; 0 is any. What is longer gets 413.",
            Set::Size(|draft| &mut draft.settings.client_max_body_size),
        ),
        Directive::new(
            ("client_body_buffer_size", "size"),
            HSL,
            (1, 1),
            "16k",
            "Content for a script or a file is kept in memory up to this length; what is longer is put into a temporary file.",
            Set::Size(|draft| &mut draft.settings.client_body_buffer_size),
        ),
        Directive::new(
            ("client_body_temp_path", "path [level1 [level2 [level3]]]"),
            HSL,
            (1, 4),
            "",
            "The folder of these temporary files; without it that of the system (`TMPDIR`).",
            Set::With(|cx, draft, usage| {
                for level in 1..usage.node.args.len() {
                    usage.number(level, 1, 3)?;
                }
                let path = cx.path(usage.text(0));
                cx.expect_folder(&Template::fixed(&path.to_string_lossy()), usage.node.arg(0).span);
                draft.settings.client_body_temp_path = Some(path);
                Ok(())
            }),
        )
        .differs("It is not made. Levels are ignored, as the files have no names."),
        Directive::new(
            ("client_header_buffer_size", "size"),
            Contexts::HTTP.or(Contexts::SERVER),
            (1, 1),
            "1k",
            "The room for a head, at first.",
            Set::With(|cx, draft, usage| {
                let size = usage.size(0)?;
                if size == 0 {
                    return Err(usage.invalid(0, "it must be more than 0"));
                }
                draft.client_header_buffer_size = size;
                let why = "a head has the room of `large_client_header_buffers` as soon as it needs it";
                cx.idle(usage.node.span(), usage.spec.name, why);
                Ok(())
            }),
        )
        .differs("It has no effect."),
        Directive::new(
            ("large_client_header_buffers", "number size"),
            Contexts::HTTP.or(Contexts::SERVER),
            (2, 2),
            "4 8k",
            "The most room for a head: the product. A request line may take as much as the size (414), a field as well (431).",
            Set::With(|_, draft, usage| {
                let buffers = (usage.number(0, 1, 1 << 16)?, usage.size(1)?);
                if buffers.1 == 0 {
                    return Err(usage.invalid(1, "it must be more than 0"));
                }
                draft.large_client_header_buffers = buffers;
                Ok(())
            }),
        )
        .differs("The status for a field that is too long is 400 there."),
        Directive::new(
            ("limit_conn_zone", "key zone=name:size"),
            Contexts::HTTP,
            (2, 2),
            "",
            "What connections are counted by, and where.",
            Set::Early(|cx, _, usage| zone(cx, usage, false)),
        )
        .repeats(),
        Directive::new(
            ("limit_conn", "zone number"),
            HSL,
            (2, 2),
            "",
            "The most connections with the same key. Inherited where there is none at the level.",
            Set::With(limit_conn),
        )
        .repeats(),
        Directive::new(
            ("limit_conn_status", "code"),
            HSL,
            (1, 1),
            "503",
            "The status of what is refused.",
            Set::With(|_, draft, usage| {
                draft.limit_conn_status = refusal(usage)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("limit_rate", "rate"),
            HSL_IF,
            (1, 1),
            "0",
            "Bytes that are sent in a second for a request; 0 is any number. `$limit_rate`, which `set` may change, counts for more.",
            Set::With(|cx, draft, usage| {
                draft.settings.limit_rate = amount(cx, usage)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("limit_rate_after", "size"),
            HSL_IF,
            (1, 1),
            "0",
            "The first bytes, which are sent without a limit.",
            Set::With(|cx, draft, usage| {
                draft.settings.limit_rate_after = amount(cx, usage)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("limit_req_zone", "key zone=name:size rate=number(r/s | r/m)"),
            Contexts::HTTP,
            (3, 3),
            "",
            "What requests are counted by, where, and how many there may be.",
            Set::Early(|cx, _, usage| zone(cx, usage, true)),
        )
        .repeats(),
        Directive::new(
            ("limit_req", "zone=name [burst=number] [nodelay | delay=number]"),
            HSL,
            (1, 3),
            "",
            "Limits requests; those of a burst wait. Inherited where there is none at the level.",
            Set::With(limit_req),
        )
        .repeats(),
        Directive::new(
            ("limit_req_status", "code"),
            HSL,
            (1, 1),
            "503",
            "The status of what is refused.",
            Set::With(|_, draft, usage| {
                draft.limit_req_status = refusal(usage)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("limit_conn_log_level", "info | notice | warn | error"),
            HSL,
            (1, 1),
            "error",
            "The level at which the error log tells what is refused.",
            Set::With(|_, draft, usage| {
                draft.limit_conn_log_level = usage.choice(0, &LEVELS)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("limit_req_log_level", "info | notice | warn | error"),
            HSL,
            (1, 1),
            "error",
            "The level at which the error log tells what is refused; what waits is told one level below.",
            Set::With(|_, draft, usage| {
                draft.limit_req_log_level = usage.choice(0, &LEVELS)?;
                Ok(())
            }),
        ),
        Directive::flag(
            "limit_conn_dry_run",
            HSL,
            "off",
            "Whether connections are counted only, and none is refused.",
            |draft| &mut draft.limit_conn_dry_run,
        ),
        Directive::flag(
            "limit_req_dry_run",
            HSL,
            "off",
            "Whether requests are counted only, and none waits or is refused.",
            |draft| &mut draft.limit_req_dry_run,
        ),
    ],
};

const LEVELS: [(&str, Level); 4] = [
    ("info", Level::Info),
    ("notice", Level::Notice),
    ("warn", Level::Warn),
    ("error", Level::Error),
];

/// A size, or text with variables that is to become one.
fn amount(cx: &mut Context<'_>, usage: &Use<'_>) -> Result<Amount, Problem> {
    match usage.text(0).contains('$') {
        true => cx.template(usage.node.arg(0)).map(Amount::Variable),
        false => usage.size(0).map(Amount::Fixed),
    }
}

fn refusal(usage: &Use<'_>) -> Result<Status, Problem> {
    let code = usage.number(0, 400, 599)?;
    let status = u16::try_from(code).ok().and_then(Status::new);
    status.ok_or_else(|| usage.invalid(0, "it must be a number from 400 to 599"))
}

fn zone(cx: &mut Context<'_>, usage: &Use<'_>, requests: bool) -> Result<(), Problem> {
    let key = cx.template(usage.node.arg(0))?;
    let (mut found, mut rate) = (None, None);
    for n in 1..usage.node.args.len() {
        match usage.text(n).split_once('=') {
            Some(("zone", value)) => {
                let help = "it must be a name and a size, as in \"zone=one:10m\"";
                let pair = value.split_once(':').filter(|(name, _)| !name.is_empty());
                let parsed = pair.and_then(|(name, text)| Some((name, size(text)?)));
                let (name, size) = parsed.ok_or_else(|| usage.invalid(n, help))?;
                if size < 32 << 10 {
                    let message = format!("zone \"{name}\" is too small");
                    return Err(Problem::new(usage.node.arg(n).span, message)
                        .help("it must have at least 32k"));
                }
                found = Some((name.to_owned(), size));
            }
            Some(("rate", value)) if requests => {
                let help = "it must be a number in a second or minute, as in \"rate=10r/s\" or \"rate=30r/m\"";
                rate = Some(read_rate(value).ok_or_else(|| usage.invalid(n, help))?);
            }
            _ => return Err(usage.parameter(n)),
        }
    }
    let missing = |what| {
        Problem::new(
            usage.node.span(),
            format!("\"{}\" must have the \"{what}\" parameter", usage.spec.name),
        )
    };
    let (name, size) = found.ok_or_else(|| missing("zone"))?;
    if requests && rate.is_none() {
        return Err(missing("rate"));
    }
    if cx.zones.iter().any(|zone| zone.name == name) {
        let message = format!("there is a zone \"{name}\" already");
        return Err(Problem::new(usage.node.span(), message));
    }
    cx.zones.push(Zone {
        name,
        key,
        size,
        rate,
    });
    Ok(())
}

/// Requests in a thousand seconds.
fn read_rate(text: &str) -> Option<u64> {
    let (number_text, scale) = match text.strip_suffix("r/m") {
        Some(text) => (text, 60),
        // In a second, where it is not said.
        None => (text.strip_suffix("r/s").unwrap_or(text), 1),
    };
    let rate = number(number_text).filter(|rate| *rate > 0)?;
    Some(rate.checked_mul(1000)? / scale)
}

fn limit_req(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut limit = LimitReq {
        zone: usize::MAX,
        burst: 0,
        delay: LimitDelay::All,
        status: Status::SERVICE_UNAVAILABLE,
        log_level: Level::Error,
        place: cx.place(usage.node.name.span),
        dry_run: false,
    };
    for n in 0..usage.node.args.len() {
        let help = "it must be a number from 1";
        match usage.text(n).split_once('=') {
            None if usage.text(n) == "nodelay" => limit.delay = LimitDelay::NoDelay,
            Some(("zone", name)) => limit.zone = find_zone(cx, usage, n, name, true)?,
            Some(("burst", value)) => {
                let burst = number(value).filter(|burst| *burst > 0);
                limit.burst = burst.ok_or_else(|| usage.invalid(n, help))?;
            }
            Some(("delay", value)) => {
                let delay = number(value).filter(|delay| *delay > 0);
                limit.delay = LimitDelay::After(delay.ok_or_else(|| usage.invalid(n, help))?);
            }
            _ => return Err(usage.parameter(n)),
        }
    }
    if limit.zone == usize::MAX {
        let message = "\"limit_req\" must have the \"zone\" parameter";
        return Err(Problem::new(usage.node.span(), message));
    }
    if usage.first {
        draft.settings.limit_req.clear();
    }
    if draft
        .settings
        .limit_req
        .iter()
        .any(|other| other.zone == limit.zone)
    {
        let message = "\"limit_req\" directive is duplicate";
        return Err(Problem::new(usage.node.span(), message));
    }
    draft.settings.limit_req.push(limit);
    Ok(())
}

fn limit_conn(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let limit = LimitConn {
        zone: find_zone(cx, usage, 0, usage.text(0), false)?,
        connections: usage.number(1, 1, 65535)?.into(),
        status: Status::SERVICE_UNAVAILABLE,
        log_level: Level::Error,
        place: cx.place(usage.node.name.span),
        dry_run: false,
    };
    if usage.first {
        draft.settings.limit_conn.clear();
    }
    if draft
        .settings
        .limit_conn
        .iter()
        .any(|other| other.zone == limit.zone)
    {
        let message = "\"limit_conn\" directive is duplicate";
        return Err(Problem::new(usage.node.span(), message));
    }
    draft.settings.limit_conn.push(limit);
    Ok(())
}

/// A zone of the right kind.
fn find_zone(
    cx: &Context<'_>,
    usage: &Use<'_>,
    n: usize,
    name: &str,
    requests: bool,
) -> Result<usize, Problem> {
    let zone = cx.zone(name, usage.node.arg(n).span)?;
    let fits = cx
        .zones
        .get(zone)
        .is_some_and(|zone| zone.rate.is_some() == requests);
    match fits {
        true => Ok(zone),
        false => {
            let help = format!("zone \"{name}\" is not one of \"{}_zone\"", usage.spec.name);
            Err(usage.invalid(n, help))
        }
    }
}
