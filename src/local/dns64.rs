//! DNS64 (RFC 6147): IPv6 addresses for servers that have none, so that a home without IPv4
//! reaches them through its provider's translator.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::rdata::AAAA;
use hickory_proto::rr::{RData, Record, RecordType as Kind};
use ipnet::Ipv6Net;

use super::rebinding;
use super::reverse::{address_v6, reverse_v4};
use crate::query::wire;
use crate::query::{Name, Query, RecordType};

/// The length of a message's header, and where it counts the answers.
const HEADER: usize = 12;
const ANSWERS_AT: usize = 6;

/// RFC 6052 §2.1: the prefix that all translators may share.
const WELL_KNOWN: Ipv6Addr = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0);
/// `::ffff:0:0/96`: IPv4 addresses in IPv6 form (RFC 4291 §2.5.5.2).
const MAPPED: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/// The prefix under which the translator finds IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dns64 {
    prefix: Ipv6Net,
}

impl Dns64 {
    /// A prefix of one of the lengths of RFC 6052 §2.2, as the config checks.
    pub fn new(prefix: Ipv6Net) -> Self {
        Self { prefix }
    }

    /// Whether the question may need an answer that is made here.
    ///
    /// RFC 6147 §5.5: who checks signatures itself would find ours wrong.
    pub fn applies(&self, query: &Query) -> bool {
        query.kind == RecordType::AAAA && !(query.wants_dnssec() && query.checks_itself())
    }

    /// Makes the answer to an AAAA question of that to A, with the question of `query`. `None`
    /// where there is nothing to make it of.
    pub fn synthesize(&self, query: &Query, answer: &[u8], ttl_at_most: u32) -> Option<Vec<u8>> {
        let mut message = Message::from_vec(answer).ok()?;
        if message.metadata.response_code != ResponseCode::NoError {
            return None;
        }
        for question in &mut message.queries {
            question.set_query_type(Kind::from(query.kind.0));
        }
        let mut made = false;
        message.answers.retain(|record| match record.data {
            RData::A(address) => self.reaches(address.0),
            RData::CNAME(_) => true,
            _ => record.record_type() == Kind::DNAME,
        });
        for record in &mut message.answers {
            if let RData::A(address) = record.data {
                let ttl = record.ttl.min(ttl_at_most);
                let data = RData::AAAA(AAAA(self.embed(address.0)));
                *record = Record::from_rdata(record.name.clone(), ttl, data);
                made = true;
            }
        }
        // What is made here is signed by nobody.
        message.metadata.authentic_data = false;
        message.authorities.clear();
        message.additionals.clear();
        message.edns = None;
        made.then(|| message.to_vec().ok()).flatten()
    }

    /// Whether the translator may be asked for an address: under the prefix that all share, addresses
    /// of homes mean nothing (RFC 6052 §3.1).
    fn reaches(self, ip: Ipv4Addr) -> bool {
        self.prefix.network() != WELL_KNOWN || !rebinding::is_of_the_home(ip.into())
    }

    /// The reverse name of the IPv4 address in a reverse name below the prefix (RFC 6147 §5.3.1).
    pub(super) fn reverse(&self, name: &Name) -> Option<Name> {
        let address = address_v6(name)?;
        let is_below = self.prefix.contains(&address);
        is_below.then(|| reverse_v4(self.extract(address)))
    }

    /// RFC 6052 §2.2: behind the prefix, but around the byte of bits 64 to 71.
    fn embed(self, ip: Ipv4Addr) -> Ipv6Addr {
        let mut bytes = self.prefix.network().octets();
        for (place, byte) in self.places().zip(ip.octets()) {
            if let Some(into) = bytes.get_mut(place) {
                *into = byte;
            }
        }
        bytes.into()
    }

    /// The IPv4 address that the translator makes of one below the prefix.
    pub(super) fn translated(self, address: IpAddr) -> Option<Ipv4Addr> {
        match address {
            IpAddr::V6(ip) if self.prefix.contains(&ip) => Some(self.extract(ip)),
            _ => None,
        }
    }

    fn extract(self, ip: Ipv6Addr) -> Ipv4Addr {
        let bytes = ip.octets();
        let mut found = [0; 4];
        for (into, place) in found.iter_mut().zip(self.places()) {
            *into = bytes.get(place).copied().unwrap_or(0);
        }
        found.into()
    }

    fn places(self) -> impl Iterator<Item = usize> {
        let start = usize::from(self.prefix.prefix_len() / 8);
        (start..16).filter(|place| *place != 8)
    }
}

/// Whether an answer has addresses that nobody reaches over IPv6 (RFC 6147 §5.1.4).
pub(super) fn has_mapped(message: &[u8]) -> bool {
    let mut at = wire::skip_name(message, HEADER).map_or(usize::MAX, |end| end + 4);
    for _ in 0..wire::u16_at(message, ANSWERS_AT).unwrap_or(0) {
        let Some(record) = wire::read_record(message, 0, at) else {
            return false;
        };
        let data = message.get(record.data.clone()).unwrap_or_default();
        if record.kind == RecordType::AAAA && data.starts_with(&MAPPED) {
            return true;
        }
        at = record.data.end;
    }
    false
}

