//! Directives about compressed content.

use std::sync::Arc;

use super::types::content_types;
use super::{Contexts, Directive, Group, SOME, Set};
use crate::config::model::{GzipStatic, Precompressed, Proxied};

const HSL: Contexts = Contexts::HSL;

pub(super) const GROUP: Group = Group {
    title: "Compression",
    directives: &[
        Directive::flag(
            "gzip",
            HSL.or(Contexts::IF_IN_LOCATION),
            "off",
            "Whether answers are compressed.",
            |draft| &mut draft.settings.gzip.on,
        )
        .differs("The answer to a request for a range is a part of the content as it is."),
        Directive::new(
            ("gzip_buffers", "number size"),
            HSL,
            (2, 2),
            "",
            "Has no effect: the buffers are bounded.",
            Set::With(|_, _, usage| {
                usage.number(0, 1, u32::MAX)?;
                usage.size(1)?;
                Ok(())
            }),
        ),
        Directive::new(
            ("gzip_comp_level", "level"),
            HSL,
            (1, 1),
            "1",
            "How hard to try, from 1 to 9.",
            Set::Number(1, 9, |draft| &mut draft.settings.gzip.comp_level),
        ),
        Directive::new(
            ("gzip_disable", "regex ..."),
            HSL,
            SOME,
            "",
            "User agents whose answers are not compressed.",
            Set::With(|cx, draft, usage| {
                if usage.first {
                    draft.settings.gzip.disable.clear();
                }
                for word in &usage.node.args {
                    let text = match word.text.as_str() {
                        "msie6" => "MSIE [4-6]\\.",
                        text => text,
                    };
                    let pattern = cx.pattern(text, true, word.span)?;
                    draft.settings.gzip.disable.push(Arc::new(pattern));
                }
                Ok(())
            }),
        )
        .repeats(),
        Directive::new(
            ("gzip_http_version", "1.0 | 1.1"),
            HSL,
            (1, 1),
            "1.1",
            "The lowest version of requests whose answers are compressed.",
            Set::With(|_, draft, usage| {
                let old = usage.choice(0, &[("1.0", true), ("1.1", false)])?;
                draft.settings.gzip.http_version_1_0 = old;
                Ok(())
            }),
        ),
        Directive::new(
            ("gzip_min_length", "length"),
            HSL,
            (1, 1),
            "20",
            "The shortest content that is compressed, as Content-Length tells it.",
            Set::Size(|draft| &mut draft.settings.gzip.min_length),
        ),
        Directive::new(
            ("gzip_proxied", "off | any | auth | expired | no-cache | no-store | private | no_last_modified | no_etag ..."),
            HSL,
            SOME,
            "off",
            "Which answers are compressed whose requests came through a proxy, as Via tells: none, all, those with such fields, \
             those whose requests had Authorization.",
            Set::With(|_, draft, usage| {
                if usage.first {
                    draft.settings.gzip.proxied = Proxied::OFF;
                }
                for n in 0..usage.node.args.len() {
                    let known = &mut draft.settings.gzip.proxied;
                    *known = known.or(usage.choice(n, &PROXIED)?);
                }
                Ok(())
            }),
        )
        .repeats(),
        Directive::new(
            ("gzip_types", "type ..."),
            HSL,
            SOME,
            "text/html",
            "Content types that are compressed besides `text/html`; `*` is all.",
            Set::With(|cx, draft, usage| {
                content_types(cx, &mut draft.settings.gzip.types, usage, &["text/html"]);
                Ok(())
            }),
        )
        .repeats(),
        Directive::flag(
            "gzip_vary",
            HSL,
            "off",
            "Whether answers that could be compressed have `Vary: Accept-Encoding`.",
            |draft| &mut draft.settings.gzip.vary,
        ),
        Directive::new(
            ("gzip_static", "on | off | always"),
            HSL,
            (1, 1),
            "off",
            "Whether `name.gz` is sent instead of `name`; `always` even to those that do not ask for it.",
            Set::With(|_, draft, usage| {
                let choices = [
                    ("on", GzipStatic::On),
                    ("off", GzipStatic::Off),
                    ("always", GzipStatic::Always),
                ];
                draft.settings.gzip_static = usage.choice(0, &choices)?;
                Ok(())
            }),
        )
        .differs("With `on` Accept-Encoding alone decides, and all answers with files have Vary."),
        Directive::new(
            ("precompressed", "off | gzip | br | zstd ..."),
            HSL,
            SOME,
            "off",
            "Sends `name.gz`, `name.br` or `name.zst` instead of `name` to those that accept it; the order is that of preference.",
            Set::With(|_, draft, usage| {
                let list = &mut draft.settings.precompressed;
                list.clear();
                for n in 0..usage.node.args.len() {
                    list.extend(usage.choice(n, &CODINGS)?);
                }
                Ok(())
            }),
        )
        .differs("Not there."),
    ],
};

const PROXIED: [(&str, Proxied); 9] = [
    ("off", Proxied::OFF),
    ("any", Proxied::ANY),
    ("auth", Proxied::AUTH),
    ("expired", Proxied::EXPIRED),
    ("no-cache", Proxied::NO_CACHE),
    ("no-store", Proxied::NO_STORE),
    ("private", Proxied::PRIVATE),
    ("no_last_modified", Proxied::NO_LAST_MODIFIED),
    ("no_etag", Proxied::NO_ETAG),
];

const CODINGS: [(&str, Option<Precompressed>); 4] = [
    ("gzip", Some(Precompressed::Gzip)),
    ("br", Some(Precompressed::Br)),
    ("zstd", Some(Precompressed::Zstd)),
    ("off", None),
];
