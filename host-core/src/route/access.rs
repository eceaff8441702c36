//! Who may come in: `allow`, `deny`, `auth_basic`, `satisfy`, `limit_except`.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use h1_core::Status;

use super::flow::{Flow, Outcome};
use super::state::Phase;
use super::trace::Note;
use super::variables::View;
use super::{Route, Rules};
use crate::cgi::escape;
use crate::config::model::{Access, AccessRule, Allow, BasicAuth, Level, Network, Place};
use crate::passwords::{Credentials, FILE_MAX, Users, Verdict, Version};
use crate::{Found, Links, Lookup};

impl Rules {
    /// The rules that `limit_except` has for requests of this method.
    pub(super) fn limited<'m>(&self, method: impl Fn() -> &'m str) -> Option<usize> {
        let (methods, _) = self.settings.limit_except.as_ref()?;
        let excepted = methods.iter().any(|it| it == method());
        self.limited.filter(|_| !excepted)
    }
}

impl<'v> View<'v> {
    fn access(&self, route: &Route) -> &'v Access {
        &self.rules(route).settings.access
    }

    pub(super) fn check_access(&self, route: &mut Route) -> Flow {
        let access = self.access(route);
        if route.sink.is_on() {
            self.note_access(route, access);
        }
        match (access.any.is_some(), access.verdict(self.ip(route))) {
            (false, Some(Allow::Deny)) => return self.deny(route),
            (true, Some(Allow::Allow)) => return admit(route),
            _ => {}
        }
        match &access.basic {
            Some(basic) => self.ask_for_name(route, basic),
            None => self.without_name(route),
        }
    }

    fn note_access(&self, route: &mut Route, access: &Access) {
        let ip = self.ip(route);
        if let Some(rule) = access.rule(ip) {
            route.sink.note(|| {
                let client = ip.map_or("unix:".into(), |ip| ip.to_string());
                let verdict = match rule.allow {
                    Allow::Allow => "allowed",
                    Allow::Deny => "denied",
                };
                note(format!("{client} is {verdict}"), &rule.place)
            });
        }
        if let Some(place) = &access.any {
            let text = "either the address or a password is enough";
            route.sink.note(|| note(text.into(), place));
        }
    }

    fn note_password(&self, route: &mut Route, text: &str) {
        if let Some(basic) = &self.access(route).basic {
            route.sink.note(|| note(text.into(), &basic.place));
        }
    }

    /// No name is asked for.
    fn without_name(&self, route: &mut Route) -> Flow {
        match self.access(route).verdict(self.ip(route)) {
            Some(Allow::Deny) => self.deny(route),
            _ => admit(route),
        }
    }

    /// Rules keep the address of the client out.
    fn deny(&self, route: &mut Route) -> Flow {
        self.complain(route, Level::Error, || "access forbidden by rule".into());
        self.fail(route, Status::FORBIDDEN)
    }

    fn ask_for_name(&self, route: &mut Route, basic: &BasicAuth) -> Flow {
        let mut realm = route.take_scratch();
        self.expand(route, &basic.realm, &mut realm);
        let off = realm == b"off";
        route.challenge.clear();
        if !off {
            push_challenge(&realm, &mut route.challenge);
        }
        route.give_scratch(realm);
        if off {
            return self.without_name(route);
        }
        if self.credentials().is_none() {
            self.complain(route, Level::Info, || {
                "no user/password was provided for basic authentication".into()
            });
            return self.ask(route, "a name and a password are missing");
        }
        let mut path = route.take_scratch();
        self.expand(route, &basic.user_file, &mut path);
        let set = route.path.set(&[&path]);
        route.give_scratch(path);
        match set {
            Ok(()) => Flow::End(Outcome::Lookup),
            Err(_) => self.users_missing(route, Status::FORBIDDEN),
        }
    }

    fn ask(&self, route: &mut Route, why: &str) -> Flow {
        self.note_password(route, why);
        self.fail(route, Status::UNAUTHORIZED)
    }

    /// Name and password of the request. Of two fields nobody knows which one a proxy has looked at.
    pub(super) fn credentials(&self) -> Option<Credentials> {
        let fields = self.request.as_ref()?.fields();
        let mut values = fields.get_all("authorization");
        let value = values.next()?;
        match values.next() {
            None => Credentials::parse(value),
            Some(_) => None,
        }
    }

    /// The file of passwords.
    pub(super) fn lookup_users<'l>(&self, route: &'l Route) -> Lookup<'l>
    where
        'v: 'l,
    {
        Lookup {
            root: &self.hosting.everything,
            path: &route.path,
            index: &[],
            listing: false,
            links: Links::All,
            caching: None,
            path_info: false,
            programs: false,
        }
    }

    /// The file of passwords has been looked for.
    pub(super) fn users_found(&self, route: &mut Route, found: io::Result<Found>) -> Flow {
        let file = match found {
            Ok(Found::File { file, .. }) if file.len() <= FILE_MAX => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return self.users_missing(route, Status::FORBIDDEN);
            }
            _ => return self.users_missing(route, Status::INTERNAL_SERVER_ERROR),
        };
        let version = (file.modified(), file.len());
        let passwords = &self.hosting.passwords;
        match passwords.users(route.path.as_bytes(), version) {
            Some(users) => self.check_password(route, &users),
            None => {
                route.file = Some(file);
                Flow::End(Outcome::Users)
            }
        }
    }

    /// The file of passwords has been read; `None` if that failed.
    pub(crate) fn on_users(
        &self,
        route: &mut Route,
        version: Version,
        text: Option<&[u8]>,
    ) -> Outcome {
        let flow = match text {
            Some(text) => {
                let passwords = &self.hosting.passwords;
                let users = passwords.add(route.path.as_bytes(), version, text);
                self.check_password(route, &users)
            }
            None => self.users_missing(route, Status::INTERNAL_SERVER_ERROR),
        };
        self.go_on(route, flow)
    }

    /// There are no passwords; the client does not learn that it could send one.
    fn users_missing(&self, route: &mut Route, status: Status) -> Flow {
        let file = escape(route.path.as_bytes());
        self.complain(route, Level::Error, || match status {
            Status::SERVICE_UNAVAILABLE => "too many passwords wait to be checked".into(),
            _ => format!("the passwords in \"{file}\" cannot be read"),
        });
        route.challenge.clear();
        self.fail(route, status)
    }

    fn check_password(&self, route: &mut Route, users: &Users) -> Flow {
        let Some(sent) = self.credentials() else {
            return self.ask(route, "a name and a password are missing");
        };
        let passwords = &self.hosting.passwords;
        match passwords.check(users, &sent, route.reserved, self.now.monotonic) {
            Verdict::Right => {
                route.challenge.clear();
                route.authenticated = true;
                self.note_password(route, "the name and the password are right");
                admit(route)
            }
            Verdict::Wrong => {
                let name = escape(sent.name());
                // A log tells its reader what no client may learn.
                let what = match users.has(sent.name()) {
                    true => "password mismatch".into(),
                    false => {
                        let file = escape(route.path.as_bytes());
                        format!("was not found in \"{file}\"")
                    }
                };
                let colon = if what == "password mismatch" { ":" } else { "" };
                self.complain(route, Level::Error, || {
                    format!("user \"{name}\"{colon} {what}")
                });
                self.ask(route, "the name or the password is wrong")
            }
            Verdict::Wait(until) => {
                route.reserved = true;
                Flow::End(Outcome::Wait(until))
            }
            Verdict::Busy => self.users_missing(route, Status::SERVICE_UNAVAILABLE),
        }
    }
}

