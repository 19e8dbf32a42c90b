//! What a node shares of its journal with the others, and takes of theirs.
//!
//! Its own rows go to the outbox in the transaction that writes them to the journal; rows of others
//! are written in the one that notes how far they came. So each is there once, whenever the power
//! fails, and the network is somebody else's matter.

use super::bytes::Damaged;
use super::disk::FULL_BLOCK;
use super::gone::Gone;
use super::line::Line;
use super::parcel::{Parcel, is_blank};
use super::state::State;
use crate::config::Privacy;
use crate::query::{DeviceId, VerdictWord};
use crate::store::{Arrived, Progress, StoreError, Transaction, Waiting};

/// What the outbox may take on disk: a home of the busy kind fills it in a month.
const MOST_BYTES: u64 = 256 << 20;

/// What is shared with other nodes.
#[derive(Debug)]
pub(super) struct Exchange {
    /// Whether there are others.
    is_on: bool,
    /// Rows of ours that are not in the outbox yet.
    outgoing: Vec<Line>,
    pub progress: Progress,
    /// As it is on disk.
    saved: Progress,
    pub most_bytes: u64,
}

impl Default for Exchange {
    fn default() -> Self {
        Self {
            is_on: false,
            outgoing: Vec::new(),
            progress: Progress::default(),
            saved: Progress::default(),
            most_bytes: MOST_BYTES,
        }
    }
}

/// What a flush does for other nodes.
pub(super) struct Sharing {
    parcels: Vec<Parcel>,
    seq: u64,
    rows: usize,
    progress: Progress,
    is_new: bool,
    most_bytes: u64,
}

impl Exchange {
    /// Goes on from what is on disk. Numbers jump with the time, so that a data folder that was
    /// put back from a copy gives none of them twice.
    pub(super) fn begin(&mut self, saved: Progress, now_ms: i64) {
        self.is_on = true;
        self.progress = saved.clone();
        let now = u64::try_from(now_ms).unwrap_or(0) << 10;
        self.progress.next = saved.next.max(now);
        if saved.begun == 0 {
            self.progress.begun = self.progress.next;
        }
        self.saved = saved;
    }

    /// A row of ours is new.
    pub(super) fn note(&mut self, line: Line) {
        if self.is_on {
            self.outgoing.push(line);
        }
    }

    /// The rows that are on disk nowhere; `None` where there are no others.
    pub(super) fn unsaved(&self) -> Option<&[Line]> {
        self.is_on.then_some(&self.outgoing)
    }

    /// Forgets the oldest rows above a limit: the disk fails.
    pub(super) fn limit(&mut self, most: usize) {
        let over = self.outgoing.len().saturating_sub(most);
        self.outgoing.drain(..over);
        self.progress.dropped += over as u64;
    }
}

impl Sharing {
    pub(super) fn of(state: &State) -> Self {
        let Exchange {
            outgoing,
            progress,
            saved,
            ..
        } = &state.exchange;
        let parcels = outgoing.chunks(FULL_BLOCK);
        let mut progress = progress.clone();
        let seq = progress.next;
        progress.next += outgoing.len() as u64;
        Self {
            parcels: parcels.map(|lines| Parcel::of(state, lines)).collect(),
            seq,
            rows: outgoing.len(),
            is_new: progress != *saved,
            progress,
            most_bytes: state.exchange.most_bytes,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.is_new
    }

    /// Whether there is something to send.
    pub(super) fn is_sending(&self) -> bool {
        self.rows > 0
    }

    pub(super) async fn write(&mut self, store: &mut Transaction) -> Result<(), StoreError> {
        if self.is_empty() {
            return Ok(());
        }
        let mut seq = self.seq;
        for parcel in &self.parcels {
            let times = parcel.lines.iter().map(|line| line.at_ms);
            let waiting = Waiting {
                seq,
                rows: u32::try_from(parcel.lines.len()).unwrap_or(u32::MAX),
                last_ms: times.max().unwrap_or(0),
                data: parcel.encode(),
            };
            store.outbox().add(&waiting).await?;
            seq += u64::from(waiting.rows);
        }
        let (_, bytes) = store.outbox().size().await?;
        if bytes > self.most_bytes {
            let over = bytes - self.most_bytes;
            self.progress.dropped += store.outbox().drop_oldest(over).await?;
        }
        store.outbox().save_progress(&self.progress).await
    }

    /// Remembers what is on disk now.
    pub(super) fn settle(&self, state: &mut State) {
        let exchange = &mut state.exchange;
        exchange.outgoing.drain(..self.rows);
        exchange.progress = self.progress.clone();
        exchange.saved = self.progress.clone();
    }
}

impl State {
    /// Takes the rows of another node that have not come before and are not deleted; gives them with
    /// their numbers here. A damaged parcel is passed over.
    pub(super) fn take_in(
        &mut self,
        arrived: &Arrived,
        privacy: Privacy,
        gone: &mut Gone<'_>,
    ) -> Result<Vec<(u64, Line)>, Damaged> {
        let from = self.exchange.progress.from.entry(arrived.node).or_default();
        if arrived.until <= *from {
            return Ok(Vec::new());
        }
        let skipped = from.saturating_sub(arrived.seq());
        *from = arrived.until;
        let parcel = Parcel::open(&arrived.data, arrived.rows)?;
        let skipped = usize::try_from(skipped).unwrap_or(usize::MAX);
        let mut taken = Vec::new();
        let new = parcel.lines.iter().skip(skipped);
        for line in new.filter(|line| !is_blank(line) && !gone.has(line)) {
            let name = parcel.names.label(line.name);
            let entry = parcel.entries.label(line.entry);
            let upstream = parcel.upstreams.label(line.upstream);
            let line = kept(
                Line {
                    name: name.map_or(0, |name| self.names.intern(name)),
                    entry: entry.map_or(0, |entry| self.number_entry(entry)),
                    upstream: upstream.map_or(0, |upstream| self.upstreams.intern(upstream)),
                    ..*line
                },
                privacy,
            );
            taken.push((self.push_line(line), line));
        }
        Ok(taken)
    }
}

/// What this node keeps of a row, whatever the other kept.
fn kept(line: Line, privacy: Privacy) -> Line {
    let is_covered = line.entry != 0 || line.verdict != VerdictWord::Allow;
    match privacy {
        Privacy::NoDevices => Line {
            device: DeviceId(0),
            address: None,
            ..line
        },
        Privacy::NoNames if !is_covered => Line { name: 0, ..line },
        Privacy::Full | Privacy::NoNames | Privacy::Off => line,
    }
}
