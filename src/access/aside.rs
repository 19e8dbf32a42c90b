//! Hashing, beside everything else: it takes a processor for a while, and queries come first.

use std::thread;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::AccessError;

/// Does some work on a thread of its own, which gets the processor when nobody else wants it. The
/// seat is held until the work is done, whether somebody still waits for it or not.
pub(super) async fn aside<T: Send + 'static>(
    seat: OwnedSemaphorePermit,
    work: impl FnOnce() -> Result<T, AccessError> + Send + 'static,
) -> Result<T, AccessError> {
    let (done, wait) = oneshot::channel();
    let thread = thread::Builder::new().name("password".to_owned());
    let started = thread.spawn(move || {
        step_back();
        let result = work();
        drop(seat);
        // It fails when nobody waits any more.
        let _: Result<(), _> = done.send(result);
    });
    started.map_err(|_| AccessError::Hashing)?;
    wait.await.unwrap_or(Err(AccessError::Hashing))
}

/// The lowest priority, for this thread alone (Linux counts threads as processes here).
#[cfg(target_os = "linux")]
fn step_back() {
    // Without it the work is done all the same.
    let _ = rustix::process::setpriority_process(None, 19);
}

#[cfg(not(target_os = "linux"))]
fn step_back() {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;
    use tokio::task::JoinSet;

    use super::*;
    use crate::access::{MOST_AT_ONCE, hash};

    #[tokio::test]
    async fn ten_passwords_are_hashed_one_after_the_other_and_nobody_waits_for_that() {
        let seats = Arc::new(Semaphore::new(MOST_AT_ONCE));
        let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let hash = |at_once: Arc<AtomicUsize>, most: Arc<AtomicUsize>| {
            move || {
                let now = at_once.fetch_add(1, Ordering::SeqCst) + 1;
                most.fetch_max(now, Ordering::SeqCst);
                let hash = hash::make("correct horse");
                at_once.fetch_sub(1, Ordering::SeqCst);
                hash
            }
        };
        let mut all = JoinSet::new();
        for _ in 0..10 {
            let work = hash(Arc::clone(&at_once), Arc::clone(&most));
            let seats = Arc::clone(&seats);
            all.spawn(async move { aside(seats.acquire_owned().await.unwrap(), work).await });
        }
        // The one thread of this runtime is free meanwhile.
        let mut turns = 0_u32;
        while !all.is_empty() {
            tokio::task::yield_now().await;
            turns += 1;
            if let Some(hashed) = all.try_join_next() {
                assert!(hashed.unwrap().is_ok());
            }
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
        assert!(turns > 100, "{turns}");
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hashing_comes_after_everything_else_that_wants_the_processor() {
        let seat = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let priority = || rustix::process::getpriority_process(None);
        let aside = aside(seat, move || priority().map_err(|_| AccessError::Hashing));
        assert_eq!(aside.await.unwrap(), 19);
        assert!(priority().unwrap() < 19);
    }
}
