//! The answer to a request for an open file.

use std::fmt::Write;
use std::ops::Range;
use std::time::SystemTime;

use arrayvec::ArrayString;
use h1_core::{Fields, Method, RequestHead, Status};

use super::conditional::{Validators, Verdict, only};
use super::range::{self, Selection};
use crate::date;
use crate::os::OpenFile;
use crate::reply::{Content, Reply, Value};

/// Answers a GET or HEAD request for `file`, which is of `content_type`.
pub(crate) fn reply(
    request: &RequestHead<'_>,
    file: &OpenFile,
    content_type: &'static str,
    now: SystemTime,
) -> Reply {
    let validators = Validators::new(file, now);
    let fields = request.fields();
    match validators.evaluate(&fields) {
        Verdict::Failed => return Reply::error(Status::PRECONDITION_FAILED),
        Verdict::NotModified => {
            return validators.describe(Reply::new(Status::NOT_MODIFIED, Content::None));
        }
        Verdict::Proceed => {}
    }
    let len = file.len();
    match select(request, &fields, &validators, len, now) {
        Selection::Whole => whole(&validators, 0..len, Status::OK, content_type),
        Selection::Part(range) => {
            let content_range = content_range(Some(&range), len);
            whole(&validators, range, Status::PARTIAL_CONTENT, content_type)
                .with("Content-Range", content_range)
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
    len: u64,
    now: SystemTime,
) -> Selection {
    match only(fields, "range") {
        Some(value) if request.method() == Method::Get && validators.allow_range(fields, now) => {
            range::single(value, len)
        }
        _ => Selection::Whole,
    }
}

fn whole(
    validators: &Validators,
    range: Range<u64>,
    status: Status,
    content_type: &'static str,
) -> Reply {
    let reply = Reply::new(status, Content::File(range))
        .with("Content-Type", Value::Static(content_type))
        .with("Accept-Ranges", Value::Static("bytes"));
    validators.describe(reply)
}

impl Validators {
    fn describe(&self, mut reply: Reply) -> Reply {
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
fn content_range(range: Option<&Range<u64>>, len: u64) -> Value {
    let mut text = ArrayString::new();
    let written = match range {
        Some(range) => write!(text, "bytes {}-{}/{len}", range.start, range.end - 1),
        None => write!(text, "bytes */{len}"),
    };
    debug_assert!(written.is_ok());
    Value::Short(text)
}
