//! What is older than the config wants to keep goes: whole blocks, whole days, and then, in small
//! steps, the names that nothing speaks of any more.

use std::sync::Arc;

use super::blob::Unpacker;
use super::day::Day;
use super::disk::Disk;
use super::ids::IdSet;
use super::line::{DAY_MS, day_of};
use super::parts;
use crate::store::{StoreError, Transaction};

/// Pages given back to the file system at a time: 8 MB.
const SHRINK_PAGES: u32 = 2048;

impl Disk {
    /// Deletes what is too old. All rows are to be flushed before.
    pub(super) async fn retain(&mut self, now_ms: i64) -> Result<(), StoreError> {
        let retention = i64::try_from(self.shared.config.retention.as_millis());
        let before_ms = now_ms.saturating_sub(retention.unwrap_or(i64::MAX));
        let mut store = self.shared.store.write().await?;
        let gone = store.blocks().remove_before(before_ms).await?;
        let first_day = day_of(before_ms);
        let days_gone = store.days().remove_before(first_day).await?;
        let cut_day = match gone {
            Some(last_ms) if day_of(last_ms) == first_day => {
                Some(self.sum_up(&mut store, first_day).await?)
            }
            _ => None,
        };
        let shared = Arc::clone(&self.shared);
        let gate = shared.gate.write().await;
        store.commit().await?;
        self.settle(first_day, cut_day);
        drop(gate);
        if days_gone > 0 {
            self.begin_sweeping();
        }
        if gone.is_some() || days_gone > 0 {
            let mut store = self.shared.store.write().await?;
            store.shrink(SHRINK_PAGES).await?;
            store.commit().await?;
        }
        Ok(())
    }

    /// Sums up what is left of a day that lost blocks.
    async fn sum_up(&self, store: &mut Transaction, day: i64) -> Result<Day, StoreError> {
        let mut sums = Day::default();
        let (since_ms, until_ms) = (day * DAY_MS, (day + 1) * DAY_MS);
        for head in store
            .blocks()
            .heads(u64::MAX, since_ms, until_ms, u32::MAX)
            .await?
        {
            let lines = self.lines(store, &head).await?.unwrap_or_default();
            for line in lines.iter().filter(|line| day_of(line.at_ms) == day) {
                sums.add(line);
            }
        }
        if self.stored.contains(&day) {
            store.days().save(&parts::encode(day, &sums)).await?;
        }
        Ok(sums)
    }

    /// Notes the names that the sums of a day speak of; where it cannot be seen, all of them.
    pub(super) async fn note_names(
        &self,
        store: &mut Transaction,
        day: i64,
        used: &mut IdSet,
    ) -> Result<(), StoreError> {
        let Some(stored) = store.days().whole(day).await? else {
            return Ok(());
        };
        let noted = parts::each_name(&stored, &mut Unpacker::new(), |name| used.insert(name));
        if noted.is_err() {
            self.shared.note_damage("day", day);
            let state = self.shared.state();
            state.names.iter().for_each(|(id, _)| used.insert(id));
        }
        Ok(())
    }

    /// The names that nothing speaks of, by what the sums on disk do.
    pub(super) fn unused(&self, mut used: IdSet) -> Vec<u32> {
        let state = self.shared.state();
        let days = state.days.values();
        days.flat_map(|day| day.tallies.keys())
            .for_each(|key| used.insert(key.name));
        let newest = state.tail.lines.iter();
        newest.for_each(|line| used.insert(line.name));
        let names = state.names.iter().map(|(id, _)| id);
        names.filter(|id| !used.contains(*id)).collect()
    }

    fn settle(&mut self, first_day: i64, cut_day: Option<Day>) {
        let mut state = self.shared.state_mut();
        self.stored = self.stored.split_off(&first_day);
        state.days = state.days.split_off(&first_day);
        match cut_day {
            Some(sums) if !self.stored.contains(&first_day) => {
                state.days.insert(first_day, sums);
            }
            _ => {}
        }
    }

    /// Forgets names that nothing speaks of any more.
    pub(super) fn settle_names(&self, gone: &[u32]) {
        if gone.is_empty() {
            return;
        }
        let mut state = self.shared.state_mut();
        let gone: IdSet = gone.iter().copied().collect();
        let names = state.names.iter().map(|(id, _)| id);
        let keep: IdSet = names.filter(|id| !gone.contains(*id)).collect();
        state.names.retain(&keep);
    }
}
