//! One record of our own: from the words of people to the wire.

use std::net::IpAddr;

use super::data::record_data;
use super::reverse::reverse_name;
use crate::query::{Name, RecordType};

/// The types that people may give, each with an example of its value.
const KINDS: [(RecordType, &str); 10] = [
    (RecordType::A, "192.0.2.10"),
    (RecordType::AAAA, "2001:db8::10"),
    (RecordType::CNAME, "nas.example"),
    (RecordType::TXT, "some text"),
    (RecordType::SRV, "0 0 5060 phone.example"),
    (RecordType::MX, "10 mail.example"),
    (RecordType::PTR, "nas.example"),
    (RecordType::HTTPS, "1 . alpn=h2 ipv4hint=192.0.2.10"),
    (RecordType::SVCB, "1 dns.example alpn=dot"),
    (RecordType::CAA, "0 issue \"ca.example\""),
];

/// One record of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Whose it is, lower-cased; of a wildcard what stands behind the star.
    pub name: Name,
    /// Whether it is for every name below `name` that has no record of its own.
    pub is_wildcard: bool,
    /// Its type.
    pub kind: RecordType,
    /// How long others may keep it, in seconds.
    pub ttl: u32,
    /// Its data in wire format.
    pub data: Box<[u8]>,
}

/// Why something is no record, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Its name.
    #[error("{0}: write a name such as \"nas.home.arpa\", or \"*.nas.home.arpa\" for all below it")]
    Name(String),
    /// Its type.
    #[error("write one of {}", kinds())]
    Kind,
    /// Its value looks like no address, so that it could be of several types.
    #[error("is missing: the value is no address, so write the type, such as \"CNAME\"")]
    NoKind,
    /// Its value.
    #[error("is no {kind}: write it such as {example:?}")]
    Value {
        /// The type.
        kind: RecordType,
        /// A value of it.
        example: &'static str,
    },
}

impl RecordError {
    /// The key whose value is wrong.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Kind | Self::NoKind => "type",
            Self::Value { .. } => "value",
        }
    }
}

fn kinds() -> String {
    let kinds: Vec<String> = KINDS.iter().map(|(kind, _)| kind.to_string()).collect();
    kinds.join(", ")
}

impl Record {
    /// Understands a record as people write it; without a type, that of an address is seen.
    pub fn parse(
        name: &str,
        kind: Option<&str>,
        value: &str,
        ttl: u32,
    ) -> Result<Self, RecordError> {
        let address = value.trim().parse::<IpAddr>().ok();
        let kind = match (kind, address) {
            (Some(kind), _) => kind.parse().map_err(|_| RecordError::Kind)?,
            (None, Some(IpAddr::V4(_))) => RecordType::A,
            (None, Some(IpAddr::V6(_))) => RecordType::AAAA,
            (None, None) => return Err(RecordError::NoKind),
        };
        let known = KINDS.iter().find(|(known, _)| *known == kind);
        let &(_, example) = known.ok_or(RecordError::Kind)?;
        let (name, is_wildcard) = match name.trim().strip_prefix("*.") {
            Some(parent) => (read_name(parent)?, true),
            None => (owner(name.trim(), kind)?, false),
        };
        Ok(Self {
            name,
            is_wildcard,
            kind,
            ttl,
            data: data(kind, value.trim())
                .ok_or(RecordError::Value { kind, example })?
                .into(),
        })
    }

    /// The record of an address.
    pub(super) fn address(name: Name, address: IpAddr, ttl: u32) -> Self {
        let (kind, data): (_, Box<[u8]>) = match address {
            IpAddr::V4(ip) => (RecordType::A, ip.octets().into()),
            IpAddr::V6(ip) => (RecordType::AAAA, ip.octets().into()),
        };
        Self {
            name,
            is_wildcard: false,
            kind,
            ttl,
            data,
        }
    }

    /// The address that it gives, if it does.
    pub(super) fn to_address(&self) -> Option<IpAddr> {
        match self.kind {
            RecordType::A => Some(<[u8; 4]>::try_from(&*self.data).ok()?.into()),
            RecordType::AAAA => Some(<[u8; 16]>::try_from(&*self.data).ok()?.into()),
            _ => None,
        }
    }
}

/// A PTR record may be written with the address itself.
fn owner(text: &str, kind: RecordType) -> Result<Name, RecordError> {
    match text.parse() {
        Ok(ip) if kind == RecordType::PTR => Ok(reverse_name(ip)),
        _ => read_name(text),
    }
}

