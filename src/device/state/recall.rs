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
        let mut met = self.devices();
        self.leave_out_forgotten(&mut known);
        self.part_from_gone(&mut known);
        self.rename(&mut known);
        let numbers: HashMap<DeviceKey, DeviceId> = known
            .iter()
            .map(|device| (device.key.clone(), device.id))
            .collect();
        let mut next = self.range.after(&known).max(self.after_forgotten());
        let mut passing = HashMap::new();
        for device in &met {
            let number = numbers.get(&device.key).copied();
            let number = number.or_else(|| last_at(device, &known));
            let is_free = number.is_none() && self.range.has(next, &device.key);
            let number = number.or_else(|| is_free.then_some(DeviceId(next)));
            next += u32::from(is_free);
            passing.extend(number.map(|number| (device.id, number)));
        }
        // One that gets no number is met again, as one of many.
        met.retain(|device| passing.contains_key(&device.id));
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
        self.keep_passing(passing);
    }

    /// Addresses were one with a device by the config of then, which knew it by a name that nobody
    /// knows now.
    fn part_from_gone(&self, known: &mut [Device]) {
        let gone = self.gone(known);
        for device in known {
            device.alias_of = device.alias_of.filter(|target| !gone.contains(target));
        }
    }
}

/// Of those known, the one that had the address last by which alone a device is known: it would have
/// been taken for that one, had it asked later.
fn last_at(device: &Device, known: &[Device]) -> Option<DeviceId> {
    let DeviceKey::Ip(address) = device.key else {
        return None;
    };
    let had_it = known.iter().filter(|old| old.addresses.contains(&address));
    let last = had_it.max_by_key(|old| old.last_seen_ms)?;
    Some(last.alias_of.unwrap_or(last.id))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use crate::device::Devices;

    #[test]
    fn who_asks_before_the_records_are_read_is_who_had_the_address_last() {
        const NOW: i64 = 1_700_000_000_000;
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let before = Devices::new(&[], Vec::new());
        before.sight_at(address, [2, 0, 0, 0, 0, 7], NOW);
        let tablet = before.identify_at(address, NOW);
        let after = Devices::new(&[], Vec::new());
        after.number_in_passing();
        let passing = after.identify_at(address, NOW + 1);
        assert_ne!(passing, tablet);
        after.recall(before.all());
        assert_eq!(after.resolve(passing), tablet);
        assert_eq!(after.identify_at(address, NOW + 2), tablet);
        assert_eq!(after.all().len(), 1);
    }
}
