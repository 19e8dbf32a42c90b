//! One row of the journal in numbers: what is held in memory, and what a block holds.

use std::net::IpAddr;

use super::bytes::Damaged;
use super::row::{SourceWord, is_failed};
use crate::query::{DeviceId, Rcode, RecordType, Transport, VerdictWord};

/// Milliseconds of a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// Milliseconds of an hour.
pub(super) const HOUR_MS: i64 = 3_600_000;

/// Milliseconds of a minute.
pub(super) const MINUTE_MS: i64 = 60_000;

/// The day of a time: days since 1970-01-01 UTC.
pub(super) fn day_of(at_ms: i64) -> i64 {
    at_ms.div_euclid(DAY_MS)
}

/// One row; words are numbers of the dictionaries, 0 is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Line {
    pub at_ms: i64,
    pub device: DeviceId,
    pub name: u32,
    pub entry: u32,
    pub upstream: u32,
    pub address: Option<IpAddr>,
    pub kind: RecordType,
    pub rcode: Rcode,
    pub verdict: VerdictWord,
    pub source: SourceWord,
    pub transport: Transport,
    /// A step of [`super::latency`].
    pub latency: u8,
}

impl Line {
    /// What the sums distinguish.
    pub(super) fn key(&self) -> Key {
        Key {
            device: self.device,
            name: self.name,
            entry: self.entry,
            verdict: self.verdict,
        }
    }

    /// Whether no usable answer was had.
    pub(super) fn is_failed(&self) -> bool {
        is_failed(self.source, self.rcode)
    }
}

/// What the sums distinguish: who asked what, and what was decided by which entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub name: u32,
    pub entry: u32,
    pub verdict: VerdictWord,
    pub device: DeviceId,
}

impl std::hash::Hash for Key {
    /// Two numbers instead of four: millions of keys are looked up for an overview.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.name) << 32 | u64::from(self.entry));
        state.write_u64(u64::from(self.device.0) << 2 | self.verdict as u64);
    }
}

impl Key {
    /// Whether an entry covers the name, or did when it was asked.
    pub(super) fn is_covered(&self) -> bool {
        self.entry != 0 || self.verdict != VerdictWord::Allow
    }
}

/// A verdict and its entry as one number.
pub(super) fn decision_code(verdict: VerdictWord, entry: u32) -> u64 {
    let verdict = match verdict {
        VerdictWord::Allow => 0,
        VerdictWord::Watch => 1,
        VerdictWord::Block => 2,
    };
    verdict | u64::from(entry) << 2
}

/// The verdict and the entry of a number from [`decision_code`].
pub(super) fn decision(code: u64) -> Result<(VerdictWord, u32), Damaged> {
    let verdict = match code & 3 {
        0 => VerdictWord::Allow,
        1 => VerdictWord::Watch,
        2 => VerdictWord::Block,
        _ => return Err(Damaged),
    };
    Ok((verdict, u32::try_from(code >> 2).map_err(|_| Damaged)?))
}
