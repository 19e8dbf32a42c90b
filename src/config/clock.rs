//! Moments that were kept, by a clock on the wall that may have been wrong.

/// The first day of 2023. A machine whose clock shows an earlier one has not been told the time yet.
const EARLIEST_MS: i64 = 1_672_531_200_000;

/// A kept moment as it counts now, both in milliseconds since 1970-01-01 UTC: one that is ahead was
/// kept while the clock was, and counts as now, unless it is today's clock that is wrong.
pub fn not_ahead(kept_ms: i64, now_ms: i64) -> i64 {
    if now_ms < EARLIEST_MS {
        kept_ms
    } else {
        kept_ms.min(now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_ahead_counts_as_now_unless_the_clock_is_not_set() {
        let now_ms = 1_800_000_000_000;
        assert_eq!(not_ahead(now_ms - 1, now_ms), now_ms - 1);
        assert_eq!(not_ahead(now_ms * 2, now_ms), now_ms);
        // Just started, without a battery for the clock.
        assert_eq!(not_ahead(now_ms, 60_000), now_ms);
    }
}
