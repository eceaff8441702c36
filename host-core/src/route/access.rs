//! Who may come in: `allow`, `deny`, `limit_except`.

use std::net::IpAddr;

use super::Rules;
use crate::config::model::{Access, Allow, Network};

impl Rules {
    /// Whether a client at `ip` may send a request of this method.
    pub(super) fn admits(&self, ip: IpAddr, method: &str) -> bool {
        let access = self.excepted(method).unwrap_or(&self.settings.access);
        access.admits(ip)
    }

    /// The rules of `limit_except`, where they hold for this method.
    pub(super) fn excepted(&self, method: &str) -> Option<&Access> {
        let (methods, access) = self.settings.limit_except.as_ref()?;
        let listed = methods.iter().any(|it| it == method);
        (!listed).then_some(access)
    }
}

impl Access {
    /// The first rule that matches decides; without one all may come in.
    fn admits(&self, ip: IpAddr) -> bool {
        let mut rules = self.rules.iter();
        let rule = rules.find(|(_, network)| network.contains(ip));
        rule.is_none_or(|(allow, _)| *allow == Allow::Allow)
    }
}

impl Network {
    /// An IPv4 address that came in by IPv6 is what it is.
    fn contains(&self, ip: IpAddr) -> bool {
        let same = |a: u128, b: u128, width: u32, bits: u8| {
            let rest = width.saturating_sub(u32::from(bits));
            a.checked_shr(rest) == b.checked_shr(rest)
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
