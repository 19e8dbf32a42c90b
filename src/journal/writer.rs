//! The one task that keeps the journal: it takes what was recorded, numbers its words, shows it
//! to those who watch, and has it written.
//!
//! It sleeps until a recorder knocks. When the disk fails it goes on in memory, and tries again
//! after a while.

mod others;
mod steps;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use tokio::sync::{mpsc, oneshot};
use tokio::time::{self, Instant};
use tokio_util::sync::CancellationToken;

use super::batch::Batch;
use super::disk::{Disk, FULL_BLOCK};
use super::gone::Gone;
use super::recorder::Ring;
use super::shared::{Request, Shared};
use crate::store::{Cause, StoreError};

/// How long events gather before they are taken, so that the writer is not woken for each.
const GATHER: Duration = Duration::from_millis(200);

/// The same while nobody watches; readers ask for what was gathered.
const GATHER_UNWATCHED: Duration = Duration::from_secs(1);

/// How often it is seen to what is too old, or over.
const HOUSEKEEPING: Duration = Duration::from_hours(1);

/// The first housekeeping: a machine without a clock of its own may need a while for the time.
const SETTLING: Duration = Duration::from_mins(5);

/// The first and the longest pause after the disk failed.
const RETRY: (Duration, Duration) = (Duration::from_secs(5), Duration::from_mins(5));

/// Bytes taken from a ring at once.
const GULP: usize = 128 << 10;

/// The most gulps before a reader is answered: a full ring, twice over.
const CATCH_UP_GULPS: usize = 32;

/// Rows kept in memory while the disk fails: about four megabytes.
const MOST_ROWS: usize = 65_536;

/// Days whose sums are kept in memory while the disk fails.
const MOST_DAYS: usize = 7;

/// Keeps the journal until it is stopped.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
    requests: mpsc::Receiver<Request>,
    rings: Vec<Ring>,
    batch: Batch,
    disk: Disk,
    /// Whether the disk is left alone until the next start.
    stays_in_memory: bool,
    /// Whether work in steps is left for the next start.
    is_ending: bool,
    schedule: Schedule,
}

