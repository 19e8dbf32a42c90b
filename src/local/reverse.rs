//! The reverse names of addresses (RFC 1035 §3.5, RFC 3596 §2.5).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::query::Name;

const V6_NIBBLES: usize = 32;

/// The name that PTR records of this address have. IPv4 in IPv6 form counts as IPv4.
pub(super) fn reverse_name(ip: IpAddr) -> Name {
    let labels: Vec<String> = match ip.to_canonical() {
        IpAddr::V4(ip) => ip.octets().iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(ip) => {
            let bytes = ip.octets();
            let nibbles = bytes.iter().rev().flat_map(|byte| [byte & 0xf, byte >> 4]);
            nibbles.map(|nibble| format!("{nibble:x}")).collect()
        }
    };
    let end = if ip.to_canonical().is_ipv4() {
        "in-addr.arpa"
    } else {
        "ip6.arpa"
    };
    let text = format!("{}.{end}", labels.join("."));
    text.parse().expect("digits and dots make a name")
}

/// The IPv6 address of a whole reverse name (lower-cased).
pub(super) fn address_v6(name: &Name) -> Option<Ipv6Addr> {
    let mut labels = name.labels();
    let mut bits: u128 = 0;
    for place in 0..V6_NIBBLES {
        let &[digit] = labels.next()? else {
            return None;
        };
        let nibble = char::from(digit).to_digit(16)?;
        bits |= u128::from(nibble) << (4 * place);
    }
    let end: [&[u8]; 2] = [labels.next()?, labels.next()?];
    (end == [b"ip6".as_slice(), b"arpa"] && labels.next().is_none())
        .then(|| Ipv6Addr::from_bits(bits))
}

/// The reverse name of an IPv4 address.
pub(super) fn reverse_v4(ip: Ipv4Addr) -> Name {
    reverse_name(ip.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_reverse_name_and_back() {
        let ip: Ipv6Addr = "2001:db8::567:89ab".parse().unwrap();
        let name = reverse_name(ip.into());
        assert!(name.to_string().starts_with("b.a.9.8.7.6.5.0.0."));
        assert_eq!(address_v6(&name), Some(ip));
        assert_eq!(address_v6(&name.parent().unwrap()), None);
        assert_eq!(
            reverse_name("192.0.2.10".parse().unwrap()).to_string(),
            "10.2.0.192.in-addr.arpa"
        );
    }
}
