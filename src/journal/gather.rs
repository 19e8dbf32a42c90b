//! Adds up all that was recorded in a range: by day sums where whole days are in it, row by row at
//! its ends. What comes out is exact.
//!
//! Names that entries cover are few, and are kept apart by device, verdict and entry. The others
//! are most of all queries; of them a reader gets what it asks for and no more.

use super::Journal;
use super::blob::Unpacker;
use super::block::Seen;
use super::bytes::Damaged;
use super::counts::Counts;
use super::day::{Day, Tally};
use super::devices::Devices;
use super::ids::{IdMap, IdSet};
use super::line::{DAY_MS, Key};
use super::parts::{self, ByDevice, NameSum};
use super::plan::Plan;
use super::state::State;
use super::sum::Sum;
use super::view::{Extent, Range, View};
use crate::query::{DeviceId, VerdictWord};
use crate::store::{DayParts, StoredBlock, StoredDay};

/// Days that are read at a time: some megabytes.
const DAYS_AT_ONCE: usize = 16;

/// What a reader wants to know of names that no entry covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ordinary {
    /// Nothing.
    Not,
    /// How often each was asked.
    Names,
    /// That, and by which devices.
    Askers,
}

/// All queries of a range, added up; devices are those that they turned out to be.
pub(super) struct Gathered {
    pub extent: Extent,
    /// All queries of each device.
    pub devices: IdMap<u32, Counts>,
    /// The names that no entry covers, as far as wanted, by number.
    pub ordinary: Vec<OrdinarySum>,
    /// The names of each device that no entry covers, if wanted.
    pub askers: IdMap<u32, IdSet>,
    covered: IdMap<Key, CoveredSum>,
}

/// How often a name was asked.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct OrdinarySum {
    pub count: u32,
    pub failed: u32,
}

#[derive(Clone, Copy, Debug)]
struct CoveredSum {
    count: u64,
    failed: u64,
    first_ms: i64,
    last_ms: i64,
}

impl Gathered {
    /// The sums of names that entries cover.
    pub(super) fn covered(&self) -> impl Iterator<Item = Sum> {
        self.covered.iter().map(|(key, sum)| Sum {
            key: *key,
            count: sum.count,
            failed: sum.failed,
            first_ms: sum.first_ms,
            last_ms: sum.last_ms,
        })
    }

    /// The names that no entry covers and that were asked.
    pub(super) fn asked(&self) -> impl Iterator<Item = (u32, OrdinarySum)> {
        let numbered = (0..).zip(self.ordinary.iter().copied());
        numbered.filter(|(_, sum)| sum.count > 0)
    }

    /// All queries.
    pub(super) fn totals(&self) -> Counts {
        let mut totals = Counts::default();
        self.devices.values().for_each(|counts| totals += *counts);
        totals
    }
}

impl Journal {
    /// Adds up a range, for all devices or some.
    pub(super) async fn gather(
        &self,
        range: Range,
        wanted: Option<&[DeviceId]>,
        ordinary: Ordinary,
    ) -> Gathered {
        self.catch_up().await;
        let mut sums = Gatherer::new(Devices::new(&self.shared.words, wanted), ordinary);
        let look = |state: &State, plan: &Plan| sums.look(state, plan);
        let (mut view, ()) = View::take(&self.shared, range, look).await;
        let whole = view.plan.whole.clone();
        for days in whole.chunks(DAYS_AT_ONCE) {
            if !view.may_go_on() {
                break;
            }
            for stored in view.days(days, sums.parts()).await {
                sums.day_on_disk(&mut view, &stored).await;
            }
        }
        for end in view.plan.ends.clone() {
            sums.rows_on_disk(&mut view, end).await;
        }
        sums.finish(view.extent)
    }
}

/// What is added up so far.
struct Gatherer<'a> {
    devices: Devices<'a>,
    wants: Ordinary,
    is_filtered: bool,
    counts: IdMap<u32, Counts>,
    covered: IdMap<Key, CoveredSum>,
    ordinary: Vec<OrdinarySum>,
    askers: IdMap<u32, IdSet>,
}

