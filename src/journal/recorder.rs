//! The near end of the journal: a DNS thread puts its events here, and never waits.
//!
//! Each thread has its own ring of bytes. When the writer does not keep up and the ring is full,
//! the event is counted as lost. The writer is woken only when it has said that it sleeps.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::sync::{Arc, Mutex, PoisonError};

use rtrb::{Consumer, Producer, RingBuffer};
use tokio::sync::Notify;

use super::batch::Batch;
use super::record::{MAX_RECORD, Record};
use super::row::is_failed;
use crate::config::Privacy;
use crate::query::{Event, VerdictWord};

/// Bytes of a ring: about 25,000 events, a tenth of a second at the highest rate of a thread.
const RING: usize = 2 << 20;

/// Takes the events of one DNS thread.
pub struct Recorder {
    inner: RefCell<Inner>,
    door: Arc<Door>,
    counts: Arc<Counters>,
    privacy: Privacy,
}

struct Inner {
    ring: Producer<u8>,
    record: Vec<u8>,
}

impl Recorder {
    /// Records an event, or counts it as lost; never waits.
    pub fn record(&self, event: &Event) {
        self.counts.add(event);
        let Some(record) = Record::of(event, self.privacy) else {
            return;
        };
        // Nothing below records again, so the inner part is never held twice.
        let Ok(mut inner) = self.inner.try_borrow_mut() else {
            return;
        };
        let Inner {
            ring,
            record: bytes,
        } = &mut *inner;
        bytes.clear();
        record.write(bytes);
        if ring.push_entire_slice(bytes).is_err() {
            count(&self.counts.lost);
        }
        self.door.knock(|| is_half_full(ring));
    }
}

fn is_half_full(ring: &Producer<u8>) -> bool {
    let half = ring.buffer().capacity() / 2;
    // The cached figure only errs towards "full", and is free.
    ring.cached_slots() < half && ring.slots() < half
}

/// Queries since the start, by verdict, and events that were not kept. One thread counts here, so
/// that nobody else's count gets lost where it is read and written in two steps.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Counters {
    pub allow: AtomicU64,
    pub watch: AtomicU64,
    pub block: AtomicU64,
    pub failed: AtomicU64,
    pub lost: AtomicU64,
}

impl Counters {
    fn add(&self, event: &Event) {
        let counter = match event.verdict.word() {
            VerdictWord::Allow => &self.allow,
            VerdictWord::Watch => &self.watch,
            VerdictWord::Block => &self.block,
        };
        count(counter);
        if is_failed(event.source.into(), event.rcode) {
            count(&self.failed);
        }
    }
}

fn count(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

const AWAKE: u8 = 0;
const SLEEPS: u8 = 1;
const GATHERS: u8 = 2;

/// Between the recorders and the writer: the rings, and how the writer is woken.
#[derive(Debug)]
pub(super) struct Door {
    state: AtomicU8,
    pub wake: Notify,
    fresh: Mutex<Vec<Ring>>,
}

/// The far end of a recorder.
#[derive(Debug)]
pub(super) struct Ring {
    bytes: Consumer<u8>,
    /// The beginning of a record whose end was not taken yet.
    begun: Vec<u8>,
}

impl Door {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU8::new(AWAKE),
            wake: Notify::new(),
            fresh: Mutex::new(Vec::new()),
        }
    }

    /// Makes a recorder; the writer finds its ring at its next turn.
    pub(super) fn recorder(self: &Arc<Self>, counts: Arc<Counters>, privacy: Privacy) -> Recorder {
        let (ring, bytes) = RingBuffer::new(RING);
        let begun = Vec::new();
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        fresh.push(Ring { bytes, begun });
        Recorder {
            inner: RefCell::new(Inner {
                ring,
                record: Vec::with_capacity(MAX_RECORD),
            }),
            door: Arc::clone(self),
            counts,
            privacy,
        }
    }

    /// The rings of recorders that were made since the last call.
    pub(super) fn fresh(&self) -> Vec<Ring> {
        let mut fresh = self.fresh.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *fresh)
    }

    /// Wakes the writer if it sleeps, or if it gathers and the ring fills up.
    fn knock(&self, is_half_full: impl FnOnce() -> bool) {
        // With the fence in `announce`: either we see the announcement, or the writer sees our
        // bytes when it looks once more before it sleeps.
        fence(Ordering::SeqCst);
        let state = self.state.load(Ordering::Relaxed);
        let wanted = state == SLEEPS || (state == GATHERS && is_half_full());
        if wanted && self.state.swap(AWAKE, Ordering::AcqRel) != AWAKE {
            self.wake.notify_one();
        }
    }

    /// The writer is about to sleep until something is recorded.
    pub(super) fn sleep(&self) {
        self.announce(SLEEPS);
    }

    /// The writer is about to let events gather for a moment.
    pub(super) fn gather(&self) {
        self.announce(GATHERS);
    }

    /// The writer is at work.
    pub(super) fn awake(&self) {
        self.state.store(AWAKE, Ordering::Relaxed);
    }

    fn announce(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }
}

