//! Devices that people have forgotten.

use super::Devices;
use crate::query::DeviceId;

impl Devices {
    /// All numbers that stand for a device; none while it has but a passing one.
    pub fn numbers_of(&self, id: DeviceId) -> Vec<DeviceId> {
        self.lock().numbers_of(id)
    }

    /// Forgets devices for good: what asks again is new. Says of those that were there when they last
    /// asked, in milliseconds since 1970-01-01 UTC.
    pub fn forget(&self, numbers: &[DeviceId]) -> Vec<(DeviceId, i64)> {
        let mut state = self.lock();
        let there = state.forget(numbers);
        if !there.is_empty() {
            self.publish(&state);
        }
        there
    }

    /// Forgets those of these that did not ask since a time, in milliseconds since 1970-01-01 UTC; says
    /// which.
    pub fn forget_quiet(&self, ids: &[DeviceId], before_ms: i64) -> Vec<DeviceId> {
        let mut state = self.lock();
        let gone = state.forget_quiet_of(ids, before_ms);
        if !gone.is_empty() {
            self.publish(&state);
        }
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Device, Range};

    const NOW: i64 = 1_700_000_000_000;
    const PHONE: [u8; 6] = [2, 0, 0, 0, 0, 7];

    fn ask(devices: &Devices, address: &str) -> DeviceId {
        devices.identify_at(address.parse().unwrap(), NOW)
    }

    #[test]
    fn a_forgotten_device_is_new_under_another_number_also_after_a_restart() {
        let devices = Devices::new(&[], Vec::new());
        let guess = ask(&devices, "192.0.2.7");
        devices.sight_at("192.0.2.7".parse().unwrap(), PHONE, NOW);
        let phone = ask(&devices, "192.0.2.7");
        let numbers = devices.numbers_of(phone);
        assert_eq!(numbers, [guess, phone]);
        let kept = devices.all();
        let there = devices.forget(&numbers);
        assert_eq!(there, [(guess, NOW), (phone, NOW)]);
        assert_eq!(devices.all(), []);
        assert_eq!(devices.resolve(guess), guess);
        let again = ask(&devices, "192.0.2.7");
        assert!(!numbers.contains(&again));
        // Neither a file that still has it nor another node brings it back.
        devices.learn(kept.clone());
        let ids = |all: Vec<Device>| all.iter().map(|one| one.id).collect::<Vec<_>>();
        assert_eq!(ids(devices.all()), [again]);
        let after = Devices::new(&[], Vec::new());
        after.number_in_passing();
        after.number_from(Range::of_node(0));
        after.forget(&[numbers[0], numbers[1], again]);
        after.recall(kept);
        let last = ask(&after, "192.0.2.7");
        assert!(last > again && last.0 < 10, "{last:?}");
    }

    #[test]
    fn a_device_with_a_passing_number_alone_has_none_that_is_kept() {
        let devices = Devices::new(&[], Vec::new());
        devices.number_in_passing();
        let phone = ask(&devices, "192.0.2.7");
        assert_eq!(devices.numbers_of(phone), []);
        devices.recall(Vec::new());
        assert_eq!(devices.numbers_of(phone), [DeviceId(1)]);
    }
}