/// A name as people write it, in any script.
pub(super) fn read_name(text: &str) -> Result<Name, RecordError> {
    let wrong = |why: &dyn std::fmt::Display| RecordError::Name(why.to_string());
    let ascii;
    let text = if text.is_ascii() {
        text
    } else {
        ascii = idna::domain_to_ascii(text).map_err(|_| wrong(&"is no name in any script"))?;
        &ascii
    };
    if text.is_empty() || text == "." {
        return Err(wrong(&"is empty"));
    }
    if text
        .bytes()
        .any(|byte| byte.is_ascii_whitespace() || b"*/:@".contains(&byte))
    {
        return Err(wrong(&"is no name"));
    }
    let name: Name = text.parse().map_err(|why| wrong(&why))?;
    Ok(name.to_lowercase())
}

fn data(kind: RecordType, value: &str) -> Option<Vec<u8>> {
    match kind {
        // Without quotes it is one text, spaces and all.
        RecordType::TXT if !value.starts_with('"') => Some(texts(value.as_bytes())),
        // The reader of zone files takes names in ASCII.
        RecordType::CNAME | RecordType::PTR => Some(read_name(value).ok()?.as_wire().to_vec()),
        RecordType::A => Some(value.parse::<std::net::Ipv4Addr>().ok()?.octets().into()),
        RecordType::AAAA => Some(value.parse::<std::net::Ipv6Addr>().ok()?.octets().into()),
        _ => record_data(kind, value),
    }
}

/// RFC 1035 §3.3.14: texts of up to 255 bytes, each behind its length.
fn texts(text: &[u8]) -> Vec<u8> {
    if text.is_empty() {
        return vec![0];
    }
    let with_length = |part: &[u8]| {
        let length = u8::try_from(part.len()).unwrap_or(u8::MAX);
        [&[length], part].concat()
    };
    text.chunks(usize::from(u8::MAX))
        .flat_map(with_length)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(name: &str, kind: Option<&str>, value: &str) -> Result<Record, RecordError> {
        Record::parse(name, kind, value, 300)
    }

    #[test]
    fn the_type_of_an_address_is_seen() {
        let v4 = parse("NAS.home.arpa", None, "192.0.2.10").unwrap();
        assert_eq!((v4.kind, &*v4.data), (RecordType::A, &[192, 0, 2, 10][..]));
        assert_eq!(v4.name.to_string(), "nas.home.arpa");
        assert_eq!(
            parse("nas", None, "2001:db8::1").unwrap().kind,
            RecordType::AAAA
        );
        assert_eq!(
            parse("nas", None, "other.example"),
            Err(RecordError::NoKind)
        );
    }

    #[test]
    fn every_type_takes_its_example() {
        for (kind, example) in KINDS {
            let record = parse("nas.example", Some(&kind.to_string()), example);
            assert!(!record.unwrap().data.is_empty(), "{kind}");
        }
    }

    #[test]
    fn a_text_without_quotes_is_one_text() {
        let txt = |value: &str| parse("nas.example", Some("txt"), value).unwrap().data;
        assert_eq!(&*txt("v=spf1 -all"), b"\x0bv=spf1 -all");
        assert_eq!(&*txt("\"two words\" more"), b"\x09two words\x04more");
        let long = txt(&"x".repeat(300));
        assert_eq!((long.len(), long[0], long[256]), (302, 255, 45));
    }

    #[test]
    fn a_star_stands_for_all_below() {
        let record = parse("*.nas.example", None, "192.0.2.10").unwrap();
        assert!(record.is_wildcard);
        assert_eq!(record.name.to_string(), "nas.example");
        for name in ["*", "a.*.example", "*nas.example", "", "two words", "a..b"] {
            let error = parse(name, None, "192.0.2.10").unwrap_err();
            assert_eq!(error.key(), "name", "{name}");
        }
    }

    #[test]
    fn a_ptr_may_be_written_with_its_address() {
        let record = parse("192.0.2.10", Some("PTR"), "nas.example").unwrap();
        assert_eq!(record.name.to_string(), "10.2.0.192.in-addr.arpa");
    }

    #[test]
    fn other_scripts_are_taken() {
        let record = parse("Müller.example", Some("CNAME"), "bücher.example").unwrap();
        assert_eq!(record.name.to_string(), "xn--mller-kva.example");
        assert_eq!(&*record.data, b"\x0dxn--bcher-kva\x07example\x00");
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_right() {
        let told = |kind, value| {
            parse("nas.example", Some(kind), value)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            told("MX", "mail.example"),
            "is no MX: write it such as \"10 mail.example\""
        );
        assert_eq!(
            told("A", "2001:db8::1"),
            "is no A: write it such as \"192.0.2.10\""
        );
        assert!(told("SOA", "x").starts_with("write one of A, AAAA, CNAME"));
    }
}
