//! What goes before and behind an answer: hints and trailer fields.

use h1_core::{Method, SendError, State, Status};

use super::answer::{is_safe, printable};
use super::task::request;
use super::{Inner, view};
use crate::config::model::AddField;
use crate::reply::{Content, Reply};
use crate::route::Rules;
use crate::{Now, Server};

impl Inner {
    /// 103 with the fields of `early_hints` (RFC 8297), ahead of a whole page to a client that
    /// can know it.
    pub(super) fn send_hints(
        &mut self,
        server: &Server,
        rules: &Rules,
        status: Status,
        now: Now,
    ) -> Result<(), SendError> {
        let hints = &rules.settings.early_hints;
        if hints.is_empty() || status != Status::OK {
            return Ok(());
        }
        let request = request!(self);
        let able = request.is_some_and(|it| it.method() == Method::Get && !is_http10(&it));
        if !able {
            return Ok(());
        }
        let mut links = Vec::new();
        for hint in hints {
            let mut value = Vec::new();
            view!(server, self, now).expand(&mut self.route, hint, &mut value);
            if !printable(&mut value, 0).is_empty() {
                links.push(("Link", value));
            }
        }
        match links.is_empty() {
            true => Ok(()),
            false => {
                let tx = &mut self.tx;
                self.conn.send_informational(tx, Status::EARLY_HINTS, links)
            }
        }
    }

    /// Whether fields follow the content, which is chunked then.
    pub(super) fn wants_trailers(&mut self, rules: &Rules, reply: &Reply<'_>) -> bool {
        let fields = &rules.settings.add_trailers;
        let http10 = || request!(self).is_none_or(|it| is_http10(&it));
        self.trailers = fields.iter().any(|field| is_for(field, reply.status))
            && !matches!(reply.content, Content::None)
            && !http10();
        self.trailers
    }

    /// All content is queued: what `add_trailer` adds follows.
    pub(super) fn end(&mut self, server: &Server, now: Now) -> Result<(), SendError> {
        if self.conn.state() != State::SendBody {
            return Ok(());
        }
        if !std::mem::take(&mut self.trailers) {
            return self.conn.send_end(&mut self.tx);
        }
        let rules = server.hosting.rules(self.route.rules);
        let sent = self.record.sent();
        let status = sent.and_then(|sent| sent.status);
        let mut fields = Vec::new();
        for field in &rules.settings.add_trailers {
            if !status.is_none_or(|status| is_for(field, status)) {
                continue;
            }
            let mut value = Vec::new();
            let mut view = view!(server, self, now);
            view.sent = sent.unwrap_or(view.sent);
            view.expand(&mut self.route, &field.value, &mut value);
            if !printable(&mut value, 0).is_empty() {
                fields.push((field.name.as_str(), value));
            }
        }
        self.conn.send_trailers(&mut self.tx, fields)
    }
}

fn is_for(field: &AddField, status: Status) -> bool {
    field.always || is_safe(status)
}

fn is_http10(request: &h1_core::RequestHead<'_>) -> bool {
    request.version() == h1_core::Version::Http10
}
