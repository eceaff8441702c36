//! From a tree of directives to what they mean.

mod listens;
mod locations;
mod maps;
mod script;

use std::collections::HashSet;
use std::sync::Arc;

use super::context::{Context, ServerParts};
use super::directives::{self, Contexts, Set, Use};
use super::draft::Draft;
use super::error::Problem;
use super::model::*;
use super::template::Template;
use super::tree::Node;
use listens::Listens;
use locations::Parent;

/// The format that exists without being defined.
const COMBINED: &str = "$remote_addr - $remote_user [$time_local] \"$request\" $status \
                        $body_bytes_sent \"$http_referer\" \"$http_user_agent\"";

/// Makes the model; what is wrong is left in `cx`.
pub(crate) fn build(nodes: &[Node], cx: &mut Context<'_>) -> Model {
    let draft = defaults(cx);
    let mut builder = Builder {
        cx,
        servers: Vec::new(),
        listens: Listens::default(),
    };
    builder.main(nodes, draft);
    let Builder {
        cx,
        servers,
        listens,
        ..
    } = builder;
    let listens = listens.finish(&servers, cx);
    let counts = cx.variables.counts;
    let (slots, unknown) = std::mem::take(&mut cx.variables).finish();
    cx.errors.extend(unknown);
    Model {
        main: cx.main.clone(),
        listens,
        servers: servers.into_iter().map(|server| server.server).collect(),
        slots,
        maps: std::mem::take(&mut cx.maps),
        zones: std::mem::take(&mut cx.zones),
        counts,
    }
}

/// What holds where nothing is said.
fn defaults(cx: &mut Context<'_>) -> Draft {
    let span = super::source::Span::new(0, 0, 0);
    let mut fixed = |text| cx.template_of(text, span).unwrap_or_default();
    let format = Arc::new(LogFormat {
        name: "combined".into(),
        escape: Escape::Default,
        line: fixed(COMBINED),
    });
    cx.formats.insert("combined".into(), format.clone());
    let log = AccessLog {
        path: None,
        format,
        buffer: None,
        flush: None,
        condition: None,
    };
    let root = Template::fixed(&cx.path("html").to_string_lossy());
    Draft::new(root, log, Arc::clone(&cx.main.error_logs))
}

/// A server, and where its names are written.
struct Named {
    server: VirtualServer,
    spans: Vec<super::source::Span>,
    span: super::source::Span,
}

struct Builder<'b, 'c> {
    cx: &'b mut Context<'c>,
    servers: Vec<Named>,
    listens: Listens,
}

impl Builder<'_, '_> {
    fn main(&mut self, nodes: &[Node], mut draft: Draft) {
        let blocks = self.level(nodes, Contexts::MAIN, &mut draft);
        self.cx.main.error_logs = Arc::clone(&draft.settings.error_logs);
        for block in &blocks {
            let inside = block.node.block.as_deref().unwrap_or_default();
            match block.spec.name {
                "events" => {
                    self.level(inside, Contexts::EVENTS, &mut draft.child());
                }
                _ => self.http(inside, draft.child()),
            }
        }
        if !blocks.iter().any(|block| block.spec.name == "events") {
            let span = super::source::Span::new(0, 0, 0);
            let problem = Problem::new(span, "no \"events\" section in configuration");
            let known = nodes.iter().any(|node| node.name.text == "events");
            self.cx
                .errors
                .extend((!known).then(|| problem.help("write \"events { }\"")));
        }
    }

    fn http(&mut self, nodes: &[Node], mut draft: Draft) {
        let blocks = self.level(nodes, Contexts::HTTP, &mut draft);
        for block in blocks {
            match block.spec.name {
                "map" => self.map(block.node),
                _ => self.server(block.node, &draft),
            }
        }
    }

    /// Reads the directives of a level into `draft`; returns blocks and steps.
    fn level<'n>(
        &mut self,
        nodes: &'n [Node],
        context: Contexts,
        draft: &mut Draft,
    ) -> Vec<Use<'n>> {
        let mut seen = HashSet::new();
        let mut uses = Vec::with_capacity(nodes.len());
        for node in nodes {
            match directives::check(node, context) {
                Ok(spec) => {
                    let first = seen.insert(spec.list);
                    if first || spec.repeats {
                        uses.push(Use { node, spec, first });
                    } else {
                        let message = format!("\"{}\" directive is duplicate", spec.name);
                        self.cx.errors.push(Problem::new(node.span(), message));
                    }
                }
                Err(problem) => self.cx.errors.push(problem),
            }
        }
        // What others name goes first.
        uses.sort_by_key(|usage| !matches!(usage.spec.set, Set::Early(_)));
        for usage in &uses {
            if let Err(problem) = directives::apply(self.cx, draft, usage) {
                self.cx.errors.push(problem);
            }
        }
        uses.retain(|usage| matches!(usage.spec.set, Set::Block | Set::Step));
        if context != Contexts::MAIN && context != Contexts::EVENTS {
            self.check_password(nodes, draft);
        }
        uses
    }

    /// Without a file of passwords `auth_basic` keeps nobody out.
    fn check_password(&mut self, nodes: &[Node], draft: &Draft) {
        if draft.realm.is_some() && draft.user_file.is_none() {
            let node = nodes.iter().find(|node| node.name.text == "auth_basic");
            if let Some(node) = node {
                let message = "\"auth_basic\" has no effect without \"auth_basic_user_file\"";
                self.cx.warn(node.span(), message);
            }
        }
    }

    fn server(&mut self, node: &Node, http: &Draft) {
        self.cx.server = ServerParts::default();
        let mut draft = http.child();
        let inside = node.block.as_deref().unwrap_or_default();
        let uses = self.level(inside, Contexts::SERVER, &mut draft);
        let script = self.script(&uses, Contexts::IF_IN_SERVER, &draft);
        let returns = script
            .iter()
            .any(|op| matches!(op.kind, OpKind::Return { .. }));
        let location = uses.iter().find(|usage| usage.spec.name == "location");
        if let (true, Some(location)) = (returns, location) {
            let message = "no location is reached: the server returns before";
            self.cx.warn(location.node.span(), message);
        }
        let locations = self.locations(&uses, &draft, &Parent::Server);
        let parts = std::mem::take(&mut self.cx.server);
        for reference in &parts.references {
            let name = reference.text.trim_start_matches('@');
            if !locations.named.contains_key(name) {
                let message = format!("could not find named location \"{}\"", reference.text);
                self.cx.warn(reference.span, message);
            }
        }
        let (mut names, mut spans): (Vec<_>, Vec<_>) = parts.names.into_iter().unzip();
        if names.is_empty() {
            names.push(ServerName::Exact(String::new()));
            spans.push(node.name.span);
        }
        let number = self.servers.len();
        self.listens
            .add(parts.listens, number, node.name.span, self.cx);
        self.servers.push(Named {
            server: VirtualServer {
                names,
                place: self.cx.place(node.name.span),
                settings: draft.finish(),
                script,
                locations,
                merge_slashes: draft.merge_slashes,
                client_header_timeout: draft.client_header_timeout,
                client_header_buffer_size: draft.client_header_buffer_size,
                large_client_header_buffers: draft.large_client_header_buffers,
            },
            spans,
            span: node.name.span,
        });
    }
}
