//! Rules for addresses in answers, by network.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

/// Networks, each with the places of its rules.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    nets: HashMap<IpNet, Vec<u32>>,
    /// The lengths of prefixes that there are, the longest first.
    v4: Vec<u8>,
    v6: Vec<u8>,
}

impl Addresses {
    /// Gathers networks with the places of their rules.
    pub fn new(nets: impl Iterator<Item = (IpNet, u32)>) -> Self {
        let mut addresses = Self::default();
        let (mut v4, mut v6) = (BTreeSet::new(), BTreeSet::new());
        for (net, place) in nets {
            let net = net.trunc();
            let lengths = if net.addr().is_ipv4() {
                &mut v4
            } else {
                &mut v6
            };
            lengths.insert(net.prefix_len());
            addresses.nets.entry(net).or_default().push(place);
        }
        addresses.v4 = v4.into_iter().rev().collect();
        addresses.v6 = v6.into_iter().rev().collect();
        addresses
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nets.is_empty()
    }

    /// The places of the rules for networks that this address is in, the smallest network first.
    pub fn find(&self, address: IpAddr) -> impl Iterator<Item = u32> {
        let address = address.to_canonical();
        let lengths = if address.is_ipv4() {
            &self.v4
        } else {
            &self.v6
        };
        lengths
            .iter()
            .filter_map(move |&length| IpNet::new(address, length).ok())
            .filter_map(|net| self.nets.get(&net.trunc()))
            .flatten()
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_network_comes_first() {
        let nets = ["203.0.113.0/24", "203.0.113.9/32", "2001:db8::/32"];
        let nets = nets.map(|net| net.parse().unwrap());
        let addresses = Addresses::new(nets.into_iter().zip(0..));
        let find = |text: &str| addresses.find(text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(find("203.0.113.9"), [1, 0]);
        assert_eq!(find("203.0.113.8"), [0]);
        assert_eq!(find("::ffff:203.0.113.8"), [0]);
        assert_eq!(find("2001:db8::1"), [2]);
        assert_eq!(find("192.0.2.1"), [0_u32; 0]);
    }
}
