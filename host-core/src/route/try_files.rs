//! `try_files`.

use std::io;

use super::Route;
use super::flow::{Flow, Outcome};
use super::state::Phase;
use super::variables::View;
use crate::Found;
use crate::config::model::Fallback;
use crate::config::template::Part;
use crate::path::PathError;

impl View<'_> {
    pub(super) fn try_file(&self, route: &mut Route, at: usize) -> Flow {
        let rules = self.rules(route);
        let Some(tries) = &rules.settings.try_files else {
            route.phase = Phase::Content;
            return Flow::On;
        };
        let Some(candidate) = tries.files.get(at) else {
            return self.fall_back(route, &tries.last);
        };
        let mut uri = std::mem::take(&mut route.target);
        uri.clear();
        self.expand(route, candidate, &mut uri);
        let located = self.locate_try(route, &uri);
        route.target = uri;
        let hidden = route.path.is_hidden() && !rules.settings.hidden_files;
        if located.is_err() || hidden {
            route.phase = Phase::Try(at + 1);
            return Flow::On;
        }
        match self.held(route) {
            true => self.found(route, None),
            false => {
                self.expand_index(route);
                Flow::End(Outcome::Lookup)
            }
        }
    }

    fn locate_try(&self, route: &mut Route, uri: &[u8]) -> Result<(), PathError> {
        let files = &self.rules(route).files;
        // nginx appends all of a candidate that is not below the location of an alias.
        let below = files.tail.of(&route.uri);
        let prefix = &route.uri[..route.uri.len() - below.len()];
        match uri.strip_prefix(prefix) {
            Some(_) => self.locate(route, uri),
            None => {
                let whole = [prefix, uri].concat();
                self.locate(route, &whole)
            }
        }
    }

    fn fall_back(&self, route: &mut Route, last: &Fallback) -> Flow {
        match last {
            Fallback::Status(status) if status.code() == 444 => Flow::End(Outcome::Close),
            Fallback::Status(status) => self.fail(route, *status),
            Fallback::Named(name) => self.go_to_name(route, name),
            Fallback::Uri(template) => {
                let mut to = route.take_scratch();
                self.expand(route, template, &mut to);
                let flow = match to.strip_prefix(b"@") {
                    Some(name) => self.go_to_name(route, &String::from_utf8_lossy(name)),
                    None => self.go_to(route, &to, "try_files"),
                };
                route.give_scratch(to);
                flow
            }
        }
    }

    pub(super) fn tried(&self, route: &mut Route, at: usize, found: io::Result<Found>) -> Flow {
        let folder = self.wants_folder(route, at);
        let accepted = match &found {
            Ok(Found::File { index, .. }) => folder == index.is_some(),
            Ok(Found::Folder | Found::Listing(_)) => folder,
            Ok(Found::Script { .. }) | Err(_) => false,
        };
        if !accepted {
            route.phase = Phase::Try(at + 1);
            return Flow::On;
        }
        self.take_candidate(route);
        route.phase = Phase::Content;
        if !self.has_scripts(route)
            && let Some(flow) = self.refused(route)
        {
            return flow;
        }
        // As in nginx a folder is named without the slash of the candidate: it may need its own.
        let bare = folder && route.uri.pop().is_some() && !route.uri.ends_with(b"/");
        if self.changes(route) {
            return Flow::On;
        }
        if bare {
            return self.redirect_to_folder(route);
        }
        match found {
            Ok(Found::File { file, index: None }) => {
                if let Some(by) = self.opened_by(route) {
                    route.hold(by, file);
                }
                Flow::On
            }
            found => self.content_found(route, found),
        }
    }

    /// Whether a candidate is written with a slash at its end.
    pub(super) fn wants_folder(&self, route: &Route, at: usize) -> bool {
        let tries = self.rules(route).settings.try_files.as_ref();
        let candidate = tries.and_then(|tries| tries.files.get(at));
        let last = candidate.and_then(|candidate| candidate.parts.last());
        matches!(last, Some(Part::Text(text)) if text.ends_with(b"/"))
    }

    /// The candidate becomes the URI.
    fn take_candidate(&self, route: &mut Route) {
        let below = self.rules(route).files.tail.of(&route.uri).len();
        let prefix = route.uri.len() - below;
        if !route.target.starts_with(&route.uri[..prefix]) {
            route.uri.truncate(prefix);
            route.uri.extend_from_slice(&route.target);
        } else {
            std::mem::swap(&mut route.uri, &mut route.target);
        }
    }
}
