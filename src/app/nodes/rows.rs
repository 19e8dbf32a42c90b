//! Rows of the journal: ours go, others' come, small parcels are put together.

use crate::config::Privacy;
use crate::journal::{Journal, joined};
use crate::store::{Arrived, Hub, Store, StoreError};

/// Parcels sent at once.
const AT_ONCE: u32 = 16;

/// Small parcels are put together when they have so many rows, or are so many.
const FULL: u64 = 8192;
const MANY: u32 = 1000;

/// Parcels that are gone through at once for rows that are deleted: other work waits for it.
const CLEARED_AT_ONCE: u32 = 8;

/// How far the rows are.
#[derive(Default)]
pub(super) struct Rows {
    /// Rows of ours that were sent since small parcels were last put together.
    sent: u64,
    /// Whether rows that our file lost are back.
    is_recovered: bool,
    /// How far parcels there were gone through for rows that are deleted, and up to which deletion.
    clearing: Option<(i64, (i64, i64))>,
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
        // What is deleted is neither sent nor taken.
        let learned = journal.learn_erasures(hub).await?;
        let mut is_more = self.clear(hub, (journal, learned)).await?;
        // While the outbox has rows that are deleted, it is waited for: then we are woken.
        if let Some(clean) = journal.clean_erasures() {
            is_more |= self.send(hub, (store, clean)).await?;
        }
        if self.sent >= FULL {
            self.sent = 0;
            seal(hub, (journal, learned)).await?;
        }
        is_more |= self.take(hub, journal).await?;
        Ok(is_more)
    }

    /// Takes rows that are deleted out of some parcels there, unless another node does; `true` when
    /// there are more.
    async fn clear(
        &mut self,
        hub: &Hub,
        (journal, learned): (&Journal, i64),
    ) -> Result<bool, StoreError> {
        if !hub.claim_erasures(learned, self.clearing.is_some()).await? {
            self.clearing = None;
            return Ok(false);
        }
        // One that came meanwhile has parcels before, too.
        let clearing = self.clearing.filter(|(last, _)| *last == learned);
        let after = clearing.map_or((-1, -1), |(_, after)| after);
        let parcels = hub.parcels_after(after, CLEARED_AT_ONCE).await?;
        for parcel in &parcels {
            if let Some(rest) = journal.without_deleted(parcel) {
                hub.replace(&rest).await?;
            }
        }
        let place = |parcel: &Arrived| (i64::from(parcel.node), parcel.until.cast_signed());
        self.clearing = parcels.last().map(|last| (learned, place(last)));
        if parcels.is_empty() {
            hub.finish_erasures(learned).await?;
        }
        Ok(!parcels.is_empty())
    }

    async fn send(&mut self, hub: &Hub, (store, clean): (&Store, i64)) -> Result<bool, StoreError> {
        let parcels = store.read().await?.outbox().first(AT_ONCE).await?;
        let Some(last) = parcels.last() else {
            return Ok(false);
        };
        if !hub.send(&parcels, clean).await? {
            // Something was deleted just now.
            return Ok(true);
        }
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
async fn seal(hub: &Hub, (journal, learned): (&Journal, i64)) -> Result<(), StoreError> {
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
                let rest = journal.without_deleted(&whole);
                hub.seal(&rest.unwrap_or(whole), learned).await?;
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
