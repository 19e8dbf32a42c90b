//! What we saw: every query, kept without making anybody wait.
//!
//! A DNS thread hands its events to a [`Recorder`]; one task, the [`Writer`], takes them, shows
//! them to those who watch, and keeps them: the newest rows in memory, all in compressed blocks in
//! the store, and sums by day. A [`Journal`] is the handle for reading. When the disk fails, the
//! journal says so, goes on in memory, and tries again; DNS does not notice.

mod asked;
mod askers;
mod batch;
mod blob;
mod block;
mod block_sums;
mod budget;
mod bytes;
mod counts;
mod day;
mod devices;
mod disk;
mod erase;
mod erasures;
mod exchange;
mod exposure;
mod filter;
mod firsts;
mod gather;
mod gone;
mod habits;
mod ids;
mod labels;
mod latency;
mod line;
mod load;
mod minutes;
mod names;
mod numbers;
mod old_day;
mod parcel;
mod parts;
mod plan;
mod queries;
mod record;
mod recorder;
mod retain;
mod row;
mod series;
mod shared;
mod spelled;
mod state;
mod sum;
mod summary;
mod sweep;
mod tallies;
mod view;
mod writer;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time;

use crate::config;
use crate::query::{DeviceId, EntryLabel, Match, Name, UpstreamId};
use crate::store::{Arrived, Progress, Store};

pub use asked::NameAsked;
pub use counts::Counts;
pub use erasures::Erasure;
pub use exposure::{Cell, DeviceNames, Exposure, NameSeen, NameSpan};
pub use filter::{Filter, NameFilter, Outcome};
pub use habits::Habits;
pub use parcel::joined;
pub use queries::Page;
pub use recorder::Recorder;
pub use row::{Row, SourceWord, UNNAMED};
pub use series::{Series, Week};
use shared::{Request, Shared};
pub use summary::{DeviceCount, NameCount, Summary};
pub use tallies::{EntryCount, OriginCount, Span};
pub use view::{Extent, Range};
pub use writer::Writer;

/// How long a reader waits for the writer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Puts the match on a name into words.
pub type EntryWords = dyn Fn(Match, &Name) -> Option<EntryLabel> + Send + Sync;

/// How the journal turns numbers that others gave out into words.
pub struct Words {
    /// The entry of a match on a name, in words that outlive a reload.
    pub entry: Box<EntryWords>,
    /// An upstream as people know it.
    pub upstream: Box<dyn Fn(UpstreamId) -> Option<String> + Send + Sync>,
    /// The device that this one turned out to be.
    pub device: Box<dyn Fn(DeviceId) -> DeviceId + Send + Sync>,
}

#[cfg(test)]
impl Words {
    /// Words of numbers: entry 7 is `e7.example` of pack `p7`, with ten packs; from 1000 on they are
    /// of a list.
    fn for_tests() -> Self {
        Self {
            entry: Box::new(|matched, _| {
                let origin = match matched.rule {
                    0..1000 => format!("pack:p{}", matched.rule % 10),
                    _ => "list:big".to_owned(),
                };
                Some(EntryLabel {
                    origin,
                    entry: format!("e{}.example", matched.rule),
                })
            }),
            upstream: Box::new(|id| Some(format!("udp://192.0.2.{}", id.0))),
            device: Box::new(|device| device),
        }
    }
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Words")
    }
}

/// The handle for reading what was recorded; cheap to clone.
#[derive(Clone, Debug)]
pub struct Journal {
    shared: Arc<Shared>,
}

/// What the journal is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalState {
    /// Rows are kept on disk.
    Ok,
    /// Rows are kept in memory only, and the oldest of them are forgotten.
    Stopped,
    /// Nothing is recorded, as the config says.
    Off,
}

impl JournalState {
    /// The state's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Stopped => "stopped",
            Self::Off => "off",
        }
    }
}

impl Journal {
    /// A journal and the task that keeps it. The store need not be open: the writer opens it.
    pub fn new(config: &config::Journal, store: Store, words: Words) -> (Self, Writer) {
        let (requests, incoming) = mpsc::channel(64);
        let shared = Arc::new(Shared::new(config.clone(), store, words, requests));
        let writer = Writer::new(Arc::clone(&shared), incoming);
        (Self { shared }, writer)
    }

    /// Makes the near end for one DNS thread.
    pub fn recorder(&self) -> Recorder {
        self.shared.recorder()
    }

    /// Queries since the start, recorded or not.
    pub fn totals(&self) -> Counts {
        self.shared.totals()
    }

    /// Events since the start that could not be kept.
    pub fn lost(&self) -> u64 {
        self.shared.lost()
    }

    /// What the journal is doing.
    pub fn state(&self) -> JournalState {
        match (self.shared.config.privacy, self.problem()) {
            (config::Privacy::Off, _) => JournalState::Off,
            (_, None) => JournalState::Ok,
            (_, Some(_)) => JournalState::Stopped,
        }
    }

    /// Why rows are not kept on disk, and what to do about it; `None` while they are.
    pub fn problem(&self) -> Option<String> {
        self.shared.problem()
    }

    /// How many blocks and days on disk were found damaged, and skipped.
    pub fn damaged(&self) -> usize {
        self.shared.damaged()
    }

    /// Rows as they are recorded, from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Row>> {
        let rows = self.shared.live.subscribe();
        // The writer gathers longer while nobody watches.
        self.shared.door.wake.notify_one();
        rows
    }

    /// Writes what was recorded so far to disk; does nothing when the writer is gone.
    pub async fn flush(&self) {
        self.ask(Request::Flush).await;
    }

    /// What is left out of the record.
    pub fn privacy(&self) -> config::Privacy {
        self.shared.config.privacy
    }

    /// How far this node is with what it shares with others; `None` while that is not known.
    pub fn progress(&self) -> Option<Progress> {
        let state = self.shared.state();
        state.is_loaded.then(|| state.exchange.progress.clone())
    }

    /// Takes rows of other nodes, each once, and writes them to disk; `false` when it has no room
    /// for them now.
    pub async fn take_in(&self, parcels: Vec<Arrived>) -> bool {
        let (done, wait) = oneshot::channel();
        let request = Request::TakeIn(parcels, done);
        self.shared.requests.send(request).await.is_ok() && wait.await.unwrap_or(false)
    }

    /// Sees to it that what was recorded so far can be read.
    async fn catch_up(&self) {
        self.ask(Request::CatchUp).await;
    }

    async fn ask(&self, request: fn(oneshot::Sender<()>) -> Request) {
        let (done, wait) = oneshot::channel();
        let is_running = self.shared.is_running.load(Ordering::Relaxed);
        if is_running && self.shared.requests.try_send(request(done)).is_ok() {
            // It fails when the writer has just stopped, or is slow: then what is known has to do.
            let _: Result<_, _> = time::timeout(PATIENCE, wait).await;
        }
    }
}

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "figures are made up, and small"
)]
mod sample;
#[cfg(test)]
mod tests;