impl<'a> Gatherer<'a> {
    fn new(devices: Devices<'a>, wants: Ordinary) -> Self {
        Self {
            is_filtered: devices.are_some(),
            devices,
            wants,
            counts: IdMap::default(),
            covered: IdMap::default(),
            ordinary: Vec::new(),
            askers: IdMap::default(),
        }
    }

    fn finish(self, extent: Extent) -> Gathered {
        Gathered {
            extent,
            devices: self.counts,
            ordinary: self.ordinary,
            askers: self.askers,
            covered: self.covered,
        }
    }

    /// The parts of a day that hold what is wanted.
    fn parts(&self) -> DayParts {
        match self.wants {
            Ordinary::Not => DayParts::Covered,
            Ordinary::Names if !self.is_filtered => DayParts::Names,
            Ordinary::Names | Ordinary::Askers => DayParts::Devices,
        }
    }

    /// Adds what is in memory.
    fn look(&mut self, state: &State, plan: &Plan) {
        if self.wants != Ordinary::Not {
            let names = state.names.last() as usize + 1;
            self.ordinary.resize(names, OrdinarySum::default());
        }
        for day in &plan.whole {
            if let Some(sums) = state.days.get(day) {
                self.day(*day, sums);
            }
        }
        for line in &state.tail.lines {
            if plan.ends.iter().any(|end| end.contains(line.at_ms)) {
                self.add(&Sum::of(&Seen::of(line)));
            }
        }
    }

    fn day(&mut self, day: i64, sums: &Day) {
        for (key, tally) in &sums.tallies {
            if key.is_covered() {
                self.add_covered(day, *key, *tally);
            } else if self.wants != Ordinary::Not
                && let Some(device) = self.devices.wanted(key.device)
            {
                let sum = NameSum {
                    name: key.name,
                    count: tally.count,
                    failed: tally.failed,
                };
                self.add_ordinary(device, sum);
            }
        }
        for (device, hours) in &sums.hours {
            self.add_hours(*device, hours.as_slice());
        }
    }

    async fn day_on_disk(&mut self, view: &mut View, stored: &StoredDay) {
        let day = stored.day;
        if stored.hours.is_empty() {
            let whole = view.whole_day(day).await;
            match whole.and_then(|whole| {
                let decoded = parts::decode(&whole, &mut view.unpacker);
                view.intact(decoded, "day", day)
            }) {
                Some(sums) => self.day(day, &sums),
                None => self.rows_on_disk(view, Range::of_day(day)).await,
            }
            return;
        }
        let hours = parts::hours(&stored.hours, &mut view.unpacker);
        let is_intact = parts::are_intact(stored, self.parts());
        match view.intact(
            hours.and_then(|hours| is_intact.map(|()| hours)),
            "day",
            day,
        ) {
            Some(hours) => {
                for (device, hours) in hours {
                    self.add_hours(device, &hours);
                }
                let added = self.add_parts(stored, &mut view.unpacker);
                view.checked(added, "day", day);
            }
            // The rows say the same, only slower.
            None => self.rows_on_disk(view, Range::of_day(day)).await,
        }
    }

    fn add_parts(&mut self, stored: &StoredDay, unpacker: &mut Unpacker) -> Result<(), Damaged> {
        parts::covered(&stored.covered, unpacker, |key, tally| {
            self.add_covered(stored.day, key, tally);
        })?;
        match self.parts() {
            DayParts::Hours | DayParts::Covered => Ok(()),
            DayParts::Names => parts::names(&stored.names, unpacker, |sum| {
                add_name(&mut self.ordinary, sum);
            }),
            DayParts::Devices => {
                let by_device = ByDevice::open(&stored.data, unpacker)?;
                for (place, device) in by_device.list().enumerate() {
                    if let Some(device) = self.devices.wanted(DeviceId(device)) {
                        by_device.names(place, unpacker, |sum| self.add_ordinary(device, sum))?;
                    }
                }
                Ok(())
            }
        }
    }

