//! What the recorders, the writer and the readers share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::block_sums::BlockSums;
use super::erasures::Erasures;
use super::firsts::Firsts;
use super::recorder::{Counters, Door};
use super::state::State;
use super::{Counts, Recorder, Row, Words};
use crate::config;
use crate::store::{Arrived, Store};

/// Rows that a slow watcher may fall behind before it misses some.
const WATCHER_LAG: usize = 4096;

/// What the recorders, the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub config: config::Journal,
    pub store: Store,
    pub words: Words,
    pub door: Arc<Door>,
    pub live: broadcast::Sender<Arc<Row>>,
    pub requests: mpsc::Sender<Request>,
    /// Held by the writer over a commit and the change of the state that belongs to it, and by a
    /// reader until it has pinned the disk and looked at the state.
    pub gate: tokio::sync::RwLock<()>,
    /// Rows that were taken from a ring and had to be forgotten before they were on disk.
    pub forgotten: AtomicU64,
    /// Whether the writer answers requests.
    pub is_running: AtomicBool,
    state: RwLock<State>,
    counters: Mutex<Vec<Arc<Counters>>>,
    problem: Mutex<Option<String>>,
    damaged: Mutex<BTreeSet<(&'static str, i64)>>,
    /// What is deleted.
    pub erasures: Mutex<Erasures>,
    pub sums: BlockSums,
    pub firsts: Firsts,
}

/// What a reader asks of the writer; answered when it is done.
#[derive(Debug)]
pub(super) enum Request {
    /// Take what was recorded so far.
    CatchUp(oneshot::Sender<()>),
    /// Take what was recorded so far, and write it to disk.
    Flush(oneshot::Sender<()>),
    /// Begin with the deletions that were asked for.
    Erase(oneshot::Sender<()>),
    /// Take rows of other nodes, and write them to disk; answered whether that was done.
    TakeIn(Vec<Arrived>, oneshot::Sender<bool>),
}

impl Shared {
    pub(super) fn new(
        config: config::Journal,
        store: Store,
        words: Words,
        requests: mpsc::Sender<Request>,
    ) -> Self {
        Self {
            config,
            store,
            words,
            door: Arc::new(Door::new()),
            live: broadcast::Sender::new(WATCHER_LAG),
            requests,
            gate: tokio::sync::RwLock::new(()),
            forgotten: AtomicU64::new(0),
            is_running: AtomicBool::new(false),
            state: RwLock::new(State::default()),
            counters: Mutex::new(Vec::new()),
            problem: Mutex::new(None),
            damaged: Mutex::new(BTreeSet::new()),
            erasures: Mutex::default(),
            sums: BlockSums::default(),
            firsts: Firsts::default(),
        }
    }

    pub(super) fn recorder(&self) -> Recorder {
        let counters = Arc::new(Counters::default());
        let mut all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Arc::clone(&counters));
        self.door.recorder(counters, self.config.privacy)
    }

    pub(super) fn totals(&self) -> Counts {
        let all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let mut totals = Counts::default();
        for counters in &*all {
            totals += Counts {
                allow: counters.allow.load(Ordering::Relaxed),
                watch: counters.watch.load(Ordering::Relaxed),
                block: counters.block.load(Ordering::Relaxed),
                failed: counters.failed.load(Ordering::Relaxed),
            };
        }
        totals
    }

    pub(super) fn lost(&self) -> u64 {
        let all = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let full: u64 = all.iter().map(|c| c.lost.load(Ordering::Relaxed)).sum();
        full + self.forgotten.load(Ordering::Relaxed)
    }

    pub(super) fn problem(&self) -> Option<String> {
        self.problem
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn set_problem(&self, problem: Option<String>) {
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }

    /// Says once that a blob is damaged, and is skipped.
    pub(super) fn note_damage(&self, table: &'static str, key: i64) {
        let mut damaged = self.damaged.lock().unwrap_or_else(PoisonError::into_inner);
        if damaged.insert((table, key)) {
            let file = self.store.file().display();
            tracing::warn!(%file, table, key, "a part of the journal is damaged, and is skipped");
        }
    }

    /// How many damaged blobs were met.
    pub(super) fn damaged(&self) -> usize {
        self.damaged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Looks at the state; never held across a wait.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state: for the writer alone.
    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
