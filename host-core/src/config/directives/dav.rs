//! Directives about requests that change files.

use super::{Contexts, Directive, Group, SOME, Set, Use};
use crate::config::context::Context;
use crate::config::draft::Draft;
use crate::config::error::Problem;

const HSL: Contexts = Contexts::HSL;

const ACCESS_HELP: &str = "it must be users and what they may do, as in \"group:rw\" or \"all:r\"";

pub(super) const GROUP: Group = Group {
    title: "Changing files",
    directives: &[
        Directive::new(
            ("dav_methods", "off | method ..."),
            HSL,
            SOME,
            "off",
            "The methods that change files: `PUT` stores its content, whole or not at all; `DELETE` removes a file, or a folder with all that is in it; \
             `MKCOL` makes a folder. `client_max_body_size` bounds the content. \
             Whoever may come here may use them: see `limit_except` and `auth_basic`.",
            Set::With(dav_methods),
        )
        .differs(
            "There is no `COPY` and no `MOVE`. If-Match, If-None-Match and If-Unmodified-Since hold. \
             They come before scripts. The root itself is never removed.",
        ),
        Directive::new(
            ("dav_access", "users:permissions ..."),
            HSL,
            (1, 3),
            "user:rw",
            "What `user`, `group` and `all` may do (`r`, `rw`) with files and folders that are made; who may read a folder may enter it. \
             The owner may always read and write.",
            Set::With(dav_access),
        ),
        Directive::flag(
            "create_full_put_path",
            HSL,
            "off",
            "Whether `PUT` makes the folders that are missing.",
            |draft| &mut draft.settings.create_full_put_path,
        ),
        Directive::new(
            ("min_delete_depth", "number"),
            HSL,
            (1, 1),
            "0",
            "`DELETE` is for paths of at least so many names: with 3 not for `/users/00`, but for `/users/00/name`.",
            Set::Number(0, u32::MAX, |draft| &mut draft.settings.min_delete_depth),
        ),
    ],
};

fn dav_access(_: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut mode = 0o600;
    for n in 0..usage.node.args.len() {
        let (users, permissions) = usage.text(n).split_once(':').unwrap_or_default();
        let shift = match users {
            "user" => 6,
            "group" => 3,
            "all" => 0,
            _ => return Err(usage.invalid(n, ACCESS_HELP)),
        };
        let bits = match permissions {
            "r" => 4,
            "rw" => 6,
            _ => return Err(usage.invalid(n, ACCESS_HELP)),
        };
        mode |= bits << shift;
    }
    draft.settings.dav_access = mode;
    Ok(())
}

fn dav_methods(cx: &mut Context<'_>, draft: &mut Draft, usage: &Use<'_>) -> Result<(), Problem> {
    let mut methods = Vec::new();
    for n in 0..usage.node.args.len() {
        match usage.text(n).to_ascii_uppercase().as_str() {
            "OFF" => methods.clear(),
            "PUT" => methods.push("PUT"),
            "DELETE" => methods.push("DELETE"),
            "MKCOL" => methods.push("MKCOL"),
            "COPY" | "MOVE" => return Err(usage.invalid(n, "this method is not supported")),
            _ => return Err(usage.invalid(n, "it must be PUT, DELETE, MKCOL or \"off\"")),
        }
    }
    draft.settings.dav_methods = methods;
    draft.settings.dav_place = Some(cx.place(usage.node.name.span));
    Ok(())
}
