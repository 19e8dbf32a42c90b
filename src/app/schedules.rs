//! Schedules of groups: swaps the rules in force at the very moment when one begins or ends.

use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::wall_clock::WallClock;
use crate::lists::Rulebook;

/// Keeps the rules in force in step with the clock on the wall, until told to stop. A home without
/// schedules is never woken up.
pub(super) async fn run(rulebook: Arc<Rulebook>, stop: CancellationToken) {
    let mut clock = WallClock::new();
    loop {
        let next = rulebook.keep_time(Timestamp::now());
        tokio::select! {
            () = stop.cancelled() => return,
            () = rulebook.regrouped() => {}
            () = clock.reach(next) => {}
        }
    }
}
