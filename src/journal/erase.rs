//! Deletes all that was recorded of devices until a time: rows, their part of the sums, and what
//! waits to be sent to other nodes.
//!
//! It is done in small steps between the writer's other work, so that neither queries nor readers
//! wait for it, and begins again after a restart. Rows that stay keep their numbers. What waits to be
//! sent comes first: nothing is sent meanwhile. A list that all nodes read on tells each of them,
//! whenever it comes by.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::blob::Unpacker;
use super::block::Block;
use super::bytes::Damaged;
use super::day::Day;
use super::disk::{Disk, stored_rest};
use super::erasures::{Erasure, Erasures};
use super::gone::{Deleted, Gone};
use super::line::{DAY_MS, Line, day_of};
use super::parcel::Parcel;
use super::parts;
use super::sweep::Used;
use crate::query::DeviceId;
use crate::store::{BlockHead, StoreError, StoredDay, Transaction};

/// Words that are forgotten in a step.
const WORDS_AT_ONCE: usize = 4096;

/// The deletions under way.
#[derive(Debug)]
pub(super) struct Erasing {
    pub deleted: Deleted,
    /// What is still to be gone through, from the end.
    pub parcels: Vec<u64>,
    pub days: Vec<i64>,
    pub blocks: Vec<BlockHead>,
    pub total: u64,
    /// Words that are still spoken of, as far as days were gone through.
    pub used: Used,
    pub seen: BTreeSet<i64>,
    pub learned: i64,
}

impl Erasing {
    fn left(&self) -> u64 {
        (self.parcels.len() + self.days.len() + self.blocks.len()) as u64
    }

    /// The words of a day may be others now.
    pub(super) fn touch(&mut self, day: i64) {
        self.seen.remove(&day);
    }
}

impl Disk {
    /// Whether deletions have to begin, or to begin again because there are more of them.
    pub(super) fn is_to_begin_erasing(&self) -> bool {
        let erasures = self.shared.erasures();
        let is_pending = |erasing: &Erasing| {
            let known = |one: &Erasure| {
                erasing.deleted.get(&one.device) == erasures.deleted.get(&one.device)
            };
            erasing.learned == erasures.learned && erasures.pending.iter().all(known)
        };
        !self.erasing.as_ref().is_some_and(is_pending)
    }

