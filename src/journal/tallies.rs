//! What several reads sum up alike: queries with the times of the first and the last, and what the
//! entries of one origin decided.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::hash::BuildHasherDefault;

use super::counts::Counts;
use super::gather::Gathered;
use super::ids::IdHasher;
use super::state::State;
use super::sum::Sum;
use crate::query::EntryLabel;

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
    /// Takes the queries of another in.
    pub fn join(&mut self, other: &Self) {
        self.counts += other.counts;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }

    pub(super) fn add(&mut self, sum: &Sum) {
        self.counts.add(sum.key.verdict, sum.count, sum.failed);
        self.first_ms = self.first_ms.min(sum.first_ms);
        self.last_ms = self.last_ms.max(sum.last_ms);
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

/// The origins of entries by small numbers, so that words are compared once each.
pub(super) struct Origins<'a> {
    words: Vec<&'a str>,
    of_entry: Vec<u32>,
}

impl<'a> Origins<'a> {
    /// Those of all entries that the journal speaks of.
    pub(super) fn of(state: &'a State) -> Self {
        let mut known = BTreeMap::<&str, u32>::new();
        let mut origins = Self {
            words: Vec::new(),
            of_entry: vec![u32::MAX; state.entries.last() as usize + 1],
        };
        for (entry, label) in state.entries.iter() {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            let number = *known.entry(&label.origin).or_insert_with(|| {
                origins.words.push(&label.origin);
                next
            });
            if let Some(place) = origins.of_entry.get_mut(entry as usize) {
                *place = number;
            }
        }
        origins
    }

    /// The number of an entry's origin.
    pub(super) fn number(&self, entry: u32) -> Option<u32> {
        let number = self.of_entry.get(entry as usize).copied();
        number.filter(|number| *number != u32::MAX)
    }

    /// The origin with a number.
    pub(super) fn word(&self, number: u32) -> &'a str {
        self.words.get(number as usize).copied().unwrap_or_default()
    }
}

/// How many different numbers there are.
pub(super) fn different(mut numbers: Vec<u32>) -> u64 {
    numbers.sort_unstable();
    numbers.dedup();
    numbers.len() as u64
}

/// The queries of each origin, the most asked first.
pub(super) fn by_origin(state: &State, gathered: &Gathered) -> Vec<OriginCount> {
    let origins = Origins::of(state);
    let numbered = |sum: Sum| Some((origins.number(sum.key.entry)?, sum));
    let mut sums: Vec<(u32, Sum)> = gathered.covered().filter_map(numbered).collect();
    sums.sort_unstable_by_key(|(origin, _)| *origin);
    let count = |run: &[(u32, Sum)]| {
        let mut span = Span::default();
        for (_, sum) in run {
            span.add(sum);
        }
        OriginCount {
            origin: run
                .first()
                .map_or_else(String::new, |(origin, _)| origins.word(*origin).to_owned()),
            span,
            devices: different(run.iter().map(|(_, sum)| sum.key.device.0).collect()),
            names: different(run.iter().map(|(_, sum)| sum.key.name).collect()),
        }
    };
    let mut counts: Vec<_> = sums.chunk_by(|(a, _), (b, _)| a == b).map(count).collect();
    counts.sort_by_key(|count| Reverse(count.span.counts.queries()));
    counts
}
