//! Why an answer is bogus, as far as it can be told afterwards (RFC 8914 §4.7 to §4.13).

use std::time::{SystemTime, UNIX_EPOCH};

use hickory_proto::dnssec::rdata::{DNSKEY, DNSSECRData, DS};
use hickory_proto::op::Message;
use hickory_proto::rr::{Name as HickoryName, RData, Record, RecordType as Kind};
use hickory_proto::serialize::binary::BinEncodable;

use crate::query::{Name, RecordType};

use super::chain::Chain;
use super::links::signature;

const BOGUS: u16 = 6;
const EXPIRED: u16 = 7;
const NOT_YET_VALID: u16 = 8;
const KEY_MISSING: u16 = 9;
const SIGNATURES_MISSING: u16 = 10;
const NSEC_MISSING: u16 = 12;

/// The code of the extended error for a bogus answer, or a part of it.
pub(super) async fn of(link: &Message, chain: &Chain) -> u16 {
    let now = now();
    let records = || link.answers.iter().chain(&link.authorities);
    let signatures: Vec<_> = records().filter_map(signature).collect();
    let first = signatures.first().map(|(_, rrsig)| rrsig.input());
    if let Some(code) = of_times(link, now) {
        return code;
    }
    let zone = match first {
        Some(input) => to_name(&input.signer_name),
        None => link.queries.first().and_then(|asked| {
            let name = to_name(asked.name())?;
            chain.cut_above(name)
        }),
    };
    if let Some(zone) = zone
        && let Ok(keys) = chain.look_up(zone, RecordType::DNSKEY).await
    {
        let used = first.map(|input| input.key_tag);
        let prints = chain.held(zone, RecordType::DS);
        if let Some(code) = of_keys(&keys, prints.as_deref(), used) {
            return code;
        }
    }
    if signatures.is_empty() {
        return SIGNATURES_MISSING;
    }
    if link.answers.is_empty() && !records().any(is_denial) {
        return NSEC_MISSING;
    }
    if records().any(|record| !is_signed(record, link)) {
        return SIGNATURES_MISSING;
    }
    BOGUS
}

/// What is wrong with the times of signatures, of which one good one suffices.
pub(super) fn of_times(message: &Message, now: u32) -> Option<u16> {
    let records = message.answers.iter().chain(&message.authorities);
    let signatures: Vec<_> = records.filter_map(signature).collect();
    if signatures.is_empty() {
        return None;
    }
    let is_after = |time: u32, other: u32| other.wrapping_sub(time).cast_signed() < 0;
    let mut all = signatures.iter().map(|(_, rrsig)| rrsig.input());
    if all
        .clone()
        .all(|input| is_after(now, input.sig_expiration.get()))
    {
        return Some(EXPIRED);
    }
    all.all(|input| is_after(input.sig_inception.get(), now))
        .then_some(NOT_YET_VALID)
}

/// The time as signatures have it.
pub(super) fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // RFC 4034 §3.1.5: times are serial numbers, of which the low 32 bits count.
    let seconds = since.unwrap_or_default().as_secs() & u64::from(u32::MAX);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

/// What is wrong with a zone's keys: that none is what the zone above says, or what was signed with.
fn of_keys(keys: &Message, prints: Option<&Message>, used: Option<u16>) -> Option<u16> {
    let found: Vec<&DNSKEY> = keys.answers.iter().filter_map(key).collect();
    let tags: Vec<u16> = found
        .iter()
        .filter_map(|key| key.calculate_key_tag().ok())
        .collect();
    let prints = prints.into_iter().flat_map(|prints| &prints.answers);
    let mut prints = prints.filter_map(print).peekable();
    let is_known = |(owner, print): (&HickoryName, &DS)| {
        let mut covered = found.iter().map(|key| print.covers(owner, key));
        covered.any(|covers| covers.unwrap_or(false))
    };
    let is_missing = found.is_empty()
        || used.is_some_and(|used| !tags.contains(&used))
        || prints.peek().is_some() && !prints.any(is_known);
    if is_missing {
        return Some(KEY_MISSING);
    }
    if keys.answers.iter().find_map(signature).is_none() {
        return Some(SIGNATURES_MISSING);
    }
    of_times(keys, now())
}

fn is_signed(record: &Record, response: &Message) -> bool {
    let kind = record.record_type();
    let records = response.answers.iter().chain(&response.authorities);
    let mut signatures = records.filter_map(signature);
    kind == Kind::RRSIG
        || signatures
            .any(|(owner, rrsig)| *owner == record.name && rrsig.input().type_covered == kind)
}

fn is_denial(record: &Record) -> bool {
    [Kind::NSEC, Kind::NSEC3].contains(&record.record_type())
}

fn key(record: &Record) -> Option<&DNSKEY> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DNSKEY(key)) => Some(key),
        _ => None,
    }
}

fn print(record: &Record) -> Option<(&HickoryName, &DS)> {
    match &record.data {
        RData::DNSSEC(DNSSECRData::DS(print)) => Some((&record.name, print)),
        _ => None,
    }
}

fn to_name(name: &HickoryName) -> Option<Name> {
    let name = Name::from_wire(&name.to_bytes().ok()?).ok()?;
    Some(name.to_lowercase())
}
