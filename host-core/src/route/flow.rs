//! The phases of a request, in nginx's order: the script of the server, the location and its
//! script, access, `try_files`, content; and back to the location whenever the URI has changed.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use h1_core::{Body, Method, RequestHead, Status};

use super::rewrite::{self, Ran};
use super::state::Phase;
use super::trace::{Note, Script};
use super::variables::View;
use super::{Located, Route, Virtual, vhost};
use crate::Entry;
use crate::cgi::Script as CgiScript;
use crate::config::model::{Level, Pattern, ServerName};
use crate::path::PathError;

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// A file or folder has to be looked for: what [`View::lookup`] says.
    Lookup,
    /// The file in `route.file`.
    File,
    /// The content of a folder.
    Listing(Vec<Entry>),
    /// This text.
    Text(Status, Bytes),
    /// This plain text.
    Plain(Bytes),
    /// To `route.target`.
    Redirect(Status),
    /// The passwords in `route.file`: what is read goes to [`View::on_users`].
    Users,
    /// Nothing before this moment; then [`View::resume`].
    Wait(Instant),
    /// What this script answers.
    Script(Box<CgiScript>),
    /// What the path names has to be changed: [`View::change_of`].
    Change,
    /// It has been.
    Changed(Status),
    /// What a backend has said: its fields are those of the answer.
    Backend(Status),
    /// What the files allow.
    Options,
    /// A short page that names the status.
    Page(Status),
    /// The connection closes without an answer.
    Close,
}

/// Whether the request goes on.
pub(super) enum Flow {
    On,
    End(Outcome),
}

impl<'v> View<'v> {
    /// Begins with a request.
    pub(crate) fn begin(&self, route: &mut Route, request: &RequestHead<'_>) -> Outcome {
        route.reset(self.hosting.map_of.len());
        let good = vhost::normalize(request, &mut route.host);
        self.choose_server(route);
        self.believe_proxy(route);
        let (path, query) = request.path_and_query();
        route.args.extend_from_slice(query.unwrap_or_default());
        let server = self.hosting.server(route.server);
        let merge = server.is_none_or(|it| it.merge_slashes);
        let flow = match route.path.decode_to(path, merge, &mut route.uri) {
            // A request for the server and not for something on it.
            _ if !good => self.fail(route, Status::BAD_REQUEST),
            _ if path.is_empty() => self.without_path(route, request.method()),
            Ok(()) => Flow::On,
            Err(PathError::EncodedSlash) => self.fail(route, Status::NOT_FOUND),
            Err(_) => self.fail(route, Status::BAD_REQUEST),
        };
        self.go_on(route, flow)
    }

    /// The moment of [`Outcome::Wait`] has come.
    pub(crate) fn resume(&self, route: &mut Route) -> Outcome {
        self.go_on(route, Flow::On)
    }

    /// Begins with what is no request: it fails with `status`, by the rules of the default server.
    pub(crate) fn begin_broken(
        &self,
        route: &mut Route,
        received: &[u8],
        status: Status,
        why: impl fmt::Display,
    ) -> Outcome {
        route.reset(self.hosting.map_of.len());
        route.host.clear();
        let listen = self.hosting.listens.get(self.client.listen());
        route.server = listen.map_or(0, |listen| listen.default);
        let server = self.hosting.server(route.server);
        route.rules = server.map_or(0, |server| server.rules);
        route.broken.extend_from_slice(received);
        self.complain(route, Level::Info, || {
            format!("client sent no valid request: {why}")
        });
        let flow = self.fail(route, status);
        self.go_on(route, flow)
    }

    /// No more comes of the content of a request: it fails with `status`, and goes on without content.
    pub(crate) fn broken_off(
        &self,
        route: &mut Route,
        status: Status,
        why: impl fmt::Display,
    ) -> Outcome {
        self.complain(route, Level::Info, || {
            format!("client sent no whole request: {why}")
        });
        let flow = self.fail_without_content(route, status);
        self.go_on(route, flow)
    }

