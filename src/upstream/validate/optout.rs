//! NSEC3 with Opt-Out: names that such a record spans may be delegated to unsigned zones, so that
//! what it proves is not secure (RFC 5155 §9.2).

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC3};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record};

/// Whether the proof in a link rests on a span with Opt-Out.
pub(super) fn spans(link: &Message) -> bool {
    let Some(asked) = link.queries.first() else {
        return false;
    };
    let is_there = link.metadata.response_code == ResponseCode::NoError;
    let records = link.authorities.iter();
    let mut records = records.filter_map(|record| Some((record, nsec3(record)?)));
    // A name that has a record of its own is no matter of spans.
    let is_its_own = |(record, nsec3): (&Record, &NSEC3)| is_of(&record.name, nsec3, asked.name());
    let has_own = is_there && records.clone().any(is_its_own);
    !has_own && records.any(|(_, nsec3)| nsec3.opt_out())
}

fn nsec3(record: &Record) -> Option<&NSEC3> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => Some(nsec3),
        _ => None,
    }
}

/// Whether a record, by its hashed owner, is that of `name`.
fn is_of(owner: &Name, nsec3: &NSEC3, name: &Name) -> bool {
    let algorithm = nsec3.hash_algorithm();
    let hash = algorithm.hash(nsec3.salt(), &name.to_lowercase(), nsec3.iterations());
    let label = owner.iter().next().unwrap_or_default();
    hash.is_ok_and(|hash| base32(hash.as_ref()).eq_ignore_ascii_case(label))
}

/// Base 32 with the extended hex alphabet (RFC 4648 §7), without padding.
fn base32(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghijklmnopqrstuv";
    let bit = |at: usize| bytes.get(at / 8).map_or(0, |byte| byte >> (7 - at % 8) & 1);
    let digit = |first: usize| (first..first + 5).fold(0, |value, at| value << 1 | bit(at));
    let digits = (0..bytes.len() * 8).step_by(5).map(digit);
    digits
        .filter_map(|digit| DIGITS.get(usize::from(digit)).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_in_rfc_4648() {
        for (text, written) in [
            ("", ""),
            ("f", "co"),
            ("fo", "cpng"),
            ("foo", "cpnmu"),
            ("foob", "cpnmuog"),
            ("foobar", "cpnmuoj1e8"),
        ] {
            assert_eq!(base32(text.as_bytes()), written.as_bytes(), "{text}");
        }
    }
}
