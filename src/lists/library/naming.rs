//! What devices go by in rules that are for one device: that may change while we run.

use std::collections::HashMap;
use std::sync::PoisonError;

use super::{Library, SetRule};
use crate::matcher::rule::Asker;
use crate::query::DeviceId;

/// What devices go by.
pub(super) type Called = HashMap<DeviceId, Vec<Asker>>;

impl Library {
    /// Puts rules in force anew where a device that one is for has another name, or other addresses.
    pub fn follow_devices(&self) {
        let now = self.called_now(&self.rules());
        let called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = *called != now;
        drop(called);
        if is_other {
            self.put_rules();
        }
    }

    /// Notes what devices go by in rules that are about to be put in force.
    pub(super) fn note_called(&self, rules: &[SetRule]) {
        let now = self.called_now(rules);
        *self.called.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    fn called_now(&self, rules: &[SetRule]) -> Called {
        let devices = rules.iter().filter_map(|rule| rule.device);
        devices
            .map(|device| (device, (self.naming)(device)))
            .collect()
    }
}
