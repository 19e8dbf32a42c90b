//! `[dns]`: where we listen, and whom we answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::section::{Read, Section};
use super::tls::Tls;
use super::tree::Item;
use super::value;

/// Where we listen, and whom we answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Dns {
    /// Addresses for UDP and TCP.
    pub listen: Vec<SocketAddr>,
    /// DNS threads; 0 = one a core.
    pub workers: usize,
    /// Who is answered; others get REFUSED.
    pub allow_from: AllowFrom,
    /// How much one device address may ask.
    pub rate_limit: RateLimit,
    /// `[dns.tls]`: encrypted DNS, where it is served.
    pub tls: Option<Tls>,
}

impl Default for Dns {
    fn default() -> Self {
        Self {
            listen: vec![
                SocketAddr::from((Ipv4Addr::UNSPECIFIED, 53)),
                SocketAddr::from((Ipv6Addr::UNSPECIFIED, 53)),
            ],
            workers: 0,
            allow_from: AllowFrom {
                networks: private_networks(),
            },
            rate_limit: RateLimit {
                queries_per_second: 1000,
                burst: 2000,
            },
            tls: None,
        }
    }
}

impl Dns {
    pub(super) fn read(section: &mut Section<'_>, base: &Path) -> Self {
        let default = Self::default();
        let right = "at least one address, such as \"0.0.0.0:53\"";
        let listen = section.some("listen", right, default.listen, value::socket);
        for (at, address) in listen.iter().enumerate() {
            let before = listen.get(..at).unwrap_or_default();
            if address.port() != 0 && before.contains(address) {
                section.wrong("listen", format!("has {address} twice: remove one"));
            }
        }
        Self {
            listen,
            workers: section.value("workers", default.workers, |item| {
                value::whole(item, 0..=256)
            }),
            allow_from: AllowFrom::read(section, default.allow_from),
            rate_limit: section.section("rate_limit", RateLimit::read),
            tls: Tls::read(section, base),
        }
    }
}

/// The networks whose queries are answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowFrom {
    /// `private` and `any` are already spelled out here.
    pub networks: Vec<IpNet>,
}

impl AllowFrom {
    fn read(section: &mut Section<'_>, default: Self) -> Self {
        let right = "\"private\", \"any\", or networks";
        let given = section.some("allow_from", right, vec![default.networks], networks);
        Self {
            networks: given.into_iter().flatten().collect(),
        }
    }

    /// Whether a query from this address is answered. IPv4 in IPv6 form counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.networks
            .iter()
            .any(|network| network.contains(&address))
    }
}

fn networks(item: &Item) -> Read<Vec<IpNet>> {
    let right = "write \"private\", \"any\", or a network such as \"192.168.0.0/16\"";
    match item.text() {
        Some("private") => Ok(private_networks()),
        Some("any") => Ok(vec![Ipv4Net::default().into(), Ipv6Net::default().into()]),
        Some(text) => value::network(text)
            .map(|network| vec![network])
            .ok_or_else(|| right.to_owned()),
        None => Err(right.to_owned()),
    }
}

/// RFC 1918, RFC 4193, link-local and loopback.
pub fn private_networks() -> Vec<IpNet> {
    const TEXTS: [&str; 8] = [
        "127.0.0.0/8",
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "169.254.0.0/16",
        "::1/128",
        "fc00::/7",
        "fe80::/10",
    ];
    TEXTS.iter().filter_map(|text| text.parse().ok()).collect()
}

/// A token bucket for each asking address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Queries a second in the long run; 0 = no limit.
    pub queries_per_second: u32,
    /// Queries at once after a quiet time.
    pub burst: u32,
}

impl RateLimit {
    fn read(section: &mut Section<'_>) -> Self {
        let default = Dns::default().rate_limit;
        let number = |item: &Item| value::whole(item, 0..=1_000_000);
        let limit = Self {
            queries_per_second: section.value(
                "queries_per_second",
                default.queries_per_second,
                number,
            ),
            burst: section.value("burst", default.burst, number),
        };
        if limit.queries_per_second > 0 && limit.burst == 0 {
            section.wrong(
                "burst",
                "= 0 lets nobody ask: write at least 1, or queries_per_second = 0 for no limit",
            );
        }
        limit
    }
}
