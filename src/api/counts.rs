//! Numbers of queries, as JSON.

use serde::Serialize;
use utoipa::ToSchema;

use crate::journal::{Counts, Series};

use super::range::{self, Range};

/// Numbers of queries. Each has one verdict; a failed one counts under its verdict as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Totals {
    /// All.
    pub queries: u64,
    /// Let through.
    pub allow: u64,
    /// Let through, and marked.
    pub watch: u64,
    /// Answered here.
    pub block: u64,
    /// Without a usable answer: nobody answered, or it was neither NOERROR nor NXDOMAIN.
    pub failed: u64,
}

impl From<Counts> for Totals {
    fn from(counts: Counts) -> Self {
        Self {
            queries: counts.queries(),
            allow: counts.allow,
            watch: counts.watch,
            block: counts.block,
            failed: counts.failed,
        }
    }
}

/// Queries over time, one number a step in each column; at most 288 steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Columns {
    /// When the first step begins: a multiple of the step, so at the range's begin or before.
    pub start: String,
    /// The length of a step in seconds.
    pub step_s: i64,
    /// Queries let through.
    pub allow: Vec<u64>,
    /// Queries let through, and marked.
    pub watch: Vec<u64>,
    /// Queries answered here.
    pub block: Vec<u64>,
}

impl From<&Series> for Columns {
    fn from(series: &Series) -> Self {
        let column =
            |pick: fn(&Counts) -> u64| -> Vec<u64> { series.points.iter().map(pick).collect() };
        Self {
            start: range::text(series.start_ms),
            step_s: series.step_ms / 1000,
            allow: column(|counts| counts.allow),
            watch: column(|counts| counts.watch),
            block: column(|counts| counts.block),
        }
    }
}

const MINUTE_MS: i64 = 60_000;
const STEPS_MIN: [i64; 9] = [1, 5, 10, 30, 60, 120, 360, 720, 1440];
const MOST_STEPS: i64 = 288;

/// The shortest step that gives no more than 288 of them: a minute to a day, and days doubled for
/// what is longer.
pub(super) fn step_ms(range: Range) -> i64 {
    let count = |step: i64| {
        let start = range.since_ms.div_euclid(step);
        (range.until_ms - 1).div_euclid(step) - start + 1
    };
    let usual = STEPS_MIN.map(|minutes| minutes * MINUTE_MS);
    let longer = (1..20).map(|times| (1440 * MINUTE_MS) << times);
    usual
        .into_iter()
        .chain(longer)
        .find(|&step| count(step) <= MOST_STEPS)
        .unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn step_of(length_ms: i64) -> i64 {
        let since_ms = 1_763_640_000_123;
        let step = step_ms(Range {
            since_ms,
            until_ms: since_ms + length_ms,
        });
        step / MINUTE_MS
    }

    #[test]
    fn no_range_has_more_than_288_steps() {
        let steps = [1, 24, 7 * 24, 30 * 24, 90 * 24, 3650 * 24, 500_000].map(|hours| {
            let length_ms = hours * HOUR;
            let step = step_of(length_ms) * MINUTE_MS;
            assert!(length_ms / step < MOST_STEPS, "{hours}");
            step_of(length_ms)
        });
        assert_eq!(steps, [1, 10, 60, 360, 720, 23_040, 184_320]);
    }
}