/// When what is due; by a clock that does not jump.
#[derive(Debug)]
struct Schedule {
    flush: Option<Instant>,
    retry: Option<Instant>,
    pause: Duration,
    housekeeping: Instant,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, requests: mpsc::Receiver<Request>) -> Self {
        let disk = Disk::new(Arc::clone(&shared));
        Self {
            shared,
            requests,
            rings: Vec::new(),
            batch: Batch::default(),
            disk,
            stays_in_memory: false,
            is_ending: false,
            schedule: Schedule {
                flush: None,
                retry: None,
                pause: RETRY.0,
                housekeeping: Instant::now() + SETTLING,
            },
        }
    }

    /// Leaves the disk alone until the next start: for when the devices that it knows could not
    /// be read, and rows would be written under numbers that belong to others.
    #[must_use]
    pub fn stay_in_memory(mut self, reason: &StoreError) -> Self {
        self.stays_in_memory = true;
        self.shared.set_problem(Some(format!(
            "The journal is not written to disk: {reason}. {} Then start squelch again; until \
             then the newest {MOST_ROWS} queries are kept in memory.",
            reason.advice()
        )));
        self
    }

    /// Makes readers wait for the writer from now on, although it is run a little later.
    pub fn announce(&self) {
        self.shared.is_running.store(true, Ordering::Relaxed);
    }

    /// Runs until `stop`, then takes and writes what is left.
    pub async fn run(mut self, stop: CancellationToken) {
        self.announce();
        while !stop.is_cancelled() {
            let is_done = self.turn(now_ms()).await;
            if is_done {
                self.rest(&stop).await;
            } else {
                self.serve_waiting().await;
                self.breathe(&stop).await;
            }
        }
        self.shared.is_running.store(false, Ordering::Relaxed);
        self.requests.close();
        self.finish(now_ms()).await;
    }

    /// Takes and writes all that is left.
    pub(super) async fn finish(&mut self, now_ms: i64) {
        self.is_ending = true;
        while !self.turn(now_ms).await {}
        self.flush(now_ms).await;
    }

    /// Does what is due; `false` when more was recorded meanwhile. [`Self::run`] does so all the
    /// time; who moves the time himself, in milliseconds since 1970-01-01 UTC, calls it instead.
    pub async fn turn(&mut self, now_ms: i64) -> bool {
        if !self.shared.state().is_loaded && self.may_try() {
            let loaded = self.disk.load().await;
            self.note(loaded).await;
            // What was recorded before is not on disk.
            self.flush(now_ms).await;
        }
        let is_taken = self.take(now_ms);
        let is_busy = self.work(now_ms, is_taken).await;
        // Something else than the rows may have failed: they tell whether it goes again.
        let has_failed = self.schedule.retry.is_some();
        if (has_failed || self.is_flush_due(now_ms)) && self.may_try() {
            self.flush(now_ms).await;
        }
        if self.schedule.housekeeping <= Instant::now() {
            self.keep_house(now_ms).await;
        }
        is_taken && !is_busy
    }

    /// Writes what is not on disk.
    pub async fn flush(&mut self, now_ms: i64) {
        if self.shared.state().is_loaded {
            let flushed = self.disk.flush(now_ms).await;
            if flushed.is_ok() {
                self.schedule.flush = None;
            }
            self.note(flushed).await;
        }
    }

    /// Tries the disk again at the next turn.
    #[cfg(test)]
    pub(super) fn retry_now(&mut self) {
        self.schedule.retry = None;
    }

    /// Makes each step as small as can be.
    #[cfg(test)]
    pub(super) fn tread_softly(&mut self) {
        self.disk.step = Duration::ZERO;
    }

    fn may_try(&self) -> bool {
        let is_time = |retry| retry <= Instant::now();
        !self.stays_in_memory && self.schedule.retry.is_none_or(is_time)
    }

    fn is_flush_due(&self, now_ms: i64) -> bool {
        let state = self.shared.state();
        state.tail.unflushed() >= FULL_BLOCK
            || self
                .schedule
                .flush
                .is_some_and(|flush| flush <= Instant::now())
            || self.disk.is_to_seal(&state, now_ms)
    }

    /// Takes what was recorded, up to a limit; `false` when there is more.
    fn take(&mut self, now_ms: i64) -> bool {
        self.rings.append(&mut self.shared.door.fresh());
        for ring in &mut self.rings {
            ring.drain(GULP, &mut self.batch);
        }
        if !self.batch.is_empty() && self.schedule.flush.is_none() {
            // The oldest of them has waited while events gathered; it waits no longer than promised.
            let rest = self.shared.config.flush.saturating_sub(self.gather());
            self.schedule.flush = Some(Instant::now() + rest);
        }
        self.keep(now_ms);
        self.rings.retain(|ring| !ring.is_done());
        self.rings.iter().all(Ring::is_empty)
    }

    /// Puts the batch behind the newest rows, and shows it to those who watch.
    fn keep(&mut self, now_ms: i64) {
        self.batch.sort();
        let words = &self.shared.words;
        let deleted = self.shared.erasures().just_now(now_ms);
        let mut gone = Gone::new(words, &deleted);
        let records = self.batch.iter();
        let records =
            records.filter(|one| deleted.is_empty() || !gone.has_at(one.device, one.at_ms));
        let mut state = self.shared.state_mut();
        state.as_of_ms = now_ms;
        let first = state.push_all(records, words);
        let is_watched = self.shared.live.receiver_count() > 0;
        let shown = if is_watched { first } else { state.tail.end() };
        let new = state.tail.from(shown);
        let rows: Vec<_> = new.map(|(id, line)| state.row(id, line, words)).collect();
        let lost = state.tail.limit(MOST_ROWS);
        state.exchange.limit(MOST_ROWS);
        drop(state);
        self.batch.clear();
        self.shared.forgotten.fetch_add(lost, Ordering::Relaxed);
        for row in rows {
            // It fails when the last watcher has just left.
            let _: Result<_, _> = self.shared.live.send(Arc::new(row));
        }
    }

    /// Remembers how the disk did.
    async fn note(&mut self, result: Result<(), StoreError>) {
        let Err(error) = result else {
            if self.shared.problem().is_some() {
                tracing::info!("the journal is written again");
            }
            self.shared.set_problem(None);
            self.schedule.retry = None;
            self.schedule.pause = RETRY.0;
            return;
        };
        if self.shared.problem().is_none() {
            tracing::error!(%error, "the journal is not written to disk");
        }
        let text = format!(
            "The journal is not written to disk: {error}. {} Writing is tried again by itself; \
             until then the newest {MOST_ROWS} queries are kept in memory.",
            error.advice()
        );
        self.shared.set_problem(Some(text));
        self.schedule.retry = Some(Instant::now() + self.schedule.pause);
        self.schedule.pause = (self.schedule.pause * 2).min(RETRY.1);
        self.shared.state_mut().forget_days(MOST_DAYS);
        if error.cause() == Cause::Damaged {
            self.begin_anew(&error).await;
        }
    }

    /// Goes on with a new database; what is in memory is written to it.
    async fn begin_anew(&mut self, reason: &StoreError) {
        self.shared.state_mut().is_loaded = false;
        self.shared.firsts.forget();
        match self.shared.store.begin_anew(reason).await {
            Ok(()) => self.schedule.retry = None,
            Err(error) => tracing::error!(%error, "the damaged database cannot be replaced"),
        }
    }

    /// Waits until there is something to do.
    async fn rest(&mut self, stop: &CancellationToken) {
        self.shared.door.sleep();
        let is_knocked = !self.rings.iter().all(Ring::is_empty);
        if is_knocked || self.wait(stop, self.next_due()).await {
            self.shared.door.gather();
            let longest = self.next_due().min(Instant::now() + self.gather());
            self.wait(stop, longest).await;
        }
        self.shared.door.awake();
    }

    /// How long events gather before they are taken.
    fn gather(&self) -> Duration {
        let is_watched = self.shared.live.receiver_count() > 0;
        let gather = if is_watched { GATHER } else { GATHER_UNWATCHED };
        gather.min(self.shared.config.flush / 2)
    }

    fn next_due(&self) -> Instant {
        let disk = match self.schedule.retry {
            _ if self.stays_in_memory => None,
            Some(retry) => Some(retry),
            None => self.schedule.flush,
        };
        disk.map_or(self.schedule.housekeeping, |disk| {
            disk.min(self.schedule.housekeeping)
        })
    }

    /// Waits for a knock; `false` when something else came.
    async fn wait(&mut self, stop: &CancellationToken, until: Instant) -> bool {
        tokio::select! {
            () = stop.cancelled() => false,
            () = self.shared.door.wake.notified() => true,
            () = time::sleep_until(until) => false,
            request = self.requests.recv() => {
                if let Some(request) = request {
                    self.serve(request).await;
                }
                false
            }
        }
    }

    /// Serves who waits already: work in steps may go on for long.
    async fn serve_waiting(&mut self) {
        while let Ok(request) = self.requests.try_recv() {
            self.serve(request).await;
        }
    }

    async fn serve(&mut self, request: Request) {
        // Bounded: under load, what comes in meanwhile is not waited for.
        for _ in 0..CATCH_UP_GULPS {
            if self.take(now_ms()) {
                break;
            }
        }
        let done: oneshot::Sender<()> = match request {
            // It begins at the next turn.
            Request::CatchUp(done) | Request::Erase(done) => done,
            Request::Flush(done) => {
                self.flush(now_ms()).await;
                done
            }
            Request::TakeIn(parcels, done) => {
                let _: Result<(), _> = done.send(self.take_in(&parcels).await);
                return;
            }
        };
        // It fails when the asker did not wait.
        let _: Result<(), _> = done.send(());
    }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
