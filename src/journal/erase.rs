//! Deletes all that is recorded of a device: its rows, and its part of the sums.
//!
//! It is done in small steps between the writer's other work, so that neither queries nor readers
//! wait for it, and goes on after a restart.

use std::sync::{MutexGuard, PoisonError};

use super::Journal;
use super::blob::Unpacker;
use super::block::Block;
use super::day::Day;
use super::disk::{Disk, stored};
use super::line::Line;
use super::parts;
use super::shared::{Request, Shared};
use crate::query::DeviceId;
use crate::store::{BlockHead, StoreError, StoredDay, Transaction};

/// Blocks or days that one step goes through: some hundredths of a second.
const A_STEP: usize = 8;

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

/// A deletion under way.
#[derive(Debug)]
pub(super) struct Erasing {
    device: DeviceId,
    days: Vec<i64>,
    blocks: Vec<BlockHead>,
}

impl Journal {
    /// Begins to delete all that is recorded of a device, and of those that turned out to be it.
    pub async fn erase(&self, device: DeviceId) -> Result<(), StoreError> {
        let mut store = self.shared.store.write_through().await?;
        store.erasures().add(device).await?;
        store.commit().await?;
        self.shared.note_erasure(device, 0, 0);
        self.ask(Request::Erase).await;
        Ok(())
    }

    /// The deletions that are not finished.
    pub fn erasures(&self) -> Vec<Erasure> {
        self.shared.erasures().clone()
    }
}

impl Shared {
    fn erasures(&self) -> MutexGuard<'_, Vec<Erasure>> {
        self.erasures.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note_erasure(&self, device: DeviceId, done: u64, total: u64) {
        let mut erasures = self.erasures();
        erasures.retain(|erasure| erasure.device != device);
        erasures.push(Erasure {
            device,
            done,
            total,
        });
    }

    /// Whether something is to be deleted.
    pub(super) fn has_erasures(&self) -> bool {
        !self.erasures().is_empty()
    }

    fn end_erasure(&self, device: DeviceId) {
        self.erasures().retain(|erasure| erasure.device != device);
        self.sums.forget();
    }

    /// Whether what was recorded of `recorded` is to go.
    fn is_part_of(&self, device: DeviceId, recorded: DeviceId) -> bool {
        recorded == device || (self.words.device)(recorded) == device
    }
}

impl Disk {
    /// Does one step of a deletion; `false` when there is nothing to delete. All rows in memory
    /// are to be in blocks that do not grow when one begins.
    pub(super) async fn erase_some(&mut self) -> Result<bool, StoreError> {
        if self.erasing.is_none() {
            let Some(erasure) = self.shared.erasures().first().copied() else {
                return Ok(false);
            };
            self.erasing = Some(self.begin_erasing(erasure.device).await?);
        }
        let Some(mut erasing) = self.erasing.take() else {
            return Ok(false);
        };
        let total = self
            .shared
            .erasures()
            .first()
            .map_or(0, |erasure| erasure.total);
        let left = self.step(&mut erasing).await?;
        if left == 0 {
            self.shared.end_erasure(erasing.device);
        } else {
            self.shared
                .note_erasure(erasing.device, total.saturating_sub(left), total);
            self.erasing = Some(erasing);
        }
        Ok(true)
    }

    async fn begin_erasing(&mut self, device: DeviceId) -> Result<Erasing, StoreError> {
        let mut store = self.shared.store.read().await?;
        let days = store.days().numbers(i64::MIN, i64::MAX).await?;
        let mut blocks = store.blocks();
        let mut blocks = blocks.heads(u64::MAX, i64::MIN, i64::MAX, u32::MAX).await?;
        blocks.retain(|head| head.sealed);
        let total = days.len() as u64 + blocks.len() as u64;
        self.shared.note_erasure(device, 0, total);
        let shared = std::sync::Arc::clone(&self.shared);
        for day in self.shared.state_mut().days.values_mut() {
            forget(day, |recorded| shared.is_part_of(device, recorded));
        }
        Ok(Erasing {
            device,
            days,
            blocks,
        })
    }

    /// How much is left after it.
    async fn step(&mut self, erasing: &mut Erasing) -> Result<u64, StoreError> {
        let mut store = self.shared.store.write().await?;
        let device = erasing.device;
        let left = |list: usize| list.saturating_sub(A_STEP);
        let days = erasing.days.split_off(left(erasing.days.len()));
        for day in &days {
            self.erase_day(&mut store, *day, device).await?;
        }
        if days.is_empty() {
            for head in erasing.blocks.split_off(left(erasing.blocks.len())) {
                self.erase_rows(&mut store, &head, device).await?;
            }
        }
        let left = erasing.days.len() as u64 + erasing.blocks.len() as u64;
        let mut gone = Vec::new();
        if left == 0 {
            gone = self.forget_names(&mut store, None).await?;
            store.erasures().remove(device).await?;
        }
        let shared = std::sync::Arc::clone(&self.shared);
        let _gate = shared.gate.write().await;
        store.commit().await?;
        self.settle_names(&gone);
        Ok(left)
    }

    async fn erase_day(
        &self,
        store: &mut Transaction,
        day: i64,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        let Some(stored) = store.days().whole(day).await? else {
            return Ok(());
        };
        let is_gone = |recorded| self.shared.is_part_of(device, recorded);
        match without(&stored, is_gone) {
            Ok(None) => Ok(()),
            Ok(Some(rest)) => store.days().save(&rest).await,
            Err(_) => {
                self.shared.note_damage("day", day);
                Ok(())
            }
        }
    }

    async fn erase_rows(
        &self,
        store: &mut Transaction,
        head: &BlockHead,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        let Some(blob) = store.blocks().data(head.seq).await? else {
            return Ok(());
        };
        let is_gone = |line: &Line| self.shared.is_part_of(device, line.device);
        let mut unpacker = Unpacker::new();
        let lines = Block::open(&blob, head.rows).and_then(|block| {
            let seen = block.seen(&mut unpacker)?;
            let of_it = |one: &super::block::Seen| self.shared.is_part_of(device, one.key.device);
            if seen.iter().any(of_it) {
                block.lines(&seen, &mut unpacker).map(Some)
            } else {
                Ok(None)
            }
        });
        let mut lines = match lines {
            Ok(Some(lines)) => lines,
            Ok(None) => return Ok(()),
            // What cannot be read cannot be told apart, and goes as a whole.
            Err(_) => Vec::new(),
        };
        lines.retain(|line| !is_gone(line));
        if lines.is_empty() {
            store.blocks().remove(head.seq).await
        } else {
            store
                .blocks()
                .replace(&stored(head.seq, &lines, true))
                .await
        }
    }
}

/// A day without a device; `None` when it has nothing of it.
fn without(
    stored: &StoredDay,
    is_gone: impl Fn(DeviceId) -> bool,
) -> Result<Option<StoredDay>, super::bytes::Damaged> {
    let mut unpacker = Unpacker::new();
    if !stored.hours.is_empty() {
        let hours = parts::hours(&stored.hours, &mut unpacker)?;
        if !hours.iter().any(|(device, _)| is_gone(DeviceId(*device))) {
            return Ok(None);
        }
    }
    let mut day = parts::decode(stored, &mut unpacker)?;
    forget(&mut day, is_gone);
    Ok(Some(parts::encode(stored.day, &day)))
}

fn forget(day: &mut Day, is_gone: impl Fn(DeviceId) -> bool) {
    day.tallies.retain(|key, _| !is_gone(key.device));
    day.hours.retain(|device, _| !is_gone(DeviceId(*device)));
}