    /// Begins with all deletions that are not finished. All rows in memory are in blocks that do not
    /// grow.
    pub(super) async fn begin_erasing(&mut self) -> Result<(), StoreError> {
        let (deleted, learned) = {
            let erasures = self.shared.erasures();
            let pending = erasures.pending.iter().map(|erasure| erasure.device);
            let until = |device| Some((device, *erasures.deleted.get(&device)?));
            (pending.filter_map(until).collect(), erasures.learned)
        };
        let mut store = self.shared.store.read().await?;
        let parcels = store.outbox().all().await?;
        let days = store.days().numbers(i64::MIN, i64::MAX).await?;
        let mut blocks = store.blocks();
        let mut blocks = blocks
            .heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX)
            .await?;
        blocks.retain(|head| head.sealed);
        let mut erasing = Erasing {
            deleted,
            parcels,
            days,
            blocks,
            total: 0,
            used: Used::default(),
            seen: BTreeSet::new(),
            learned,
        };
        erasing.total = erasing.left();
        self.shared.erasures().note_all(0, erasing.total);
        self.erase_in_memory(&mut store, &erasing.deleted).await?;
        self.erasing = Some(erasing);
        Ok(())
    }

    /// Does one step of the deletions; `false` when none are left.
    pub(super) async fn erase_some(&mut self) -> Result<bool, StoreError> {
        let Some(mut erasing) = self.erasing.take() else {
            return Ok(false);
        };
        let began = Instant::now();
        let shared = Arc::clone(&self.shared);
        let mut gone = Gone::new(&shared.words, &erasing.deleted);
        let mut store = shared.store.write().await?;
        loop {
            if let Some(seq) = erasing.parcels.pop() {
                erase_parcel(&mut store, seq, &mut gone).await?;
            } else if let Some(day) = erasing.days.pop() {
                self.erase_day(&mut store, day, &mut gone).await?;
                self.note_words(&mut store, day, &mut erasing.used).await?;
                erasing.seen.insert(day);
            } else if let Some(head) = erasing.blocks.pop() {
                self.erase_rows(&mut store, &head, &mut gone).await?;
            } else if let Some(day) = self.unseen(&erasing) {
                self.note_words(&mut store, day, &mut erasing.used).await?;
                erasing.seen.insert(day);
            } else {
                self.forget_some(store, erasing).await?;
                return Ok(true);
            }
            if began.elapsed() >= self.step {
                break;
            }
        }
        store.commit().await?;
        shared
            .erasures()
            .note_all(erasing.total - erasing.left(), erasing.total);
        if erasing.parcels.is_empty() {
            self.note_clean(erasing.learned);
        }
        self.erasing = Some(erasing);
        Ok(true)
    }

    /// A day whose words are not known: it was written meanwhile.
    fn unseen(&self, erasing: &Erasing) -> Option<i64> {
        self.stored.difference(&erasing.seen).next().copied()
    }

    /// Forgets some of the words that nothing speaks of, and the deletions when those were the last.
    async fn forget_some(
        &mut self,
        mut store: Transaction,
        mut erasing: Erasing,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        let unused = self.unused(&mut erasing.used, WORDS_AT_ONCE);
        let is_over = unused.len() < WORDS_AT_ONCE;
        // Deletions may follow one another soon: then readers would still hold numbers.
        let may_give_again = is_over && erasing.deleted.is_empty();
        if may_give_again {
            self.note_rows(&mut store, &mut erasing.used).await?;
        }
        store.names().remove(&unused.names).await?;
        store.entries().remove(&unused.entries).await?;
        for (device, until_ms) in erasing.deleted.iter().filter(|_| is_over) {
            store.erasures().finish(*device, *until_ms).await?;
        }
        let gate = shared.gate.write().await;
        store.commit().await?;
        self.settle_words(&unused);
        if may_give_again {
            self.settle_numbers(&erasing.used);
        }
        drop(gate);
        if is_over {
            self.finish_erasing(&erasing);
        } else {
            self.erasing = Some(erasing);
        }
        Ok(())
    }

    fn finish_erasing(&mut self, erasing: &Erasing) {
        let mut erasures = self.shared.erasures();
        let Erasures {
            deleted, pending, ..
        } = &mut *erasures;
        pending.retain(|one| deleted.get(&one.device) != erasing.deleted.get(&one.device));
        drop(erasures);
        self.note_clean(erasing.learned);
        self.shared.sums.forget();
        self.is_shrinking |= !erasing.deleted.is_empty();
    }

    /// Nothing of the deletions waits to be sent.
    fn note_clean(&self, learned: i64) {
        let mut erasures = self.shared.erasures();
        if erasures.clean < learned {
            erasures.clean = learned;
            drop(erasures);
            if let Some(hub) = self.shared.store.hub() {
                hub.wake();
            }
        }
    }

    async fn erase_in_memory(
        &self,
        store: &mut Transaction,
        deleted: &Deleted,
    ) -> Result<(), StoreError> {
        let mut gone = Gone::new(&self.shared.words, deleted);
        let days: Vec<i64> = self.shared.state().days.keys().copied().collect();
        for day in days {
            let rest = self.rest(store, day, &mut gone).await?;
            if let Some(day_sums) = self.shared.state_mut().days.get_mut(&day) {
                forget(day_sums, |device| gone.touches(device, day));
                day_sums.add_all(&rest);
            }
        }
        Ok(())
    }

    /// The rows of a day that stay, of devices that something of the day is deleted of.
    async fn rest(
        &self,
        store: &mut Transaction,
        day: i64,
        gone: &mut Gone<'_>,
    ) -> Result<Vec<Line>, StoreError> {
        if !gone.ends_on(day) {
            return Ok(Vec::new());
        }
        let (since_ms, until_ms) = (day * DAY_MS, (day + 1) * DAY_MS);
        let mut blocks = store.blocks();
        let heads = blocks
            .heads(0..u64::MAX, since_ms, until_ms, u32::MAX)
            .await?;
        let mut rest = Vec::new();
        for head in heads {
            let lines = self.lines(store, &head).await?.unwrap_or_default();
            let of_day = lines.into_iter().filter(|line| day_of(line.at_ms) == day);
            rest.extend(of_day.filter(|line| gone.touches(line.device, day) && !gone.has(line)));
        }
        Ok(rest)
    }

    async fn erase_day(
        &self,
        store: &mut Transaction,
        day: i64,
        gone: &mut Gone<'_>,
    ) -> Result<(), StoreError> {
        if gone.is_over(day * DAY_MS) {
            return Ok(());
        }
        if gone.has_all((day + 1) * DAY_MS) {
            return store
                .days()
                .save(&parts::encode(day, &Day::default()))
                .await;
        }
        let Some(stored) = store.days().whole(day).await? else {
            return Ok(());
        };
        match without(&stored, |device| gone.touches(device, day)) {
            Ok(None) => Ok(()),
            Ok(Some(mut sums)) => {
                sums.add_all(&self.rest(store, day, gone).await?);
                store.days().save(&parts::encode(day, &sums)).await
            }
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
        gone: &mut Gone<'_>,
    ) -> Result<(), StoreError> {
        if gone.is_over(head.first_ms) {
            return Ok(());
        }
        if gone.has_all(head.last_ms) {
            return store.blocks().remove(head.seq).await;
        }
        let Some(blob) = store.blocks().data(head.seq).await? else {
            return Ok(());
        };
        let rest = Block::open(&blob, head.rows).and_then(|block| rest_of(&block, gone));
        let (lines, places) = match rest {
            Ok(Some(rest)) => rest,
            Ok(None) => return Ok(()),
            // What cannot be read cannot be told apart, and goes as a whole.
            Err(_) => Default::default(),
        };
        if lines.is_empty() {
            store.blocks().remove(head.seq).await
        } else {
            let rest = stored_rest(head.seq, &lines, &places);
            store.blocks().replace(&rest).await
        }
    }
}

