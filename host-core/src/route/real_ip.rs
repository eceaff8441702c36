//! For whom a proxy speaks: `set_real_ip_from`, `real_ip_header`.

use std::net::{IpAddr, SocketAddr};

use super::Route;
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
        }
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
        self.from.iter().any(|network| network.contains(ip))
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
