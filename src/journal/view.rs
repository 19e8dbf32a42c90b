//! What a reader works on: disk and memory of one moment.
//!
//! The gate keeps the writer from moving rows from memory to disk between the look at the one and
//! at the other. Afterwards the disk is read from a transaction that sees no later change.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::blob::Unpacker;
use super::block::{Block, Seen};
use super::block_sums;
use super::bytes::Damaged;
use super::line::{DAY_MS, day_of};
use super::plan::Plan;
use super::shared::Shared;
use super::state::State;
use super::sum::Sum;
use crate::store::{BlockHead, DayParts, StoreError, StoredBlock, StoredDay, Transaction};

/// The longest that a read goes on; what it did not reach is missing from the result.
const PATIENCE: Duration = Duration::from_secs(5);

/// Blocks whose rows are read at a time: half a megabyte.
const BLOCKS_AT_ONCE: u32 = 8;

/// A span of time: from `since_ms` until before `until_ms`, in milliseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first millisecond.
    pub since_ms: i64,
    /// The first millisecond after it.
    pub until_ms: i64,
}

impl Range {
    /// The whole of a UTC day.
    pub(super) fn of_day(day: i64) -> Self {
        let since_ms = day.saturating_mul(DAY_MS);
        Self {
            since_ms,
            until_ms: since_ms.saturating_add(DAY_MS),
        }
    }

    /// Whether a time is within.
    pub(super) fn contains(&self, at_ms: i64) -> bool {
        self.since_ms <= at_ms && at_ms < self.until_ms
    }

    /// Whether all of a block is within.
    pub(super) fn covers(&self, head: &BlockHead) -> bool {
        self.since_ms <= head.first_ms && head.last_ms < self.until_ms
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since_ms >= self.until_ms
    }

    /// The part that is within another span.
    pub(super) fn within(self, other: Self) -> Self {
        Self {
            since_ms: self.since_ms.max(other.since_ms),
            until_ms: self.until_ms.min(other.until_ms),
        }
    }

    pub(super) fn overlaps(&self, other: Self) -> bool {
        self.since_ms < other.until_ms && other.since_ms < self.until_ms
    }

    /// The part of whole units of time, and what is left at its ends.
    pub(super) fn split(self, unit_ms: i64) -> (Option<Self>, Vec<Self>) {
        let up = |ms: i64| ms.saturating_add(unit_ms - 1).div_euclid(unit_ms);
        let since_ms = up(self.since_ms).saturating_mul(unit_ms);
        let until_ms = self.until_ms.div_euclid(unit_ms).saturating_mul(unit_ms);
        if since_ms >= until_ms {
            return (None, vec![self]);
        }
        let before = Self {
            until_ms: since_ms,
            ..self
        };
        let after = Self {
            since_ms: until_ms,
            ..self
        };
        let mut ends = vec![before, after];
        ends.retain(|end| !end.is_empty());
        (Some(Self { since_ms, until_ms }), ends)
    }
}

/// How far a result can be trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Queries up to this time are counted, in milliseconds since 1970-01-01 UTC.
    pub as_of_ms: i64,
    /// Whether all of the range was read: `false` when it took too long, or parts were not readable.
    pub complete: bool,
}

/// The disk's side of a view.
pub(super) struct View {
    shared: Arc<Shared>,
    store: Option<Transaction>,
    /// No block that begins before this row has one in the range.
    first: u64,
    pub plan: Plan,
    pub extent: Extent,
    pub unpacker: Unpacker,
    /// Whether what is on disk is known at all.
    pub sees_disk: bool,
    /// Whether it could not be read further.
    pub has_failed: bool,
    deadline: Instant,
}

impl View {
    /// Takes a view, and looks at the memory's side of it.
    pub(super) async fn take<T>(
        shared: &Arc<Shared>,
        range: Range,
        look: impl FnOnce(&State, &Plan) -> T,
    ) -> (Self, T) {
        let mut complete = true;
        let mut store = None;
        if shared.store.is_open() {
            store = noted(shared.store.read().await, &mut complete);
        }
        let gate = shared.gate.read().await;
        let day = day_of(range.since_ms);
        let mut first = shared.firsts.find(day);
        let is_known = first.is_some();
        let stored = match &mut store {
            Some(store) => {
                if !is_known {
                    let read = store.blocks().first_since(day.saturating_mul(DAY_MS)).await;
                    first = noted(read, &mut complete);
                }
                let days = day_of(range.since_ms)..day_of(range.until_ms).saturating_add(1);
                noted(
                    store.days().numbers(days.start, days.end).await,
                    &mut complete,
                )
            }
            None => None,
        };
        let (plan, looked, as_of_ms, sees_disk) = {
            let state = shared.state();
            complete &= state.is_loaded;
            let plan = Plan::new(range, &state, &stored.unwrap_or_default());
            let looked = look(&state, &plan);
            let sees_disk = state.is_loaded && store.is_some();
            (plan, looked, state.as_of_ms, sees_disk)
        };
        drop(gate);
        // Rows above those on disk are of a database that was before this one.
        let first = first.filter(|first| *first <= plan.below);
        if let Some(first) = first.filter(|_| !is_known) {
            shared.firsts.keep(day, first);
        }
        let view = Self {
            shared: Arc::clone(shared),
            first: first.unwrap_or(0),
            sees_disk,
            has_failed: store.is_none() && shared.store.is_open(),
            store,
            plan,
            extent: Extent { as_of_ms, complete },
            unpacker: Unpacker::new(),
            deadline: Instant::now() + PATIENCE,
        };
        (view, looked)
    }

    /// Whether there is time to go on; if not, the result is not complete.
    pub(super) fn may_go_on(&mut self) -> bool {
        let may = self.has_time();
        self.extent.complete &= may;
        may
    }