/// Rows, and their places.
type Rest = (Vec<Line>, Vec<u64>);

/// The rows of a block that stay, with their places; `None` where all do.
fn rest_of(block: &Block<'_>, gone: &mut Gone<'_>) -> Result<Option<Rest>, Damaged> {
    let mut unpacker = Unpacker::new();
    let seen = block.seen(&mut unpacker)?;
    let mut keys = seen.iter().map(|one| (one.key.device, one.at_ms));
    if !keys.any(|(device, at_ms)| gone.has_at(device, at_ms)) {
        return Ok(None);
    }
    let lines = block.lines(&seen, &mut unpacker)?.into_iter();
    let rest = lines.zip(block.places(&mut unpacker)?);
    Ok(Some(rest.filter(|(line, _)| !gone.has(line)).unzip()))
}

async fn erase_parcel(
    store: &mut Transaction,
    seq: u64,
    gone: &mut Gone<'_>,
) -> Result<(), StoreError> {
    let Some((rows, data)) = store.outbox().find(seq).await? else {
        return Ok(());
    };
    let rest = Parcel::open(&data, rows).map(|parcel| parcel.without(gone));
    match rest {
        Ok(None) => Ok(()),
        Ok(Some(rest)) => store.outbox().replace(seq, &rest.encode()).await,
        // Nobody could read it there, either.
        Err(_) => store.outbox().replace(seq, &[]).await,
    }
}

/// A day without some devices; `None` when it has nothing of them.
fn without(
    stored: &StoredDay,
    mut is_gone: impl FnMut(DeviceId) -> bool,
) -> Result<Option<Day>, Damaged> {
    let mut unpacker = Unpacker::new();
    if !stored.hours.is_empty() {
        let hours = parts::hours(&stored.hours, &mut unpacker)?;
        if !hours.iter().any(|(device, _)| is_gone(DeviceId(*device))) {
            return Ok(None);
        }
    }
    let mut day = parts::decode(stored, &mut unpacker)?;
    forget(&mut day, is_gone);
    Ok(Some(day))
}

fn forget(day: &mut Day, mut is_gone: impl FnMut(DeviceId) -> bool) {
    day.tallies.retain(|key, _| !is_gone(key.device));
    day.hours.retain(|device, _| !is_gone(DeviceId(*device)));
}
