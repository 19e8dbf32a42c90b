//! What is deleted of devices: what was asked for, on this node or another, and how far it is.

use std::sync::{MutexGuard, PoisonError};

use jiff::Timestamp;

use super::Journal;
use super::gone::{Deleted, EVERYONE, Gone};
use super::parcel::Parcel;
use super::shared::{Request, Shared};
use crate::config::not_ahead;
use crate::query::DeviceId;
use crate::store::{self, Arrived, Hub, StoreError, Transaction};

/// Clocks of nodes differ by less.
const HOUR_MS: i64 = 3_600_000;

/// No query takes longer.
const LATE_MS: i64 = 60_000;

/// How far a deletion is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// The device.
    pub device: DeviceId,
    /// Parts of the journal that were gone through.
    pub done: u64,
    /// All parts; 0 before it is known.
    pub total: u64,
}

/// What was deleted, and what is being deleted.
#[derive(Debug, Default)]
pub(super) struct Erasures {
    /// All that ever was: rows of it that other nodes had not sent are left out.
    pub deleted: Deleted,
    pub pending: Vec<Erasure>,
    /// The last of the list that nodes share which is in `deleted`.
    pub learned: i64,
    /// The last of which nothing waits to be sent.
    pub clean: i64,
}

impl Journal {
    /// Begins to delete all that was recorded until now of a device, and of those that turned out to
    /// be it; on all nodes, where there are several.
    pub async fn erase(&self, device: DeviceId, now_ms: i64) -> Result<(), StoreError> {
        self.erase_all(&[device], now_ms).await
    }

    /// The same, of several devices.
    pub async fn erase_all(&self, devices: &[DeviceId], now_ms: i64) -> Result<(), StoreError> {
        let shared = &self.shared;
        if let Some(hub) = shared.store.hub() {
            hub.erase(devices, now_ms).await?;
            if let Err(error) = self.learn_erasures(hub).await {
                tracing::warn!(%error, "a deletion begins here a little later");
            }
            hub.wake();
            return Ok(());
        }
        let mut store = shared.store.write_through().await?;
        let asked = (now_ms, latest_ms(now_ms));
        for device in devices {
            store.erasures().add(*device, asked).await?;
        }
        store.commit().await?;
        for device in devices {
            shared.erasures().add(*device, asked);
        }
        self.ask(Request::Erase).await;
        Ok(())
    }

    /// Begins to delete all that was recorded until now, of whomever.
    pub async fn erase_everything(&self, now_ms: i64) -> Result<(), StoreError> {
        self.erase(EVERYONE, now_ms).await
    }

    /// How far the deletion of everything is, while it is under way.
    pub fn emptying(&self) -> Option<Erasure> {
        let mut pending = self.erasures().into_iter();
        pending.find(|erasure| erasure.device == EVERYONE)
    }

    /// Begins with the deletions that were asked for on any node; gives the number of the last.
    pub async fn learn_erasures(&self, hub: &Hub) -> Result<i64, StoreError> {
        let learned = self.shared.erasures().learned;
        let new = hub.erasures_after(learned).await?;
        let Some(last) = new.last().map(|one| one.id) else {
            return Ok(learned);
        };
        let latest_ms = latest_ms(Timestamp::now().as_millisecond());
        let mut store = self.shared.store.write_through().await?;
        for one in &new {
            let asked = (one.until_ms, latest_ms);
            store.erasures().add(one.device, asked).await?;
        }
        store.erasures().set_learned(last).await?;
        store.commit().await?;
        self.shared.erasures().learn(&new, latest_ms);
        self.ask(Request::Erase).await;
        Ok(last)
    }

    /// The last deletion of which nothing waits to be sent, once all are that are known.
    pub fn clean_erasures(&self) -> Option<i64> {
        let erasures = self.shared.erasures();
        (erasures.clean == erasures.learned).then_some(erasures.clean)
    }

