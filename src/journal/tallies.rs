//! What several reads sum up alike: queries with the times of the first and the last, and entries
//! with who asked for them and by which names.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;

use super::counts::Counts;
use super::gather::Sum;
use super::ids::{IdHasher, IdMap};
use super::state::State;

use crate::query::{DeviceId, EntryLabel};

/// A set of small numbers that are few.
pub(super) type FewIds = HashSet<u32, BuildHasherDefault<IdHasher>>;

/// Queries, and when the first and the last of them were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// How many there were.
    pub counts: Counts,
    /// When the first was, in milliseconds since 1970-01-01 UTC.
    pub first_ms: i64,
    /// When the last was.
    pub last_ms: i64,
}

impl Default for Span {
    fn default() -> Self {
        Self {
            counts: Counts::default(),
            first_ms: i64::MAX,
            last_ms: i64::MIN,
        }
    }
}

impl Span {
    pub(super) fn add(&mut self, sum: &Sum) {
        self.counts.add(sum.key.verdict, sum.count, sum.failed);
        self.first_ms = self.first_ms.min(sum.first_ms);
        self.last_ms = self.last_ms.max(sum.last_ms);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.counts += other.counts;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// The queries that an entry decided, who asked, and by which names.
#[derive(Clone, Debug, Default)]
pub(super) struct EntryTally {
    pub span: Span,
    pub devices: FewIds,
    pub names: FewIds,
}

impl EntryTally {
    pub(super) fn add(&mut self, device: DeviceId, sum: &Sum) {
        self.span.add(sum);
        self.devices.insert(device.0);
        self.names.insert(sum.key.name);
    }

    fn merge(&mut self, other: &Self) {
        self.span.merge(&other.span);
        self.devices.extend(&other.devices);
        self.names.extend(&other.names);
    }
}

/// The queries that the entries of one origin decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginCount {
    /// Where the entries stand, such as `pack:xiaomi`.
    pub origin: String,
    /// The queries.
    pub span: Span,
    /// How many devices asked.
    pub devices: u64,
    /// How many different names were asked.
    pub names: u64,
}

/// The queries that one entry decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryCount {
    /// The entry.
    pub entry: EntryLabel,
    /// The queries.
    pub span: Span,
    /// How many devices asked.
    pub devices: u64,
    /// How many different names were asked.
    pub names: u64,
}

/// The entries' tallies by origin, the most asked first.
pub(super) fn by_origin(state: &State, tallies: &IdMap<u32, EntryTally>) -> Vec<OriginCount> {
    let mut origins = BTreeMap::<&str, EntryTally>::new();
    for (entry, tally) in tallies {
        if let Some(label) = state.entries.label(*entry) {
            origins.entry(&label.origin).or_default().merge(tally);
        }
    }
    let counts = origins.into_iter().map(|(origin, tally)| OriginCount {
        origin: origin.to_owned(),
        span: tally.span,
        devices: tally.devices.len() as u64,
        names: tally.names.len() as u64,
    });
    let mut counts: Vec<_> = counts.collect();
    counts.sort_by_key(|count| Reverse(count.span.counts.queries()));
    counts
}
