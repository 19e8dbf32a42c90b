//! How what is in memory gets to disk: flushes, merges of small blocks, and days that are over.
//!
//! Memory changes only after the commit, and both while the gate is held, so a reader sees disk
//! and memory of the same moment.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::blob::Unpacker;
use super::day::Day;
use super::erase::Erasing;
use super::exchange::Sharing;
use super::line::{Line, day_of};
use super::retain::Retaining;
use super::shared::Shared;
use super::state::State;
use super::{block, minutes, parts};
use crate::query::EntryLabel;
use crate::store::{BlockHead, Clock, StoreError, StoredBlock, Transaction};

/// Small blocks are merged when they have so many rows together.
pub(super) const FULL_BLOCK: usize = 8192;

/// How long a step of what takes long goes on: the writer's other work waits for it.
const A_STEP: Duration = Duration::from_millis(20);

/// The disk's side of the journal.
#[derive(Debug)]
pub(super) struct Disk {
    pub shared: Arc<Shared>,
    /// The days that have sums on disk.
    pub stored: BTreeSet<i64>,
    /// Those of them whose sums are as they were kept before.
    pub old: Vec<i64>,
    /// The deletion that is under way.
    pub erasing: Option<Erasing>,
    /// The clock that tells what is too old.
    pub clock: Clock,
    /// What is too old, while it goes.
    pub retaining: Option<Retaining>,
    /// Whether there may be pages that hold nothing.
    pub is_shrinking: bool,
    /// How long a step of them goes on.
    pub step: Duration,
}

/// What a flush writes.
struct Plan {
    names: Vec<(u32, String)>,
    entries: Vec<(u32, EntryLabel)>,
    upstreams: Vec<(u32, String)>,
    /// The number of the first of `lines`.
    seq: u64,
    lines: Vec<Line>,
    seals: bool,
    days: Vec<(i64, Day)>,
    sharing: Sharing,
}

impl Disk {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            stored: BTreeSet::new(),
            old: Vec::new(),
            erasing: None,
            clock: Clock::default(),
            retaining: None,
            is_shrinking: false,
            step: A_STEP,
        }
    }

    /// Writes all that is not on disk yet.
    pub(super) async fn flush(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let seals = self.is_to_seal(&self.shared.state(), now_ms);
        self.flush_as(now_ms, seals).await
    }

    /// The same, into blocks that are not to grow any more where `seals`.
    pub(super) async fn flush_as(&mut self, now_ms: i64, seals: bool) -> Result<(), StoreError> {
        let mut plan = Plan::of(&self.shared.state(), seals, |day| {
            day != day_of(now_ms) || self.stored.contains(&day)
        });
        if plan.is_empty() {
            return Ok(());
        }
        let mut store = self.shared.store.write().await?;
        plan.write(&mut store).await?;
        let _gate = self.shared.gate.write().await;
        store.commit().await?;
        for (day, _) in &plan.days {
            self.stored.insert(*day);
            self.erasing
                .iter_mut()
                .for_each(|erasing| erasing.touch(*day));
        }
        plan.settle(&mut self.shared.state_mut());
        match self.shared.store.hub() {
            Some(hub) if plan.sharing.is_sending() => hub.wake(),
            _ => {}
        }
        Ok(())
    }

    /// Puts the sums of one day that are as they were kept before into parts; `false` when there
    /// is none.
    pub(super) async fn renew_a_day(&mut self) -> Result<bool, StoreError> {
        let Some(day) = self.old.pop() else {
            return Ok(false);
        };
        let mut store = self.shared.store.write().await?;
        if let Some(stored) = store.days().whole(day).await? {
            match parts::decode(&stored, &mut Unpacker::new()) {
                Ok(sums) => store.days().save(&parts::encode(day, &sums)).await?,
                // Readers go by its rows.
                Err(_) => self.shared.note_damage("day", day),
            }
        }
        store.commit().await?;
        Ok(true)
    }

    /// Whether the rows in memory make a block that is not to grow any more.
    pub(super) fn is_to_seal(&self, state: &State, now_ms: i64) -> bool {
        let Some(first) = state.tail.lines.front() else {
            return false;
        };
        // A block must not be much longer than what retention deletes at a time.
        let span_ms = i64::try_from(self.shared.config.retention.as_millis() / 8);
        state.tail.lines.len() >= FULL_BLOCK
            || day_of(first.at_ms) != day_of(now_ms)
            || now_ms.saturating_sub(first.at_ms) >= span_ms.unwrap_or(i64::MAX)
    }
}