/// The message without such addresses; those that stay are signed by nobody.
pub(super) fn without_mapped(message: &[u8]) -> Option<Vec<u8>> {
    let mut message = Message::from_vec(message).ok()?;
    message.answers.retain(|record| match &record.data {
        RData::AAAA(address) => !address.0.octets().starts_with(&MAPPED),
        _ => record.record_type() != Kind::RRSIG,
    });
    message.metadata.authentic_data = false;
    message.to_vec().ok()
}

#[cfg(test)]
mod tests {
    use hickory_proto::op::{MessageType, OpCode, Query as Question};
    use hickory_proto::rr::rdata::{A, CNAME};

    use super::*;

    fn dns64(prefix: &str) -> Dns64 {
        Dns64::new(prefix.parse().unwrap())
    }

    #[test]
    fn an_address_stands_where_the_prefix_says() {
        // The examples of RFC 6052 §2.4.
        for (prefix, expected) in [
            ("2001:db8::/32", "2001:db8:c000:221::"),
            ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
            ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
            ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
            ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100::"),
            ("2001:db8:122:344::/96", "2001:db8:122:344::192.0.2.33"),
            ("64:ff9b::/96", "64:ff9b::192.0.2.33"),
        ] {
            let ip = Ipv4Addr::new(192, 0, 2, 33);
            let embedded = dns64(prefix).embed(ip);
            assert_eq!(embedded, expected.parse::<Ipv6Addr>().unwrap(), "{prefix}");
            assert_eq!(dns64(prefix).extract(embedded), ip, "{prefix}");
            let name = super::super::reverse::reverse_name(embedded.into());
            assert_eq!(
                dns64(prefix).reverse(&name),
                Some(reverse_v4(ip)),
                "{prefix}"
            );
        }
        let outside = super::super::reverse::reverse_name("2001:db8::1".parse().unwrap());
        assert_eq!(dns64("64:ff9b::/96").reverse(&outside), None);
    }

    fn answer(records: Vec<(&str, RData)>) -> Vec<u8> {
        let mut message = Message::new(1, MessageType::Response, OpCode::Query);
        let name = "www.example.".parse().unwrap();
        message.add_query(Question::query(name, Kind::A));
        for (owner, data) in records {
            message.add_answer(Record::from_rdata(owner.parse().unwrap(), 300, data));
        }
        message.to_vec().unwrap()
    }

    #[test]
    fn addresses_are_made_behind_an_alias() {
        let held = answer(vec![
            (
                "www.example.",
                RData::CNAME(CNAME("host.example.".parse().unwrap())),
            ),
            ("host.example.", RData::A(A::new(192, 0, 2, 33))),
        ]);
        let query = Query::internal("www.example".parse().unwrap(), RecordType::AAAA);
        let made = dns64("64:ff9b::/96").synthesize(&query, &held, 60).unwrap();
        let made = Message::from_vec(&made).unwrap();
        assert_eq!(made.queries[0].query_type(), Kind::AAAA);
        let data: Vec<String> = made
            .answers
            .iter()
            .map(|record| record.data.to_string())
            .collect();
        assert_eq!(data, ["host.example.", "64:ff9b::c000:221"]);
        assert_eq!(made.answers[1].ttl, 60);
        assert_eq!(
            dns64("64:ff9b::/96").synthesize(&query, &answer(Vec::new()), 60),
            None
        );
    }

    #[test]
    fn who_checks_signatures_itself_gets_none() {
        let mut query = Query::internal("www.example".parse().unwrap(), RecordType::AAAA);
        let dns64 = dns64("64:ff9b::/96");
        assert!(dns64.applies(&query));
        query.flags |= 0x0010;
        query.edns = Some(crate::query::Edns {
            dnssec_ok: true,
            ..Default::default()
        });
        assert!(!dns64.applies(&query));
        query.kind = RecordType::A;
        assert!(!dns64.applies(&query));
    }

    #[test]
    fn addresses_of_homes_have_no_place_under_the_prefix_that_all_share() {
        let query = Query::internal("www.example".parse().unwrap(), RecordType::AAAA);
        let held = answer(vec![
            ("www.example.", RData::A(A::new(192, 168, 1, 1))),
            ("www.example.", RData::A(A::new(192, 0, 2, 33))),
        ]);
        let made = |prefix: &str| {
            let made = dns64(prefix).synthesize(&query, &held, 60).unwrap();
            let made = Message::from_vec(&made).unwrap();
            let data = made.answers.iter().map(|record| record.data.to_string());
            data.collect::<Vec<_>>()
        };
        assert_eq!(made("64:ff9b::/96"), ["64:ff9b::c000:221"]);
        let own = ["2001:db8::c0a8:101", "2001:db8::c000:221"];
        assert_eq!(made("2001:db8::/96"), own);
        let home = answer(vec![("www.example.", RData::A(A::new(10, 0, 0, 1)))]);
        assert_eq!(dns64("64:ff9b::/96").synthesize(&query, &home, 60), None);
    }

    #[test]
    fn ipv4_in_ipv6_form_is_left_out() {
        let address = |ip: &str| ("www.example.", RData::AAAA(AAAA(ip.parse().unwrap())));
        let real = answer(vec![address("2001:db8::7")]);
        assert!(!has_mapped(&real));
        for length in 0..real.len() {
            assert!(!has_mapped(&real[..length]), "{length}");
        }
        let mixed = answer(vec![address("2001:db8::7"), address("::ffff:192.0.2.7")]);
        assert!(has_mapped(&mixed));
        assert_eq!(without_mapped(&mixed), Some(real));
    }
}
