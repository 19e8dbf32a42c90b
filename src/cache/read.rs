//! Reads an upstream's message, as far as holding it matters.

use std::time::Duration;

use hickory_proto::op::Message;

use super::sets;
use super::targets::RecordTargets;
use crate::config;
use crate::query::wire::{self, Record, u16_at, u32_at};
use crate::query::{Query, Rcode, RecordType};

/// The length of a message's header.
pub(super) const HEADER: usize = 12;
/// RFC 9520 §3.2: a failure is held for a second at least. Not for longer, so that a home is back
/// to normal as soon as its upstream is.
pub(super) const FAILURE_TTL: u32 = 1;
const ANSWER: usize = 0;
const AUTHORITY: usize = 1;
/// The additional section.
pub(super) const ADDITIONAL: usize = 2;
const EDE: u16 = 15;

/// An upstream's message that cannot be read as an answer to the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's message is malformed or answers another question")]
pub struct Unreadable;

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Here is what you asked for.
    Here,
    /// There is nothing of this type, or at the end of the aliases.
    Nothing,
    /// There is no such name, whatever the type.
    NoSuchName,
    /// The upstream could not find out.
    Failure,
    /// No upstream answered.
    NoAnswer,
}

/// A message without its OPT record, with its TTLs bounded as configured.
pub(super) struct Reading {
    pub message: Vec<u8>,
    /// Where each record's TTL stands.
    pub ttls: Vec<usize>,
    pub says: Says,
    /// How long it may be held, in seconds; zero: not at all.
    pub lifetime: u32,
    /// The code of the upstream's extended error.
    pub ede: Option<u16>,
}

impl Reading {
    /// Reads an upstream's answer to `query`.
    pub fn new(
        query: &Query,
        mut message: Vec<u8>,
        config: &config::Cache,
    ) -> Result<Self, Unreadable> {
        let mut records = read_records(query, &message)?;
        let ede = records
            .iter()
            .find(|record| record.kind == RecordType::OPT)
            .map(|opt| extended_error(message.get(opt.data.clone()).unwrap_or_default()));
        if ede.is_some() {
            message = without_opt(message, &mut records)?;
            records = read_records(query, &message)?;
        }
        if let Some(right) = sets::put_right(query, &message, &records) {
            message = right;
            records = read_records(query, &message)?;
        }
        sets::level_ttls(&message, &mut records);
        for record in records.iter().filter(|record| record.section == ANSWER) {
            let data = &record.data;
            RecordTargets::read(&message, record.kind, data.start, data.len())?;
        }
        let rcode = Rcode(u16::from(*message.get(3).ok_or(Unreadable)? & 0x0f));
        let says = what_it_says(query, rcode, &records);
        let lifetime = bound_ttls(&mut message, &records, says, config)?;
        Ok(Self {
            ttls: records.iter().map(|record| record.ttl_at).collect(),
            message,
            says,
            lifetime,
            ede: ede.flatten(),
        })
    }
}

fn what_it_says(query: &Query, rcode: Rcode, records: &[Record]) -> Says {
    let mut answers = records.iter().filter(|record| record.section == ANSWER);
    match rcode {
        Rcode::NOERROR if answers.any(|record| record.kind == query.kind) => Says::Here,
        Rcode::NOERROR => Says::Nothing,
        // With aliases before it, it is another name that does not exist.
        Rcode::NXDOMAIN if answers.next().is_some() => Says::Nothing,
        Rcode::NXDOMAIN => Says::NoSuchName,
        _ => Says::Failure,
    }
}

