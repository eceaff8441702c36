//! From a model to what requests are answered from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use h1_core::Timeouts;

use super::location::Prefix;
use super::rewrite::{Instruction, Kind, Text};
use super::*;
use crate::config::model::{
    Condition, ErrorLog, Expires, Location, Locations, Matches, Model, Op, OpKind, OpenFileCache,
    ReturnBody, Settings, VirtualServer,
};
use crate::config::template::{Part, Template, Variable};
use crate::os::listen::Options;
use crate::os::{FileCache, Root};

/// What is being built, and what of it exists already.
#[derive(Default)]
struct Builder {
    locations: Vec<Located>,
    rules: Vec<Rules>,
    /// The rules of settings, by their address: each lives in the model until all is built.
    known: HashMap<*const Settings, usize>,
    roots: HashMap<PathBuf, Arc<Root>>,
    types: types::Cache,
    logs: Vec<Option<PathBuf>>,
    error_logs: Vec<Option<PathBuf>>,
    caches: Vec<FileCache>,
    /// The places of caches, by their numbers.
    cache_of: HashMap<usize, usize>,
}

impl Hosting {
    /// Makes `model` ready. `timeouts` are those of the whole server, of which locations have their
    /// own; without them those of the [`Server`](crate::Server) hold.
    /// `roots` are open already.
    pub(crate) fn new(
        model: Model,
        timeouts: Option<Timeouts>,
        roots: impl IntoIterator<Item = Arc<Root>>,
        process: Process,
    ) -> Self {
        let roots = roots.into_iter();
        let mut builder = Builder {
            roots: roots.map(|root| (root.path().to_owned(), root)).collect(),
            ..Builder::default()
        };
        let main_error_logs = builder.error_logs(&model.main.error_logs);
        let listens = model.listens.iter().map(|listen| {
            let mut names = Names::default();
            let here = listen.servers.iter();
            let named = here.filter_map(|&at| Some((at, model.servers.get(at)?)));
            let mut patterns = Vec::new();
            for (server, names_of) in named.map(|(at, server)| (at, &server.names)) {
                for (at, name) in names_of.iter().enumerate() {
                    names.add(server, at, name);
                    if let ServerName::Pattern(pattern) = name {
                        patterns.push(pattern);
                    }
                }
            }
            names.link(patterns.iter().copied());
            Listening {
                address: listen.address.clone(),
                place: listen.place.clone(),
                bind: listen.bind,
                reuseport: listen.reuseport,
                proxy_protocol: listen.proxy_protocol,
                options: Options {
                    backlog: backlog(listen.backlog),
                    ipv6only: listen.ipv6only,
                },
                names,
                default: listen.default,
                single: listen.servers.len() == 1 && !has_pattern(&model, listen.default),
            }
        });
        let listens = listens.collect();
        let wants_sent = wants_sent(&model);
        let zones = model.zones.into_iter().map(Zone::new).collect();
        let mut map_of = vec![None; model.slots.len()];
        let maps: Vec<_> = model.maps.into_iter().map(Map::new).collect();
        for (at, map) in maps.iter().enumerate() {
            if let Some(of) = map_of.get_mut(usize::from(map.slot)) {
                *of = Some(at);
            }
        }
        let servers = model.servers.into_iter();
        let servers = servers.map(|server| builder.server(server, timeouts.as_ref()));
        let servers = servers.collect();
        let shows = builder.rules.iter().any(|it| it.settings.stub_status);
        let has_status = shows || model.counts;
        Self {
            listens,
            servers,
            locations: builder.locations,
            rules: builder.rules,
            caches: builder.caches,
            maps,
            map_of,
            logs: builder.logs,
            error_logs: builder.error_logs,
            main_error_logs,
            wants_sent,
            process,
            env: model.main.env,
            everything: Root::at("/".as_ref()),
            passwords: Passwords::default(),
            zones,
            counters: Arc::default(),
            children: Arc::new(Children::new(model.main.cgi_children)),
            has_status,
        }
    }
}

fn backlog(wanted: Option<u32>) -> i32 {
    let default = Options::default().backlog;
    wanted.map_or(default, |backlog| backlog.try_into().unwrap_or(i32::MAX))
}

