//! The answer to a request for an open file.

use std::fmt::Write;
use std::ops::Range;
use std::time::SystemTime;

use arrayvec::ArrayString;
use h1_core::{Fields, Method, RequestHead, Status};

use super::conditional::{Validators, Verdict, only};
use super::multipart::Parts;
use super::range::{self, Selection};
use crate::config::model::{Precompressed, Settings};
use crate::date;
use crate::os::OpenFile;
use crate::reply::{Content, Reply, Value};

/// What is known of a file that was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Variant<'s> {
    /// That of the content without its coding.
    pub(crate) content_type: &'s str,
    pub(crate) coding: Option<Precompressed>,
    /// Whether it depends on Accept-Encoding that it was found.
    pub(crate) vary: bool,
}

/// Answers a GET or HEAD request for `file` under `settings`.
pub(crate) fn reply<'s>(
    request: &RequestHead<'_>,
    file: &OpenFile,
    variant: Variant<'s>,
    settings: &Settings,
    now: SystemTime,
) -> Reply<'s> {
    let validators = Validators::new(file, variant.coding, settings.etag, now);
    let fields = request.fields();
    match validators.evaluate(&fields, settings.if_modified_since) {
        Verdict::Failed => return Reply::error(Status::PRECONDITION_FAILED),
        Verdict::NotModified => {
            let reply = Reply::new(Status::NOT_MODIFIED, Content::None);
            return variant.vary(validators.describe(reply));
        }
        Verdict::Proceed => {}
    }
    let len = file.len();
    let kind = variant.content_type;
    let described = |reply: Reply<'s>| {
        let reply = variant.encoded(accepting(reply, settings));
        variant.vary(validators.describe(reply))
    };
    let whole = || described(Reply::new(Status::OK, Content::File(0..len)).typed(kind));
    match select(request, &fields, &validators, settings, len, now) {
        Selection::Whole => whole(),
        // Clients differ in what Content-Encoding says of several parts.
        Selection::Parts(_) if variant.coding.is_some() => whole(),
        Selection::Part(range) => {
            let content_range = content_range(Some(&range), len);
            let reply = Reply::new(Status::PARTIAL_CONTENT, Content::File(range)).typed(kind);
            described(reply).with("Content-Range", content_range)
        }
        Selection::Parts(ranges) => {
            let parts = Box::new(Parts::new(ranges, len, kind));
            let kind = Value::Long(parts.content_type());
            let reply = Reply::new(Status::PARTIAL_CONTENT, Content::Parts(parts));
            described(reply.with("Content-Type", kind))
        }
        Selection::Unsatisfiable => Reply::error(Status::RANGE_NOT_SATISFIABLE)
            .with("Content-Range", content_range(None, len)),
    }
}

/// Range is defined for GET alone (RFC 9110, section 14.2).
fn select(
    request: &RequestHead<'_>,
    fields: &Fields<'_>,
    validators: &Validators,
    settings: &Settings,
    len: u64,
    now: SystemTime,
) -> Selection {
    match only(fields, "range") {
        Some(_) if settings.max_ranges == Some(0) => Selection::Whole,
        Some(value) if request.method() == Method::Get && validators.allow_range(fields, now) => {
            range::select(value, len, settings.max_ranges)
        }
        _ => Selection::Whole,
    }
}

fn accepting<'s>(reply: Reply<'s>, settings: &Settings) -> Reply<'s> {
    match settings.max_ranges {
        Some(0) => reply,
        _ => reply.with("Accept-Ranges", Value::Text("bytes")),
    }
}

impl<'s> Variant<'s> {
    /// Adds Content-Encoding where it has one.
    pub(crate) fn encoded(self, reply: Reply<'s>) -> Reply<'s> {
        match self.coding {
            Some(coding) => reply.with("Content-Encoding", Value::Text(coding.name())),
            None => reply,
        }
    }

    /// Adds Vary where it is due (RFC 9110, section 12.5.5).
    pub(crate) fn vary(self, reply: Reply<'s>) -> Reply<'s> {
        match self.vary {
            true => reply.with("Vary", Value::Text("Accept-Encoding")),
            false => reply,
        }
    }
}

impl Validators {
    fn describe<'s>(&self, mut reply: Reply<'s>) -> Reply<'s> {
        if let Some(time) = self.last_modified {
            let date = ArrayString::from(&date::format(time)).unwrap_or_default();
            reply = reply.with("Last-Modified", Value::Short(date));
        }
        if let Some(etag) = &self.etag {
            let etag = ArrayString::from(etag).unwrap_or_default();
            reply = reply.with("ETag", Value::Short(etag));
        }
        reply
    }
}

/// `bytes first-last/len`, or `bytes */len` (RFC 9110, section 14.4).
fn content_range(range: Option<&Range<u64>>, len: u64) -> Value<'static> {
    let mut text = ArrayString::new();
    let written = match range {
        Some(range) => write!(text, "bytes {}-{}/{len}", range.start, range.end - 1),
        None => write!(text, "bytes */{len}"),
    };
    debug_assert!(written.is_ok());
    Value::Short(text)
}
