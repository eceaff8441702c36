//! Directives about who may come in, and who that is.

use super::{Contexts, Directive, Group, Set, Use};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;
use crate::config::model::{AccessRule, Allow, Network};
use crate::config::value::network;

const HSL: Contexts = Contexts::HSL;
const HSL_EXCEPT: Contexts = HSL.or(Contexts::LIMIT_EXCEPT);

pub(super) const GROUP: Group = Group {
    title: "Access",
    directives: &[
        Directive::new(
            ("allow", "address | network | unix: | all"),
            HSL_EXCEPT,
            (1, 1),
            "",
            "Lets addresses in. Of the rules of a level the first that matches counts; they are inherited where there is none at the level.",
            Set::With(|cx, draft, usage| rule(cx, draft, usage, Allow::Allow)),
        )
        .repeats(),
        Directive::new(
            ("deny", "address | network | unix: | all"),
            HSL_EXCEPT,
            (1, 1),
            "",
            "Keeps addresses out.",
            Set::With(|cx, draft, usage| rule(cx, draft, usage, Allow::Deny)),
        )
        .repeats()
        .shares("allow"),
        Directive::new(
            ("auth_basic", "realm | off"),
            HSL_EXCEPT,
            (1, 1),
            "off",
            "Asks for a name and a password.",
            Set::With(|cx, draft, usage| {
                draft.realm = match usage.text(0) {
                    "off" => None,
                    _ => Some((
                        cx.template(usage.node.arg(0))?,
                        cx.place(usage.node.name.span),
                    )),
                };
                Ok(())
            }),
        ),
        Directive::new(
            ("auth_basic_user_file", "file"),
            HSL_EXCEPT,
            (1, 1),
            "",
            "The names and hashed passwords, relative to the folder of the configuration file.",
            Set::With(|cx, draft, usage| {
                let folder = cx.folder;
                let path = cx.path_template(usage.text(0), usage.node.arg(0).span, folder)?;
                cx.expect_file(&path, usage.node.arg(0).span);
                draft.user_file = Some(path);
                Ok(())
            }),
        )
        .differs("Passwords may be hashed by bcrypt, apr1, {SHA}, {SSHA}, $1$, $5$ and $6$, or stand there as they are behind {PLAIN}; DES and yescrypt are not supported. The file may have 1 MiB. \
                  Absolute symbolic links are not followed. Checks that take long get a quarter of the time: others wait, up to 10 seconds, or get 503."),
        Directive::new(
            ("satisfy", "all | any"),
            HSL,
            (1, 1),
            "all",
            "Whether both address and password must be right, or either.",
            Set::With(|cx, draft, usage| {
                let any = usage.choice(0, &[("all", false), ("any", true)])?;
                draft.satisfy_any = any.then(|| cx.place(usage.node.name.span));
                Ok(())
            }),
        ),
        Directive::new(
            ("set_real_ip_from", "address | network | unix:"),
            HSL,
            (1, 1),
            "",
            "Proxies that are believed when they tell whom they speak for.",
            Set::With(|cx, draft, usage| {
                if usage.first {
                    draft.real_ip.from.clear();
                }
                let network = read_network(cx, usage)?;
                let place = cx.place(usage.node.name.span);
                draft.real_ip.from.push((network, place));
                Ok(())
            }),
        )
        .repeats()
        .differs("Names of hosts are not supported."),
        Directive::new(
            ("real_ip_header", "field | X-Real-IP | X-Forwarded-For | proxy_protocol"),
            HSL,
            (1, 1),
            "X-Real-IP",
            "Where they tell it: in a field of the request, or in front of the first one.",
            Set::With(|_, draft, usage| {
                draft.real_ip.header = usage.text(0).to_ascii_lowercase();
                Ok(())
            }),
        ),
        Directive::flag(
            "real_ip_recursive",
            HSL,
            "off",
            "Whether the last address that is not one of the proxies counts, instead of the last one.",
            |draft| &mut draft.real_ip.recursive,
        ),
    ],
};

fn rule(
    cx: &mut Context<'_>,
    draft: &mut Draft,
    usage: &Use<'_>,
    allow: Allow,
) -> Result<(), Problem> {
    let network = match usage.text(0) {
        "all" => Network::All,
        _ => read_network(cx, usage)?,
    };
    if usage.first {
        draft.rules.clear();
    }
    if draft
        .rules
        .iter()
        .any(|other| matches!(other.network, Network::All))
    {
        let message = format!("this \"{}\" is never reached", usage.spec.name);
        cx.warn(usage.node.span(), message);
    }
    draft.rules.push(AccessRule {
        allow,
        network,
        place: cx.place(usage.node.name.span),
    });
    Ok(())
}

fn read_network(cx: &mut Context<'_>, usage: &Use<'_>) -> Result<Network, Problem> {
    let text = usage.text(0);
    let help = "it must be an address or a network, as in \"192.0.2.1\", \"192.0.2.0/24\" or \"2001:db8::/32\"";
    let (network, cut) = network(text).ok_or_else(|| usage.invalid(0, help))?;
    if cut {
        let message = format!("low address bits of {text} are meaningless");
        cx.warn(usage.node.arg(0).span, message);
    }
    Ok(network)
}
