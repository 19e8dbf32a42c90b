//! The special names, as data.

use std::sync::LazyLock;

use crate::query::Name;

/// How a zone is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Loopback addresses.
    Loopback,
    /// NXDOMAIN.
    Absent,
    /// NODATA: the name exists, with nothing in it.
    Empty,
    /// NXDOMAIN, which keeps a browser or phone with us.
    Canary,
    /// The reverse zone of private addresses.
    PrivateReverse,
}

const ZONES: [(&str, Kind); 40] = [
    ("localhost", Kind::Loopback),  // RFC 6761 §6.3
    ("invalid", Kind::Absent),      // RFC 6761 §6.4
    ("test", Kind::Absent),         // RFC 6761 §6.2
    ("onion", Kind::Absent),        // RFC 7686 §2
    ("local", Kind::Absent),        // RFC 6762 §22.1
    ("alt", Kind::Absent),          // RFC 9476
    ("internal", Kind::Absent),     // ICANN 2024: reserved for private use
    ("home.arpa", Kind::Absent),    // RFC 8375 §4
    ("resolver.arpa", Kind::Empty), // RFC 9462 §6.4: a way around us
    ("use-application-dns.net", Kind::Canary),
    ("mask.icloud.com", Kind::Canary),
    ("mask-h2.icloud.com", Kind::Canary),
    ("0.in-addr.arpa", Kind::PrivateReverse), // RFC 6303 §4.2
    ("127.in-addr.arpa", Kind::PrivateReverse),
    ("10.in-addr.arpa", Kind::PrivateReverse),
    ("16.172.in-addr.arpa", Kind::PrivateReverse),
    ("17.172.in-addr.arpa", Kind::PrivateReverse),
    ("18.172.in-addr.arpa", Kind::PrivateReverse),
    ("19.172.in-addr.arpa", Kind::PrivateReverse),
    ("20.172.in-addr.arpa", Kind::PrivateReverse),
    ("21.172.in-addr.arpa", Kind::PrivateReverse),
    ("22.172.in-addr.arpa", Kind::PrivateReverse),
    ("23.172.in-addr.arpa", Kind::PrivateReverse),
    ("24.172.in-addr.arpa", Kind::PrivateReverse),
    ("25.172.in-addr.arpa", Kind::PrivateReverse),
    ("26.172.in-addr.arpa", Kind::PrivateReverse),
    ("27.172.in-addr.arpa", Kind::PrivateReverse),
    ("28.172.in-addr.arpa", Kind::PrivateReverse),
    ("29.172.in-addr.arpa", Kind::PrivateReverse),
    ("30.172.in-addr.arpa", Kind::PrivateReverse),
    ("31.172.in-addr.arpa", Kind::PrivateReverse),
    ("168.192.in-addr.arpa", Kind::PrivateReverse),
    ("254.169.in-addr.arpa", Kind::PrivateReverse),
    ("255.255.255.255.in-addr.arpa", Kind::PrivateReverse),
    ("8.e.f.ip6.arpa", Kind::PrivateReverse), // fe80::/10, RFC 6303 §4.5
    ("9.e.f.ip6.arpa", Kind::PrivateReverse),
    ("a.e.f.ip6.arpa", Kind::PrivateReverse),
    ("b.e.f.ip6.arpa", Kind::PrivateReverse),
    ("c.f.ip6.arpa", Kind::PrivateReverse), // fc00::/7, RFC 6303 §4.4
    ("d.f.ip6.arpa", Kind::PrivateReverse),
];

static PARSED: LazyLock<Vec<(Name, Kind)>> = LazyLock::new(|| {
    ZONES
        .iter()
        .filter_map(|&(name, kind)| Some((name.parse().ok()?, kind)))
        .collect()
});

/// The special zone that `name` (lower-cased) is or stands in.
pub(super) fn find(name: &Name) -> Option<Kind> {
    // All these names end in one of a few labels: most names of the world are done here.
    let last = name.labels().last()?;
    if !matches!(
        last,
        b"localhost"
            | b"invalid"
            | b"test"
            | b"onion"
            | b"local"
            | b"alt"
            | b"internal"
            | b"arpa"
            | b"net"
            | b"com"
    ) {
        return None;
    }
    PARSED
        .iter()
        .find(|(zone, _)| name.is_within(zone))
        .map(|&(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_found_by_its_own_name() {
        assert_eq!(PARSED.len(), ZONES.len());
        for (name, kind) in PARSED.iter() {
            assert_eq!(find(name), Some(*kind), "{name}");
        }
    }
}
