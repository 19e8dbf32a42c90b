//! NSEC3 with Opt-Out: names that such a record spans may be delegated to unsigned zones, so that
//! what it proves is not secure (RFC 5155 §9.2).

use hickory_proto::dnssec::rdata::{DNSSECRData, NSEC3};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::{Name, RData, Record};

/// RFC 9276 §3.2: from here on a proof may be refused; hickory does.
const MOST_ITERATIONS: u16 = 500;

/// Whether the proof in a link rests on a span with Opt-Out.
pub(super) fn spans(link: &Message) -> bool {
    let Some(asked) = link.queries.first() else {
        return false;
    };
    let is_there = link.metadata.response_code == ResponseCode::NoError;
    let records = link.authorities.iter();
    let mut records = records.filter_map(|record| Some((record, nsec3(record)?)));
    let Some((_, first)) = records.clone().next() else {
        return false;
    };
    // Such a proof is refused later on, and hashing would take long.
    if first.iterations() > MOST_ITERATIONS {
        return false;
    }
    // A name that has a record of its own is no matter of spans.
    let own = hashed(asked.name(), first);
    let is_its_own = |(record, nsec3): (&Record, &NSEC3)| {
        is_hashed_alike(nsec3, first) && own.as_deref().is_some_and(|own| is_of(&record.name, own))
    };
    let has_own = is_there && records.clone().any(is_its_own);
    !has_own && records.any(|(_, nsec3)| nsec3.opt_out())
}

fn nsec3(record: &Record) -> Option<&NSEC3> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::NSEC3(nsec3)) => Some(nsec3),
        _ => None,
    }
}

/// Whether two records hash names in the same way, as all of a zone do (RFC 5155 §7.2).
fn is_hashed_alike(one: &NSEC3, other: &NSEC3) -> bool {
    let way = |nsec3: &NSEC3| (nsec3.hash_algorithm(), nsec3.iterations());
    way(one) == way(other) && one.salt() == other.salt()
}

/// The first label of a name's record, hashed as `nsec3` says.
fn hashed(name: &Name, nsec3: &NSEC3) -> Option<Vec<u8>> {
    let algorithm = nsec3.hash_algorithm();
    let hash = algorithm.hash(nsec3.salt(), &name.to_lowercase(), nsec3.iterations());
    Some(base32(hash.ok()?.as_ref()))
}

/// Whether a record is that of a name, by the first labels of both.
fn is_of(owner: &Name, own: &[u8]) -> bool {
    let label = owner.iter().next().unwrap_or_default();
    own.eq_ignore_ascii_case(label)
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
    use hickory_proto::dnssec::Nsec3HashAlgorithm;
    use hickory_proto::op::Query;
    use hickory_proto::rr::RecordType;

    use super::*;

    /// A proof that `name` is not there, of so many records.
    fn proof(name: &str, (records, iterations): (u32, u16)) -> Message {
        let mut message = Message::query();
        message.queries = vec![Query::query(Name::from_ascii(name).unwrap(), RecordType::A)];
        let record = |number: u32| {
            let owner = Name::from_ascii(format!("{number:032}.example.")).unwrap();
            let salt = vec![1; 255];
            let next = vec![7; 20];
            let nsec3 = NSEC3::new(Nsec3HashAlgorithm::SHA1, true, iterations, salt, next, []);
            Record::from_rdata(owner, 300, RData::DNSSEC(DNSSECRData::NSEC3(nsec3)))
        };
        message.authorities = (0..records).map(record).collect();
        message
    }

    #[test]
    fn a_name_is_hashed_once_for_all_records_and_not_too_often() {
        assert!(spans(&proof("a.example.", (1, 0))));
        // Hashed for each, it would take minutes.
        assert!(spans(&proof("a.example.", (20_000, MOST_ITERATIONS))));
        assert!(!spans(&proof("a.example.", (1, u16::MAX))));
    }

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
