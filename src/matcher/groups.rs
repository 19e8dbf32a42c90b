//! Rules for the same name, gathered: one place, or a set of places; and who shares names with whom.

use std::collections::HashMap;

use super::compile::reach_and_name;
use super::file::{Extra, Overlap, Span};
use super::rule::Reach;
use super::table::Value;

/// The kind of entries that stand for a rule which is kept whole.
pub(super) const EXTRA: u16 = u16::MAX;

/// A plain rule while others are still read: hash, kind and line, in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry(u128);

/// The names that rules are for, by their hashes: to be compared with those of other rules.
#[derive(Debug)]
pub struct Names(Vec<u64>);

/// Turns the entries of one hash into a value of the table.
pub(super) struct Groups<'a> {
    spans: &'a [Span],
    first_extra: u32,
    extras: &'a [Extra],
    sets: Vec<u8>,
    overlap: Overlap,
    places: Vec<(u8, u32)>,
    sources: Vec<u16>,
}

impl<'a> Groups<'a> {
    /// Nothing yet, for so many sources.
    pub fn new(spans: &'a [Span], first_extra: u32, extras: &'a [Extra], sources: usize) -> Self {
        Self {
            spans,
            first_extra,
            extras,
            sets: Vec::new(),
            overlap: Overlap::new(sources),
            places: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// The sets of places, and what sources share.
    pub fn finish(self) -> (Vec<u8>, Overlap) {
        (self.sets, self.overlap)
    }

    /// More than where any set of so many entries begins: a set has two at least, and a number for
    /// how many.
    pub fn sets_end(entries: usize) -> u32 {
        u32::try_from(entries / 2 * 3).unwrap_or(u32::MAX)
    }

    /// The value for the entries of one place in the table.
    pub fn value(&mut self, group: &[Entry]) -> Value {
        self.places.clear();
        self.sources.clear();
        let mut last_kind = None;
        for entry in group {
            let (_, kind, line) = entry.parts();
            // A line that repeats another of its list adds nothing.
            if kind != EXTRA && last_kind.replace(kind) == Some(kind) {
                continue;
            }
            let (reach, source, place) = match self.spans.get(usize::from(kind)) {
                Some(span) => (span.what.reach, span.source, span.start + line),
                None => self.extra(line),
            };
            self.places.push((reach as u8, place));
            self.sources.push(source);
        }
        self.sources.sort_unstable();
        self.sources.dedup();
        self.overlap.count(&self.sources);
        match self.places.as_mut_slice() {
            [(_, only)] => Value::Place(*only),
            places => {
                // The most specific first; stable, so sources keep their order.
                places.sort_by_key(|&(reach, _)| reach);
                let at = u32::try_from(self.sets.len() / 4).unwrap_or(u32::MAX);
                let count = u32::try_from(places.len()).unwrap_or(u32::MAX);
                self.sets.extend_from_slice(&count.to_le_bytes());
                for (_, place) in places {
                    self.sets.extend_from_slice(&place.to_le_bytes());
                }
                Value::Set(at)
            }
        }
    }

    fn extra(&self, at: u32) -> (Reach, u16, u32) {
        let extra = usize::try_from(at).ok().and_then(|at| self.extras.get(at));
        let reach = extra
            .and_then(|extra| reach_and_name(&extra.rule.pattern))
            .map_or(Reach::Exact, |(reach, _)| reach);
        let source = extra.map_or(u16::MAX, |extra| extra.source);
        (reach, source, self.first_extra + at)
    }
}

impl Names {
    /// The names of sorted entries.
    pub(super) fn of(entries: &[Entry]) -> Self {
        let mut hashes: Vec<u64> = entries.iter().map(|entry| entry.parts().0).collect();
        hashes.dedup();
        Self(hashes)
    }

    /// The hashes, each once.
    pub(super) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }
}

impl Overlap {
    fn new(sources: usize) -> Self {
        Self {
            names: vec![0; sources],
            only_here: vec![0; sources],
            shared: HashMap::new(),
        }
    }

    /// Counts a name that these sources have, in ascending order.
    fn count(&mut self, sources: &[u16]) {
        for &source in sources {
            if let Some(names) = self.names.get_mut(usize::from(source)) {
                *names += 1;
            }
        }
        if let [only] = sources
            && let Some(count) = self.only_here.get_mut(usize::from(*only))
        {
            *count += 1;
        }
        for (at, &first) in sources.iter().enumerate() {
            for &second in sources.iter().skip(at + 1) {
                *self.shared.entry((first, second)).or_default() += 1;
            }
        }
    }
}

impl Entry {
    /// An entry.
    pub fn new(hash: u64, kind: u16, line: u32) -> Self {
        Self(u128::from(hash) << 64 | u128::from(kind) << 32 | u128::from(line))
    }

    /// Its hash, kind and line.
    #[expect(clippy::cast_possible_truncation, reason = "the fields are put apart")]
    pub fn parts(self) -> (u64, u16, u32) {
        ((self.0 >> 64) as u64, (self.0 >> 32) as u16, self.0 as u32)
    }
}
