//! Room for queries under way: when all of it is taken, the oldest query gives way.
//!
//! A flood of names that nobody answers fills any room. Queries that wait for a place then push out
//! those which have hung the longest, so that names that are answered come through.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::Poll;
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::timeout;

/// How long a query waits for a place before it pushes out another.
const PATIENCE: Duration = Duration::from_millis(200);

/// A bounded number of places.
#[derive(Debug)]
pub(super) struct Slots {
    free: Semaphore,
    /// The queries that have a place, the oldest first; some have left already.
    held: Mutex<VecDeque<Weak<Push>>>,
    places: usize,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot<'a> {
    push: Arc<Push>,
    _permit: Option<SemaphorePermit<'a>>,
}

/// Tells a query that another needs its place. One task waits for it, so that looking is cheap.
#[derive(Debug, Default)]
struct Push {
    came: AtomicBool,
    waker: AtomicWaker,
}

impl Slots {
    /// So many places.
    pub fn new(places: usize) -> Self {
        Self {
            free: Semaphore::new(places),
            held: Mutex::default(),
            places,
        }
    }

    /// A place at once, or none.
    pub fn try_take(&self) -> Option<Slot<'_>> {
        self.free.try_acquire().ok().map(|permit| self.hold(permit))
    }

    /// Waits for a place.
    pub async fn take(&self) -> Slot<'_> {
        let mut taking = std::pin::pin!(self.free.acquire());
        loop {
            match timeout(PATIENCE, &mut taking).await {
                Ok(Ok(permit)) => return self.hold(permit),
                Err(_) => self.push_out_oldest(),
                // Nobody closes the semaphore; an unbounded place is better than none.
                Ok(Err(_)) => {
                    return Slot {
                        push: Arc::default(),
                        _permit: None,
                    };
                }
            }
        }
    }

    fn hold<'a>(&'a self, permit: SemaphorePermit<'a>) -> Slot<'a> {
        let push = Arc::new(Push::default());
        let mut held = self.held();
        if held.len() >= 2 * self.places {
            held.retain(|query| query.strong_count() > 0);
        }
        held.push_back(Arc::downgrade(&push));
        Slot {
            push,
            _permit: Some(permit),
        }
    }

    fn push_out_oldest(&self) {
        let mut held = self.held();
        while let Some(query) = held.pop_front() {
            if let Some(push) = query.upgrade() {
                push.came.store(true, Ordering::Release);
                push.waker.wake();
                return;
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, VecDeque<Weak<Push>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot<'_> {
    /// Waits until another query needs this place.
    pub async fn pushed_out(&self) {
        poll_fn(|context| {
            self.push.waker.register(context.waker());
            if self.push.came.load(Ordering::Acquire) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_query_that_waits_pushes_out_the_oldest() {
        let slots = Slots::new(2);
        let oldest = slots.take().await;
        let younger = slots.take().await;
        assert!(slots.try_take().is_none());
        let started = Instant::now();
        let leaves = async {
            oldest.pushed_out().await;
            drop(oldest);
        };
        join(slots.take(), leaves).await;
        assert_eq!(started.elapsed(), PATIENCE);
        assert!(timeout(PATIENCE, younger.pushed_out()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_becomes_free_is_taken_without_pushing() {
        let slots = Slots::new(1);
        for _ in 0..10 {
            drop(slots.take().await);
        }
        let last = slots.take().await;
        assert!(timeout(2 * PATIENCE, last.pushed_out()).await.is_err());
        assert!(slots.held().len() <= 2);
    }
}
