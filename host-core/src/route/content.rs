//! What a URI names: files, folders and their index.

use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use h1_core::{Method, Status};

use super::flow::{Flow, Outcome};
use super::state::{OpenedBy, Phase};
use super::trace::Note;
use super::variables::View;
use super::{Route, Rules, condition};
use crate::cgi::escape;
use crate::config::model::{DisableSymlinks, Level};
use crate::os::OpenFile;
use crate::path::{CleanPath, push_encoded};
use crate::{Caching, Found, Lookup};

impl<'v> View<'v> {
    pub(super) fn content(&self, route: &mut Route) -> Flow {
        let scripts = self.has_scripts(route);
        if !scripts && let Some(flow) = self.refused(route) {
            return flow;
        }
        if self.rules(route).settings.stub_status {
            return match self.method(route) {
                Method::Get | Method::Head => {
                    Flow::End(Outcome::Plain(self.hosting.counters.page().into()))
                }
                _ => self.fail(route, Status::METHOD_NOT_ALLOWED),
            };
        }
        let uri = std::mem::take(&mut route.uri);
        let located = self.locate(route, &uri);
        route.uri = uri;
        // The other way round: it is the URI that names a folder, or does not.
        if !route.uri.ends_with(b"/") && route.path.is_folder() {
            route.path.pop_suffix("/");
        }
        let hidden = route.path.is_hidden() && !self.rules(route).settings.hidden_files;
        if located.is_err() || hidden {
            return self.fail(route, Status::NOT_FOUND);
        }
        if self.changes(route) {
            return self.change(route);
        }
        if scripts {
            // It is not known yet whether the file is served as it is.
            return self.look(route);
        }
        self.choose_siblings(route);
        self.sibling(route, 0)
    }

    /// Asks for what the path names.
    pub(super) fn look(&self, route: &mut Route) -> Flow {
        match self.held(route) {
            true => self.found(route, None),
            false => {
                self.expand_index(route);
                Flow::End(Outcome::Lookup)
            }
        }
    }

    /// The answer to methods that no file has. As in nginx that to POST needs a look at the file.
    pub(super) fn refused(&self, route: &mut Route) -> Option<Flow> {
        if self.changes(route) {
            return None;
        }
        Some(match self.method(route) {
            Method::Get | Method::Head | Method::Post => return None,
            Method::Options => Flow::End(Outcome::Options),
            Method::Other(_) => self.fail(route, Status::NOT_IMPLEMENTED),
            _ => self.fail(route, Status::METHOD_NOT_ALLOWED),
        })
    }

    /// Index files with variables in their names get those of this request. One that is a URI ends them.
    pub(super) fn expand_index(&self, route: &mut Route) {
        let rules = self.rules(route);
        route.index.clear();
        route.index_uri.clear();
        if !route.path.is_folder() || rules.index.len() == rules.settings.index.len() {
            return;
        }
        for template in &rules.settings.index {
            let mut name = route.take_scratch();
            self.expand(route, template, &mut name);
            if name.starts_with(b"/") {
                route.index_uri = name;
                break;
            }
            route
                .index
                .push(String::from_utf8_lossy(&name).into_owned());
            route.give_scratch(name);
        }
    }

    /// Whether the file that is looked for was opened just before.
    pub(super) fn held(&self, route: &Route) -> bool {
        let by = self.opened_by(route);
        let held = route.held.as_ref();
        held.is_some_and(|(of, path, _)| by == Some(*of) && *path == route.path)
    }

    /// What tells by which rules a file was opened; `None` where links are looked at each time.
    pub(super) fn opened_by(&self, route: &Route) -> Option<OpenedBy> {
        let rules = self.rules(route);
        let all_links = match rules.settings.disable_symlinks {
            DisableSymlinks::Beneath => false,
            DisableSymlinks::Off => true,
            DisableSymlinks::On { .. } | DisableSymlinks::IfNotOwner { .. } => return None,
        };
        Some(OpenedBy {
            root: Arc::as_ptr(&rules.files.root).addr(),
            all_links,
        })
    }

