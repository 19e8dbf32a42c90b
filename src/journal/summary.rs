//! The overview of a range: how much was asked, by whom, for what, and what was decided.

use std::cmp::Reverse;
use std::hash::Hash;

use super::Journal;
use super::counts::Counts;
use super::devices::Devices;
use super::ids::IdMap;
use super::state::State;
use super::tallies::{EntryTally, OriginCount, by_origin, is_covered};
use super::view::{Extent, Range};
use crate::query::{DeviceId, EntryLabel};

/// The overview of a range.
#[derive(Clone, Debug, PartialEq, Eq)]
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

#[derive(Default)]
struct Gathered {
    totals: Counts,
    devices: IdMap<u32, Counts>,
    covered: IdMap<u32, NameTally>,
    ordinary: IdMap<u32, NameTally>,
    entries: IdMap<u32, EntryTally>,
}

#[derive(Clone, Copy, Default)]
struct NameTally {
    counts: Counts,
    entry: u32,
    last_ms: i64,
}

impl Journal {
    /// The overview of a range, of all devices or some, with so many names of each kind.
    pub async fn summary(&self, range: Range, devices: Option<&[DeviceId]>, top: usize) -> Summary {
        let mut gathered = Gathered::default();
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_sum(range, |sum| {
                let Some(device) = devices.wanted(sum.key.device) else {
                    return;
                };
                let key = &sum.key;
                gathered.totals.add(key.verdict, sum.count, sum.failed);
                let of_device = gathered.devices.entry(device.0).or_default();
                of_device.add(key.verdict, sum.count, sum.failed);
                let is_covered = is_covered(sum);
                let names = if is_covered {
                    &mut gathered.covered
                } else {
                    &mut gathered.ordinary
                };
                let name = names.entry(key.name).or_default();
                name.counts.add(key.verdict, sum.count, sum.failed);
                if is_covered && sum.last_ms >= name.last_ms {
                    (name.entry, name.last_ms) = (key.entry, sum.last_ms);
                }
                if key.entry != 0 {
                    gathered
                        .entries
                        .entry(key.entry)
                        .or_default()
                        .add(device, sum);
                }
            })
            .await;
        gathered.into_words(extent, &self.shared.state(), top)
    }
}

impl Gathered {
    fn into_words(self, extent: Extent, state: &State, top: usize) -> Summary {
        let in_words = |(name, tally): (u32, NameTally)| NameCount {
            name: state.names.text(name).to_owned(),
            counts: tally.counts,
            entry: state.entries.label(tally.entry).cloned(),
        };
        Summary {
            extent,
            totals: self.totals,
            devices: by_count(&self.devices, |counts| *counts)
                .map(|(device, counts)| DeviceCount {
                    device: DeviceId(device),
                    counts,
                })
                .collect(),
            covered_names: self.covered.len() as u64,
            ordinary_names: self.ordinary.len() as u64,
            covered: by_count(&self.covered, |tally| tally.counts)
                .take(top)
                .map(in_words)
                .collect(),
            ordinary: by_count(&self.ordinary, |tally| tally.counts)
                .take(top)
                .map(in_words)
                .collect(),
            origins: by_origin(state, &self.entries),
        }
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