fn has_pattern(model: &Model, server: usize) -> bool {
    let names = model.servers.get(server).map_or(&[][..], |it| &it.names);
    names
        .iter()
        .any(|name| matches!(name, ServerName::Pattern(_)))
}

/// Whether a field of the answer may be asked for.
fn wants_sent(model: &Model) -> bool {
    // Few configurations do; all that have a map or log of it are served a little slower.
    let asks = |template: &Template| {
        let mut parts = template.parts.iter();
        parts.any(|part| {
            matches!(
                part,
                Part::Variable(Variable::SentHttp(_) | Variable::Slot(_))
            )
        })
    };
    let of = |settings: &Settings| {
        let mut logs = settings.access_logs.iter();
        logs.any(|log| asks(&log.format.line) || log.condition.as_ref().is_some_and(asks))
            || settings.add_headers.iter().any(|field| asks(&field.value))
            || matches!(&settings.expires, Expires::Variable(value) if asks(value))
    };
    fn any(locations: &Locations, of: &dyn Fn(&Settings) -> bool) -> bool {
        let fixed = locations.exact.values().chain(locations.named.values());
        let mut all = fixed.chain(&locations.prefixes).chain(&locations.patterns);
        all.any(|location| of(&location.settings) || any(&location.nested, of))
    }
    let mut servers = model.servers.iter();
    servers.any(|server| of(&server.settings) || any(&server.locations, &of))
}

impl Builder {
    fn server(&mut self, server: VirtualServer, timeouts: Option<&Timeouts>) -> Virtual {
        let timeouts = timeouts.map(|whole| Timeouts {
            head: server.client_header_timeout,
            ..*whole
        });
        let name = match server.names.first() {
            Some(ServerName::Exact(name)) => name.clone(),
            Some(ServerName::Suffix(rest)) => format!("*{rest}"),
            Some(ServerName::Prefix(start)) => format!("{start}*"),
            Some(ServerName::Pattern(pattern)) => format!("~{}", pattern.text),
            None => String::new(),
        };
        Virtual {
            name,
            names: server.names,
            place: server.place,
            rules: self.rules(&server.settings, timeouts.as_ref()),
            script: self.script(server.script, timeouts.as_ref()),
            locations: self.tree(server.locations, timeouts.as_ref()),
            merge_slashes: server.merge_slashes,
        }
    }

    fn tree(&mut self, locations: Locations, timeouts: Option<&Timeouts>) -> Tree {
        let mut tree = Tree::default();
        let exact = locations.exact.into_values();
        let named = locations.named.into_values();
        let others = locations.prefixes.into_iter().chain(locations.patterns);
        // Nobody else holds them.
        for location in exact.chain(named).chain(others).filter_map(Arc::into_inner) {
            let label = label(&location.matches);
            let Location {
                matches,
                place,
                settings,
                script,
                nested,
                internal,
            } = location;
            let located = Located {
                label,
                place,
                rules: self.rules(&settings, timeouts),
                script: self.script(script, timeouts),
                nested: self.tree(nested, timeouts),
                internal,
            };
            let at = self.locations.len();
            self.locations.push(located);
            match matches {
                Matches::Exact(uri) => {
                    tree.exact.insert(uri.into(), at);
                }
                Matches::Named(name) => {
                    tree.named.insert(name, at);
                }
                Matches::Prefix { uri, final_ } => tree.prefixes.push(Prefix {
                    uri: uri.into(),
                    location: at,
                    final_,
                    parent: None,
                }),
                Matches::Pattern(pattern) => tree.patterns.push((pattern, at)),
            }
        }
        tree.link();
        tree
    }

