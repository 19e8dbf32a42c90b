//! The special names, as data.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::query::Name;

/// How a zone is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Loopback addresses.
    Loopback,
    /// The name of a loopback address.
    LoopbackName,
    /// NXDOMAIN.
    Absent,
    /// NODATA: the name exists, with nothing in it.
    Empty,
    /// NXDOMAIN, which keeps a browser or phone with us.
    Canary,
    /// NXDOMAIN, unless the router or a route knows more: names and reverse names of homes.
    Home,
    /// Asked upstream, where the router may be that calls itself so.
    Router,
}

const ZONES: [(&str, Kind); 27] = [
    ("localhost", Kind::Loopback),  // RFC 6761 §6.3
    ("invalid", Kind::Absent),      // RFC 6761 §6.4
    ("test", Kind::Absent),         // RFC 6761 §6.2
    ("onion", Kind::Absent),        // RFC 7686 §2
    ("local", Kind::Absent),        // RFC 6762 §22.1
    ("alt", Kind::Absent),          // RFC 9476
    ("resolver.arpa", Kind::Empty), // RFC 9462 §6.4: a way around us
    ("use-application-dns.net", Kind::Canary),
    ("mask.icloud.com", Kind::Canary),
    ("mask-h2.icloud.com", Kind::Canary),
    ("internal", Kind::Home),     // ICANN 2024: reserved for private use
    ("home.arpa", Kind::Home),    // RFC 8375 §4
    ("service.arpa", Kind::Home), // RFC 9665 §10.1.3
    // RFC 6762 appendix G and ICANN 2018: homes and firms use them, nobody will own them.
    ("lan", Kind::Home),
    ("home", Kind::Home),
    ("corp", Kind::Home),
    ("mail", Kind::Home),
    ("private", Kind::Home),
    ("intranet", Kind::Home),
    ("localdomain", Kind::Home),
    ("fritz.box", Kind::Router),
    ("fritz.nas", Kind::Router),
    ("speedport.ip", Kind::Router),
    ("easy.box", Kind::Router),
    ("1.0.0.127.in-addr.arpa", Kind::LoopbackName),
    (
        "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        Kind::LoopbackName,
    ),
    (
        "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
        Kind::Home,
    ),
];

/// The reverse zones of addresses that mean something else in each network (RFC 6303 §4,
/// RFC 7793), but for those that are ranges.
const REVERSE: [&str; 16] = [
    "0.in-addr.arpa",
    "127.in-addr.arpa",
    "10.in-addr.arpa",
    "168.192.in-addr.arpa",
    "254.169.in-addr.arpa",
    "2.0.192.in-addr.arpa",
    "100.51.198.in-addr.arpa",
    "113.0.203.in-addr.arpa",
    "255.255.255.255.in-addr.arpa",
    "8.b.d.0.1.0.0.2.ip6.arpa",
    "8.e.f.ip6.arpa", // fe80::/10
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
    "c.f.ip6.arpa", // fc00::/7
    "d.f.ip6.arpa",
];

/// By the name in wire format.
type Zones = HashMap<Box<[u8]>, (Name, Kind)>;

static PARSED: LazyLock<Zones> = LazyLock::new(|| {
    let zones = ZONES.iter().map(|&(name, kind)| (name.to_owned(), kind));
    let reverse = REVERSE.iter().map(|&name| name.to_owned());
    let private = (16..32).map(|byte| format!("{byte}.172.in-addr.arpa"));
    let shared = (64..128).map(|byte| format!("{byte}.100.in-addr.arpa"));
    let homes = reverse
        .chain(private)
        .chain(shared)
        .map(|name| (name, Kind::Home));
    let parse = |(name, kind): (String, Kind)| {
        let name: Name = name.parse().ok()?;
        Some((name.as_wire().into(), (name, kind)))
    };
    zones.chain(homes).filter_map(parse).collect()
});

/// The innermost special zone that `name` (lower-cased) is or stands in.
pub(super) fn find(name: &Name) -> Option<(Name, Kind)> {
    // All these names end in one of a few labels: most names of the world are done here.
    let is_possible = match name.labels().last()? {
        b"com" => name.as_wire().ends_with(b"\x06icloud\x03com\x00"),
        b"net" => name.as_wire().ends_with(b"-dns\x03net\x00"),
        b"localhost" | b"invalid" | b"test" | b"onion" | b"local" | b"alt" | b"internal"
        | b"lan" | b"home" | b"corp" | b"mail" | b"private" | b"intranet" | b"localdomain"
        | b"arpa" | b"box" | b"nas" | b"ip" => true,
        _ => false,
    };
    if !is_possible {
        return None;
    }
    let mut rest = name.as_wire();
    loop {
        if let Some(&found) = PARSED.get(rest) {
            return Some(found);
        }
        let (&length, after) = rest.split_first()?;
        rest = after.get(usize::from(length)..).filter(|_| length > 0)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_found_by_its_own_name_and_from_below() {
        assert_eq!(PARSED.len(), ZONES.len() + REVERSE.len() + 16 + 64);
        for (name, kind) in PARSED.values() {
            assert_eq!(find(name), Some((*name, *kind)), "{name}");
            let below = format!("below.{name}").parse().unwrap();
            assert_eq!(find(&below), Some((*name, *kind)), "{name}");
        }
    }

    #[test]
    fn the_innermost_zone_is_found() {
        let kind = |name: &str| find(&name.parse().unwrap()).map(|(_, kind)| kind);
        assert_eq!(kind("1.0.0.127.in-addr.arpa"), Some(Kind::LoopbackName));
        assert_eq!(kind("2.0.0.127.in-addr.arpa"), Some(Kind::Home));
        assert_eq!(kind("1.0.0.100.in-addr.arpa"), None);
        assert_eq!(kind("1.0.64.100.in-addr.arpa"), Some(Kind::Home));
    }
}
