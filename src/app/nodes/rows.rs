//! Rows of the journal: ours go, others' come, small parcels are put together.

use crate::config::Privacy;
use crate::journal::{Journal, joined};
use crate::store::{Arrived, Hub, Store, StoreError};

/// Parcels sent at once.
const AT_ONCE: u32 = 16;

/// Small parcels are put together when they have so many rows, or are so many.
const FULL: u64 = 8192;
const MANY: u32 = 1000;

/// How far the rows are.
#[derive(Default)]
pub(super) struct Rows {
    /// Rows of ours that were sent since small parcels were last put together.
    sent: u64,
    /// Whether rows that our file lost are back.
    is_recovered: bool,
}

impl Rows {
    /// Sends and takes what there is; `true` when there may be more at once.
    pub async fn exchange(
        &mut self,
        hub: &Hub,
        (store, journal): (&Store, &Journal),
    ) -> Result<bool, StoreError> {
        if journal.progress().is_none() {
            // The writer has not begun: there is nowhere to put them.
            return Ok(false);
        }
        let mut is_more = self.send(hub, store).await?;
        if self.sent >= FULL {
            self.sent = 0;
            seal(hub).await?;
        }
        is_more |= self.take(hub, journal).await?;
        Ok(is_more)
    }

    async fn send(&mut self, hub: &Hub, store: &Store) -> Result<bool, StoreError> {
        let parcels = store.read().await?.outbox().first(AT_ONCE).await?;
        let Some(last) = parcels.last() else {
            return Ok(false);
        };
        hub.send(&parcels).await?;
        let mut writing = store.write().await?;
        writing.outbox().remove_to(last.seq).await?;
        writing.commit().await?;
        self.sent += parcels
            .iter()
            .map(|parcel| u64::from(parcel.rows))
            .sum::<u64>();
        Ok(parcels.len() == usize::try_from(AT_ONCE).unwrap_or(usize::MAX))
    }

    async fn take(&mut self, hub: &Hub, journal: &Journal) -> Result<bool, StoreError> {
        let mut is_more = false;
        if journal.privacy() == Privacy::Off {
            return Ok(false);
        }
        for node in hub.nodes().await? {
            let Some(progress) = journal.progress() else {
                return Ok(false);
            };
            let is_ours = hub.number() == Some(node.number);
            let from = progress.from.get(&node.number).copied().unwrap_or(0);
            // Of our own, only what a file held that is not there any more.
            let below = if is_ours {
                progress.begun
            } else {
                i64::MAX as u64
            };
            if from >= node.sent.min(below) || (is_ours && self.is_recovered) {
                continue;
            }
            let parcels = hub.fetch(node.number, from, below).await?;
            self.is_recovered |= is_ours && parcels.is_empty();
            if !parcels.is_empty() {
                is_more |= journal.take_in(parcels).await;
            }
        }
        Ok(is_more)
    }
}

/// Puts small parcels of ours together: they take five times the room.
async fn seal(hub: &Hub) -> Result<(), StoreError> {
    let small = hub.unsealed(MANY).await?;
    for run in small.chunk_by(|a, b| a.until == b.seq()) {
        let is_last = run.last().map(|parcel| parcel.until) == small.last().map(|last| last.until);
        let rows: u64 = run.iter().map(|parcel| u64::from(parcel.rows)).sum();
        // What was sent after a restart does not follow what was sent before.
        if is_last && rows < FULL && small.len() < MANY as usize {
            continue;
        }
        for part in parts(run) {
            if let Some(whole) = joined(part) {
                hub.seal(&whole).await?;
            }
        }
    }
    Ok(())
}

/// Parcels that come to about a full block each.
fn parts(run: &[Arrived]) -> Vec<&[Arrived]> {
    let mut parts = Vec::new();
    let (mut rest, mut rows, mut length) = (run, 0, 0);
    for parcel in run {
        rows += u64::from(parcel.rows);
        length += 1;
        if rows >= FULL {
            let (part, after) = rest.split_at(length);
            parts.push(part);
            (rest, rows, length) = (after, 0, 0);
        }
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts
}
