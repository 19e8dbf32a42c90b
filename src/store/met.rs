//! Devices that were met and are not on disk yet: whatever is written may speak of them, so they are
//! kept with it.

use std::sync::{Arc, PoisonError, RwLock};

use super::{Store, StoreError, Transaction};
use crate::device::{Devices, Unsaved};

/// The devices that are met, once they are known.
#[derive(Debug, Default)]
pub(super) struct Meeting(RwLock<Option<Arc<Devices>>>);

/// The devices that a transaction may speak of, and the file that it writes.
#[derive(Clone, Debug)]
pub(super) struct Met {
    devices: Arc<Devices>,
    file: u64,
}

impl Store {
    /// Keeps devices that are new with whatever is written first: their numbers are never given
    /// again, whenever the power is cut.
    pub fn keep_new(&self, devices: Arc<Devices>) {
        let meeting = self.shared.meeting.0.write();
        *meeting.unwrap_or_else(PoisonError::into_inner) = Some(devices);
    }

    /// Keeps the devices that are new now.
    pub async fn save_new(&self) -> Result<(), StoreError> {
        let is_nothing = self
            .met()
            .is_none_or(|met| met.unsaved().devices.is_empty());
        if is_nothing {
            return Ok(());
        }
        self.write().await?.commit().await
    }

    pub(super) fn met(&self) -> Option<Met> {
        let meeting = self.shared.meeting.0.read();
        let devices = meeting.unwrap_or_else(PoisonError::into_inner).clone();
        Some(Met {
            devices: devices?,
            file: self.generation(),
        })
    }
}

impl Met {
    fn unsaved(&self) -> Unsaved {
        self.devices.unsaved(self.file)
    }

    pub(super) fn note_saved(&self, unsaved: &Unsaved) {
        self.devices.note_saved(unsaved);
    }
}

impl Transaction {
    /// Keeps the devices that are new.
    pub(super) async fn save_met(&mut self) -> Result<Option<(Met, Unsaved)>, StoreError> {
        let Some(met) = self.met.take() else {
            return Ok(None);
        };
        let unsaved = met.unsaved();
        for device in &unsaved.devices {
            self.devices().save(&device.into()).await?;
        }
        Ok(Some((met, unsaved)))
    }
}
