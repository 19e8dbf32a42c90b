//! What devices had asked for before a time, so that what is new can be told.

use super::Journal;
use super::gather::Ordinary;
use super::ids::{IdMap, IdSet};
use super::line::{DAY_MS, Key};
use super::view::{Extent, Range};
use crate::query::DeviceId;

/// What was asked for longer ago is forgotten: nobody expects a device to keep habits for longer.
const MEMORY_MS: i64 = 90 * DAY_MS;

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

    /// Whether a device had asked for a name.
    pub(super) fn has(&self, device: DeviceId, name: u32) -> bool {
        let names = self.names.get(&device.0);
        names.is_some_and(|names| names.contains(name))
    }
}

impl Journal {
    /// What devices had asked for in the 90 days before a time, in milliseconds since 1970-01-01
    /// UTC.
    pub async fn habits(&self, until_ms: i64) -> Habits {
        let range = Range {
            since_ms: until_ms.saturating_sub(MEMORY_MS),
            until_ms,
        };
        let gathered = self.gather(range, None, Ordinary::Askers).await;
        let covered: Vec<Key> = gathered.covered().map(|sum| sum.key).collect();
        let mut names = gathered.askers;
        for key in covered {
            names.entry(key.device.0).or_default().insert(key.name);
        }
        Habits {
            extent: gathered.extent,
            names,
        }
    }
}