    /// What [`Outcome::Lookup`] asks for.
    pub(crate) fn lookup<'l>(&self, route: &'l Route) -> Lookup<'l>
    where
        'v: 'l,
    {
        let rules = self.rules(route);
        let content = match route.phase {
            Phase::Content => true,
            Phase::Sibling(_) => false,
            Phase::Try(at) => self.wants_folder(route, at),
            Phase::Access => return self.lookup_users(route),
            _ => return condition::lookup(self, route),
        };
        let index = match route.index.is_empty() {
            true => &rules.index,
            false => &route.index,
        };
        Lookup {
            root: &rules.files.root,
            path: &route.path,
            index: if content { index } else { &[] },
            listing: content
                && rules.settings.autoindex.is_some()
                && route.index_uri.is_empty()
                && self.method(route) != Method::Post,
            links: self.links(route),
            caching: self.caching(rules),
            path_info: route.phase == Phase::Content && rules.settings.cgi.is_on(),
            programs: rules.settings.cgi.is_on(),
        }
    }

    /// What the rules let remember.
    pub(super) fn caching(&self, rules: &Rules) -> Option<Caching<'v>> {
        let settings = rules.settings.open_file_cache?;
        Some(Caching {
            cache: self.hosting.caches.get(rules.cache?)?,
            valid: settings.valid,
            min_uses: settings.min_uses,
            errors: settings.errors,
            now: self.now,
        })
    }

    /// Goes on with the answer to [`Outcome::Lookup`].
    pub(crate) fn on_found(&self, route: &mut Route, found: io::Result<Found>) -> Outcome {
        if route.phase != Phase::Access {
            self.note_tried(route, &found);
        }
        let flow = self.found(route, Some(found));
        self.go_on(route, flow)
    }

    /// `None` is the file that is held.
    pub(super) fn found(&self, route: &mut Route, found: Option<io::Result<Found>>) -> Flow {
        let found = found.unwrap_or_else(|| match route.held.take() {
            Some((.., file)) => Ok(Found::File { file, index: None }),
            None => Err(ErrorKind::NotFound.into()),
        });
        match route.phase {
            Phase::Try(at) => self.tried(route, at, found),
            Phase::Sibling(at) => self.sibling_found(route, at, found),
            Phase::Content => self.content_found(route, found),
            Phase::Access => self.users_found(route, found),
            _ => {
                let passes = self
                    .instruction(route)
                    .map(|it| condition::passes(it, &found, self.links(route)));
                route.tested = passes;
                Flow::On
            }
        }
    }

    pub(super) fn content_found(&self, route: &mut Route, found: io::Result<Found>) -> Flow {
        if let Some(flow) = self.script_found(route, &found) {
            return flow;
        }
        match found {
            Ok(Found::File { index: None, .. }) if self.method(route) == Method::Post => {
                self.fail(route, Status::METHOD_NOT_ALLOWED)
            }
            Ok(Found::File { file, index: None }) if !file.is_readable() => {
                self.fail(route, Status::FORBIDDEN)
            }
            Ok(Found::File { file, index: None }) => {
                route.file = Some(file);
                Flow::End(Outcome::File)
            }
            Ok(Found::File {
                file,
                index: Some(index),
            }) => self.go_to_index(route, file, index),
            // The URI may end in a slash where the path of an `alias` does not.
            Ok(Found::Folder) if route.uri.ends_with(b"/") => self.without_index(route),
            Ok(Found::Folder) => self.redirect_to_folder(route),
            Ok(Found::Listing(entries)) => Flow::End(Outcome::Listing(entries)),
            Ok(Found::Script { .. }) => self.fail(route, Status::NOT_FOUND),
            Err(error) => {
                self.complain_of_file(route, &error);
                self.fail(route, status_of(&error))
            }
        }
    }

    /// The same URI with a slash at its end, as links in the folder count from there.
    pub(super) fn redirect_to_folder(&self, route: &mut Route) -> Flow {
        route.target.clear();
        push_encoded(&route.uri, &mut route.target);
        route.target.push(b'/');
        if !route.args.is_empty() {
            route.target.push(b'?');
            route.target.extend_from_slice(&route.args);
        }
        self.redirect(route, Status::MOVED_PERMANENTLY)
    }

    /// An index file is reached by an internal redirect, as locations may have rules for it; it is
    /// not opened again.
    fn go_to_index(&self, route: &mut Route, file: OpenFile, index: usize) -> Flow {
        let rules = self.rules(route);
        let names = match route.index.is_empty() {
            true => &rules.index,
            false => &route.index,
        };
        let name = names.get(index).cloned().unwrap_or_default();
        let mut path = CleanPath::new();
        if path.set(&[route.path.as_bytes(), name.as_bytes()]).is_err() || !route.change() {
            return self.in_circles(route);
        }
        route.held = self.opened_by(route).map(|by| (by, path, file));
        route.uri.extend_from_slice(name.as_bytes());
        let uri = &route.uri;
        route.sink.note(|| Note::Redirect {
            to: String::from_utf8_lossy(uri).into_owned(),
            why: "index",
        });
        self.restart(route);
        Flow::On
    }

    /// The last index may be a URI; the arguments stay.
    fn without_index(&self, route: &mut Route) -> Flow {
        let mut to = std::mem::take(&mut route.index_uri);
        if to.is_empty() {
            let path = escape(self.file_path(route).as_os_str().as_bytes());
            self.complain(route, Level::Error, || {
                format!("directory index of \"{path}\" is forbidden")
            });
            return self.fail(route, Status::FORBIDDEN);
        }
        to.push(b'?');
        to.extend_from_slice(&route.args);
        let flow = self.go_to(route, &to, "index");
        route.give_scratch(to);
        flow
    }

    fn note_tried(&self, route: &mut Route, found: &io::Result<Found>) {
        let root = self.folder(route);
        let path = &route.path;
        route.sink.note(|| Note::Tried {
            path: format!(
                "{}{}",
                root.path().display().to_string().trim_end_matches('/'),
                String::from_utf8_lossy(path.as_bytes())
            ),
            found: match found {
                Ok(Found::File { index: None, .. }) => "a file",
                Ok(Found::Script { .. }) => "a file in front of the end",
                Ok(Found::File { .. }) => "a folder with an index file",
                Ok(Found::Folder | Found::Listing(_)) => "a folder",
                Err(error) if error.kind() == ErrorKind::NotFound => "nothing",
                Err(_) => "nothing that may be read",
            },
        });
    }
}

fn status_of(error: &io::Error) -> Status {
    match error.kind() {
        ErrorKind::NotFound => Status::NOT_FOUND,
        ErrorKind::PermissionDenied => Status::FORBIDDEN,
        ErrorKind::ResourceBusy => Status::SERVICE_UNAVAILABLE,
        _ => Status::INTERNAL_SERVER_ERROR,
    }
}
