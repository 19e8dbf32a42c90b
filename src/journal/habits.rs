//! What devices had asked for before a time, so that what is new can be told.

use std::collections::BTreeMap;

use super::Journal;
use super::counts::Counts;
use super::devices::Devices;
use super::ids::{IdMap, IdSet};
use super::view::{Extent, Range};
use crate::query::DeviceId;

/// The names that each device had asked for before a time, whatever was decided.
#[derive(Clone, Debug)]
pub struct Habits {
    /// How far they can be trusted.
    pub extent: Extent,
    names: IdMap<u32, IdSet>,
}

impl Habits {
    /// Whether a device had asked for anything.
    pub fn knows(&self, device: DeviceId) -> bool {
        self.names.contains_key(&device.0)
    }

    fn has(&self, device: DeviceId, name: u32) -> bool {
        let names = self.names.get(&device.0);
        names.is_some_and(|names| names.contains(name))
    }
}

impl Journal {
    /// What devices had asked for before a time, in milliseconds since 1970-01-01 UTC.
    pub async fn habits(&self, until_ms: i64) -> Habits {
        let mut names = IdMap::<u32, IdSet>::default();
        let mut devices = Devices::new(&self.shared.words, None);
        let range = Range {
            since_ms: 0,
            until_ms,
        };
        let extent = self
            .each_sum(range, |sum| {
                if let Some(device) = devices.wanted(sum.key.device) {
                    names.entry(device.0).or_default().insert(sum.key.name);
                }
            })
            .await;
        Habits { extent, names }
    }

    /// How many names each device asked for in a range that were watched or blocked and that it
    /// had not asked for before.
    pub async fn new_names(&self, range: Range, habits: &Habits) -> BTreeMap<DeviceId, u64> {
        let mut new = BTreeMap::<DeviceId, IdSet>::new();
        let mut devices = Devices::new(&self.shared.words, None);
        self.each_sum(range, |sum| {
            let Some(device) = devices.wanted(sum.key.device) else {
                return;
            };
            let mut counts = Counts::default();
            counts.add(sum.key.verdict, sum.count, 0);
            if counts.watch + counts.block > 0 && !habits.has(device, sum.key.name) {
                new.entry(device).or_default().insert(sum.key.name);
            }
        })
        .await;
        new.into_iter()
            .map(|(device, names)| (device, names.len()))
            .collect()
    }
}
