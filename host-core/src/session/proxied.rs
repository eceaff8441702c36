//! What a proxy says in front of the first request: nginx's `proxy_protocol` of `listen`.

use std::sync::Arc;

use h1_core::Status;

use super::exchange::first_line;
use super::{Session, Stage, view};
use crate::{Now, proxy_protocol};

impl Session {
    /// Reads the header of a proxy; returns whether a request may follow, or the connection is over.
    pub(super) fn read_proxy_header(&mut self, now: Now) -> bool {
        let inner = &mut *self.inner;
        match proxy_protocol::parse(inner.rx.pending()) {
            Ok(Some(header)) => {
                inner.rx.skip(header.len);
                inner.client.proxied = Some(Arc::new(header.proxied));
                inner.awaits_proxy = false;
            }
            // One that the buffer has no room for is too long.
            Ok(None) if !inner.rx.is_closed() && !inner.rx.unfilled().is_empty() => return false,
            // Somebody has looked whether the port is open.
            Ok(None) if inner.rx.pending().is_empty() => inner.stage = Stage::Close,
            _ => self.refuse_proxy(now),
        }
        true
    }

    /// What has come is no such header, and whoever has sent it is told nothing. The log shows it in place
    /// of a request.
    fn refuse_proxy(&mut self, now: Now) {
        let Self { server, inner } = self;
        let inner = &mut **inner;
        inner.since = now.monotonic;
        let received = first_line(inner.rx.pending());
        let mut view = view!(server, inner, now);
        let (status, why) = (Status::BAD_REQUEST, "no PROXY protocol header");
        let _ = view.begin_broken(&mut inner.route, received, status, why);
        view.sent.status = Some(status);
        inner.record.answer(server, &view, &mut inner.route, 0);
        self.tell_complaints(now);
        self.abandon(Stage::Close, now);
    }
}