    fn choose_server(&self, route: &mut Route) {
        let listens = &self.hosting.listens;
        let Some(listen) = listens.get(self.client.listen()) else {
            return;
        };
        route.sink.note(|| Note::Listen(self.client.listen()));
        let mut found = None;
        if !listen.single || route.sink.is_on() {
            let (host, bindings) = (&route.host, &mut route.bindings);
            found = listen.names.find(host, |server, at| {
                let pattern = self.hosting.server(server).and_then(|it| it.pattern(at));
                pattern.is_some_and(|pattern| bindings.matches(pattern, host))
            });
        }
        let (server, reason) = found.unwrap_or((listen.default, vhost::Reason::Default));
        route.server = server;
        route.rules = self.hosting.server(server).map_or(0, |server| server.rules);
        let host = &route.host;
        route.sink.note(|| Note::Server {
            host: String::from_utf8_lossy(host).into_owned(),
            server,
            reason,
        });
    }

    fn without_path(&self, route: &mut Route, method: Method<'_>) -> Flow {
        route.uri.push(b'/');
        match method {
            Method::Options => Flow::End(Outcome::Options),
            _ => self.fail(route, Status::METHOD_NOT_ALLOWED),
        }
    }

    /// Goes on to an answer, or to a question.
    pub(super) fn go_on(&self, route: &mut Route, mut flow: Flow) -> Outcome {
        loop {
            if std::mem::take(&mut route.endless) {
                flow = self.fail(route, Status::INTERNAL_SERVER_ERROR);
            }
            if let Flow::End(outcome) = flow {
                if matches!(outcome, Outcome::Lookup | Outcome::Change) {
                    self.expand_links_from(route);
                }
                return outcome;
            }
            flow = match route.phase {
                Phase::Server(at) => self.run_server(route, at),
                Phase::Find => self.find(route),
                Phase::Location(at) => self.run_location(route, at),
                Phase::Limit => self.check_limits(route),
                Phase::Access => self.check_access(route),
                Phase::Try(at) => self.try_file(route, at),
                Phase::Sibling(at) => self.sibling(route, at),
                Phase::Content => self.content(route),
            };
        }
    }

