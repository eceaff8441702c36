//! Directives about connections and their times.

use super::{Contexts, Directive, Group, Set};
use crate::config::model::LingeringClose;
use crate::config::value::Unit;

const HSL: Contexts = Contexts::HSL;

pub(super) const GROUP: Group = Group {
    title: "Connections",
    directives: &[
        Directive::new(
            ("client_header_timeout", "time"),
            Contexts::HTTP.or(Contexts::SERVER),
            (1, 1),
            "60s",
            "How long the head of a request may take; then 408.",
            Set::Time(|draft| &mut draft.client_header_timeout),
        ),
        Directive::new(
            ("client_body_timeout", "time"),
            HSL,
            (1, 1),
            "60s",
            "How long the content of a request may pause; then 408.",
            Set::Time(|draft| &mut draft.settings.client_body_timeout),
        )
        .differs("A client that is too slow for too long uses it up as well."),
        Directive::new(
            ("send_timeout", "time"),
            HSL,
            (1, 1),
            "60s",
            "How long a client may take nothing of an answer; then the connection is closed.",
            Set::Time(|draft| &mut draft.settings.send_timeout),
        )
        .differs("A client that is too slow for too long uses it up as well."),
        Directive::new(
            ("keepalive_timeout", "timeout [header_timeout]"),
            HSL,
            (1, 2),
            "75s",
            "How long a connection waits for the next request; 0 closes it behind the first. The second one is told in the Keep-Alive field.",
            Set::With(|cx, draft, usage| {
                draft.settings.keepalive_timeout = usage.time(0, Unit::Milliseconds)?;
                draft.settings.keepalive_header = match usage.node.args.len() {
                    1 => None,
                    _ => Some(usage.time(1, Unit::Seconds)?.as_secs()),
                };
                if draft.settings.keepalive_header.is_some() {
                    let what = "the second value of keepalive_timeout";
                    cx.idle(usage.node.span(), what, "no Keep-Alive field is sent yet");
                }
                Ok(())
            }),
        ),
        Directive::new(
            ("keepalive_requests", "number"),
            HSL,
            (1, 1),
            "1000",
            "Requests on one connection, after which it is closed.",
            Set::Number(0, u32::MAX, |draft| &mut draft.settings.keepalive_requests),
        ),
        Directive::new(
            ("keepalive_time", "time"),
            HSL,
            (1, 1),
            "1h",
            "How old a connection may get; it is closed behind the next request.",
            Set::Time(|draft| &mut draft.settings.keepalive_time),
        ),
        Directive::new(
            ("lingering_close", "off | on | always"),
            HSL,
            (1, 1),
            "on",
            "Whether more data from a client is read and dropped before the connection closes.",
            Set::With(|_, draft, usage| {
                let choices = [
                    ("off", LingeringClose::Off),
                    ("on", LingeringClose::On),
                    ("always", LingeringClose::Always),
                ];
                draft.settings.lingering_close = usage.choice(0, &choices)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("lingering_time", "time"),
            HSL,
            (1, 1),
            "30s",
            "How long that goes on at most.",
            Set::Time(|draft| &mut draft.settings.lingering_time),
        ),
        Directive::new(
            ("lingering_timeout", "time"),
            HSL,
            (1, 1),
            "5s",
            "How long it waits for more.",
            Set::Time(|draft| &mut draft.settings.lingering_timeout),
        ),
        Directive::flag(
            "reset_timedout_connection",
            HSL,
            "off",
            "Whether a connection on which a request took too long to come is closed with a reset, without an answer.",
            |draft| &mut draft.settings.reset_timedout_connection,
        )
        .differs("A client that stalls while an answer is sent to it is always closed like that."),
        Directive::new(
            ("tcp_nodelay", "on | off"),
            HSL,
            (1, 1),
            "on",
            "Short packets are sent at once.",
            Set::With(|cx, draft, usage| {
                draft.settings.tcp_nodelay = usage.flag(0)?;
                if !draft.settings.tcp_nodelay {
                    cx.idle(
                        usage.node.span(),
                        "tcp_nodelay off",
                        "an answer leaves in one write anyway",
                    );
                }
                Ok(())
            }),
        )
        .differs("`off` has no effect."),
        Directive::flag(
            "tcp_nopush",
            HSL,
            "off",
            "A head leaves together with the first part of its file.",
            |draft| &mut draft.settings.tcp_nopush,
        )
        .differs("It is always so."),
    ],
};
