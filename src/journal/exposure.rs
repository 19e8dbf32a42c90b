//! Who asked for what of whom: the matrix of devices and origins, and what stands behind its
//! cells, rows and columns.

use std::collections::BTreeMap;

use super::Journal;
use super::counts::Counts;
use super::devices::Devices;
use super::ids::IdMap;
use super::summary::{DeviceCount, by_count};
use super::tallies::{EntryCount, EntryTally, Span, is_covered};
use super::view::{Extent, Range};
use crate::query::{DeviceId, EntryLabel};

/// The matrix of devices and origins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// How far it can be trusted.
    pub extent: Extent,
    /// Each device that asked for anything, the busiest first.
    pub devices: Vec<DeviceCount>,
    /// The cells that are not empty, by device and origin.
    pub cells: Vec<Cell>,
}

/// The queries of one device that the entries of one origin decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The device.
    pub device: DeviceId,
    /// Where the entries stand, such as `pack:xiaomi`.
    pub origin: String,
    /// The queries.
    pub span: Span,
    /// How many different names were asked.
    pub names: u64,
    /// The entries that decided, and on how many queries.
    pub entries: Vec<(EntryLabel, Counts)>,
}

/// What one device asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceNames {
    /// How far it can be trusted.
    pub extent: Extent,
    /// All queries of the device.
    pub counts: Counts,
    /// The names that entries cover, the most asked first; at most as many as wanted.
    pub covered: Vec<NameSpan>,
    /// How many different names no entry covers.
    pub ordinary_names: u64,
}

/// The queries of one device for one name that one entry decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameSpan {
    /// The name.
    pub name: String,
    /// The entry that decided.
    pub entry: Option<EntryLabel>,
    /// The queries.
    pub span: Span,
}

/// Whether a name was asked lately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameSeen {
    /// How far it can be trusted.
    pub extent: Extent,
    /// The queries for the name itself; `None` when there were none.
    pub span: Option<Span>,
    /// How many devices asked.
    pub devices: u64,
}

impl Journal {
    /// The matrix of devices and origins.
    pub async fn exposure(&self, range: Range) -> Exposure {
        let mut counts = IdMap::<u32, Counts>::default();
        let mut tallies = BTreeMap::<DeviceId, IdMap<u32, EntryTally>>::new();
        let mut devices = Devices::new(&self.shared.words, None);
        let extent = self
            .each_sum(range, |sum| {
                let Some(device) = devices.wanted(sum.key.device) else {
                    return;
                };
                let of_device = counts.entry(device.0).or_default();
                of_device.add(sum.key.verdict, sum.count, sum.failed);
                if sum.key.entry != 0 {
                    let entries = tallies.entry(device).or_default();
                    entries.entry(sum.key.entry).or_default().add(device, sum);
                }
            })
            .await;
        let devices = by_count(&counts, |counts| *counts);
        Exposure {
            extent,
            devices: devices
                .map(|(device, counts)| DeviceCount {
                    device: DeviceId(device),
                    counts,
                })
                .collect(),
            cells: tallies
                .iter()
                .flat_map(|(device, entries)| self.cells(*device, entries))
                .collect(),
        }
    }

    fn cells(&self, device: DeviceId, entries: &IdMap<u32, EntryTally>) -> Vec<Cell> {
        let state = self.shared.state();
        let mut origins = BTreeMap::<&str, Vec<(&EntryLabel, &EntryTally)>>::new();
        for (entry, tally) in entries {
            if let Some(label) = state.entries.label(*entry) {
                origins
                    .entry(&label.origin)
                    .or_default()
                    .push((label, tally));
            }
        }
        let cells = origins.into_iter().map(|(origin, mut entries)| {
            entries.sort_by_key(|(label, _)| *label);
            let mut whole = EntryTally::default();
            for (_, tally) in &entries {
                whole.span.merge(&tally.span);
                whole.names.extend(&tally.names);
            }
            Cell {
                device,
                origin: origin.to_owned(),
                span: whole.span,
                names: whole.names.len() as u64,
                entries: entries
                    .into_iter()
                    .map(|(label, tally)| (label.clone(), tally.span.counts))
                    .collect(),
            }
        });
        cells.collect()
    }

    /// What one device asked for, with at most so many names.
    pub async fn device_names(&self, range: Range, device: DeviceId, most: usize) -> DeviceNames {
        let mut counts = Counts::default();
        let mut covered = IdMap::<(u32, u32), Span>::default();
        let mut ordinary = super::ids::IdSet::default();
        let wanted = [device];
        let mut devices = Devices::new(&self.shared.words, Some(&wanted));
        let extent = self
            .each_sum(range, |sum| {
                if devices.wanted(sum.key.device).is_none() {
                    return;
                }
                counts.add(sum.key.verdict, sum.count, sum.failed);
                if is_covered(sum) {
                    covered
                        .entry((sum.key.name, sum.key.entry))
                        .or_default()
                        .add(sum);
                } else {
                    ordinary.insert(sum.key.name);
                }
            })
            .await;
        let state = self.shared.state();
        let names = by_count(&covered, |span| span.counts).take(most);
        DeviceNames {
            extent,
            counts,
            covered: names
                .map(|((name, entry), span)| NameSpan {
                    name: state.names.text(name).to_owned(),
                    entry: state.entries.label(entry).cloned(),
                    span,
                })
                .collect(),
            ordinary_names: ordinary.len(),
        }
    }

    /// How often each entry decided: all of them, or those of one origin; the most asked first.
    pub async fn entries(&self, range: Range, origin: Option<&str>) -> (Vec<EntryCount>, Extent) {
        let mut tallies = IdMap::<u32, EntryTally>::default();
        let mut devices = Devices::new(&self.shared.words, None);
        let extent = self
            .each_sum(range, |sum| match devices.wanted(sum.key.device) {
                Some(device) if sum.key.entry != 0 => {
                    tallies.entry(sum.key.entry).or_default().add(device, sum);
                }
                _ => {}
            })
            .await;
        let state = self.shared.state();
        let in_words = |(entry, tally): (u32, EntryTally)| {
            Some(EntryCount {
                entry: state.entries.label(entry)?.clone(),
                span: tally.span,
                devices: tally.devices.len() as u64,
                names: tally.names.len() as u64,
            })
        };
        let counts = tallies.into_iter().filter_map(in_words);
        let is_wanted =
            |count: &EntryCount| origin.is_none_or(|origin| origin == count.entry.origin);
        let mut counts: Vec<_> = counts.filter(is_wanted).collect();
        counts.sort_by(|a, b| {
            let by_queries = b.span.counts.queries().cmp(&a.span.counts.queries());
            by_queries.then_with(|| a.entry.cmp(&b.entry))
        });
        (counts, extent)
    }

    /// Whether, and by how many devices, a name itself was asked; lower case, no final dot.
    pub async fn name_seen(&self, range: Range, name: &str) -> NameSeen {
        self.catch_up().await;
        let id = self.shared.state().names.id(name);
        let mut span = None::<Span>;
        let mut seen = super::ids::IdSet::default();
        let mut devices = Devices::new(&self.shared.words, None);
        let extent = self
            .each_sum(range, |sum| {
                let device = devices.wanted(sum.key.device);
                if let Some(device) = device.filter(|_| Some(sum.key.name) == id) {
                    span.get_or_insert_default().add(sum);
                    seen.insert(device.0);
                }
            })
            .await;
        NameSeen {
            extent,
            span,
            devices: seen.len(),
        }
    }
}
