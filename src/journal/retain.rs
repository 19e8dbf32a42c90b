//! What is older than the config wants to keep goes: whole blocks and whole days, the oldest first, in
//! small steps between the writer's other work.
//!
//! Times alone tell what is to go, so what a run did not come to, the next one does. The day that is
//! kept in part is summed up from the rows that stay before the others go, and both at once.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::time::Instant;

use super::day::Day;
use super::disk::Disk;
use super::line::{DAY_MS, day_of};
use super::parts;
use crate::store::{BlockHead, Retention, StoreError};

/// Pages given back to the file system at a time: 256 KB.
const SHRINK_PAGES: u32 = 64;

/// What is too old, on its way out.
#[derive(Debug)]
pub(super) struct Retaining {
    first_day: i64,
    /// What goes as a whole, the oldest last.
    blocks: Vec<BlockHead>,
    days: Vec<i64>,
    cut: Option<Cut>,
    /// Whether names may be without use then, and pages.
    is_sweeping: bool,
    is_shrinking: bool,
}

/// A day of which only the later rows stay.
#[derive(Debug)]
struct Cut {
    day: i64,
    /// The blocks that go.
    gone: BTreeSet<u64>,
    /// The sums of the blocks that stay and begin below a number, but for those that are to be
    /// looked at, of which the oldest are last.
    sums: Day,
    below: u64,
    to_see: Vec<BlockHead>,
}

enum Old {
    Block(u64),
    Day(i64),
}

impl Retaining {
    /// What goes next: a day's sums after its rows, so that a start never has to sum it up anew.
    fn next(&mut self) -> Option<Old> {
        let day = self.days.last().copied();
        let is_of_it = |head: &mut BlockHead| day.is_none_or(|day| day_of(head.last_ms) <= day);
        match self.blocks.pop_if(is_of_it) {
            Some(head) => Some(Old::Block(head.seq)),
            None => self.days.pop().map(Old::Day),
        }
    }
}

impl Disk {
    /// Begins to delete what is too old. No other deletion is under way.
    pub(super) async fn begin_retaining(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let retention = Retention::new(self.shared.config.retention);
        let has_settled = self.clock.has_settled(retention, (Instant::now(), now_ms));
        let before_ms = retention.before_ms(now_ms);
        let first_day = day_of(before_ms);
        let mut store = self.shared.store.read().await?;
        let old = store.blocks().before(before_ms).await?;
        let mut days = store.days().numbers(i64::MIN, first_day).await?;
        days.reverse();
        let is_shrinking = !old.is_empty() || !days.is_empty();
        if is_shrinking && !has_settled && !store.blocks().has_witness(retention, now_ms).await? {
            tracing::warn!(
                "by the clock nothing was recorded for long: what is too old by it is kept for a day"
            );
            return Ok(());
        }
        let (blocks, cut): (Vec<_>, Vec<_>) = old
            .into_iter()
            .partition(|head| day_of(head.last_ms) < first_day);
        let cut = (!cut.is_empty()).then(|| Cut {
            day: first_day,
            gone: cut.iter().map(|head| head.seq).collect(),
            sums: Day::default(),
            below: 0,
            to_see: Vec::new(),
        });
        self.retaining = Some(Retaining {
            first_day,
            is_sweeping: !days.is_empty(),
            is_shrinking,
            blocks,
            days,
            cut,
        });
        Ok(())
    }

    /// Does one step of it; `false` when nothing is left.
    pub(super) async fn retain_some(&mut self) -> Result<bool, StoreError> {
        let Some(mut retaining) = self.retaining.take() else {
            return Ok(false);
        };
        if !retaining.blocks.is_empty() || !retaining.days.is_empty() {
            self.remove_some(&mut retaining).await?;
        } else if let Some(mut cut) = retaining.cut.take() {
            if self.sum_up_some(&mut cut).await? {
                self.cut(cut).await?;
            } else {
                retaining.cut = Some(cut);
            }
        } else {
            self.finish_retaining(&retaining).await;
            return Ok(true);
        }
        self.retaining = Some(retaining);
        Ok(true)
    }

