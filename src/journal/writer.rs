//! The one task that keeps the journal: it takes what was recorded, numbers its words, shows it
//! to those who watch, and has it written.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::record::Record;
use super::recorder::Ring;
use super::shared::{Request, Shared};

/// How long events gather before they are taken, so that the writer is not woken for each.
const GATHER: Duration = Duration::from_millis(200);

/// How long the writer sleeps at most: housekeeping is due now and then.
const NAP: Duration = Duration::from_mins(1);

/// Bytes taken from a ring at once.
const GULP: usize = 256 << 10;

/// Keeps the journal until it is stopped.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    rings: Vec<Ring>,
    batch: Vec<Record>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, requests: mpsc::Receiver<Request>) -> Self {
        Self {
            shared,
            requests,
            rings: Vec::new(),
            batch: Vec::new(),
        }
    }

    /// Runs until `stop`, then takes and writes what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            self.turn(now_ms());
            self.rest(&stop).await;
        }
        self.turn(now_ms());
    }

    /// Does what is to be done now.
    pub(super) fn turn(&mut self, now_ms: i64) {
        self.take(now_ms);
    }

    /// Takes all that was recorded so far.
    fn take(&mut self, now_ms: i64) {
        self.rings.append(&mut self.shared.door.fresh());
        let mut more = true;
        while more {
            for ring in &mut self.rings {
                ring.drain(GULP, |record| self.batch.push(record));
            }
            self.keep(now_ms);
            more = self.rings.iter().any(|ring| !ring.is_empty());
        }
        self.rings.retain(|ring| !ring.is_done());
    }

    fn keep(&mut self, now_ms: i64) {
        // Each thread's events are in order; between threads, time decides.
        self.batch.sort_by_key(|record| record.at_ms);
        let watched = self.shared.live.receiver_count() > 0;
        let mut rows = Vec::new();
        let mut state = self.shared.state_mut();
        state.as_of_ms = now_ms;
        for record in self.batch.drain(..) {
            let (id, line) = state.push(&record, &self.shared.words);
            if watched {
                rows.push(state.row(id, &line, &self.shared.words));
            }
        }
        drop(state);
        for row in rows {
            // It fails when the last watcher has just left.
            let _: Result<_, _> = self.shared.live.send(Arc::new(row));
        }
    }

    /// Waits until there is something to do.
    async fn rest(&mut self, stop: &CancellationToken) {
        self.shared.door.sleep();
        if self.rings.iter().all(Ring::is_empty) && !self.wait(stop, NAP).await {
            return;
        }
        self.shared.door.gather();
        self.wait(stop, GATHER).await;
        self.shared.door.awake();
    }

    /// Waits for a knock; `false` when there is no more time to gather.
    async fn wait(&mut self, stop: &CancellationToken, longest: Duration) -> bool {
        tokio::select! {
            () = stop.cancelled() => false,
            () = self.shared.door.wake.notified() => true,
            () = time::sleep(longest) => false,
            request = self.requests.recv() => {
                self.serve(request);
                false
            }
        }
    }

    fn serve(&mut self, request: Option<Request>) {
        match request {
            Some(Request::CatchUp(done) | Request::Flush(done)) => {
                self.take(now_ms());
                // It fails when the asker did not wait.
                let _: Result<(), _> = done.send(());
            }
            None => {}
        }
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
