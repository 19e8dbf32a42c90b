//! What was known when we last ran, learned while devices already ask.
//!
//! A disk may take its time, and no device waits for it: those that ask before the records of
//! earlier runs are read get passing numbers, which stand for the real ones afterwards.

use std::collections::HashMap;

use super::State;
use crate::device::{Device, DeviceKey};
use crate::query::DeviceId;

/// Numbers from here on pass: they are never kept.
pub(super) const PASSING: u32 = 1 << 31;

impl State {
    /// Gives passing numbers from now on.
    pub fn number_in_passing(&mut self) {
        self.next = self.next.max(PASSING);
    }

    /// Takes over what is known of earlier runs. Devices that asked meanwhile keep what they are,
    /// under the number of earlier runs or a new one; their passing numbers become aliases.
    pub fn recall(&mut self, mut known: Vec<Device>) {
        let met = self.devices();
        self.rename(&mut known);
        let numbers: HashMap<DeviceKey, DeviceId> = known
            .iter()
            .map(|device| (device.key.clone(), device.id))
            .collect();
        let mut next = self.range.after(&known);
        let mut passing = HashMap::new();
        for device in &met {
            let number = numbers.get(&device.key).copied().unwrap_or_else(|| {
                next = next.saturating_add(1);
                DeviceId(next - 1)
            });
            passing.insert(device.id, number);
        }
        for mut device in met {
            device.alias_of = device.alias_of.and_then(|id| passing.get(&id).copied());
            device.id = passing.get(&device.id).copied().unwrap_or(device.id);
            match known.iter_mut().find(|old| old.id == device.id) {
                None => known.push(device),
                Some(old) => old.join(device),
            }
        }
        let wishes = std::mem::take(&mut self.wishes);
        self.replace(wishes, known);
        self.passing.extend(passing);
    }
}
