//! `[[upstream.route]]`: names that other servers are asked for.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::iter;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::config::section::{Read, Section};
use crate::config::tree::Item;
use crate::config::value;

use super::ServerUrl;
use super::server::is_host_name;

/// Names, and the servers that are asked for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// Domains, with all names below: without a final dot, in lower case. Networks have become
    /// their reverse zones.
    pub domains: Vec<String>,
    /// The servers, in the order of preference.
    pub servers: Vec<ServerUrl>,
}

/// All routes. Where several cover a name, the most specific counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routes {
    routes: Vec<Route>,
    /// From a domain in wire format to its route's place.
    places: HashMap<Box<[u8]>, usize>,
}

/// The name without its first label, in wire format.
fn above(name: &[u8]) -> Option<&[u8]> {
    name.get(1 + usize::from(*name.first()?)..)
}

impl Routes {
    /// These routes; a domain that several have belongs to the first.
    pub fn new(routes: Vec<Route>) -> Self {
        let mut places = HashMap::new();
        for (place, route) in routes.iter().enumerate() {
            for domain in &route.domains {
                places.entry(to_wire(domain)).or_insert(place);
            }
        }
        Self { routes, places }
    }

    /// Every route, in the order of the file.
    pub fn all(&self) -> &[Route] {
        &self.routes
    }

    /// Whether a domain below a name is routed, which is given in wire format and lower case.
    pub fn has_below(&self, name: &[u8]) -> bool {
        let mut domains = self.places.keys();
        domains
            .any(|domain| iter::successors(above(domain), |name| above(name)).any(|up| up == name))
    }

    /// The place of the route that covers a name, which is given in wire format and lower case.
    pub fn find(&self, mut name: &[u8]) -> Option<usize> {
        if self.places.is_empty() {
            return None;
        }
        loop {
            if let Some(place) = self.places.get(name) {
                return Some(*place);
            }
            name = above(name)?;
        }
    }

    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut routes: Vec<Route> = Vec::new();
        section.each("route", |section| {
            let right =
                "at least one domain or network, such as \"fritz.box\" or \"192.168.178.0/24\"";
            let domains = section.some("domains", right, Vec::new(), read_domain);
            let domains: Vec<String> = domains.into_iter().flatten().collect();
            let servers = section.some("servers", "at least one", Vec::new(), ServerUrl::read);
            let is_twice =
                |domain: &&String| routes.iter().any(|route| route.domains.contains(domain));
            if let Some(domain) = domains.iter().find(is_twice) {
                section.wrong(
                    "domains",
                    format!("{domain:?} has a route already: remove it in one"),
                );
            }
            routes.push(Route { domains, servers });
        });
        Self::new(routes)
    }
}

/// A domain, or the reverse zones of a network.
fn read_domain(item: &Item) -> Read<Vec<String>> {
    let text = item.text().unwrap_or_default().trim();
    if let Some(network) = value::network(text) {
        return reverse_zones(network)
            .ok_or_else(|| "write a network with a prefix of at least 1".to_owned());
    }
    let domain = text.trim_end_matches('.').to_ascii_lowercase();
    if is_host_name(&domain) {
        return Ok(vec![domain]);
    }
    Err("write a domain such as \"fritz.box\", or a network such as \"192.168.178.0/24\"".into())
}

/// The zones that hold the names of a network's addresses: one, or up to 128 where its prefix does
/// not end at a label's border (RFC 1035 §3.5, RFC 3596 §2.5).
fn reverse_zones(network: IpNet) -> Option<Vec<String>> {
    let (bits, zone) = match network.addr() {
        IpAddr::V4(_) => (8, "in-addr.arpa"),
        IpAddr::V6(_) => (4, "ip6.arpa"),
    };
    let labels = network.prefix_len().div_ceil(bits);
    if labels == 0 {
        return None;
    }
    let subnets = network.subnets(labels * bits).ok()?;
    let name = |subnet: IpNet| {
        let digits: Vec<String> = match subnet.addr() {
            IpAddr::V4(ip) => ip.octets().iter().map(u8::to_string).collect(),
            IpAddr::V6(ip) => {
                let hex = |byte: &u8| [byte >> 4, byte & 0xf].map(|digit| format!("{digit:x}"));
                ip.octets().iter().flat_map(hex).collect()
            }
        };
        let mut name = String::new();
        for digit in digits.iter().take(usize::from(labels)).rev() {
            let _infallible = write!(name, "{digit}.");
        }
        name + zone
    };
    Some(subnets.map(name).collect())
}

fn to_wire(domain: &str) -> Box<[u8]> {
    let mut wire = Vec::with_capacity(domain.len() + 2);
    for label in domain.split('.') {
        // A host name's labels have been checked to be short; a longer one matches no name.
        wire.push(u8::try_from(label.len()).unwrap_or(u8::MAX));
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(network: &str) -> Vec<String> {
        reverse_zones(network.parse().unwrap()).unwrap()
    }

    #[test]
    fn a_network_becomes_its_reverse_zones() {
        assert_eq!(zones("192.168.178.0/24"), ["178.168.192.in-addr.arpa"]);
        assert_eq!(zones("10.0.0.0/8"), ["10.in-addr.arpa"]);
        assert_eq!(zones("192.0.2.7/32"), ["7.2.0.192.in-addr.arpa"]);
        assert_eq!(zones("fd00::/8"), ["d.f.ip6.arpa"]);
        let some = zones("192.168.4.0/23");
        assert_eq!(some, ["4.168.192.in-addr.arpa", "5.168.192.in-addr.arpa"]);
        assert_eq!(zones("172.16.0.0/12").len(), 16);
        assert_eq!(reverse_zones("0.0.0.0/0".parse().unwrap()), None);
    }

    #[test]
    fn the_most_specific_domain_counts() {
        let route = |domains: &[&str]| Route {
            domains: domains.iter().map(|&domain| domain.to_owned()).collect(),
            servers: vec!["udp://192.0.2.1".parse().unwrap()],
        };
        let routes = Routes::new(vec![
            route(&["example", "d.f.ip6.arpa"]),
            route(&["home.example"]),
        ]);
        let find = |name: &str| routes.find(&to_wire(name));
        assert_eq!(find("example"), Some(0));
        assert_eq!(find("www.example"), Some(0));
        assert_eq!(find("home.example"), Some(1));
        assert_eq!(find("nas.home.example"), Some(1));
        assert_eq!(find("1.0.d.f.ip6.arpa"), Some(0));
        assert_eq!(find("nothome.test"), None);
        assert_eq!(Routes::default().find(&to_wire("example")), None);
    }
}
