//! Devices that are not on disk yet.
//!
//! What is kept speaks of devices by their numbers. If it were kept before they are, the number would
//! be given to another one after the power was cut.

use std::sync::PoisonError;

use super::Devices;
use crate::device::Device;

/// How far devices are on disk.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Saved {
    /// In which of the files that took each other's place.
    file: u64,
    /// The number after the last.
    next: u32,
}

/// Devices that are not on disk, and what to note once they are.
#[derive(Debug)]
pub struct Unsaved {
    /// The devices.
    pub devices: Vec<Device>,
    saved: Saved,
}

impl Devices {
    /// The devices that got their numbers since [`Self::note_saved`], or are not in this file.
    pub fn unsaved(&self, file: u64) -> Unsaved {
        let saved = *self.saved.lock().unwrap_or_else(PoisonError::into_inner);
        let first = if saved.file == file { saved.next } else { 0 };
        let (devices, next) = self.lock().numbered_from(first);
        Unsaved {
            devices,
            saved: Saved { file, next },
        }
    }

    /// These are on disk.
    pub fn note_saved(&self, unsaved: &Unsaved) {
        *self.saved.lock().unwrap_or_else(PoisonError::into_inner) = unsaved.saved;
    }
}

impl std::fmt::Debug for Devices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Devices")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::DeviceId;

    const NOW: i64 = 1_700_000_000_000;

    fn meet(devices: &Devices, address: &str) -> DeviceId {
        devices.identify_at(address.parse().unwrap(), NOW)
    }

    fn ids(unsaved: &Unsaved) -> Vec<u32> {
        unsaved.devices.iter().map(|device| device.id.0).collect()
    }

    #[test]
    fn devices_are_unsaved_until_they_are_in_the_file_of_today() {
        let devices = Devices::new(&[], Vec::new());
        meet(&devices, "192.0.2.1");
        meet(&devices, "192.0.2.2");
        let first = devices.unsaved(0);
        assert_eq!(ids(&first), [1, 2]);
        // One that comes before they are on disk is not among them.
        meet(&devices, "192.0.2.3");
        devices.note_saved(&first);
        assert_eq!(ids(&devices.unsaved(0)), [3]);
        devices.note_saved(&devices.unsaved(0));
        assert!(devices.unsaved(0).devices.is_empty());
        assert_eq!(ids(&devices.unsaved(1)), [1, 2, 3]);
    }

    #[test]
    fn passing_numbers_are_never_kept() {
        let devices = Devices::new(&[], Vec::new());
        devices.number_in_passing();
        meet(&devices, "192.0.2.1");
        devices.note_saved(&devices.unsaved(0));
        devices.recall(Vec::new());
        assert_eq!(ids(&devices.unsaved(0)), [1]);
    }
}
