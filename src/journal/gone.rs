//! Which rows are deleted: those of some devices, and of what turned out to be them, until a time.

use std::collections::BTreeMap;

use super::Words;
use super::ids::IdMap;
use super::line::{DAY_MS, Line, day_of};
use crate::query::DeviceId;

/// Until when what was recorded of a device is deleted.
pub(super) type Deleted = BTreeMap<DeviceId, i64>;

/// Stands among the devices for all of them: then everything goes.
pub(super) const EVERYONE: DeviceId = DeviceId(u32::MAX - 1);

/// Before anything was recorded.
const NEVER: i64 = i64::MIN;

/// Tells which rows are deleted; each device is looked up once.
pub(super) struct Gone<'a> {
    words: &'a Words,
    deleted: &'a Deleted,
    /// Until when everything is deleted.
    everything: i64,
    known: IdMap<u32, i64>,
}

impl<'a> Gone<'a> {
    pub(super) fn new(words: &'a Words, deleted: &'a Deleted) -> Self {
        Self {
            words,
            deleted,
            everything: deleted.get(&EVERYONE).copied().unwrap_or(NEVER),
            known: IdMap::default(),
        }
    }

    /// Until when what was recorded of it is deleted.
    fn until(&mut self, recorded: DeviceId) -> i64 {
        let find = |device| self.deleted.get(&device).copied().unwrap_or(NEVER);
        let look = || find(recorded).max(find((self.words.device)(recorded)));
        let until = *self.known.entry(recorded.0).or_insert_with(look);
        until.max(self.everything)
    }

    /// Whether a row is deleted.
    pub(super) fn has(&mut self, line: &Line) -> bool {
        self.has_at(line.device, line.at_ms)
    }

    /// Whether what was recorded of a device at a time is deleted.
    pub(super) fn has_at(&mut self, recorded: DeviceId, at_ms: i64) -> bool {
        at_ms <= self.until(recorded)
    }

    /// Whether something that was recorded of a device on a day may be deleted.
    pub(super) fn touches(&mut self, recorded: DeviceId, day: i64) -> bool {
        self.has_at(recorded, day * DAY_MS)
    }

    /// Whether everything is deleted that was recorded until a time, whoever asked.
    pub(super) fn has_all(&self, until_ms: i64) -> bool {
        until_ms <= self.everything
    }

    /// Whether a deletion ends within a day: then what came later that day stays.
    pub(super) fn ends_on(&self, day: i64) -> bool {
        self.deleted.values().any(|until| day_of(*until) == day)
    }

    /// Whether all that was recorded from a time on stays.
    pub(super) fn is_over(&self, at_ms: i64) -> bool {
        self.deleted.values().all(|until| *until < at_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_recorded_before_the_deletion_is_gone_and_what_came_later_stays() {
        let words = Words {
            device: Box::new(|device| {
                if device == DeviceId(3) {
                    DeviceId(2)
                } else {
                    device
                }
            }),
            ..Words::for_tests()
        };
        let deleted = Deleted::from([(DeviceId(2), 5 * DAY_MS + 7)]);
        let mut gone = Gone::new(&words, &deleted);
        for (device, at_ms, expected) in [
            (2, 5 * DAY_MS + 7, true),
            (2, 5 * DAY_MS + 8, false),
            (3, 0, true),
            (4, 0, false),
        ] {
            assert_eq!(
                gone.has_at(DeviceId(device), at_ms),
                expected,
                "{device} {at_ms}"
            );
        }
        assert!(gone.touches(DeviceId(3), 5) && !gone.touches(DeviceId(3), 6));
        assert!(gone.ends_on(5) && !gone.ends_on(4));
        assert!(gone.is_over(5 * DAY_MS + 8) && !gone.is_over(5 * DAY_MS + 7));
    }
}
