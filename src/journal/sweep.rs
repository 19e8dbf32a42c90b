//! Names that nothing speaks of any more are forgotten: after days went, and with each deletion.
//!
//! Every row has its sum, so the sums of days and the newest rows tell which names are used.

use std::collections::BTreeSet;

use super::blob::Unpacker;
use super::disk::Disk;
use super::erase::Erasing;
use super::gone::Deleted;
use super::ids::IdSet;
use super::parts;
use crate::store::{StoreError, Transaction};

impl Disk {
    /// Begins to look for names that nothing speaks of, as a deletion does that deletes nothing else;
    /// one that is under way will do.
    pub(super) fn begin_sweeping(&mut self) {
        let clean = self.shared.erasures().clean;
        self.erasing.get_or_insert_with(|| Erasing {
            deleted: Deleted::new(),
            parcels: Vec::new(),
            days: Vec::new(),
            blocks: Vec::new(),
            total: 0,
            used: IdSet::default(),
            seen: BTreeSet::new(),
            learned: clean,
        });
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

    /// The names that nothing speaks of, by what the sums on disk do; at most `most`.
    pub(super) fn unused(&self, used: &mut IdSet, most: usize) -> Vec<u32> {
        let state = self.shared.state();
        let days = state.days.values();
        days.flat_map(|day| day.tallies.keys())
            .for_each(|key| used.insert(key.name));
        let newest = state.tail.lines.iter();
        newest.for_each(|line| used.insert(line.name));
        let names = state.names.iter().map(|(id, _)| id);
        names.filter(|id| !used.contains(*id)).take(most).collect()
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
