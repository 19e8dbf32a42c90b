//! Addresses that a name of the internet has no business leading to (DNS rebinding): a page whose
//! name points into the home reaches what stands there with the browser's rights.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::query::Name;

/// Which names may lead into the home.
#[derive(Clone, Debug)]
pub(super) struct Rebinding {
    is_on: bool,
    allowed: Vec<Name>,
}

impl Rebinding {
    /// Protection but for these names and those below them.
    pub(super) fn new(is_on: bool, allowed: Vec<Name>) -> Self {
        Self { is_on, allowed }
    }

    /// Whether there is protection at all.
    pub(super) fn is_on(&self) -> bool {
        self.is_on
    }

    /// Whether an answer to `name` (lower-cased) must not lead into the home.
    pub(super) fn keeps_out(&self, name: &Name) -> bool {
        self.is_on && !self.allowed.iter().any(|allowed| name.is_within(allowed))
    }
}

/// Whether an address leads into this home, or to this machine, in whatever form it is written.
pub(super) fn is_of_the_home(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => is_of_the_home_v4(ip),
        IpAddr::V6(ip) => is_of_the_home_v6(ip),
    }
}

fn is_of_the_home_v4(ip: Ipv4Addr) -> bool {
    let [first, second, third, last] = ip.octets();
    match first {
        // This network: many systems take 0.0.0.0 for themselves; RFC 1918; loopback; RFC 2365.
        0 | 10 | 127 | 239 => true,
        172 => (16..32).contains(&second),
        192 => second == 168 || (second, third) == (0, 0) && last < 8, // RFC 7335
        // RFC 6598: the provider's side of the router, and VPNs.
        100 => (64..128).contains(&second),
        169 => second == 254,
        // RFC 2544: networks for measuring; some VPNs use them.
        198 => second == 18 || second == 19,
        255 => ip.is_broadcast(),
        // Multicast within one network.
        224 => (second, third) == (0, 0),
        _ => false,
    }
}

fn is_of_the_home_v6(ip: Ipv6Addr) -> bool {
    let words = ip.segments();
    let [.., sixth, seventh] = words;
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match words {
        // ::, ::1, ::1.2.3.4, ::ffff:1.2.3.4 and ::ffff:0:1.2.3.4 (RFC 4291 §2.5.5, RFC 2765).
        [0, 0, 0, 0, 0, 0 | 0xffff, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            is_of_the_home_v4(v4(sixth, seventh))
        }
        // RFC 6052 §2.1, RFC 8215: translated.
        [0x64, 0xff9b, 0 | 1, ..] => is_of_the_home_v4(v4(sixth, seventh)),
        // RFC 3056: 6to4.
        [0x2002, high, low, ..] => is_of_the_home_v4(v4(high, low)),
        // RFC 4380 §4: Teredo, the client's address with its bits turned.
        [0x2001, 0, ..] => is_of_the_home_v4(v4(!sixth, !seventh)),
        // fc00::/7, fe80::/10, fec0::/10, and multicast of no more than this site.
        [first, ..] => {
            matches!(first, 0xfc00..=0xfdff | 0xfe80..=0xfeff)
                || matches!(first & 0xff0f, 0xff01..=0xff05)
                // RFC 5214 §6.1: ISATAP.
                || matches!(words, [_, _, _, _, 0 | 0x200, 0x5efe, ..])
                    && is_of_the_home_v4(v4(sixth, seventh))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_home(address: &str) -> bool {
        is_of_the_home(address.parse().unwrap())
    }

    #[test]
    fn addresses_of_the_home_are_seen_in_every_form() {
        for address in [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.178.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.1.1",
            "0.0.0.0",
            "0.1.2.3",
            "100.64.0.1",
            "198.18.0.1",
            "255.255.255.255",
            "192.0.0.1",
            "::",
            "::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "::ffff:192.168.178.1",
            "::ffff:127.0.0.1",
            "::10.0.0.1",
            "::ffff:0:10.0.0.1",
            "64:ff9b::192.168.178.1",
            "64:ff9b:1::10.0.0.1",
            "2002:c0a8:0101::1",
            "2001:0:4136:e378:8000:63bf:3f57:fefe",
            "2001:db8::5efe:192.168.1.1",
        ] {
            assert!(is_home(address), "{address}");
        }
    }

    #[test]
    fn other_addresses_are_of_the_world() {
        for address in [
            "192.0.2.1",
            "198.51.100.1",
            "203.0.113.1",
            "9.9.9.9",
            "172.15.0.1",
            "172.32.0.1",
            "192.169.0.1",
            "11.0.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "192.0.0.170",
            "2001:db8::1",
            "2620:fe::fe",
            "64:ff9b::192.0.2.1",
            "::ffff:192.0.2.1",
            "2002:c000:0201::1",
        ] {
            assert!(!is_home(address), "{address}");
        }
    }

    #[test]
    fn allowed_names_and_those_below_them_may_lead_home() {
        let protection = Rebinding::new(true, vec!["plex.direct".parse().unwrap()]);
        let keeps_out = |name: &str| protection.keeps_out(&name.parse().unwrap());
        assert!(!keeps_out("plex.direct") && !keeps_out("a.b.plex.direct"));
        assert!(keeps_out("notplex.direct") && keeps_out("direct"));
        let off = Rebinding::new(false, Vec::new());
        assert!(!off.keeps_out(&"www.example".parse().unwrap()));
    }
}