    /// Whether there is time to go on; if not, the reader is told where to continue.
    pub(super) fn has_time(&self) -> bool {
        Instant::now() < self.deadline
    }

    /// Shortens the time that there is.
    pub(super) fn hurry(&mut self, patience: Duration) {
        self.deadline = Instant::now() + patience;
    }

    /// At most so many of the blocks that begin before row `below` and overlap a range, newest
    /// first.
    pub(super) async fn some_heads(
        &mut self,
        below: u64,
        range: Range,
        most: u32,
    ) -> Vec<BlockHead> {
        let Some(store) = &mut self.store else {
            return Vec::new();
        };
        let (since_ms, until_ms) = (range.since_ms, range.until_ms);
        let rows = self.first..below;
        let heads = store.blocks().heads(rows, since_ms, until_ms, most).await;
        self.has_failed |= heads.is_err();
        noted(heads, &mut self.extent.complete).unwrap_or_default()
    }

    /// The rows of some of the blocks that begin before row `below`, are not in memory and overlap
    /// a range, newest first; none when there are no more.
    pub(super) async fn blocks(&mut self, below: u64, range: Range) -> Vec<StoredBlock> {
        let Some(store) = &mut self.store else {
            return Vec::new();
        };
        let (since_ms, until_ms) = (range.since_ms, range.until_ms);
        let rows = self.first..below.min(self.plan.below);
        let mut blocks = store.blocks();
        let blocks = blocks.some(rows, since_ms, until_ms, BLOCKS_AT_ONCE).await;
        noted(blocks, &mut self.extent.complete).unwrap_or_default()
    }

    /// The counts by minute of the blocks that are not in memory and overlap a range.
    pub(super) async fn minutes(&mut self, range: Range) -> Vec<StoredBlock> {
        let Some(store) = &mut self.store else {
            return Vec::new();
        };
        let (since_ms, until_ms) = (range.since_ms, range.until_ms);
        let mut blocks = store.blocks();
        let rows = self.first..self.plan.below;
        let blocks = blocks.with_minutes(rows, since_ms, until_ms).await;
        noted(blocks, &mut self.extent.complete).unwrap_or_default()
    }

    /// A block's rows, as stored.
    pub(super) async fn block_data(&mut self, head: &BlockHead) -> Option<Vec<u8>> {
        let data = self.store.as_mut()?.blocks().data(head.seq).await;
        self.has_failed |= data.is_err();
        noted(data, &mut self.extent.complete)?
    }

    /// Parts of the sums of some days, which are given in their order.
    pub(super) async fn days(&mut self, days: &[i64], parts: DayParts) -> Vec<StoredDay> {
        let (Some(store), [first, .., last] | [first @ last]) = (&mut self.store, days) else {
            return Vec::new();
        };
        let read = store
            .days()
            .some(*first, last.saturating_add(1), parts)
            .await;
        let mut read = noted(read, &mut self.extent.complete).unwrap_or_default();
        read.retain(|stored| days.contains(&stored.day));
        read
    }

    /// All sums of a day.
    pub(super) async fn whole_day(&mut self, day: i64) -> Option<StoredDay> {
        let whole = self.store.as_mut()?.days().whole(day).await;
        noted(whole, &mut self.extent.complete)?
    }

    /// What most readers need of the rows of a block that is at an end of their range; nothing when it
    /// is damaged.
    pub(super) fn seen_at_end(&mut self, block: &StoredBlock) -> Arc<[Seen]> {
        if let Some(rows) = self.shared.sums.find_rows(&block.data) {
            return rows;
        }
        let rows: Arc<[Seen]> = self.seen(block).into();
        if is_whole(&rows, block) {
            self.shared.sums.keep_rows(&block.data, Arc::clone(&rows));
        }
        rows
    }

    /// The same of a block that is read once.
    pub(super) fn seen(&mut self, block: &StoredBlock) -> Vec<Seen> {
        let head = &block.head;
        let opened = Block::open(&block.data, head.rows);
        let seen = opened.and_then(|block| block.seen(&mut self.unpacker));
        self.checked(seen, "block", head.seq.cast_signed())
            .unwrap_or_default()
    }

    /// A block's rows added up; nothing when it is damaged.
    pub(super) fn sums(&mut self, block: &StoredBlock) -> Arc<[Sum]> {
        if let Some(sums) = self.shared.sums.find(&block.data) {
            return sums;
        }
        let rows = self.seen(block);
        let sums = block_sums::add_up(&rows);
        if is_whole(&rows, block) {
            self.shared.sums.keep(&block.data, Arc::clone(&sums));
        }
        sums
    }

    /// Says that a blob is damaged, if it is: what it held is missing from the result.
    pub(super) fn checked<T>(
        &mut self,
        result: Result<T, Damaged>,
        table: &'static str,
        key: i64,
    ) -> Option<T> {
        self.extent.complete &= result.is_ok();
        self.intact(result, table, key)
    }

    /// Says that a blob is damaged, if it is: what it held will be read from elsewhere.
    pub(super) fn intact<T>(
        &self,
        result: Result<T, Damaged>,
        table: &'static str,
        key: i64,
    ) -> Option<T> {
        if result.is_err() {
            self.shared.note_damage(table, key);
        }
        result.ok()
    }
}

/// Whether these are all rows of a block. A damaged one is to be told each time.
fn is_whole(rows: &[Seen], block: &StoredBlock) -> bool {
    rows.len() == block.head.rows as usize
}

/// What was read; `None` when it could not be, which makes the result incomplete.
fn noted<T>(result: Result<T, StoreError>, complete: &mut bool) -> Option<T> {
    if let Err(error) = &result {
        tracing::warn!(%error, "a part of the journal cannot be read");
        *complete = false;
    }
    result.ok()
}