fn note(text: String, place: &Place) -> Note {
    Note::Rule {
        what: "access",
        text,
        place: Some(place.clone()),
    }
}

fn admit(route: &mut Route) -> Flow {
    route.phase = Phase::Try(0);
    Flow::On
}

/// The value of WWW-Authenticate (RFC 7617, section 2).
fn push_challenge(realm: &[u8], out: &mut String) {
    out.push_str("Basic realm=\"");
    for char in String::from_utf8_lossy(realm).chars() {
        if matches!(char, '"' | '\\') {
            out.push('\\');
        }
        if !char.is_control() {
            out.push(char);
        }
    }
    out.push_str("\", charset=\"UTF-8\"");
}

impl Access {
    /// The first rule that matches.
    fn rule(&self, ip: Option<IpAddr>) -> Option<&AccessRule> {
        self.rules.iter().find(|rule| rule.network.contains(ip))
    }

    fn verdict(&self, ip: Option<IpAddr>) -> Option<Allow> {
        self.rule(ip).map(|rule| rule.allow)
    }
}

impl Network {
    /// Whether a client is one of these; one of a unix socket has no address. An IPv4 address that came in
    /// by IPv6 is what it is.
    pub(super) fn contains(&self, ip: Option<IpAddr>) -> bool {
        let same = |a: u128, b: u128, width: u32, bits: u8| {
            let rest = width.saturating_sub(u32::from(bits));
            a.checked_shr(rest) == b.checked_shr(rest)
        };
        let Some(ip) = ip else {
            return matches!(self, Self::All | Self::Unix);
        };
        match (self, ip.to_canonical()) {
            (Self::All, _) => true,
            (Self::Unix, _) => false,
            (Self::Ip(IpAddr::V4(net), bits), IpAddr::V4(ip)) => {
                same(net.to_bits().into(), ip.to_bits().into(), 32, *bits)
            }
            (Self::Ip(IpAddr::V6(net), bits), IpAddr::V6(ip)) => {
                same(net.to_bits(), ip.to_bits(), 128, *bits)
            }
            _ => false,
        }
    }
}
