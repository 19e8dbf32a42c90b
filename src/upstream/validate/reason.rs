//! Why an answer is bogus, as far as it can be told afterwards (RFC 8914 §4.7 to §4.13).

use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, RRSIG};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name as HickoryName, RData, Record, RecordType as Kind};
use hickory_proto::serialize::binary::BinEncodable;

use crate::query::Name;

use super::chain::Chain;

const BOGUS: u16 = 6;
const EXPIRED: u16 = 7;
const NOT_YET_VALID: u16 = 8;
const KEY_MISSING: u16 = 9;
const SIGNATURES_MISSING: u16 = 10;
const NSEC_MISSING: u16 = 12;

/// The code of the extended error for a bogus answer.
pub(super) fn of(response: &Message, chain: &Chain) -> u16 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // RFC 4034 §3.1.5: times are serial numbers, of which the low 32 bits count.
    let seconds = since.unwrap_or_default().as_secs() & u64::from(u32::MAX);
    let now = u32::try_from(seconds).unwrap_or(u32::MAX);
    let records = || response.answers.iter().chain(&response.authorities);
    let signatures: Vec<&RRSIG> = records().filter_map(signature).collect();
    let Some(first) = signatures.first() else {
        return SIGNATURES_MISSING;
    };
    if let Some(code) = of_times(&signatures, now) {
        return code;
    }
    let zone = &first.input().signer_name;
    let keys = to_name(zone).and_then(|zone| chain.keys_of(zone));
    if let Some(code) = keys.and_then(|keys| of_keys(&keys, first, now)) {
        return code;
    }
    if response.answers.is_empty() && !records().any(is_denial) {
        return NSEC_MISSING;
    }
    if records().any(|record| !is_signed(record, response)) {
        return SIGNATURES_MISSING;
    }
    BOGUS
}

/// What is wrong with the times of signatures, of which one good one suffices.
fn of_times(signatures: &[&RRSIG], now: u32) -> Option<u16> {
    let is_after = |time: u32, other: u32| other.wrapping_sub(time).cast_signed() < 0;
    let is_expired = |rrsig: &&RRSIG| is_after(now, rrsig.input().sig_expiration.get());
    let is_early = |rrsig: &&RRSIG| is_after(rrsig.input().sig_inception.get(), now);
    if signatures.iter().all(is_expired) {
        return Some(EXPIRED);
    }
    signatures.iter().all(is_early).then_some(NOT_YET_VALID)
}

fn of_keys(keys: &Message, signature: &RRSIG, now: u32) -> Option<u16> {
    let tags = keys.answers.iter().filter_map(key);
    let mut tags = tags.filter_map(|key| key.calculate_key_tag().ok());
    if !tags.any(|tag| tag == signature.input().key_tag) {
        return Some(KEY_MISSING);
    }
    let signatures: Vec<&RRSIG> = keys.answers.iter().filter_map(self::signature).collect();
    if signatures.is_empty() {
        return Some(SIGNATURES_MISSING);
    }
    of_times(&signatures, now)
}

fn is_signed(record: &Record, response: &Message) -> bool {
    let kind = record.record_type();
    let records = response.answers.iter().chain(&response.authorities);
    let mut signatures = records.filter(|other| other.name == record.name);
    kind == Kind::RRSIG
        || signatures
            .any(|other| signature(other).is_some_and(|rrsig| rrsig.input().type_covered == kind))
}

fn is_denial(record: &Record) -> bool {
    [Kind::NSEC, Kind::NSEC3].contains(&record.record_type())
}

fn signature(record: &Record) -> Option<&RRSIG> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::RRSIG(signature)) => Some(signature),
        _ => None,
    }
}

fn key(record: &Record) -> Option<&DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    }
}

fn to_name(name: &HickoryName) -> Option<Name> {
    let name = Name::from_wire(&name.to_bytes().ok()?).ok()?;
    Some(name.to_lowercase())
}