/// Bounds the TTLs in the message as configured; gives how long it may be held, in seconds.
fn bound_ttls(
    message: &mut [u8],
    records: &[Record],
    says: Says,
    config: &config::Cache,
) -> Result<u32, Unreadable> {
    let is_negative = matches!(says, Says::Nothing | Says::NoSuchName);
    let negative_ttl = is_negative
        .then(|| negative_ttl(message, records, config))
        .flatten();
    let mut least = u32::MAX;
    for record in records {
        let mut ttl = record
            .ttl
            .clamp(seconds(config.min_ttl), seconds(config.max_ttl));
        if is_negative && record.kind == RecordType::SOA {
            ttl = negative_ttl.unwrap_or(0);
        }
        least = least.min(ttl);
        message
            .get_mut(record.ttl_at..record.ttl_at + 4)
            .ok_or(Unreadable)?
            .copy_from_slice(&ttl.to_be_bytes());
    }
    Ok(match says {
        Says::Failure => FAILURE_TTL,
        // RFC 2308 §5: without an SOA record a "nothing" is not held.
        Says::Nothing | Says::NoSuchName if negative_ttl.is_none() => 0,
        _ => least,
    })
}

/// RFC 2308 §5: the smaller of the SOA record's TTL and its minimum field.
fn negative_ttl(message: &[u8], records: &[Record], config: &config::Cache) -> Option<u32> {
    let soa = records
        .iter()
        .find(|record| record.section == AUTHORITY && record.kind == RecordType::SOA)?;
    let minimum = u32_at(message, soa.data.end.checked_sub(4)?)?;
    let most = config.negative_max_ttl.min(config.max_ttl);
    Some(soa.ttl.min(minimum).min(seconds(most)))
}

/// The code of the first extended error among these EDNS options (RFC 8914 §2).
fn extended_error(mut options: &[u8]) -> Option<u16> {
    loop {
        let length = usize::from(u16_at(options, 2)?);
        if u16_at(options, 0)? == EDE && length >= 2 {
            return u16_at(options, 4);
        }
        options = options.get(4 + length..)?;
    }
}

/// The message without its OPT record: that is between the upstream and us (RFC 6891 §6.1.1).
fn without_opt(mut message: Vec<u8>, records: &mut Vec<Record>) -> Result<Vec<u8>, Unreadable> {
    let opts = records
        .iter()
        .filter(|record| record.kind == RecordType::OPT)
        .count();
    match records.pop() {
        Some(last) if last.kind == RecordType::OPT && opts == 1 => {
            message.truncate(last.at);
            let count = u16_at(&message, 10).ok_or(Unreadable)?.saturating_sub(1);
            message
                .get_mut(10..12)
                .ok_or(Unreadable)?
                .copy_from_slice(&count.to_be_bytes());
            Ok(message)
        }
        _ => {
            // Unusual: records follow it, and may point back over it.
            let mut parsed = Message::from_vec(&message).map_err(|_| Unreadable)?;
            parsed.edns = None;
            parsed.to_vec().map_err(|_| Unreadable)
        }
    }
}

fn read_records(query: &Query, message: &[u8]) -> Result<Vec<Record>, Unreadable> {
    let name = query.name.as_wire();
    let question_end = HEADER + name.len();
    let question = message.get(HEADER..question_end).ok_or(Unreadable)?;
    let kind = u16_at(message, question_end).ok_or(Unreadable)?;
    if !question.eq_ignore_ascii_case(name) || kind != query.kind.0 || u16_at(message, 4) != Some(1)
    {
        return Err(Unreadable);
    }
    let mut at = question_end + 4;
    let mut records = Vec::new();
    for section in 0..3 {
        let count = u16_at(message, 6 + 2 * section).ok_or(Unreadable)?;
        for _ in 0..count {
            let record = read_record(message, section, at).ok_or(Unreadable)?;
            at = record.data.end;
            records.push(record);
        }
    }
    Ok(records)
}

pub(super) fn read_record(message: &[u8], section: usize, at: usize) -> Option<Record> {
    let mut record = wire::read_record(message, section, at)?;
    // RFC 2181 §8: a TTL with the top bit set is zero.
    if record.ttl > i32::MAX as u32 {
        record.ttl = 0;
    }
    Some(record)
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
