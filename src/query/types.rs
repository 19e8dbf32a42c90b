//! Record types and response codes: numbers with their names (IANA DNS parameters).

use std::fmt;
use std::str::FromStr;

/// A record type, known to us or not (RFC 3597).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct RecordType(pub u16);

macro_rules! record_types {
    ($($name:ident = $number:literal $text:literal),+ $(,)?) => {
        impl RecordType {
            $(#[doc = concat!("The type ", $text, ".")] pub const $name: Self = Self($number);)+

            /// The name by which it is known, if it is.
            pub fn known_name(self) -> Option<&'static str> {
                match self.0 {
                    $($number => Some($text),)+
                    _ => None,
                }
            }
        }

        impl FromStr for RecordType {
            type Err = UnknownType;

            /// Reads `AAAA`, `aaaa` or `TYPE28`.
            fn from_str(text: &str) -> Result<Self, UnknownType> {
                $(if text.eq_ignore_ascii_case($text) {
                    return Ok(Self($number));
                })+
                text.split_at_checked(4)
                    .filter(|(word, _)| word.eq_ignore_ascii_case("TYPE"))
                    .and_then(|(_, number)| number.parse().ok())
                    .map(Self)
                    .ok_or_else(|| UnknownType(text.to_owned()))
            }
        }
    };
}

record_types! {
    A = 1 "A", NS = 2 "NS", CNAME = 5 "CNAME", SOA = 6 "SOA", PTR = 12 "PTR", HINFO = 13 "HINFO",
    MX = 15 "MX", TXT = 16 "TXT", AAAA = 28 "AAAA", LOC = 29 "LOC", SRV = 33 "SRV",
    NAPTR = 35 "NAPTR", DNAME = 39 "DNAME", OPT = 41 "OPT", DS = 43 "DS", SSHFP = 44 "SSHFP",
    RRSIG = 46 "RRSIG", NSEC = 47 "NSEC", DNSKEY = 48 "DNSKEY", NSEC3 = 50 "NSEC3",
    TLSA = 52 "TLSA", SVCB = 64 "SVCB", HTTPS = 65 "HTTPS", IXFR = 251 "IXFR", AXFR = 252 "AXFR",
    ANY = 255 "ANY", CAA = 257 "CAA",
}

/// A text that names no record type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no record type; examples: A, AAAA, HTTPS, TYPE65")]
pub struct UnknownType(String);

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_name() {
            Some(name) => f.write_str(name),
            None => write!(f, "TYPE{}", self.0),
        }
    }
}

/// A response code, with the upper bits that EDNS adds (RFC 6891 §6.1.3).
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub struct Rcode(pub u16);

impl Rcode {
    /// The question was answered, perhaps with nothing.
    pub const NOERROR: Self = Self(0);
    /// The query could not be read.
    pub const FORMERR: Self = Self(1);
    /// We could not find out.
    pub const SERVFAIL: Self = Self(2);
    /// The name does not exist.
    pub const NXDOMAIN: Self = Self(3);
    /// We do not do this kind of request.
    pub const NOTIMP: Self = Self(4);
    /// We do not answer this asker, or this question.
    pub const REFUSED: Self = Self(5);
    /// The EDNS version is not 0 (RFC 6891 §6.1.3).
    pub const BADVERS: Self = Self(16);

    /// The bits that do not fit into the header, and stand in the OPT record.
    pub(super) fn upper_bits(self) -> u8 {
        u8::try_from(self.0 >> 4).unwrap_or(0)
    }
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            16 => "BADVERS",
            other => return write!(f, "RCODE{other}"),
        };
        f.write_str(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_reads_back_from_its_text() {
        for number in 0..=300 {
            let kind = RecordType(number);
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!("https".parse(), Ok(RecordType::HTTPS));
        assert!("BOGUS".parse::<RecordType>().is_err());
    }
}
