//! One held answer: the message, and where its TTLs stand.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hickory_proto::op::Message;
use tokio::time::Instant;

use super::targets::{RecordTargets, Target};
use crate::config;
use crate::query::{AnswerBuf, Query, Rcode, RecordType};

const HEADER: usize = 12;
/// No generation of the rules is as high.
const NEVER: u32 = u32::MAX;

/// One upstream answer, without its OPT record.
#[derive(Debug)]
pub struct Held {
    message: Box<[u8]>,
    /// Where each record's TTL stands in the message.
    ttls: Box<[u16]>,
    rcode: Rcode,
    since: Instant,
    lifetime: Duration,
    /// The generation of the rules that had nothing against what it points to.
    clean_under: AtomicU32,
}

/// An upstream's message that cannot be read as an answer to the query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upstream's message is malformed or answers another question")]
pub struct Unreadable;

/// One record, as far as holding it matters.
struct Record {
    at: usize,
    kind: RecordType,
    ttl_at: usize,
    ttl: u32,
    data: std::ops::Range<usize>,
}

impl Held {
    /// Reads an upstream's answer to `query`; its TTLs are bounded as configured.
    pub fn read(
        query: &Query,
        message: Vec<u8>,
        config: &config::Cache,
        now: Instant,
    ) -> Result<Self, Unreadable> {
        let mut message = message;
        let mut records = read_records(query, &message)?;
        if records
            .iter()
            .any(|(_, record)| record.kind == RecordType::OPT)
        {
            message = without_opt(message, &mut records)?;
            records = read_records(query, &message)?;
        }
        for (_, record) in records.iter().filter(|(section, _)| *section == 0) {
            let data = &record.data;
            RecordTargets::read(&message, record.kind, data.start, data.len())?;
        }
        let rcode = Rcode(u16::from(*message.get(3).ok_or(Unreadable)? & 0x0f));
        let is_negative = !records
            .iter()
            .any(|(section, record)| *section == 0 && record.kind == query.kind);
        let negative_ttl = is_negative
            .then(|| negative_ttl(&message, &records, config))
            .flatten();
        let mut least = u32::MAX;
        for (_, record) in &records {
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
        let is_kept = match rcode {
            Rcode::NOERROR | Rcode::NXDOMAIN => !is_negative || negative_ttl.is_some(),
            _ => false,
        };
        let lifetime = Duration::from_secs(if is_kept && least < u32::MAX {
            least.into()
        } else {
            0
        });
        let ttls = records
            .iter()
            .filter_map(|(_, record)| u16::try_from(record.ttl_at).ok())
            .collect();
        Ok(Self {
            message: message.into(),
            ttls,
            rcode,
            since: now,
            lifetime,
            clean_under: AtomicU32::new(NEVER),
        })
    }

    /// What its answer section points to, with the type of the record that does.
    pub fn targets(&self) -> impl Iterator<Item = (RecordType, Target)> {
        let answers = usize::from(u16_at(&self.message, 6).unwrap_or(0));
        self.ttls.iter().take(answers).flat_map(|&ttl_at| {
            // Type and class stand before the TTL, the length of the data behind it.
            let at = usize::from(ttl_at);
            let kind = RecordType(u16_at(&self.message, at - 4).unwrap_or(0));
            let length = usize::from(u16_at(&self.message, at + 4).unwrap_or(0));
            let targets = RecordTargets::read(&self.message, kind, at + 6, length);
            // Whoever reads an answer reads its targets, too: this is never wrong.
            let targets = targets.unwrap_or_default();
            targets.iter().map(move |target| (kind, target))
        })
    }

    /// Whether the rules of this generation are known to have nothing against its targets.
    pub fn is_clean(&self, generation: u32) -> bool {
        self.clean_under.load(Ordering::Relaxed) == generation
    }

    /// Notes that the rules of this generation have nothing against its targets.
    pub fn mark_clean(&self, generation: u32) {
        self.clean_under.store(generation, Ordering::Relaxed);
    }

    /// Writes the answer to `query`, without its end; TTLs have counted down since it was read.
    pub fn write(&self, query: &Query, now: Instant, out: &mut AnswerBuf) {
        out.adopt(query, &self.message, self.rcode);
        let age = u32::try_from(now.duration_since(self.since).as_secs()).unwrap_or(u32::MAX);
        if age == 0 {
            return;
        }
        for &at in &self.ttls {
            let at = usize::from(at);
            let ttl = u32_at(&self.message, at).unwrap_or(0);
            out.set_ttl(at, ttl.saturating_sub(age));
        }
    }

    /// The answer's code.
    pub fn rcode(&self) -> Rcode {
        self.rcode
    }

    /// How long it may be held; zero: not at all.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Whether it may still be given.
    pub fn is_good(&self, now: Instant) -> bool {
        now.duration_since(self.since) < self.lifetime
    }

    /// Its size in bytes.
    pub fn size(&self) -> usize {
        size_of::<Self>() + self.message.len() + self.ttls.len() * size_of::<u16>()
    }
}

/// RFC 2308 §5: the smaller of the SOA record's TTL and its minimum field.
fn negative_ttl(
    message: &[u8],
    records: &[(usize, Record)],
    config: &config::Cache,
) -> Option<u32> {
    let (_, soa) = records
        .iter()
        .find(|(section, record)| *section == 1 && record.kind == RecordType::SOA)?;
    let minimum = u32_at(message, soa.data.end.checked_sub(4)?)?;
    Some(soa.ttl.min(minimum).min(seconds(config.negative_max_ttl)))
}

/// The message without its OPT record: that is between the upstream and us (RFC 6891 §6.1.1).
fn without_opt(
    mut message: Vec<u8>,
    records: &mut Vec<(usize, Record)>,
) -> Result<Vec<u8>, Unreadable> {
    let is_last = records
        .last()
        .is_some_and(|(_, record)| record.kind == RecordType::OPT);
    let opts = records
        .iter()
        .filter(|(_, record)| record.kind == RecordType::OPT)
        .count();
    match records.pop() {
        Some((_, opt)) if is_last && opts == 1 => {
            message.truncate(opt.at);
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

/// Every record with its section (0 answer, 1 authority, 2 additional).
fn read_records(query: &Query, message: &[u8]) -> Result<Vec<(usize, Record)>, Unreadable> {
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
            let record = read_record(message, at)?;
            at = record.data.end;
            records.push((section, record));
        }
    }
    Ok(records)
}

fn read_record(message: &[u8], at: usize) -> Result<Record, Unreadable> {
    let fixed = skip_name(message, at)?;
    let kind = RecordType(u16_at(message, fixed).ok_or(Unreadable)?);
    let ttl = u32_at(message, fixed + 4).ok_or(Unreadable)?;
    let length = usize::from(u16_at(message, fixed + 8).ok_or(Unreadable)?);
    let data = fixed + 10..fixed + 10 + length;
    message.get(data.clone()).ok_or(Unreadable)?;
    // RFC 2181 §8: a TTL with the top bit set is zero.
    let ttl = if ttl > i32::MAX as u32 { 0 } else { ttl };
    Ok(Record {
        at,
        kind,
        ttl_at: fixed + 4,
        ttl,
        data,
    })
}

/// The place after the name that starts at `at`.
fn skip_name(message: &[u8], mut at: usize) -> Result<usize, Unreadable> {
    loop {
        match *message.get(at).ok_or(Unreadable)? {
            0 => return Ok(at + 1),
            0xc0.. => return Ok(at + 2),
            label @ 1..=63 => at += 1 + usize::from(label),
            _ => return Err(Unreadable),
        }
    }
}

pub(super) fn u16_at(message: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

fn u32_at(message: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*message.get(at..)?.first_chunk()?))
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}