    /// The deletions that are not finished.
    pub fn erasures(&self) -> Vec<Erasure> {
        self.shared.erasures().pending.clone()
    }

    /// What is left of a parcel; `None` where it has nothing that is deleted, or is damaged.
    pub fn without_deleted(&self, parcel: &Arrived) -> Option<Arrived> {
        let now_ms = Timestamp::now().as_millisecond();
        let deleted = self.shared.erasures().of_others(now_ms);
        let mut gone = Gone::new(&self.shared.words, &deleted);
        let whole = Parcel::open(&parcel.data, parcel.rows).ok()?;
        let data = whole.without(&mut gone)?.encode();
        Some(Arrived {
            data,
            ..parcel.clone()
        })
    }
}

impl Erasures {
    /// Deletes what was recorded of a device until a time, unless that is under way or done. What was
    /// asked for later than `latest_ms` was so by a clock that was ahead, and is no reason.
    fn add(&mut self, device: DeviceId, (until_ms, latest_ms): (i64, i64)) {
        let known = self.deleted.entry(device).or_insert(i64::MIN);
        if *known < until_ms || *known > latest_ms {
            *known = until_ms;
            self.pending.retain(|erasure| erasure.device != device);
            self.pending.push(Erasure {
                device,
                done: 0,
                total: 0,
            });
        }
    }

    /// Adds what was asked for on any node.
    pub(super) fn learn(&mut self, new: &[store::Erasing], latest_ms: i64) {
        for one in new {
            self.add(one.device, (one.until_ms, latest_ms));
            self.learned = self.learned.max(one.id);
        }
        self.note_idle();
    }

    /// What is left out of rows that come from other nodes: all that was recorded until then. After a
    /// deletion by a clock that was ahead, what is recorded from now on stays.
    pub(super) fn of_others(&mut self, now_ms: i64) -> Deleted {
        let pending = &self.pending;
        for (device, until_ms) in &mut self.deleted {
            if pending.iter().all(|erasure| erasure.device != *device) {
                *until_ms = not_ahead(*until_ms, now_ms);
            }
        }
        self.deleted.clone()
    }

    /// What was deleted just now: queries that were asked before may still be on their way.
    pub(super) fn just_now(&self, now_ms: i64) -> Deleted {
        let is_new = |until_ms: i64| (now_ms - LATE_MS..=now_ms + LATE_MS).contains(&until_ms);
        let deleted = self.deleted.iter();
        let new = deleted.filter(|(_, until_ms)| is_new(**until_ms));
        new.map(|(device, until_ms)| (*device, *until_ms)).collect()
    }

    /// Where nothing is to be deleted, nothing of it waits to be sent.
    pub(super) fn note_idle(&mut self) {
        if self.pending.is_empty() {
            self.clean = self.learned;
        }
    }

    pub(super) fn note_all(&mut self, done: u64, total: u64) {
        for erasure in &mut self.pending {
            (erasure.done, erasure.total) = (done, total);
        }
    }
}

/// The latest time at which a deletion may have been asked for.
fn latest_ms(now_ms: i64) -> i64 {
    not_ahead(i64::MAX, now_ms).saturating_add(HOUR_MS)
}

impl Shared {
    pub(super) fn erasures(&self) -> MutexGuard<'_, Erasures> {
        self.erasures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something is to be deleted.
    pub(super) fn has_erasures(&self) -> bool {
        !self.erasures().pending.is_empty()
    }

    /// Learns from the store what is deleted.
    pub(super) async fn load_erasures(&self, store: &mut Transaction) -> Result<(), StoreError> {
        let (all, learned) = (
            store.erasures().all().await?,
            store.erasures().learned().await?,
        );
        let mut erasures = self.erasures();
        for row in &all {
            erasures.add(row.device, (row.until_ms, i64::MAX));
            if row.is_done {
                erasures.pending.retain(|one| one.device != row.device);
            }
        }
        erasures.learned = erasures.learned.max(learned);
        erasures.note_idle();
        Ok(())
    }
}
