//! Requests that change files: `dav_methods`.

use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use h1_core::{Body, Method, Status};

use super::flow::{Flow, Outcome};
use super::trace::Note;
use super::variables::View;
use super::{Route, Rules};
use crate::Changed;
use crate::files::conditional::parse_date;
use crate::os::Progress;
use crate::path::push_encoded;
use crate::step::{Change, Deed};

/// The methods that files have (RFC 9110, section 10.2.1).
const ALLOW: &str = "GET, HEAD, OPTIONS";

impl Rules {
    /// The value of Allow.
    pub(crate) fn allow(&self) -> String {
        let more = self.settings.dav_methods.iter();
        more.fold(ALLOW.to_owned(), |all, method| match all.contains(method) {
            true => all,
            false => format!("{all}, {method}"),
        })
    }
}

impl<'v> View<'v> {
    /// Whether the request is to change a file.
    pub(super) fn changes(&self, route: &Route) -> bool {
        let methods = &self.rules(route).settings.dav_methods;
        !methods.is_empty() && methods.contains(&self.method(route).as_str())
    }

    /// The request is to change what `route.path` names.
    pub(super) fn change(&self, route: &mut Route) -> Flow {
        if let Some(status) = self.misplaced(route) {
            return self.fail(route, status);
        }
        let place = self.rules(route).settings.dav_place.clone();
        let (method, path) = (self.method(route).as_str(), self.file_path(route));
        route.sink.note(|| Note::Change {
            what: format!("{method} {}", path.display()),
            place,
        });
        Flow::End(Outcome::Change)
    }

    /// The whole path of what `route.path` names.
    pub(crate) fn file_path(&self, route: &Route) -> PathBuf {
        let below = OsStr::from_bytes(route.path.below_root());
        self.rules(route).files.root.path().join(below)
    }

    /// What is wrong with the request whatever there is.
    fn misplaced(&self, route: &Route) -> Option<Status> {
        let request = self.request.as_ref()?;
        let folder = route.uri.ends_with(b"/");
        let has_content = !matches!(request.body(), Body::None | Body::Length(0));
        let depth = self.rules(route).settings.min_delete_depth;
        match self.method(route).as_str() {
            "PUT" if folder => Some(Status::CONFLICT),
            // It is a part of a file, and would be taken for all of it (RFC 9110, section 14.4).
            "PUT" if request.fields().get("content-range").is_some() => Some(Status::BAD_REQUEST),
            "PUT" => None,
            _ if has_content => Some(Status::UNSUPPORTED_MEDIA_TYPE),
            "MKCOL" if !folder => Some(Status::CONFLICT),
            "MKCOL" => None,
            _ if names(&route.uri) < depth as usize => Some(Status::CONFLICT),
            _ => match (request.fields().get("depth"), folder) {
                (None | Some(b"infinity"), _) | (Some(b"0"), false) => None,
                _ => Some(Status::BAD_REQUEST),
            },
        }
    }

    /// What is to be done, but for the content. As in nginx a Date of the request becomes that of the file.
    pub(crate) fn deed<'s>(&self, route: &Route) -> Deed<'s> {
        let date = || parse_date(self.request.as_ref()?.fields().get("date")?);
        match self.method(route).as_str() {
            "PUT" => Deed::Put {
                front: None,
                rest: &[],
                folders: self.rules(route).settings.create_full_put_path,
                modified: date(),
            },
            "DELETE" => Deed::Delete {
                folder: route.uri.ends_with(b"/"),
            },
            _ => Deed::MakeFolder,
        }
    }

    /// What [`Outcome::Change`] asks for.
    pub(crate) fn change_of<'l>(
        &self,
        route: &'l Route,
        deed: Deed<'l>,
        progress: &'l mut Progress,
    ) -> Change<'l>
    where
        'v: 'l,
    {
        let rules = self.rules(route);
        Change {
            root: &rules.files.root,
            path: &route.path,
            links: self.links(route),
            deed,
            progress,
            mode: rules.settings.dav_access,
            request: self.request,
            etag: rules.settings.etag,
            now: self.now.wall,
            caches: &self.hosting.caches,
        }
    }

    /// Goes on with the answer to [`Outcome::Change`].
    pub(crate) fn on_changed(&self, route: &mut Route, changed: io::Result<Changed>) -> Outcome {
        let status = match changed {
            Ok(Changed::Created) => {
                route.target.clear();
                push_encoded(&route.uri, &mut route.target);
                return Outcome::Changed(Status::CREATED);
            }
            Ok(Changed::Done) => return Outcome::Changed(Status::NO_CONTENT),
            Ok(Changed::Unmet) => Status::PRECONDITION_FAILED,
            Ok(Changed::Conflict) => Status::CONFLICT,
            Ok(Changed::Exists) => Status::METHOD_NOT_ALLOWED,
            Ok(Changed::Part) => Status::INTERNAL_SERVER_ERROR,
            Err(error) => self.change_failed(route, &error),
        };
        let flow = self.fail_without_content(route, status);
        self.go_on(route, flow)
    }

    fn change_failed(&self, route: &Route, error: &io::Error) -> Status {
        match error.kind() {
            ErrorKind::NotFound if self.method(route) == Method::Delete => Status::NOT_FOUND,
            ErrorKind::NotFound => Status::CONFLICT,
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Status::FORBIDDEN,
            ErrorKind::ResourceBusy => Status::SERVICE_UNAVAILABLE,
            // RFC 4918, section 11.5.
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                Status::new(507).unwrap_or(Status::INTERNAL_SERVER_ERROR)
            }
            _ => Status::INTERNAL_SERVER_ERROR,
        }
    }
}

/// The names in a path.
fn names(uri: &[u8]) -> usize {
    let names = uri.split(|&byte| byte == b'/');
    names.filter(|name| !name.is_empty()).count()
}