    async fn remove_some(&mut self, retaining: &mut Retaining) -> Result<(), StoreError> {
        let mut store = self.shared.store.write().await?;
        let (began, mut days) = (Instant::now(), Vec::new());
        while let Some(old) = retaining.next() {
            match old {
                Old::Block(seq) => store.blocks().remove(seq).await?,
                Old::Day(day) => {
                    store.days().remove(day).await?;
                    days.push(day);
                }
            }
            if began.elapsed() >= self.step {
                break;
            }
        }
        store.commit().await?;
        for day in days {
            self.stored.remove(&day);
        }
        Ok(())
    }

    /// Sums up some of what stays of a day; `true` when that is done but for the rows in memory.
    async fn sum_up_some(&self, cut: &mut Cut) -> Result<bool, StoreError> {
        let mut store = self.shared.store.read().await?;
        let began = Instant::now();
        loop {
            let Some(head) = cut.to_see.pop() else {
                // All blocks that do not grow, among them those that came meanwhile.
                let base = self.shared.state().tail.base;
                if base == cut.below {
                    return Ok(true);
                }
                let (since_ms, until_ms) = (cut.day * DAY_MS, (cut.day + 1) * DAY_MS);
                let mut blocks = store.blocks();
                let mut heads = blocks.heads(0..base, since_ms, until_ms, u32::MAX).await?;
                heads.retain(|head| head.seq >= cut.below && !cut.gone.contains(&head.seq));
                (cut.to_see, cut.below) = (heads, base);
                continue;
            };
            let lines = self.lines(&mut store, &head).await?.unwrap_or_default();
            let of_day = lines.iter().filter(|line| day_of(line.at_ms) == cut.day);
            of_day.for_each(|line| cut.sums.add(line));
            if began.elapsed() >= self.step {
                return Ok(false);
            }
        }
    }

    async fn cut(&mut self, cut: Cut) -> Result<(), StoreError> {
        let Cut {
            day,
            gone,
            mut sums,
            ..
        } = cut;
        let shared = Arc::clone(&self.shared);
        let mut store = shared.store.write().await?;
        for seq in gone {
            store.blocks().remove(seq).await?;
        }
        let is_stored = self.stored.contains(&day);
        {
            let tail = &shared.state().tail;
            // What is not on disk stays as it is in memory, where the disk has sums.
            let some = if is_stored { tail.flushed } else { usize::MAX };
            let lines = tail.lines.iter().take(some);
            lines
                .filter(|line| day_of(line.at_ms) == day)
                .for_each(|line| sums.add(line));
        }
        if is_stored {
            store.days().save(&parts::encode(day, &sums)).await?;
        }
        let gate = shared.gate.write().await;
        store.commit().await?;
        if !is_stored {
            shared.state_mut().days.insert(day, sums);
        }
        drop(gate);
        Ok(())
    }

    async fn finish_retaining(&mut self, retaining: &Retaining) {
        let shared = Arc::clone(&self.shared);
        let gate = shared.gate.write().await;
        {
            let mut state = shared.state_mut();
            state.days = state.days.split_off(&retaining.first_day);
        }
        drop(gate);
        if retaining.is_sweeping {
            self.begin_sweeping();
        }
        self.is_shrinking |= retaining.is_shrinking;
    }

    /// Gives some of the pages that hold nothing back to the file system; `false` when there are none.
    pub(super) async fn shrink_some(&mut self) -> Result<bool, StoreError> {
        if !std::mem::take(&mut self.is_shrinking) {
            return Ok(false);
        }
        let mut store = self.shared.store.write().await?;
        let (began, mut before) = (Instant::now(), i64::MAX);
        loop {
            let left = store.shrink(SHRINK_PAGES).await?;
            if left == 0 || left >= before {
                break;
            }
            before = left;
            if began.elapsed() >= self.step {
                self.is_shrinking = true;
                break;
            }
        }
        store.commit().await?;
        Ok(true)
    }
}