impl Plan {
    fn of(state: &State, seals: bool, is_over: impl Fn(i64) -> bool) -> Self {
        let tail = &state.tail;
        let skipped = if seals { 0 } else { tail.flushed };
        let over = state.days.iter().filter(|(day, _)| is_over(**day));
        Self {
            names: state.names.unsaved(),
            entries: state.entries.unsaved(),
            upstreams: state.upstreams.unsaved(),
            seq: tail.base + skipped as u64,
            lines: tail.lines.range(skipped..).copied().collect(),
            seals,
            days: over.map(|(day, sums)| (*day, sums.clone())).collect(),
            sharing: Sharing::of(state),
        }
    }

    fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.days.is_empty() && self.sharing.is_empty()
    }

    async fn write(&mut self, store: &mut Transaction) -> Result<(), StoreError> {
        store.names().add(&self.names).await?;
        store.entries().add(&self.entries).await?;
        for (id, text) in &self.upstreams {
            store.upstreams().add(*id, text).await?;
        }
        if self.seals {
            store.blocks().remove_unsealed(self.seq).await?;
        }
        for block in self.blocks() {
            store.blocks().add(&block).await?;
        }
        for (day, sums) in &self.days {
            save_day(store, *day, sums).await?;
        }
        self.sharing.write(store).await
    }

    fn blocks(&self) -> Vec<StoredBlock> {
        let count = (self.lines.len() / FULL_BLOCK).max(1);
        let size = self.lines.len().div_ceil(count).max(1);
        let mut seq = self.seq;
        let blocks = self.lines.chunks(size).map(|lines| {
            let block = stored(seq, lines, self.seals);
            seq += lines.len() as u64;
            block
        });
        blocks.collect()
    }

    /// Remembers what is on disk now.
    fn settle(&self, state: &mut State) {
        state.names.mark_saved(self.names.len());
        state.entries.mark_saved(self.entries.len());
        state.upstreams.mark_saved(self.upstreams.len());
        state.tail.flushed = state.tail.lines.len();
        if self.seals {
            state.tail.forget_flushed();
        }
        for (day, _) in &self.days {
            state.days.remove(day);
        }
        self.sharing.settle(state);
    }
}

fn stored(seq: u64, lines: &[Line], sealed: bool) -> StoredBlock {
    with_data(seq, lines, sealed, block::encode(lines))
}

/// What is left of a block that does not grow, with the places that its rows had there.
pub(super) fn stored_rest(seq: u64, lines: &[Line], places: &[u64]) -> StoredBlock {
    with_data(seq, lines, true, block::encode_rest(lines, places))
}

fn with_data(seq: u64, lines: &[Line], sealed: bool, data: Vec<u8>) -> StoredBlock {
    let times = || lines.iter().map(|line| line.at_ms);
    StoredBlock {
        head: BlockHead {
            seq,
            rows: u32::try_from(lines.len()).unwrap_or(u32::MAX),
            first_ms: times().min().unwrap_or(0),
            last_ms: times().max().unwrap_or(0),
            sealed,
        },
        minutes: minutes::encode(lines),
        data,
    }
}

/// Adds sums to those that the disk has for a day.
async fn save_day(store: &mut Transaction, day: i64, sums: &Day) -> Result<(), StoreError> {
    let Some(stored) = store.days().whole(day).await? else {
        return store.days().save(&parts::encode(day, sums)).await;
    };
    let Ok(mut whole) = parts::decode(&stored, &mut Unpacker::new()) else {
        tracing::warn!(day, "the sums of a day are damaged: they stay as they are");
        return Ok(());
    };
    whole.merge(sums);
    store.days().save(&parts::encode(day, &whole)).await
}
