//! What the recorders, the writer and the readers share.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{broadcast, mpsc, oneshot};

use super::recorder::{Counters, Door};
use super::state::State;
use super::{Counts, Recorder, Row, Words};
use crate::config;
use crate::store::Store;

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
    /// Rows that were taken from a ring and had to be forgotten before they were on disk.
    pub forgotten: AtomicU64,
    state: RwLock<State>,
    counters: Mutex<Vec<Arc<Counters>>>,
    problem: Mutex<Option<String>>,
}

/// What a reader asks of the writer; answered when it is done.
#[derive(Debug)]
pub(super) enum Request {
    /// Take what was recorded so far.
    CatchUp(oneshot::Sender<()>),
    /// Take what was recorded so far, and write it to disk.
    Flush(oneshot::Sender<()>),
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
            forgotten: AtomicU64::new(0),
            state: RwLock::new(State::default()),
            counters: Mutex::new(Vec::new()),
            problem: Mutex::new(None),
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

    /// Looks at the state; never held across a wait.
    pub(super) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state: for the writer alone.
    pub(super) fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
