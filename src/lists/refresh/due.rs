//! When a list is looked at again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::config::ListSource;
use crate::lists::standing::Standing;
use crate::lists::subscription::Subscription;

/// After a failure a list is tried again so soon, then each time after twice as long.
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LONGEST_RETRY: Duration = Duration::from_hours(1);
/// A time that does not come.
const NEVER: Duration = Duration::from_hours(24 * 3650);

/// When a list is looked at for the first time after a start.
pub(super) fn at_start(list: &Subscription, standing: &Standing) -> Instant {
    let now = Instant::now();
    if standing.copy.is_none() || standing.source != list.source.to_string() {
        return now;
    }
    match (&list.source, standing.checked_at) {
        // Its change is seen.
        (ListSource::File(_), _) => now + NEVER,
        (ListSource::Url(_), None) => now,
        (ListSource::Url(_), Some(checked_at)) => {
            let age = Timestamp::now().duration_since(checked_at);
            let age = Duration::try_from(age).unwrap_or_default();
            now + list.refresh.saturating_sub(age)
        }
    }
}

/// After it was looked at. Lists of many homes should not all be asked for at the same moment.
pub(super) fn after_success(list: &Subscription) -> Instant {
    match list.source {
        ListSource::File(_) => Instant::now() + NEVER,
        ListSource::Url(_) => Instant::now() + about(list.refresh),
    }
}

/// After it could not be had so many times in a row.
pub(super) fn after_failure(list: &Subscription, failures: u32) -> Instant {
    match list.source {
        // Its change is seen.
        ListSource::File(_) => Instant::now() + NEVER,
        ListSource::Url(_) => {
            let times = 1_u32 << failures.saturating_sub(1).min(10);
            let retry = (FIRST_RETRY * times).min(LONGEST_RETRY).min(list.refresh);
            Instant::now() + about(retry)
        }
    }
}

/// After its copy was lost. Not at once: a disk that loses one may lose the next, too.
pub(super) fn after_loss() -> Instant {
    Instant::now() + about(FIRST_RETRY)
}

/// The time of day of a moment; `None` for one that does not come.
pub(super) fn as_time(due: Instant) -> Option<Timestamp> {
    let wait = due.saturating_duration_since(Instant::now());
    if wait > NEVER / 2 {
        return None;
    }
    let wait = SignedDuration::try_from(wait).ok()?;
    Timestamp::now().checked_add(wait).ok()
}

/// Up to a tenth less.
fn about(time: Duration) -> Duration {
    let chance = u32::try_from(RandomState::new().hash_one(0) % 100).unwrap_or(0);
    time.saturating_sub(time / 1000 * chance)
}
