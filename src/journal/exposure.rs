//! Who asked for what of whom: the matrix of devices and origins, and what stands behind its
//! cells, rows and columns.

use super::Journal;
use super::counts::Counts;
use super::filter::{Filter, NameFilter};
use super::gather::{Gathered, Ordinary};
use super::ids::{IdMap, IdSet};
use super::state::State;
use super::sum::Sum;
use super::summary::{DeviceCount, by_count};
use super::tallies::{EntryCount, Origins, Span, different};
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
    /// Its row of the matrix: the cells that are not empty, by origin.
    pub cells: Vec<Cell>,
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
    /// The queries for the name itself.
    pub counts: Counts,
    /// When the last was, in milliseconds since 1970-01-01 UTC; `None` when none was found.
    pub last_ms: Option<i64>,
    /// How many devices asked.
    pub devices: u64,
}

impl Journal {
    /// The matrix of devices and origins, for all devices or some.
    pub async fn exposure(&self, range: Range, devices: Option<&[DeviceId]>) -> Exposure {
        let gathered = self.gather(range, devices, Ordinary::Not).await;
        let devices = by_count(&gathered.devices, |counts| *counts);
        Exposure {
            extent: gathered.extent,
            devices: devices
                .map(|(device, counts)| DeviceCount {
                    device: DeviceId(device),
                    counts,
                })
                .collect(),
            cells: cells(&gathered, &self.shared.state()),
        }
    }

    /// What one device asked for, with at most so many names.
    pub async fn device_names(&self, range: Range, device: DeviceId, most: usize) -> DeviceNames {
        let gathered = self.gather(range, Some(&[device]), Ordinary::Names).await;
        let mut covered = IdMap::<(u32, u32), Span>::default();
        for sum in gathered.covered() {
            let span = covered.entry((sum.key.name, sum.key.entry)).or_default();
            span.add(&sum);
        }
        let state = self.shared.state();
        let names = by_count(&covered, |span| span.counts).take(most);
        DeviceNames {
            extent: gathered.extent,
            counts: gathered.totals(),
            cells: cells(&gathered, &state),
            covered: names
                .map(|((name, entry), span)| NameSpan {
                    name: state.names.text(name).to_owned(),
                    entry: state.entries.label(entry).cloned(),
                    span,
                })
                .collect(),
            ordinary_names: gathered.asked().count() as u64,
        }
    }

    /// How often each entry decided: all of them, or those of one origin; the most asked first.
    pub async fn entries(&self, range: Range, origin: Option<&str>) -> (Vec<EntryCount>, Extent) {
        let gathered = self.gather(range, None, Ordinary::Not).await;
        let decided = gathered.covered().filter(|sum| sum.key.entry != 0);
        let mut sums: Vec<Sum> = decided.collect();
        sums.sort_unstable_by_key(|sum| sum.key.entry);
        let state = self.shared.state();
        let in_words = |run: &[Sum]| {
            let mut span = Span::default();
            for sum in run {
                span.add(sum);
            }
            Some(EntryCount {
                entry: state.entries.label(run.first()?.key.entry)?.clone(),
                span,
                devices: different(run.iter().map(|sum| sum.key.device.0).collect()),
                names: different(run.iter().map(|sum| sum.key.name).collect()),
            })
        };
        let runs = sums.chunk_by(|a, b| a.key.entry == b.key.entry);
        let counts = runs.filter_map(in_words);
        let is_wanted =
            |count: &EntryCount| origin.is_none_or(|origin| origin == count.entry.origin);
        let mut counts: Vec<_> = counts.filter(is_wanted).collect();
        counts.sort_by(|a, b| {
            let by_queries = b.span.counts.queries().cmp(&a.span.counts.queries());
            by_queries.then_with(|| a.entry.cmp(&b.entry))
        });
        (counts, gathered.extent)
    }

    /// Whether, how often and by how many devices a name itself was asked, and when last; lower
    /// case, no final dot.
    pub async fn name_seen(&self, range: Range, name: &str) -> NameSeen {
        let newest = Filter {
            name: Some(NameFilter::Exact(name.to_owned())),
            ..Filter::all(range)
        };
        let newest = self.queries(&newest, None, 1).await;
        let gathered = self.gather(range, None, Ordinary::Askers).await;
        let id = self.shared.state().names.id(name);
        let sums = gathered.covered();
        let (mut counts, mut askers) = (Counts::default(), IdSet::default());
        for sum in sums.filter(|sum| Some(sum.key.name) == id) {
            counts.add(sum.key.verdict, sum.count, sum.failed);
            askers.insert(sum.key.device.0);
        }
        if let Some(id) = id {
            let sum = gathered.ordinary.get(id as usize);
            counts += sum.map(|sum| sum.counts()).unwrap_or_default();
            let asked = gathered
                .askers
                .iter()
                .filter(|(_, names)| names.contains(id));
            asked.for_each(|(device, _)| askers.insert(*device));
        }
        NameSeen {
            extent: gathered.extent,
            counts,
            last_ms: newest.rows.first().map(|row| row.at_ms),
            devices: askers.len(),
        }
    }
}

fn cells(gathered: &Gathered, state: &State) -> Vec<Cell> {
    let origins = Origins::of(state);
    let numbered = |sum: Sum| Some((sum.key.device, origins.number(sum.key.entry)?, sum));
    let mut sums: Vec<(DeviceId, u32, Sum)> = gathered.covered().filter_map(numbered).collect();
    sums.sort_unstable_by_key(|(device, origin, sum)| (*device, *origin, sum.key.entry));
    let cells = sums.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    let cell = |cell: &[(DeviceId, u32, Sum)]| {
        let (device, origin, _) = cell.first()?;
        let mut span = Span::default();
        for (.., sum) in cell {
            span.add(sum);
        }
        let entries = cell.chunk_by(|a, b| a.2.key.entry == b.2.key.entry);
        let entry = |sums: &[(DeviceId, u32, Sum)]| {
            let mut counts = Counts::default();
            for (.., sum) in sums {
                counts.add(sum.key.verdict, sum.count, sum.failed);
            }
            let label = state.entries.label(sums.first()?.2.key.entry)?;
            Some((label.clone(), counts))
        };
        Some(Cell {
            device: *device,
            origin: origins.word(*origin).to_owned(),
            span,
            names: different(cell.iter().map(|(.., sum)| sum.key.name).collect()),
            entries: entries.filter_map(entry).collect(),
        })
    };
    cells.filter_map(cell).collect()
}