impl Ring {
    /// Whether nothing waits in it.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Whether its recorder is gone and nothing waits in it.
    pub(super) fn is_done(&self) -> bool {
        self.bytes.is_abandoned() && self.bytes.is_empty()
    }

    /// Takes the whole records that wait in it, at most about `limit` bytes.
    pub(super) fn drain(&mut self, limit: usize, batch: &mut Batch) {
        let count = self.bytes.slots().min(limit);
        let Ok(chunk) = self.bytes.read_chunk(count) else {
            return;
        };
        let (first, second) = chunk.as_slices();
        self.begun.extend_from_slice(first);
        self.begun.extend_from_slice(second);
        chunk.commit_all();
        let used = batch.take(&self.begun);
        self.begun.drain(..used);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{DeviceId, Rcode, RecordType, Source, Transport, Verdict};

    fn event(at_ms: i64) -> Event {
        Event {
            at_ms,
            device: DeviceId(1),
            address: "192.0.2.1".parse().unwrap(),
            name: "www.home.example".parse().unwrap(),
            kind: RecordType::A,
            verdict: Verdict::Allow(None),
            source: Source::Cache,
            rcode: Rcode::NOERROR,
            transport: Transport::Udp,
            took_us: 9,
        }
    }

    fn pair() -> (Recorder, Ring, Arc<Counters>, Arc<Door>) {
        let (door, counts) = (Arc::new(Door::new()), Arc::new(Counters::default()));
        let recorder = door.recorder(Arc::clone(&counts), Privacy::Full);
        let ring = door.fresh().pop().unwrap();
        (recorder, ring, counts, door)
    }

    #[test]
    fn events_come_out_in_order_across_the_end_of_the_ring() {
        let (recorder, mut ring, counts, _) = pair();
        let mut batch = Batch::default();
        for round in 0..100 {
            (0..1000).for_each(|n| recorder.record(&event(round * 1000 + n)));
            // An odd limit cuts records in two.
            while !ring.is_empty() {
                ring.drain(4093, &mut batch);
            }
        }
        let seen: Vec<_> = batch.iter().map(|record| record.at_ms).collect();
        assert_eq!(seen, (0..100_000).collect::<Vec<_>>());
        assert_eq!(counts.lost.load(Ordering::Relaxed), 0);
        assert_eq!(counts.allow.load(Ordering::Relaxed), 100_000);
    }

    #[test]
    fn a_full_ring_loses_events_and_counts_each() {
        let (recorder, mut ring, counts, _) = pair();
        (0..100_000).for_each(|n| recorder.record(&event(n)));
        let mut batch = Batch::default();
        ring.drain(usize::MAX, &mut batch);
        let kept = batch.iter().count() as u64;
        let lost = counts.lost.load(Ordering::Relaxed);
        assert!(lost > 0);
        assert_eq!(kept + lost, 100_000);
    }

    #[tokio::test]
    async fn the_writer_is_woken_only_when_it_sleeps() {
        let (recorder, _ring, _, door) = pair();
        recorder.record(&event(1));
        assert_eq!(door.state.load(Ordering::Relaxed), AWAKE);
        door.gather();
        recorder.record(&event(2));
        assert_eq!(door.state.load(Ordering::Relaxed), GATHERS);
        door.sleep();
        recorder.record(&event(3));
        assert_eq!(door.state.load(Ordering::Relaxed), AWAKE);
        door.wake.notified().await;
        door.gather();
        (0..20_000).for_each(|n| recorder.record(&event(n)));
        assert_eq!(door.state.load(Ordering::Relaxed), AWAKE);
        door.wake.notified().await;
    }

    #[test]
    fn a_ring_is_done_when_its_recorder_is_gone_and_it_is_empty() {
        let (recorder, mut ring, ..) = pair();
        recorder.record(&event(1));
        drop(recorder);
        assert!(!ring.is_done());
        ring.drain(usize::MAX, &mut Batch::default());
        assert!(ring.is_done());
    }
}
