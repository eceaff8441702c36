//! For whom a proxy speaks: `set_real_ip_from`, `real_ip_header`.

use std::net::{IpAddr, SocketAddr};

use super::Route;
use super::trace::Note;
use super::variables::View;
use crate::config::model::RealIp;

impl View<'_> {
    /// Looks once whom a proxy that is believed names.
    pub(super) fn believe_proxy(&self, route: &mut Route) {
        let Some(real_ip) = &self.rules(route).settings.real_ip else {
            return;
        };
        if route.peer.is_none() {
            route.peer = self.named_by_proxy(real_ip);
            if route.sink.is_on() {
                self.note_proxy(route, real_ip);
            }
        }
    }

    fn note_proxy(&self, route: &mut Route, real_ip: &RealIp) {
        let proxy = self.client.peer.map(|peer| peer.ip());
        let trusted = real_ip.from.iter().find(|(from, _)| from.contains(proxy));
        let name = proxy.map_or("unix:".into(), |ip| ip.to_string());
        let text = match (trusted, route.peer) {
            (None, _) => format!("{name} is not believed"),
            (_, Some(peer)) => format!("{name} speaks for {}", peer.ip()),
            (_, None) => format!(
                "{name} is believed, but \"{}\" names nobody",
                real_ip.header
            ),
        };
        let place = trusted.or(real_ip.from.first()).map(|(_, place)| place);
        route.sink.note_once(|| Note::Rule {
            what: "real ip",
            text,
            place: place.cloned(),
        });
    }

    fn named_by_proxy(&self, real_ip: &RealIp) -> Option<SocketAddr> {
        if !real_ip.trusts(self.client.peer.map(|peer| peer.ip())) {
            return None;
        }
        if real_ip.header == "proxy_protocol" {
            return self.client.proxied().map(|it| it.source);
        }
        let fields = self.request.as_ref()?.fields();
        let list = real_ip.header == "x-forwarded-for";
        let mut lines: Vec<&[u8]> = fields.get_all(&real_ip.header).collect();
        if !list {
            // The field has one address; of several fields the first counts.
            return lines.first().and_then(|line| parse(line));
        }
        let mut found = None;
        while let Some(line) = lines.pop() {
            for part in line.rsplit(|b| matches!(b, b',' | b' ')) {
                if part.is_empty() {
                    continue;
                }
                let Some(address) = parse(part) else {
                    return found;
                };
                found = Some(address);
                if !real_ip.recursive || !real_ip.trusts(Some(address.ip())) {
                    return found;
                }
            }
        }
        found
    }
}

impl RealIp {
    fn trusts(&self, ip: Option<IpAddr>) -> bool {
        self.from.iter().any(|(network, _)| network.contains(ip))
    }
}

/// An address, perhaps with a port.
fn parse(text: &[u8]) -> Option<SocketAddr> {
    let text = str::from_utf8(text).ok()?.trim();
    let bare = text
        .strip_prefix('[')
        .and_then(|text| text.strip_suffix(']'));
    match bare.unwrap_or(text).parse() {
        Ok(ip) => Some(SocketAddr::new(ip, 0)),
        Err(_) => text.parse().ok(),
    }
}
