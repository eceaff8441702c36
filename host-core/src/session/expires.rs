//! `expires`: how long an answer may be kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use arrayvec::ArrayString;

use super::answer::is_safe;
use super::{Inner, view};
use crate::config::expires_value;
use crate::config::model::Expires;
use crate::reply::{Reply, Value};
use crate::route::Rules;
use crate::{Now, Server, date};

/// Nearly the last second that 32 bits can count: nginx's `expires max`.
const MAX: &str = "Thu, 31 Dec 2037 23:55:55 GMT";
const MAX_AGE: &str = "max-age=315360000";

/// nginx's `expires epoch`.
const EPOCH: &str = "Thu, 01 Jan 1970 00:00:01 GMT";

const DAY: i64 = 24 * 60 * 60;

impl Inner {
    /// Adds Expires and Cache-Control.
    pub(super) fn add_expires<'s>(
        &mut self,
        server: &Server,
        rules: &Rules,
        reply: &mut Reply<'s>,
        modified: Option<SystemTime>,
        now: Now,
    ) {
        let settled;
        let expires = match &rules.settings.expires {
            Expires::Off => return,
            _ if !is_safe(reply.status) => return,
            Expires::Variable(template) => {
                let mut text = Vec::new();
                view!(server, self, now).expand(&mut self.route, template, &mut text);
                let text = String::from_utf8_lossy(&text);
                settled = expires_value(&text).unwrap_or(Expires::Off);
                &settled
            }
            expires => expires,
        };
        let at = match expires {
            Expires::Off | Expires::Variable(_) => return,
            Expires::Max => return add(reply, Value::Text(MAX), Value::Text(MAX_AGE)),
            Expires::Epoch => return add(reply, Value::Text(EPOCH), Value::Text("no-cache")),
            Expires::After(seconds) => second(now.wall) + seconds,
            Expires::Modified(seconds) => second(modified.unwrap_or(now.wall)) + seconds,
            Expires::Daily(second_of_day) => {
                let today = second(now.wall) - second(now.wall).rem_euclid(DAY);
                let at = today + i64::from(*second_of_day);
                if at < second(now.wall) { at + DAY } else { at }
            }
        };
        let moment = UNIX_EPOCH + Duration::from_secs(at.try_into().unwrap_or_default());
        let date = ArrayString::from(&date::format(moment)).unwrap_or_default();
        let control = match at - second(now.wall) {
            age @ 0.. => Value::Long(format!("max-age={age}")),
            _ => Value::Text("no-cache"),
        };
        add(reply, Value::Short(date), control);
    }
}

fn add<'s>(reply: &mut Reply<'s>, expires: Value<'s>, control: Value<'s>) {
    reply.push("Expires", expires);
    reply.push("Cache-Control", control);
}

fn second(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX / 2)
}
