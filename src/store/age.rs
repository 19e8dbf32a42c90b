//! What is too old to be kept, by a clock that may be wrong.
//!
//! By a clock that was set far ahead all rows are too old at once, and would be gone before anybody
//! saw it. So it is believed about that where there are rows of some time ago by it, or where it has
//! run on for so long under our eyes: after it was set, that takes a day, as it does after a start
//! when the machine was off for long.

use std::time::Duration;

use tokio::time::Instant;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// How long rows are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    kept_ms: i64,
}

/// The clock on the wall, as it was seen to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock {
    /// Since when it was not set ahead, by a clock that does not jump and by itself.
    since: Option<(Instant, i64)>,
}

impl Retention {
    /// Rows are kept for so long.
    pub fn new(kept: Duration) -> Self {
        Self {
            kept_ms: millis(kept),
        }
    }

    /// Rows before this time are too old.
    pub fn before_ms(self, now_ms: i64) -> i64 {
        now_ms.saturating_sub(self.kept_ms)
    }

    /// From when until when there are rows, if the clock is as it was some time ago. One that is
    /// ahead by less than that costs as much of what is kept: a quarter, or a week.
    pub(super) fn witnesses_ms(self, now_ms: i64) -> (i64, i64) {
        let oldest_ms = (8 * DAY_MS).max(self.kept_ms / 4);
        let since_ms = now_ms.saturating_sub(oldest_ms);
        (since_ms, now_ms.saturating_sub(self.settled_ms()))
    }

    /// After such a time a clock is believed.
    fn settled_ms(self) -> i64 {
        DAY_MS.min(self.kept_ms / 8)
    }
}

impl Clock {
    /// Whether the clock, which shows `now_ms` at a moment, has run on for long enough.
    pub fn has_settled(&mut self, retention: Retention, (now, now_ms): (Instant, i64)) -> bool {
        let (since, since_ms) = *self.since.get_or_insert((now, now_ms));
        let passed_ms = millis(now.saturating_duration_since(since));
        if now_ms.saturating_sub(since_ms) > passed_ms.saturating_add(HOUR_MS) {
            self.since = Some((now, now_ms));
            return false;
        }
        passed_ms >= retention.settled_ms()
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(count: u64) -> Duration {
        Duration::from_hours(24 * count)
    }

    #[test]
    fn rows_of_some_time_ago_are_the_witnesses() {
        let ago = |kept: u64| {
            let (since_ms, until_ms) = Retention::new(days(kept)).witnesses_ms(0);
            (-since_ms / DAY_MS, -until_ms * 8 / DAY_MS)
        };
        assert_eq!([1, 7, 90].map(ago), [(8, 1), (8, 7), (22, 8)]);
        let whole = Retention::new(Duration::MAX);
        assert_eq!(whole.before_ms(7), i64::MIN + 8);
    }

    #[test]
    fn a_clock_has_settled_a_day_after_it_was_set_ahead() {
        let (start, mut clock) = (Instant::now(), Clock::default());
        let mut settled = |hours: u64, ahead_ms: i64| {
            let passed = Duration::from_hours(hours);
            let at = (start + passed, millis(passed) + ahead_ms);
            clock.has_settled(Retention::new(days(90)), at)
        };
        assert_eq!(
            [0, 23, 24].map(|hours| settled(hours, 0)),
            [false, false, true]
        );
        assert_eq!(
            [25, 48, 49].map(|hours| settled(hours, DAY_MS)),
            [false, false, true]
        );
        // An hour is none, and a clock that was set back deletes nothing.
        assert!(settled(50, DAY_MS + HOUR_MS) && settled(51, 0));
    }
}
