//! Puts sets of records right, whatever an upstream makes of them: each record once, one TTL a
//! set, and nothing of DNSSEC for those who did not ask for it.

use std::collections::{HashMap, HashSet};

use hickory_proto::op::Message;
use hickory_proto::serialize::binary::BinEncodable;

use super::read::ADDITIONAL;
use crate::query::wire::{Record, name_at, u16_at};
use crate::query::{Query, RecordType};

/// What signatures and proofs are made of.
const DNSSEC: [RecordType; 3] = [RecordType::RRSIG, RecordType::NSEC, RecordType::NSEC3];

/// The message without records that stand there twice (RFC 2181 §5), without those of DNSSEC that
/// nobody asked for (RFC 4035 §3.2.1), and without addresses beside the answer, and what signs them:
/// they are what is asked for next, and nobody has held them against any rule. `None` where it is
/// right as it is, as nearly always.
pub(super) fn put_right(query: &Query, message: &[u8], records: &[Record]) -> Option<Vec<u8>> {
    let is_unasked =
        |kind: RecordType| !query.wants_dnssec() && kind != query.kind && DNSSEC.contains(&kind);
    let mut seen = HashSet::new();
    let is_again = |record: &Record| {
        !seen.insert((
            record.section,
            record.kind,
            message.get(record.data.clone()),
        ))
    };
    let is_beside = |record: &Record| {
        let data = message.get(record.data.clone()).unwrap_or_default();
        record.section == ADDITIONAL && is_of_address(record.kind, data)
    };
    let is_wrong = records.iter().any(|record| is_unasked(record.kind))
        || records.iter().any(is_beside)
        || records.len() > 1 && records.iter().any(is_again);
    if !is_wrong {
        return None;
    }
    let mut parsed = Message::from_vec(message).ok()?;
    for section in [
        &mut parsed.answers,
        &mut parsed.authorities,
        &mut parsed.additionals,
    ] {
        let mut kept = HashSet::with_capacity(section.len());
        section.retain(|record| {
            let kind = record.record_type();
            let data = record.data.to_bytes().ok();
            !is_unasked(RecordType(kind.into()))
                && data.is_none_or(|data| kept.insert((record.name.clone(), kind, data)))
        });
    }
    parsed.additionals.retain(|record| {
        let data = record.data.to_bytes().unwrap_or_default();
        !is_of_address(RecordType(record.record_type().into()), &data)
    });
    parsed.to_vec().ok()
}

/// Whether a record is an address, or signs addresses: its data begin with the type that it signs.
fn is_of_address(kind: RecordType, data: &[u8]) -> bool {
    let kind = match kind {
        RecordType::RRSIG => u16_at(data, 0).map_or(kind, RecordType),
        kind => kind,
    };
    [RecordType::A, RecordType::AAAA].contains(&kind)
}

/// Gives the records of a set the least of their TTLs (RFC 2181 §5.2).
pub(super) fn level_ttls(message: &[u8], records: &mut [Record]) {
    let differs = |(first, second): (&Record, &Record)| {
        first.kind == second.kind && first.ttl != second.ttl && first.kind != RecordType::RRSIG
    };
    // Those of a set stand together; where none differs there, there is nothing to do.
    if !records.iter().zip(records.iter().skip(1)).any(differs) {
        return;
    }
    let owners: Vec<_> = records
        .iter()
        .map(|record| name_at(message, record.at))
        .collect();
    let mut least = HashMap::with_capacity(records.len());
    for (record, owner) in records.iter().zip(&owners) {
        let ttl = least
            .entry((record.section, record.kind, owner))
            .or_insert(record.ttl);
        *ttl = record.ttl.min(*ttl);
    }
    for (record, owner) in records.iter_mut().zip(&owners) {
        let ttl = least.get(&(record.section, record.kind, owner));
        if let Some(ttl) = ttl.filter(|_| record.kind != RecordType::RRSIG) {
            record.ttl = *ttl;
        }
    }
}
