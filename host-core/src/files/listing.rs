//! The page that lists a folder, nginx's `autoindex`.

mod order;

use std::fmt::{self, Write};

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use order::Order;

use crate::date::{fmt_iso, fmt_minute, format};
use crate::json::escape_json;
use crate::os;
use crate::path::{CleanPath, Href};
use crate::step::Entry;

/// The most entries that one page shows.
pub(crate) const LISTING_MAX: usize = 20_000;

/// The most bytes of a page's rows: long names are many bytes, as they stand there twice and encoded.
pub(crate) const LISTING_BYTES: usize = 4 * 1024 * 1024;

/// The most entries of a folder that are looked at for a page, so that no request takes memory
/// and time without bound. Of a larger folder it is not known what else it holds.
pub(crate) const LISTING_READ_MAX: usize = 100_000;

/// Colours are the browser's own, for light and dark; on a phone each name has its own line.
const STYLE: &str = "\
body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:1rem auto;padding:0 1rem}\
h1{font-size:1.25rem;overflow-wrap:anywhere}\
a{text-decoration:none}a:hover{text-decoration:underline}\
table{width:100%;border-collapse:collapse}\
tr{border-bottom:1px solid #8884}\
th,td{box-sizing:border-box;padding:.25rem .5rem;text-align:left}\
th+th,td+td{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}\
td+td{opacity:.7}\
td:first-child{overflow-wrap:anywhere;white-space:pre-wrap;unicode-bidi:isolate}\
@media(max-width:36rem){\
tr{display:flex;flex-wrap:wrap;justify-content:space-between}\
td:first-child{flex:0 0 100%;padding-bottom:0}}";

/// A page with the `entries` of the folder `path`: folders first, then in `order`; without hidden
/// names, but for `.well-known` in the root. Above [`LISTING_MAX`] or [`LISTING_BYTES`] it shows the
/// first ones and how many it leaves out. Sizes are `exact`, or rounded; times are `local`, or UTC.
pub(crate) fn page(
    path: &CleanPath,
    entries: Vec<Entry>,
    order: Order,
    (exact, local): (bool, bool),
) -> String {
    let at_least = if entries.len() < LISTING_READ_MAX {
        ""
    } else {
        "At least "
    };
    let (entries, missing) = shown(path, entries, order);
    let title = format!("Index of {}", String::from_utf8_lossy(path.as_bytes()));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Index of " (breadcrumbs(path)) }
                table {
                    thead { tr {
                        @for (column, name) in order::COLUMNS {
                            th aria-sort=[order.aria(column)] {
                                a href=(order.link(column)) { (name) (order.arrow(column)) }
                            }
                        }
                    } }
                    tbody {
                        @if path.as_bytes() != b"/" {
                            tr { td { a href="../" { "../" } } td {} td {} }
                        }
                        @for entry in &entries { (row(entry, exact, local)) }
                    }
                }
                @if missing > 0 { p { (at_least) (missing) " more are not shown." } }
            }
        }
    };
    page.into_string()
}

/// As nginx's `autoindex_format json` has it.
pub(crate) fn json(path: &CleanPath, entries: Vec<Entry>) -> String {
    let (entries, _) = shown(path, entries, Order::default());
    let mut out = String::from("[");
    for (n, entry) in entries.iter().enumerate() {
        let kind = if entry.folder { "directory" } else { "file" };
        let name = String::from_utf8_lossy(&entry.name);
        out.push_str(if n > 0 { ",\r\n" } else { "\r\n" });
        out.push_str("{ \"name\":\"");
        escape_json(&mut out, &name);
        let time = entry.modified.map(format);
        let time = time.as_deref().unwrap_or_default();
        let _ = write!(out, "\", \"type\":\"{kind}\", \"mtime\":\"{time}\"");
        if !entry.folder {
            let _ = write!(out, ", \"size\":{}", entry.len);
        }
        out.push_str(" }");
    }
    out.push_str("\r\n]");
    out
}

/// As nginx's `autoindex_format xml` has it.
pub(crate) fn xml(path: &CleanPath, entries: Vec<Entry>) -> String {
    let (entries, _) = shown(path, entries, Order::default());
    let mut out = String::from("<?xml version=\"1.0\"?>\r\n<list>\r\n");
    for entry in &entries {
        let kind = if entry.folder { "directory" } else { "file" };
        let time = entry.modified.map(fmt_iso);
        let time = time.as_deref().and_then(|time| time.get(..19));
        let _ = write!(out, "<{kind} mtime=\"{}Z\"", time.unwrap_or_default());
        if !entry.folder {
            let _ = write!(out, " size=\"{}\"", entry.len);
        }
        let name = String::from_utf8_lossy(&entry.name);
        let name = html! { (name) }.into_string();
        let _ = write!(out, ">{name}</{kind}>\r\n");
    }
    out.push_str("</list>\r\n");
    out
}

/// The entries to show, in order, and how many are left out.
fn shown(path: &CleanPath, mut entries: Vec<Entry>, order: Order) -> (Vec<Entry>, usize) {
    let root = path.as_bytes() == b"/";
    entries
        .retain(|Entry { name, .. }| !name.starts_with(b".") || (root && name == b".well-known"));
    order.sort(&mut entries);
    let all = entries.len();
    let mut room = LISTING_BYTES;
    let fitting = entries.iter().take_while(|entry| {
        let size = row_size(entry);
        let fits = size <= room;
        room = room.saturating_sub(size);
        fits
    });
    let shown = fitting.take(LISTING_MAX).count();
    entries.truncate(shown);
    (entries, all - shown)
}

/// At least the bytes of an entry's row.
fn row_size(entry: &Entry) -> usize {
    // Three for a byte in the link, and up to six in the text.
    let name = |b: &u8| if b.is_ascii_alphanumeric() { 2 } else { 9 };
    150 + entry.name.iter().map(name).sum::<usize>()
}

/// The path as links to its folders; relative ones, which hold behind a proxy that adds a prefix.
fn breadcrumbs(path: &CleanPath) -> Markup {
    let names = path.as_bytes().split_inclusive(|&byte| byte == b'/');
    let depth = names.clone().count();
    html! {
        @for (level, name) in names.enumerate() {
            @let up = depth - 1 - level;
            @let name = String::from_utf8_lossy(name);
            @if up == 0 { a href="./" aria-current="page" { (name) } }
            @else { a href=("../".repeat(up)) { (name) } }
        }
    }
}

fn row(entry: &Entry, exact: bool, local: bool) -> Markup {
    let modified = match local {
        true => entry.modified.map(os::local),
        false => entry.modified,
    };
    let slash = if entry.folder { "/" } else { "" };
    html! {
        tr {
            td {
                a href=(format_args!("{}{slash}", Href(&entry.name))) {
                    (String::from_utf8_lossy(&entry.name)) (slash)
                }
            }
            @if entry.folder { td {} }
            @else if exact { td { (entry.len) } }
            @else {
                td title=(format_args!("{} bytes", entry.len)) { (maud::display(Size(entry.len))) }
            }
            td { @if let Some(modified) = modified { (&*fmt_minute(modified)) } }
        }
    }
}

/// A number of bytes for people: `512 B`, `1.5 KiB`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
            .into_iter()
            .peekable();
        let mut size = self.0 as f64;
        while let Some(unit) = units.next() {
            size /= 1024.0;
            // Not `1024.0 KiB`, to which what lies closely below would be rounded.
            if size < 1023.95 || units.peek().is_none() {
                return write!(f, "{size:.1} {unit}");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
