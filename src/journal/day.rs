//! The sums of one UTC day, in memory.

use super::ids::IdMap;
use super::line::{DAY_MS, HOUR_MS, Key, Line};
use crate::query::VerdictWord;

/// The sums of one day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Day {
    pub tallies: IdMap<Key, Tally>,
    pub hours: IdMap<u32, Box<Hours>>,
    /// When the latest row was, in milliseconds since the day began.
    pub last: u32,
}

/// Counts of each hour: allow, watch, block, failed.
pub(super) type Hours = [[u32; 4]; 24];

/// What is summed for a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tally {
    pub count: u32,
    pub failed: u32,
    /// Milliseconds since the day began.
    pub first: u32,
    /// Milliseconds since the day began.
    pub last: u32,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.count = self.count.saturating_add(other.count);
        self.failed = self.failed.saturating_add(other.failed);
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
    }
}

impl Day {
    /// Counts rows of this day.
    pub(super) fn add_all(&mut self, lines: &[Line]) {
        for line in lines {
            self.add(line);
        }
    }

    /// Counts a row of this day.
    pub(super) fn add(&mut self, line: &Line) {
        let in_day = u32::try_from(line.at_ms.rem_euclid(DAY_MS)).unwrap_or(0);
        let failed = u32::from(line.is_failed());
        self.add_tally(
            line.key(),
            Tally {
                count: 1,
                failed,
                first: in_day,
                last: in_day,
            },
        );
        let hour = usize::try_from(line.at_ms.rem_euclid(DAY_MS) / HOUR_MS).unwrap_or(0);
        let hours = self.hours.entry(line.device.0).or_default();
        if let Some([allow, watch, block, fails]) = hours.get_mut(hour) {
            let counter = match line.verdict {
                VerdictWord::Allow => allow,
                VerdictWord::Watch => watch,
                VerdictWord::Block => block,
            };
            *counter = counter.saturating_add(1);
            *fails = fails.saturating_add(failed);
        }
    }

    /// Adds the sums of another part of the same day.
    pub(super) fn merge(&mut self, other: &Self) {
        for (key, tally) in &other.tallies {
            self.add_tally(*key, *tally);
        }
        for (device, hours) in &other.hours {
            let mine = self.hours.entry(*device).or_default();
            let pairs = mine.as_flattened_mut().iter_mut().zip(hours.as_flattened());
            pairs.for_each(|(mine, more)| *mine = mine.saturating_add(*more));
        }
    }

    /// Adds a sum.
    pub(super) fn add_tally(&mut self, key: Key, tally: Tally) {
        self.last = self.last.max(tally.last);
        self.tallies
            .entry(key)
            .and_modify(|mine| mine.add(tally))
            .or_insert(tally);
    }
}