    async fn rows_on_disk(&mut self, view: &mut View, range: Range) {
        let mut below = u64::MAX;
        loop {
            let blocks = view.blocks(below, range).await;
            let Some(oldest) = blocks.last() else { return };
            below = oldest.head.seq;
            for block in &blocks {
                if !view.may_go_on() {
                    return;
                }
                self.rows(view, block, range);
            }
        }
    }

    fn rows(&mut self, view: &mut View, block: &StoredBlock, range: Range) {
        if range.covers(&block.head) {
            for sum in &*view.sums(block) {
                self.add(sum);
            }
            return;
        }
        for seen in &*view.seen_at_end(block) {
            if range.contains(seen.at_ms) {
                self.add(&Sum::of(seen));
            }
        }
    }

    fn add(&mut self, sum: &Sum) {
        let Some(device) = self.devices.wanted(sum.key.device) else {
            return;
        };
        let counts = self.counts.entry(device.0).or_default();
        counts.add(sum.key.verdict, sum.count, sum.failed);
        if sum.key.is_covered() {
            let key = Key { device, ..sum.key };
            let sum = CoveredSum {
                count: sum.count,
                failed: sum.failed,
                first_ms: sum.first_ms,
                last_ms: sum.last_ms,
            };
            self.add_sum(key, sum);
        } else if self.wants != Ordinary::Not {
            let sum = NameSum {
                name: sum.key.name,
                count: u32::try_from(sum.count).unwrap_or(u32::MAX),
                failed: u32::try_from(sum.failed).unwrap_or(u32::MAX),
            };
            self.add_ordinary(device, sum);
        }
    }

    fn add_hours(&mut self, device: u32, hours: &[[u32; 4]]) {
        let Some(device) = self.devices.wanted(DeviceId(device)) else {
            return;
        };
        let counts = self.counts.entry(device.0).or_default();
        for hour in hours {
            *counts += Counts::from(*hour);
        }
    }

    fn add_covered(&mut self, day: i64, key: Key, tally: Tally) {
        let Some(device) = self.devices.wanted(key.device) else {
            return;
        };
        let day_ms = day.saturating_mul(DAY_MS);
        let sum = CoveredSum {
            count: u64::from(tally.count),
            failed: u64::from(tally.failed),
            first_ms: day_ms.saturating_add(i64::from(tally.first)),
            last_ms: day_ms.saturating_add(i64::from(tally.last)),
        };
        self.add_sum(Key { device, ..key }, sum);
    }

    fn add_sum(&mut self, key: Key, sum: CoveredSum) {
        let add = |mine: &mut CoveredSum| {
            mine.count += sum.count;
            mine.failed += sum.failed;
            mine.first_ms = mine.first_ms.min(sum.first_ms);
            mine.last_ms = mine.last_ms.max(sum.last_ms);
        };
        self.covered.entry(key).and_modify(add).or_insert(sum);
    }

    fn add_ordinary(&mut self, device: DeviceId, sum: NameSum) {
        add_name(&mut self.ordinary, sum);
        if self.wants == Ordinary::Askers {
            self.askers.entry(device.0).or_default().insert(sum.name);
        }
    }
}

#[inline]
fn add_name(names: &mut Vec<OrdinarySum>, sum: NameSum) {
    let place = sum.name as usize;
    if place >= names.len() {
        names.resize(place + 1, OrdinarySum::default());
    }
    if let Some(mine) = names.get_mut(place) {
        mine.count = mine.count.saturating_add(sum.count);
        mine.failed = mine.failed.saturating_add(sum.failed);
    }
}

impl OrdinarySum {
    /// As numbers of queries.
    pub(super) fn counts(self) -> Counts {
        let mut counts = Counts::default();
        counts.add(
            VerdictWord::Allow,
            u64::from(self.count),
            u64::from(self.failed),
        );
        counts
    }
}