    /// The place of the rules that `settings` make.
    fn rules(&mut self, settings: &Arc<Settings>, timeouts: Option<&Timeouts>) -> usize {
        let address = Arc::as_ptr(settings);
        if let Some(known) = self.known.get(&address) {
            return *known;
        }
        let index = settings.index.iter().map_while(Template::as_text);
        let index = index.take_while(|name| !name.starts_with(b"/"));
        let limited = settings.limit_except.as_ref();
        let limited = limited.map(|(_, limited)| self.rules(limited, timeouts));
        let rules = Rules {
            limited,
            files: Files::new(&settings.root, &mut self.roots),
            cache: settings.open_file_cache.map(|cache| self.cache(cache)),
            index: index
                .map(|name| String::from_utf8_lossy(name).into_owned())
                .collect(),
            types: self.types.get(settings),
            timeouts: timeouts.map(|whole| Timeouts {
                body: settings.client_body_timeout,
                send: settings.send_timeout,
                keep_alive: settings.keepalive_timeout,
                linger: settings.lingering_timeout,
                ..*whole
            }),
            logs: settings
                .access_logs
                .iter()
                .map(|log| self.log(log))
                .collect(),
            error_logs: self.error_logs(&settings.error_logs),
            // Also keeps the address from being used again.
            settings: Arc::clone(settings),
        };
        self.rules.push(rules);
        self.known.insert(address, self.rules.len() - 1);
        self.rules.len() - 1
    }

    fn cache(&mut self, cache: OpenFileCache) -> usize {
        let caches = &mut self.caches;
        *self.cache_of.entry(cache.number).or_insert_with(|| {
            caches.push(FileCache::new(cache.max, cache.inactive));
            caches.len() - 1
        })
    }

    fn error_logs(&mut self, logs: &[ErrorLog]) -> Vec<(usize, Level)> {
        let place = |log: &ErrorLog| {
            let known = self.error_logs.iter().position(|path| *path == log.path);
            known.unwrap_or_else(|| {
                self.error_logs.push(log.path.clone());
                self.error_logs.len() - 1
            })
        };
        logs.iter()
            .map(place)
            .zip(logs.iter().map(|log| log.level))
            .collect()
    }

    fn log(&mut self, log: &AccessLog) -> RuleLog {
        let known = self.logs.iter().position(|path| *path == log.path);
        RuleLog {
            log: known.unwrap_or_else(|| {
                self.logs.push(log.path.clone());
                self.logs.len() - 1
            }),
            what: log.clone(),
        }
    }

    /// Blocks of `if` become jumps, so that one number says where a script stands.
    fn script(&mut self, ops: Vec<Op>, timeouts: Option<&Timeouts>) -> Vec<Instruction> {
        let mut script = Vec::new();
        for Op { place, kind } in ops {
            let kind = match kind {
                OpKind::Set { target, value } => Kind::Set { target, value },
                OpKind::If {
                    condition,
                    script: inner,
                    settings,
                } => {
                    let rules = settings.map(|settings| self.rules(&settings, timeouts));
                    let inner = self.script(inner, timeouts);
                    let skip = inner.len();
                    let folder = match &condition {
                        Condition::File { path, .. } => Some(files::folder(path, &mut self.roots)),
                        _ => None,
                    };
                    script.push(Instruction {
                        place,
                        kind: Kind::If {
                            condition,
                            skip,
                            rules,
                            folder,
                        },
                    });
                    script.extend(inner);
                    continue;
                }
                OpKind::Rewrite {
                    pattern,
                    replacement,
                    drop_args,
                    flag,
                } => Kind::Rewrite {
                    pattern,
                    replacement,
                    drop_args,
                    flag,
                },
                OpKind::Return { status, body } => match body {
                    ReturnBody::None => Kind::Return { status, text: None },
                    ReturnBody::Location(to) => Kind::Redirect { status, to },
                    ReturnBody::Text(text) => Kind::Return {
                        status,
                        text: Some(match text.as_text() {
                            Some(fixed) => Text::Fixed(Bytes::copy_from_slice(fixed)),
                            None => Text::Template(text),
                        }),
                    },
                },
                OpKind::Break => Kind::Break,
            };
            script.push(Instruction { place, kind });
        }
        script
    }
}

fn label(matches: &Matches) -> String {
    let text = |uri: &[u8]| String::from_utf8_lossy(uri).into_owned();
    match matches {
        Matches::Exact(uri) => format!("= {}", text(uri)),
        Matches::Prefix { uri, final_: true } => format!("^~ {}", text(uri)),
        Matches::Prefix { uri, .. } => text(uri),
        Matches::Pattern(pattern) if pattern.caseless => format!("~* {}", pattern.text),
        Matches::Pattern(pattern) => format!("~ {}", pattern.text),
        Matches::Named(name) => name.clone(),
    }
}
