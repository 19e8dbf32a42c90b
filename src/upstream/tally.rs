//! What one upstream did since the start, counted without a lock by whoever asks it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::error::FailureKind;

/// The longest answers of each bucket but the last, in microseconds.
pub const LATENCY_BOUNDS_US: [u64; 12] = [
    1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000,
];
const BUCKETS: usize = LATENCY_BOUNDS_US.len() + 1;
const KINDS: usize = FailureKind::ALL.len();

/// The counters of one upstream.
#[derive(Debug, Default)]
pub(super) struct Tally {
    latencies: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
    failures: [AtomicU64; KINDS],
    /// In milliseconds since 1970-01-01 UTC; 0 = never.
    failed_at_ms: AtomicI64,
}

/// How long answers took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Latencies {
    /// How many answers fall into each bucket; the last has no bound.
    pub counts: [u64; BUCKETS],
    /// All of them together, in microseconds.
    pub sum_us: u64,
}

impl Tally {
    /// Counts an answer.
    pub fn answered(&self, latency: Duration) {
        let us = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = LATENCY_BOUNDS_US.partition_point(|bound| *bound < us);
        if let Some(count) = self.latencies.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// Counts a failure.
    pub fn failed(&self, kind: FailureKind) {
        if let Some(count) = self.failures.get(kind as usize) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        self.failed_at_ms.store(now_ms, Ordering::Relaxed);
    }

    /// How long answers took.
    pub fn latencies(&self) -> Latencies {
        Latencies {
            counts: std::array::from_fn(|bucket| read(self.latencies.get(bucket))),
            sum_us: self.sum_us.load(Ordering::Relaxed),
        }
    }

    /// The failures by kind, those that never were left out.
    pub fn failures(&self) -> Vec<(FailureKind, u64)> {
        let counted = FailureKind::ALL.into_iter().zip(&self.failures);
        let counted = counted.map(|(kind, count)| (kind, read(Some(count))));
        counted.filter(|(_, count)| *count > 0).collect()
    }

    /// When it failed last, in milliseconds since 1970-01-01 UTC.
    pub fn failed_at_ms(&self) -> Option<i64> {
        Some(self.failed_at_ms.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }
}

fn read(count: Option<&AtomicU64>) -> u64 {
    count.map_or(0, |count| count.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_in_the_first_bucket_that_holds_it() {
        let tally = Tally::default();
        for us in [0, 1_000, 1_001, 19_999, 20_000, 5_000_000, 5_000_001] {
            tally.answered(Duration::from_micros(us));
        }
        let told = tally.latencies();
        assert_eq!(told.counts, [2, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(told.sum_us, 10_042_001);
    }

    #[test]
    fn failures_are_counted_by_kind_with_the_time_of_the_last() {
        let tally = Tally::default();
        assert_eq!((tally.failures(), tally.failed_at_ms()), (vec![], None));
        tally.failed(FailureKind::Timeout);
        tally.failed(FailureKind::Certificate);
        tally.failed(FailureKind::Timeout);
        let counted = [(FailureKind::Timeout, 2), (FailureKind::Certificate, 1)];
        assert_eq!(tally.failures(), counted);
        assert!(tally.failed_at_ms().is_some());
    }
}
