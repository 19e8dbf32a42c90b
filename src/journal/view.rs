//! What a reader works on: disk and memory of one moment.
//!
//! The gate keeps the writer from moving rows from memory to disk between the look at the one and
//! at the other. Afterwards the disk is read from a transaction that sees no later change.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::blob::Unpacker;
use super::block::{Block, Seen};
use super::bytes::Damaged;
use super::line::{DAY_MS, day_of};
use super::shared::Shared;
use super::state::State;
use crate::store::{BlockHead, StoreError, Transaction};

/// The longest that a read goes on; what it did not reach is missing from the result.
const PATIENCE: Duration = Duration::from_secs(5);

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

    fn is_empty(&self) -> bool {
        self.since_ms >= self.until_ms
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

/// Where the parts of a range are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Days that are in the range as a whole: read from their sums.
    pub whole: Vec<i64>,
    /// The ends of the range: read row by row.
    pub ends: Vec<Range>,
    /// Rows from this number on are in memory.
    pub below: u64,
}

impl Plan {
    fn new(range: Range, state: &State, stored: &[i64]) -> Self {
        let mut plan = Self {
            below: state.tail.base,
            ..Self::default()
        };
        if range.is_empty() {
            return plan;
        }
        let (first, last) = (day_of(range.since_ms), day_of(range.until_ms - 1));
        // Of a day that is not over, the end of the range may be after its last row.
        let ends_open = |day: i64| {
            let sums = state.days.get(&day).filter(|_| !stored.contains(&day));
            sums.is_some_and(|sums| day * DAY_MS + i64::from(sums.last) < range.until_ms)
        };
        let is_whole = |day: i64| {
            let of_day = Range::of_day(day);
            range.since_ms <= of_day.since_ms
                && (of_day.until_ms <= range.until_ms || ends_open(day))
        };
        let ends = if first == last {
            vec![first]
        } else {
            vec![first, last]
        };
        plan.ends
            .extend(ends.into_iter().filter(|day| !is_whole(*day)).map(|day| {
                let of_day = Range::of_day(day);
                Range {
                    since_ms: range.since_ms.max(of_day.since_ms),
                    until_ms: range.until_ms.min(of_day.until_ms),
                }
            }));
        let mut days: Vec<i64> = stored.iter().chain(state.days.keys()).copied().collect();
        days.sort_unstable();
        days.dedup();
        days.retain(|day| (first..=last).contains(day) && is_whole(*day));
        plan.whole = days;
        plan
    }
}

/// The disk's side of a view.
pub(super) struct View {
    shared: Arc<Shared>,
    store: Option<Transaction>,
    pub plan: Plan,
    pub extent: Extent,
    pub unpacker: Unpacker,
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
        let stored = match &mut store {
            Some(store) => {
                let days = day_of(range.since_ms)..day_of(range.until_ms).saturating_add(1);
                noted(
                    store.days().numbers(days.start, days.end).await,
                    &mut complete,
                )
            }
            None => None,
        };
        let (plan, looked, as_of_ms) = {
            let state = shared.state();
            complete &= state.is_loaded;
            let plan = Plan::new(range, &state, &stored.unwrap_or_default());
            let looked = look(&state, &plan);
            (plan, looked, state.as_of_ms)
        };
        drop(gate);
        let view = Self {
            shared: Arc::clone(shared),
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

    /// The blocks of rows that are not in memory and overlap a range, newest first.
    pub(super) async fn heads(&mut self, range: Range) -> Vec<BlockHead> {
        self.some_heads(self.plan.below, range, u32::MAX).await
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
        let heads = store.blocks().heads(below, since_ms, until_ms, most).await;
        noted(heads, &mut self.extent.complete).unwrap_or_default()
    }

    /// A block's rows, as stored.
    pub(super) async fn block_data(&mut self, head: &BlockHead) -> Option<Vec<u8>> {
        let data = self.store.as_mut()?.blocks().data(head.seq).await;
        noted(data, &mut self.extent.complete)?
    }

    /// A block's counts by minute, as stored.
    pub(super) async fn block_minutes(&mut self, head: &BlockHead) -> Option<Vec<u8>> {
        let minutes = self.store.as_mut()?.blocks().minutes(head.seq).await;
        noted(minutes, &mut self.extent.complete)?
    }

    /// A day's sums, as stored.
    pub(super) async fn day_data(&mut self, day: i64) -> Option<Vec<u8>> {
        let data = self.store.as_mut()?.days().data(day).await;
        noted(data, &mut self.extent.complete)?
    }

    /// What most readers need of a block's rows; nothing when it is damaged.
    pub(super) async fn seen(&mut self, head: &BlockHead) -> Vec<Seen> {
        let Some(blob) = self.block_data(head).await else {
            return Vec::new();
        };
        let seen = Block::open(&blob, head.rows).and_then(|block| block.seen(&mut self.unpacker));
        self.checked(seen, "block", head.seq.cast_signed())
            .unwrap_or_default()
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

/// What was read; `None` when it could not be, which makes the result incomplete.
fn noted<T>(result: Result<T, StoreError>, complete: &mut bool) -> Option<T> {
    if let Err(error) = &result {
        tracing::warn!(%error, "a part of the journal cannot be read");
        *complete = false;
    }
    result.ok()
}
