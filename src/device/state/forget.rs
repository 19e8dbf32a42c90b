//! Devices that people have forgotten: their numbers stand for nothing any more, and are given to nobody.
//! What asks again is met like one that was never there.

use std::collections::HashSet;

use super::State;
use super::recall::PASSING;
use crate::device::{Device, DeviceKey};
use crate::query::DeviceId;

impl State {
    /// All numbers that stand for a device but passing ones.
    pub fn numbers_of(&self, id: DeviceId) -> Vec<DeviceId> {
        let device = self.canonical(self.passing.get(&id).copied().unwrap_or(id));
        let records = self.records.keys().map(|id| (*id, *id));
        let passing = self.passing.iter().map(|(from, to)| (*from, *to));
        let numbers = records.chain(passing);
        let numbers =
            numbers.filter(|(from, to)| from.0 < PASSING && self.canonical(*to) == device);
        let mut numbers: Vec<DeviceId> = numbers.map(|(from, _)| from).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// Forgets devices for good. Says of those that were there when they last asked.
    pub fn forget(&mut self, numbers: &[DeviceId]) -> Vec<(DeviceId, i64)> {
        self.note_seen();
        self.forgotten.extend(numbers);
        self.next = self.next.max(self.after_forgotten());
        let last_seen = |id: &DeviceId| Some((*id, self.records.get(id)?.last_seen_ms));
        let there: Vec<(DeviceId, i64)> = numbers.iter().filter_map(last_seen).collect();
        self.passing
            .retain(|from, to| !numbers.contains(from) && !numbers.contains(to));
        self.remove(there.iter().map(|(id, _)| *id));
        there
    }

    /// Forgets those of these that did not ask since a time, and are what no other turned out to be;
    /// says which. What asks again is met anew.
    pub fn forget_quiet_of(&mut self, ids: &[DeviceId], before_ms: i64) -> Vec<DeviceId> {
        self.note_seen();
        let is_quiet = |id: &DeviceId| {
            let record = self.records.get(id);
            record.is_some_and(|record| record.last_seen_ms < before_ms)
        };
        let mut gone: HashSet<DeviceId> = ids.iter().copied().filter(is_quiet).collect();
        let stay = self.records.iter().filter(|(id, _)| !gone.contains(id));
        let targets: Vec<DeviceId> = stay.filter_map(|(_, record)| record.alias_of).collect();
        for target in targets {
            gone.remove(&target);
        }
        self.passing.retain(|_, to| !gone.contains(to));
        self.remove(gone.iter().copied());
        gone.into_iter().collect()
    }

    /// Takes records out, with all that leads to them.
    pub(super) fn remove(&mut self, ids: impl Iterator<Item = DeviceId>) {
        for id in ids {
            if let Some(record) = self.records.remove(&id) {
                *self.count(&record.key) -= 1;
                self.by_key.remove(&record.key);
            }
        }
        let records = &self.records;
        self.seats
            .retain(|_, seat| records.contains_key(&seat.device));
        self.callers
            .retain(|_, seat| records.contains_key(&seat.device));
        self.relayed
            .retain(|_, seat| records.contains_key(&seat.device));
        let there: HashSet<DeviceId> = records.keys().copied().collect();
        for record in self.records.values_mut() {
            record.alias_of = record.alias_of.filter(|target| there.contains(target));
        }
        let by_key = &self.by_key;
        self.makers
            .retain(|mac, _| by_key.contains_key(&DeviceKey::Mac(*mac)));
    }

    /// Leaves those out that are forgotten: a file, or another node, may still speak of them.
    pub(super) fn leave_out_forgotten(&self, known: &mut Vec<Device>) {
        known.retain(|device| !self.forgotten.contains(&device.id));
        for device in known {
            let target = device.alias_of;
            device.alias_of = target.filter(|target| !self.forgotten.contains(target));
        }
    }

    /// The number after those of ours that are forgotten.
    pub(super) fn after_forgotten(&self) -> u32 {
        let forgotten = self.forgotten.iter().map(|id| id.0);
        let ours = forgotten.filter(|number| self.range.is_ours(*number));
        ours.max().map_or(0, |number| number.saturating_add(1))
    }
}
