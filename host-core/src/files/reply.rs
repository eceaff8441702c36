//! The answer to a request for an open file.

use std::fmt::Write;
use std::ops::Range;
use std::time::SystemTime;

use arrayvec::ArrayString;
use h1_core::{Fields, Method, RequestHead, Status};

use super::conditional::{Validators, Verdict, only};
use super::range::{self, Selection};
use crate::config::model::Settings;
use crate::date;
use crate::os::OpenFile;
use crate::reply::{Content, Reply, Value};

/// Answers a GET or HEAD request for `file`, which is of `content_type` and under `settings`.
pub(crate) fn reply<'s>(
    request: &RequestHead<'_>,
    file: &OpenFile,
    content_type: &'s str,
    settings: &Settings,
    now: SystemTime,
) -> Reply<'s> {
    let validators = Validators::new(file, settings.etag, now);
    let fields = request.fields();
    match validators.evaluate(&fields, settings.if_modified_since) {
        Verdict::Failed => return Reply::error(Status::PRECONDITION_FAILED),
        Verdict::NotModified => {
            return validators.describe(Reply::new(Status::NOT_MODIFIED, Content::None));
        }
        Verdict::Proceed => {}
    }
    let len = file.len();
    let whole = |range, status| whole(&validators, range, status, content_type, settings);
    match select(request, &fields, &validators, settings, len, now) {
        Selection::Whole => whole(0..len, Status::OK),
        Selection::Part(range) => {
            let content_range = content_range(Some(&range), len);
            whole(range, Status::PARTIAL_CONTENT).with("Content-Range", content_range)
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
            range::single(value, len)
        }
        _ => Selection::Whole,
    }
}

fn whole<'s>(
    validators: &Validators,
    range: Range<u64>,
    status: Status,
    content_type: &'s str,
    settings: &Settings,
) -> Reply<'s> {
    let mut reply = Reply::new(status, Content::File(range)).typed(content_type);
    if settings.max_ranges != Some(0) {
        reply = reply.with("Accept-Ranges", Value::Text("bytes"));
    }
    validators.describe(reply)
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
