//! Names and entries that nothing speaks of any more are forgotten: after days went, and with each
//! deletion.
//!
//! Rows have their sums, so the sums of days and the newest rows tell which words are used. Before
//! numbers are given again, the few rows are looked at that have none any more: a block goes as a
//! whole, with its last row.

use std::collections::BTreeSet;

use super::blob::Unpacker;
use super::disk::Disk;
use super::erase::Erasing;
use super::gone::Deleted;
use super::ids::IdSet;
use super::line::day_of;
use super::parts;
use super::state::State;
use crate::store::{BlockHead, StoreError, Transaction};

/// Numbers of names and entries that are spoken of.
#[derive(Debug, Default)]
pub(super) struct Used {
    names: IdSet,
    entries: IdSet,
}

/// Numbers of names and entries that nothing speaks of.
pub(super) struct Unused {
    pub names: Vec<u32>,
    pub entries: Vec<u32>,
}

impl Used {
    fn add(&mut self, name: u32, entry: u32) {
        self.names.insert(name);
        self.entries.insert(entry);
    }

    fn add_all(&mut self, state: &State) {
        state.names.iter().for_each(|(id, _)| self.names.insert(id));
        let entries = state.entries.iter();
        entries.for_each(|(id, _)| self.entries.insert(id));
    }
}

impl Unused {
    pub(super) fn len(&self) -> usize {
        self.names.len() + self.entries.len()
    }
}

impl Disk {
    /// Begins to look for words that nothing speaks of, as a deletion does that deletes nothing else;
    /// one that is under way will do.
    pub(super) fn begin_sweeping(&mut self) {
        let clean = self.shared.erasures().clean;
        self.erasing.get_or_insert_with(|| Erasing {
            deleted: Deleted::new(),
            parcels: Vec::new(),
            days: Vec::new(),
            blocks: Vec::new(),
            total: 0,
            used: Used::default(),
            seen: BTreeSet::new(),
            learned: clean,
        });
    }

    /// Notes the words that the sums of a day speak of; where it cannot be seen, all of them.
    pub(super) async fn note_words(
        &self,
        store: &mut Transaction,
        day: i64,
        used: &mut Used,
    ) -> Result<(), StoreError> {
        let Some(stored) = store.days().whole(day).await? else {
            return Ok(());
        };
        let add = |name, entry| used.add(name, entry);
        if parts::each_word(&stored, &mut Unpacker::new(), add).is_err() {
            self.shared.note_damage("day", day);
            used.add_all(&self.shared.state());
        }
        Ok(())
    }

    /// Notes the words of rows on disk that have no sums.
    pub(super) async fn note_rows(
        &self,
        store: &mut Transaction,
        used: &mut Used,
    ) -> Result<(), StoreError> {
        let mut blocks = store.blocks();
        let heads = blocks
            .heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX)
            .await?;
        for head in heads.iter().filter(|head| !self.has_sums(head)) {
            match self.lines(store, head).await? {
                Some(lines) => lines
                    .iter()
                    .for_each(|line| used.add(line.name, line.entry)),
                None => used.add_all(&self.shared.state()),
            }
        }
        Ok(())
    }

    fn has_sums(&self, head: &BlockHead) -> bool {
        let state = self.shared.state();
        let is_known = |day| self.stored.contains(&day) || state.days.contains_key(&day);
        (day_of(head.first_ms)..=day_of(head.last_ms)).all(is_known)
    }

    /// The words that nothing speaks of, by what the sums on disk do; at most `most`.
    pub(super) fn unused(&self, used: &mut Used, most: usize) -> Unused {
        let state = self.shared.state();
        let days = state.days.values();
        days.flat_map(|day| day.tallies.keys())
            .for_each(|key| used.add(key.name, key.entry));
        let outgoing = state.exchange.unsaved().unwrap_or_default();
        let newest = state.tail.lines.iter().chain(outgoing);
        newest.for_each(|line| used.add(line.name, line.entry));
        let names = state.names.iter().map(|(id, _)| id);
        let names = names.filter(|id| !used.names.contains(*id)).take(most);
        let names: Vec<u32> = names.collect();
        let entries = state.entries.iter().map(|(id, _)| id);
        let entries = entries.filter(|id| !used.entries.contains(*id));
        let entries = entries.take(most - names.len()).collect();
        Unused { names, entries }
    }

    /// Forgets words that nothing speaks of any more.
    pub(super) fn settle_words(&self, gone: &Unused) {
        let mut state = self.shared.state_mut();
        if !gone.names.is_empty() {
            let gone: IdSet = gone.names.iter().copied().collect();
            let names = state.names.iter().map(|(id, _)| id);
            let keep: IdSet = names.filter(|id| !gone.contains(*id)).collect();
            state.names.retain(&keep);
        }
        if !gone.entries.is_empty() {
            state.forget_entries(&gone.entries.iter().copied().collect());
        }
    }

    /// Has numbers that have no words given again, by and by.
    pub(super) fn settle_numbers(&self, used: &Used) {
        let mut state = self.shared.state_mut();
        state.names.rest(|id| used.names.contains(id));
        state.entries.rest(|id| used.entries.contains(id));
    }
}
