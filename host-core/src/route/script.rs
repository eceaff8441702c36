//! Files that are scripts: `cgi`, `cgi_pass`.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use h1_core::{Body, Method, Status};

use super::Route;
use super::files::Tail;
use super::flow::{Flow, Outcome};
use super::trace::Note;
use super::variables::View;
use crate::Found;
use crate::cgi::Script;
use crate::cgi::env::Environment;
use crate::config::model::Cgi;
use crate::config::template::Known;
use crate::os::OpenFile;
use crate::path::PathError;

/// Where scripts that are not told otherwise find programs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// The variables that are those of a configuration.
const KNOWN: [(&str, Known); 9] = [
    ("SERVER_PROTOCOL", Known::ServerProtocol),
    ("SERVER_ADDR", Known::ServerAddr),
    ("SERVER_PORT", Known::ServerPort),
    ("REQUEST_METHOD", Known::RequestMethod),
    ("REQUEST_URI", Known::RequestUri),
    ("REQUEST_SCHEME", Known::Scheme),
    ("DOCUMENT_ROOT", Known::DocumentRoot),
    ("REMOTE_ADDR", Known::RemoteAddr),
    ("REMOTE_PORT", Known::RemotePort),
];

impl Cgi {
    /// Whether any file can be a script.
    pub(super) fn is_on(&self) -> bool {
        self.pass.is_some() || self.executables.is_some()
    }

    /// Whether a file is one.
    fn runs(&self, file: &OpenFile) -> bool {
        self.pass.is_some() || (self.executables.is_some() && file.is_executable())
    }
}

