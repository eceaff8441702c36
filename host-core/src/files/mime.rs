//! The `Content-Type` of a file, by its name.

use mime_guess::MimeGuess;

const TEXT: &str = "text/plain; charset=utf-8";
const UNKNOWN: &str = "application/octet-stream";
/// Longer extensions are unknown, so that one can be lower-cased on the stack.
const LONGEST: usize = 16;

/// The value of `Content-Type` for a file called `name`: by its extension, whatever its case;
/// `application/octet-stream` if that says nothing. Text, JavaScript and XML that browsers render
/// is declared to be UTF-8.
pub(crate) fn content_type(name: &[u8]) -> &'static str {
    let Some(dot) = memchr::memrchr(b'.', name) else {
        return UNKNOWN;
    };
    let extension = &name[dot + 1..];
    let mut buffer = [0; LONGEST];
    let Some(lower) = buffer.get_mut(..extension.len()) else {
        return UNKNOWN;
    };
    lower.copy_from_slice(extension);
    lower.make_ascii_lowercase();
    std::str::from_utf8(lower).map_or(UNKNOWN, by_extension)
}

fn by_extension(extension: &str) -> &'static str {
    if let Some(known) = known(extension) {
        return known;
    }
    match MimeGuess::from_ext(extension).first_raw() {
        None => UNKNOWN,
        // Source code and the like: browsers show plain text but only save what they do not know.
        Some(kind) if kind.starts_with("text/") => TEXT,
        // Other XML says by itself how it is encoded (RFC 7303 §3.2).
        Some(kind) => kind,
    }
}

/// What is text, or where the table of `mime_guess` is not what nginx's `mime.types` or the
/// registry of IANA says.
fn known(extension: &str) -> Option<&'static str> {
    Some(match extension {
        "html" | "htm" | "shtml" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        // RFC 9239: `application/javascript`, which nginx sends, is obsolete.
        "js" | "mjs" | "cjs" | "jsx" => "text/javascript; charset=utf-8",
        "txt" | "log" | "sh" => TEXT,
        "md" | "markdown" => "text/markdown; charset=utf-8",
        "csv" => "text/csv; charset=utf-8",
        "tsv" => "text/tab-separated-values; charset=utf-8",
        "ics" => "text/calendar; charset=utf-8",
        "vcf" | "vcard" => "text/vcard; charset=utf-8",
        "vtt" => "text/vtt; charset=utf-8",
        "ttl" => "text/turtle; charset=utf-8",
        "n3" => "text/n3; charset=utf-8",
        "appcache" => "text/cache-manifest; charset=utf-8",
        "mml" => "text/mathml; charset=utf-8",
        "wml" => "text/vnd.wap.wml; charset=utf-8",

        "xml" | "xsl" | "xslt" | "xsd" | "rng" => "text/xml; charset=utf-8",
        "xhtml" | "xht" => "application/xhtml+xml; charset=utf-8",
        "atom" => "application/atom+xml; charset=utf-8",
        "rss" => "application/rss+xml; charset=utf-8",
        "rdf" => "application/rdf+xml; charset=utf-8",
        "svg" => "image/svg+xml; charset=utf-8",

        // JSON is UTF-8 and has no such parameter (RFC 8259 §11).
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "yaml" | "yml" => "application/yaml",
        "toml" => "application/toml",
        "wasm" => "application/wasm",

        "gz" | "tgz" => "application/gzip",
        "zst" | "tzst" => "application/zstd",
        "rpm" => "application/x-redhat-package-manager",

        "woff" => "font/woff",
        "woff2" => "font/woff2",
        "otf" => "font/otf",
        "ttf" => "font/ttf",

        "mid" | "midi" | "kar" => "audio/midi",
        "m4a" => "audio/x-m4a",
        "m3u8" => "application/vnd.apple.mpegurl",
        // As in nginx: players need the type of a video stream (HLS), while no browser runs
        // TypeScript, which is built into `.js` before it is served.
        "ts" | "mts" | "m2ts" => "video/mp2t",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
