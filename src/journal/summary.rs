//! The overview of a range: how much was asked, by whom, for what, and what was decided.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::hash::Hash;

use super::Journal;
use super::counts::Counts;
use super::gather::{Gathered, Ordinary, OrdinarySum};
use super::habits::Habits;
use super::ids::{IdMap, IdSet};
use super::tallies::{OriginCount, by_origin};
use super::view::{Extent, Range};
use crate::query::{DeviceId, EntryLabel, VerdictWord};

/// The overview of a range.
#[derive(Clone, Debug)]
pub struct Summary {
    /// How far it can be trusted.
    pub extent: Extent,
    /// All queries.
    pub totals: Counts,
    /// Each device that asked, the busiest first.
    pub devices: Vec<DeviceCount>,
    /// The names that entries cover, the most asked first; at most as many as wanted.
    pub covered: Vec<NameCount>,
    /// The other names, the most asked first; at most as many as wanted.
    pub ordinary: Vec<NameCount>,
    /// How many different names entries cover.
    pub covered_names: u64,
    /// How many different other names there are.
    pub ordinary_names: u64,
    /// Each pack, list or rule that decided, the most asked first.
    pub origins: Vec<OriginCount>,
    /// The names of each device that were watched or blocked.
    tried: BTreeMap<DeviceId, IdSet>,
}

/// The queries of one device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceCount {
    /// The device.
    pub device: DeviceId,
    /// Its queries.
    pub counts: Counts,
}

/// The queries for one name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameCount {
    /// The name.
    pub name: String,
    /// The queries.
    pub counts: Counts,
    /// The entry that decided last.
    pub entry: Option<EntryLabel>,
}

#[derive(Clone, Copy, Default)]
struct NameTally {
    counts: Counts,
    entry: u32,
    last_ms: i64,
}

/// What the names say that entries cover.
#[derive(Default)]
struct Covered {
    names: IdMap<u32, NameTally>,
    tried: BTreeMap<DeviceId, IdSet>,
}

impl Journal {
    /// The overview of a range, of all devices or some, with so many names of each kind.
    pub async fn summary(&self, range: Range, devices: Option<&[DeviceId]>, top: usize) -> Summary {
        let gathered = self.gather(range, devices, Ordinary::Names).await;
        let covered = Covered::of(&gathered);
        let state = self.shared.state();
        let of_device = |(device, counts)| DeviceCount {
            device: DeviceId(device),
            counts,
        };
        let in_words = |(name, tally): (u32, NameTally)| NameCount {
            name: state.names.text(name).to_owned(),
            counts: tally.counts,
            entry: state.entries.label(tally.entry).cloned(),
        };
        let most_asked = by_count(&covered.names, |tally| tally.counts);
        Summary {
            extent: gathered.extent,
            totals: gathered.totals(),
            devices: by_count(&gathered.devices, |counts| *counts)
                .map(of_device)
                .collect(),
            covered_names: covered.names.len() as u64,
            ordinary_names: gathered.asked().count() as u64,
            covered: most_asked.take(top).map(in_words).collect(),
            ordinary: most_asked_ordinary(&gathered, top)
                .map(|(name, sum)| NameCount {
                    name: state.names.text(name).to_owned(),
                    counts: sum.counts(),
                    entry: None,
                })
                .collect(),
            origins: by_origin(&state, &gathered),
            tried: covered.tried,
        }
    }

    /// Each pack, list or rule that decided in a range, the most asked first.
    pub async fn origins(&self, range: Range) -> (Vec<OriginCount>, Extent) {
        let gathered = self.gather(range, None, Ordinary::Not).await;
        let origins = by_origin(&self.shared.state(), &gathered);
        (origins, gathered.extent)
    }
}

impl Covered {
    fn of(gathered: &Gathered) -> Self {
        let mut covered = Self::default();
        for sum in gathered.covered() {
            let key = sum.key;
            let name = covered.names.entry(key.name).or_default();
            name.counts.add(key.verdict, sum.count, sum.failed);
            if sum.last_ms >= name.last_ms {
                (name.entry, name.last_ms) = (key.entry, sum.last_ms);
            }
            if key.verdict != VerdictWord::Allow {
                let tried = covered.tried.entry(key.device).or_default();
                tried.insert(key.name);
            }
        }
        covered
    }
}

/// The most asked first; among equals, the lower number first. Of tens of thousands, few are wanted.
fn most_asked_ordinary(
    gathered: &Gathered,
    top: usize,
) -> impl Iterator<Item = (u32, OrdinarySum)> {
    let mut names: Vec<(u32, OrdinarySum)> = gathered.asked().collect();
    let key = |(name, sum): &(u32, OrdinarySum)| (Reverse(sum.count), *name);
    if let Some(last) = top.checked_sub(1).filter(|last| *last < names.len()) {
        names.select_nth_unstable_by_key(last, key);
    }
    names.truncate(top);
    names.sort_unstable_by_key(key);
    names.into_iter()
}

impl Summary {
    /// How many names each device asked for that were watched or blocked and that it had not
    /// asked for before.
    pub fn new_names(&self, habits: &Habits) -> BTreeMap<DeviceId, u64> {
        let tried = self.tried.iter().map(|(device, names)| {
            let new = names.iter().filter(|name| !habits.has(*device, *name));
            (*device, new.count() as u64)
        });
        tried.filter(|(_, new)| *new > 0).collect()
    }
}

/// The most asked first; among equals, the lower number first.
pub(super) fn by_count<K: Copy + Ord + Hash, T: Copy>(
    tallies: &IdMap<K, T>,
    counts: impl Fn(&T) -> Counts,
) -> impl Iterator<Item = (K, T)> {
    let mut tallies: Vec<(K, T)> = tallies.iter().map(|(key, tally)| (*key, *tally)).collect();
    tallies.sort_unstable_by_key(|(key, tally)| (Reverse(counts(tally).queries()), *key));
    tallies.into_iter()
}