impl View<'_> {
    /// Whether files may be scripts, which know more methods than files do.
    pub(super) fn has_scripts(&self, route: &Route) -> bool {
        self.rules(route).settings.cgi.is_on()
            && !self.changes(route)
            && !matches!(self.method(route), Method::Connect | Method::Trace)
    }

    /// What was found is a script, or nothing that its method may be used on; `None` if it is served as
    /// it is.
    pub(super) fn script_found(
        &self,
        route: &mut Route,
        found: &io::Result<Found>,
    ) -> Option<Flow> {
        let flow = match found {
            Ok(Found::File { file, index: None }) => self.script(route, file, 0),
            Ok(Found::File { .. }) => return None,
            Ok(Found::Script { file, path_info }) => {
                let flow = self.script(route, file, *path_info);
                Some(flow.unwrap_or_else(|| self.fail(route, Status::NOT_FOUND)))
            }
            _ => None,
        };
        let refuses = flow.is_none() && self.has_scripts(route);
        flow.or_else(|| refuses.then(|| self.refused(route)).flatten())
    }

    /// A file was found where there may be scripts; `None` if it is served as it is.
    fn script(&self, route: &mut Route, file: &OpenFile, path_info: usize) -> Option<Flow> {
        let cgi = &self.rules(route).settings.cgi;
        if !self.has_scripts(route) || !cgi.runs(file) {
            return None;
        }
        let interpreter = cgi.pass.as_ref().and_then(|pass| pass.interpreter.clone());
        let may_run = match interpreter {
            None => file.is_executable(),
            Some(_) => file.is_readable(),
        };
        if !may_run {
            return Some(self.fail(route, Status::FORBIDDEN));
        }
        let (name, info) = split(&route.uri, route.path.as_bytes(), path_info);
        let (name, info) = (name.to_vec(), info.to_vec());
        if info.iter().any(u8::is_ascii_control) {
            // A script may write it into a field.
            return Some(self.fail(route, Status::NOT_FOUND));
        }
        let below = route.path.as_bytes();
        let below = &below[1..below.len() - path_info];
        let path = self.rules(route).files.root.path();
        let path = path.join(OsStr::from_bytes(below));
        let place = cgi.pass.as_ref().map(|pass| &pass.place);
        let place = place.or(cgi.executables.as_ref()).cloned();
        route.sink.note(|| Note::Script {
            path: path.display().to_string(),
            interpreter: interpreter.as_ref().map(|it| it.display().to_string()),
            place,
        });
        let env = self.environment(route, &path, &name, &info);
        Some(Flow::End(Outcome::Script(Box::new(Script {
            path,
            interpreter,
            env,
            timeout: cgi.timeout,
            body_buffering: cgi.body_buffering,
            stderr: cgi.stderr.clone(),
        }))))
    }

    /// All that the script is told, but for the length of what is read first.
    fn environment(&self, route: &mut Route, path: &Path, name: &[u8], info: &[u8]) -> Environment {
        let cgi = &self.rules(route).settings.cgi;
        let mut env = Environment::default();
        env.set("PATH", PATH);
        for (name, value) in &self.hosting.env {
            env.set(name.clone(), value.as_bytes());
        }
        env.set("GATEWAY_INTERFACE", "CGI/1.1");
        env.set("SERVER_SOFTWARE", self.rules(route).software());
        env.set("SERVER_NAME", self.server_name(route));
        env.set("QUERY_STRING", route.args.clone());
        env.set("SCRIPT_NAME", name);
        env.set("SCRIPT_FILENAME", path.as_os_str().as_bytes());
        env.set("REDIRECT_STATUS", "200");
        env.set("PATH_INFO", info);
        for (name, known) in KNOWN {
            let mut value = Vec::new();
            self.push_known(route, known, &mut value);
            env.set(name, value);
        }
        if let Some(address) = env.get("REMOTE_ADDR").map(<[u8]>::to_vec) {
            // We look up no names.
            env.set("REMOTE_HOST", address);
        }
        if self.rules(route).files.tail != Tail::Uri {
            // An `alias` is no root, and may be a file.
            let root = self.translated(route, b"/");
            let root = root.strip_suffix(b"/").unwrap_or(&root);
            env.set("DOCUMENT_ROOT", root);
        }
        if !info.is_empty() {
            env.set("PATH_TRANSLATED", self.translated(route, info));
        }
        if route.authenticated {
            let mut user = Vec::new();
            self.push_known(route, Known::RemoteUser, &mut user);
            env.set("REMOTE_USER", user);
            env.set("AUTH_TYPE", "Basic");
        }
        if let Some(request) = &self.request {
            let fields = request.fields();
            let kind = fields.get("content-type");
            if let Some(kind) = kind.filter(|_| self.has_content(route)) {
                env.set("CONTENT_TYPE", kind);
            }
            env.add_fields(&fields, cgi.pass_authorization);
        }
        for (name, value) in &cgi.env {
            let mut text = Vec::new();
            self.expand(route, value, &mut text);
            env.set(name.clone(), text);
        }
        env
    }

    /// The path of the file that `uri` names, by the rules of its own location (RFC 3875, section 4.1.6).
    fn translated(&self, route: &Route, uri: &[u8]) -> Vec<u8> {
        let mut there = route.beside(uri);
        if let Some(server) = self.hosting.server(route.server) {
            self.find_rules(&mut there, server);
        }
        let mut path = Vec::new();
        self.push_known(&mut there, Known::RequestFilename, &mut path);
        path
    }

    /// nginx's `$server_name`; where that is none, what the client calls us.
    fn server_name(&self, route: &mut Route) -> Vec<u8> {
        let own = self
            .hosting
            .server(route.server)
            .map_or("", |it| it.name.as_str());
        if !own.is_empty() && !own.contains(['*', '~']) {
            return own.into();
        }
        let mut name = route.host.clone();
        if name.is_empty() {
            self.push_known(route, Known::ServerAddr, &mut name);
        }
        name
    }

    /// Whether a script gets the content of the request. What an error page or a script leads to does
    /// not.
    pub(crate) fn has_content(&self, route: &Route) -> bool {
        let body = self.request.map_or(Body::None, |request| request.body());
        body != Body::None && !route.as_get
    }

    /// A script has said where the request goes on (RFC 3875, section 6.2.2): for GET, as its content is
    /// gone.
    pub(crate) fn local_redirect(&self, route: &mut Route, target: &str) -> Outcome {
        route.sink.note(|| Note::Redirect {
            to: target.to_owned(),
            why: "a script",
        });
        let target = target.split('#').next().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        route.as_get = self.method(route) != Method::Head;
        let server = self.hosting.server(route.server);
        let merge = server.is_none_or(|it| it.merge_slashes);
        let flow = match route.path.decode_to(path.as_bytes(), merge, &mut route.uri) {
            Ok(()) if !route.change() => self.in_circles(route),
            Ok(()) => {
                route.args.clear();
                route.args.extend_from_slice(query.as_bytes());
                self.restart(route);
                Flow::On
            }
            Err(PathError::EncodedSlash) => self.fail(route, Status::NOT_FOUND),
            Err(_) => self.fail(route, Status::BAD_GATEWAY),
        };
        self.go_on(route, flow)
    }

    /// The backend has not answered.
    pub(crate) fn backend_failed(&self, route: &mut Route, status: Status) -> Outcome {
        route.retry = status == Status::SERVICE_UNAVAILABLE;
        let flow = self.fail_without_content(route, status);
        self.go_on(route, flow)
    }
}

/// SCRIPT_NAME and PATH_INFO of a URI, whose file has a path that ends in so many bytes of the latter. With
/// `merge_slashes off` the URI may have several slashes where the path has one: they are PATH_INFO's.
fn split<'u>(uri: &'u [u8], path: &'u [u8], path_info: usize) -> (&'u [u8], &'u [u8]) {
    let info = &path[path.len() - path_info..];
    let mut name = uri;
    for byte in info.iter().rev() {
        name = match name.strip_suffix(&[*byte]) {
            Some(front) => front,
            None => return (uri, info),
        };
        while *byte == b'/'
            && let Some(front) = name.strip_suffix(b"/")
        {
            name = front;
        }
    }
    (name, &uri[name.len()..])
}