    fn virtual_server(&self, route: &Route) -> Option<&'v Virtual> {
        self.hosting.server(route.server)
    }

    fn run_server(&self, route: &mut Route, at: usize) -> Flow {
        let script = self.virtual_server(route).map_or(&[][..], |it| &it.script);
        let ran = self.run_script(route, Script::Server(route.server), script, at);
        self.ran(route, ran, Phase::Server, Phase::Find)
    }

    fn run_location(&self, route: &mut Route, at: usize) -> Flow {
        let Some(location) = route.location else {
            route.phase = Phase::Limit;
            return Flow::On;
        };
        let located = self.hosting.locations.get(location);
        let script = located.map_or(&[][..], |it| &it.script);
        let ran = self.run_script(route, Script::Location(location), script, at);
        let next = match route.uri_changed {
            true => Phase::Find,
            false => Phase::Limit,
        };
        let found = matches!(ran, Ran::End) && route.uri_changed;
        if found && !route.change() {
            return self.in_circles(route);
        }
        self.ran(route, ran, Phase::Location, next)
    }

    fn ran(&self, route: &mut Route, ran: Ran, again: fn(usize) -> Phase, next: Phase) -> Flow {
        match ran {
            Ran::End => {
                route.phase = next;
                Flow::On
            }
            Ran::Answer(Outcome::Redirect(status)) => self.redirect(route, status),
            Ran::Answer(outcome) => Flow::End(outcome),
            Ran::Fail(status) => self.fail(route, status),
            Ran::Ask(at) => {
                route.phase = again(at);
                let asked = self
                    .instruction(route)
                    .and_then(|it| self.file_asked_for(route, it));
                match asked {
                    Some(()) => Flow::End(Outcome::Lookup),
                    None => {
                        route.tested = Some(false);
                        Flow::On
                    }
                }
            }
        }
    }

    /// The instruction that the script stands at.
    pub(super) fn instruction(&self, route: &Route) -> Option<&'v rewrite::Instruction> {
        match route.phase {
            Phase::Server(at) => self.virtual_server(route)?.script.get(at),
            Phase::Location(at) => self.hosting.locations.get(route.location?)?.script.get(at),
            _ => None,
        }
    }

    fn find(&self, route: &mut Route) -> Flow {
        route.uri_changed = false;
        let Some(server) = self.virtual_server(route) else {
            return Flow::End(Outcome::Page(Status::NOT_FOUND));
        };
        let location = self.find_rules(route, server);
        route.phase = Phase::Limit;
        match location {
            Some(location) => self.enter(route, location),
            None => route.sink.note(|| Note::NoLocation),
        }
        if location.is_some_and(|location| location.internal) && !route.internal {
            return self.fail(route, Status::NOT_FOUND);
        }
        let most = self.rules(route).settings.client_max_body_size;
        let body = self.request.map(|request| request.body());
        let limited = most > 0 && !route.too_large;
        if let Some(Body::Length(len)) = body
            && limited
            && len > most
        {
            self.complain(route, Level::Error, || {
                format!("client intended to send too large body: {len} bytes")
            });
            return self.fail(route, Status::CONTENT_TOO_LARGE);
        }
        Flow::On
    }

    /// The rules of the URI's location hold.
    pub(super) fn find_rules(&self, route: &mut Route, server: &'v Virtual) -> Option<&'v Located> {
        let Route {
            uri,
            bindings,
            sink,
            ..
        } = route;
        route.location = self
            .hosting
            .find_location(&server.locations, uri, bindings, sink);
        let location = route.location.and_then(|at| self.hosting.locations.get(at));
        route.rules = location.map_or(server.rules, |location| location.rules);
        location
    }

    /// The rules of `location` hold, and its script is next; but as in nginx not for the methods that
    /// `limit_except` is about.
    fn enter(&self, route: &mut Route, location: &Located) {
        route.rules = location.rules;
        route.phase = Phase::Location(0);
        if let Some(limited) = self.rules(route).limited(|| self.method(route).as_str()) {
            route.rules = limited;
            route.phase = Phase::Limit;
        }
    }

    pub(super) fn method(&self, route: &Route) -> Method<'_> {
        match &self.request {
            Some(request) if !route.as_get => request.method(),
            _ => Method::Get,
        }
    }

    /// An internal redirect: the URI and the arguments behind its question mark are new.
    pub(super) fn go_to(&self, route: &mut Route, to: &[u8], why: &'static str) -> Flow {
        route.sink.note(|| Note::Redirect {
            to: String::from_utf8_lossy(to).into_owned(),
            why,
        });
        if !route.change() {
            return self.in_circles(route);
        }
        let (uri, args) = match memchr::memchr(b'?', to) {
            Some(mark) => (&to[..mark], &to[mark + 1..]),
            None => (to, &b""[..]),
        };
        route.uri.clear();
        route.uri.extend_from_slice(uri);
        route.args.clear();
        route.args.extend_from_slice(args);
        self.restart(route);
        Flow::On
    }

    pub(super) fn restart(&self, route: &mut Route) {
        route.internal = true;
        route.location = None;
        route.rules = self.virtual_server(route).map_or(0, |server| server.rules);
        route.phase = Phase::Server(0);
    }

    pub(super) fn go_to_name(&self, route: &mut Route, name: &str) -> Flow {
        route.sink.note(|| Note::Redirect {
            to: format!("@{name}"),
            why: "a named location",
        });
        if !route.change() {
            return self.in_circles(route);
        }
        let server = self.virtual_server(route);
        let named = server.and_then(|server| server.locations.named.get(name).copied());
        let located = named.and_then(|at| self.hosting.locations.get(at));
        let Some(located) = located else {
            return self.fail(route, Status::INTERNAL_SERVER_ERROR);
        };
        route.internal = true;
        route.location = named;
        self.enter(route, located);
        Flow::On
    }
}

impl Virtual {
    fn pattern(&self, at: usize) -> Option<&Pattern> {
        match self.names.get(at)? {
            ServerName::Pattern(pattern) => Some(pattern),
            _ => None,
        }
    }
}

impl Route {
    /// The URI changes once more, if it may.
    pub(super) fn change(&mut self) -> bool {
        self.changes = self.changes.saturating_sub(1);
        self.changes > 0
    }
}
