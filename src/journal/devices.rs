//! Devices as readers see them: one that turned out to be another counts as that one.

use std::collections::HashSet;

use super::Words;
use super::ids::IdMap;
use crate::query::DeviceId;

/// Looks devices up once each, and knows which of them are wanted.
pub(super) struct Devices<'a> {
    words: &'a Words,
    wanted: Option<HashSet<DeviceId>>,
    known: IdMap<u32, Option<DeviceId>>,
    /// What was asked for last: sums come device by device.
    last: Option<(DeviceId, Option<DeviceId>)>,
}

impl<'a> Devices<'a> {
    /// All devices, or those that are given.
    pub(super) fn new(words: &'a Words, wanted: Option<&[DeviceId]>) -> Self {
        let resolve = |wanted: &[DeviceId]| wanted.iter().map(|id| (words.device)(*id)).collect();
        Self {
            words,
            wanted: wanted.map(resolve),
            known: IdMap::default(),
            last: None,
        }
    }

    /// Whether only some devices are wanted.
    pub(super) fn are_some(&self) -> bool {
        self.wanted.is_some()
    }

    /// The device that a recorded one is, if it is wanted.
    pub(super) fn wanted(&mut self, device: DeviceId) -> Option<DeviceId> {
        if let Some((_, wanted)) = self.last.filter(|(last, _)| *last == device) {
            return wanted;
        }
        let wanted = *self.known.entry(device.0).or_insert_with(|| {
            let device = (self.words.device)(device);
            let is_wanted = self
                .wanted
                .as_ref()
                .is_none_or(|wanted| wanted.contains(&device));
            is_wanted.then_some(device)
        });
        self.last = Some((device, wanted));
        wanted
    }
}
