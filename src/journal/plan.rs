//! Which parts of a range are read from sums, and which row by row.

use super::line::{DAY_MS, HOUR_MS, day_of};
use super::state::State;
use super::view::Range;

/// The longest from a reader's look at the clock to its look at the rows, in milliseconds.
const LOOKING_MS: i64 = 5000;

/// Where the parts of a range are read from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Days that are in the range as a whole: read from their sums.
    pub whole: Vec<i64>,
    /// The ends of the range: read row by row.
    pub ends: Vec<Range>,
    /// The same for readers whom the hours of days are enough for.
    pub by_hour: ByHour,
    /// Rows from this number on are in memory.
    pub below: u64,
}

/// Where the parts of a range are read from when hours are enough.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ByHour {
    /// The days that have sums and of which hours are in the range as a whole.
    pub days: Vec<i64>,
    /// From the first to the last hour that is in the range as a whole.
    pub hours: Option<Range>,
    /// The ends of the range: read row by row.
    pub ends: Vec<Range>,
}

impl Plan {
    /// The plan for a range, of whose days these have sums on disk.
    pub(super) fn new(range: Range, state: &State, stored: &[i64]) -> Self {
        let mut plan = Self {
            below: state.tail.base,
            ..Self::default()
        };
        if range.is_empty() {
            return plan;
        }
        let mut days: Vec<i64> = stored.iter().chain(state.days.keys()).copied().collect();
        days.sort_unstable();
        days.dedup();
        let last = day_of(range.until_ms - 1);
        days.retain(|day| (day_of(range.since_ms)..=last).contains(day));
        let range = Range {
            until_ms: if ends_open(state, stored, range) {
                Range::of_day(last).until_ms
            } else {
                range.until_ms
            },
            ..range
        };
        let (whole, ends) = range.split(DAY_MS);
        plan.ends = ends;
        let (hours, ends) = range.split(HOUR_MS);
        let of_days = |part: Option<Range>| {
            let days = days.iter().copied();
            let inside = |day: &i64| part.is_some_and(|part| part.overlaps(Range::of_day(*day)));
            days.filter(inside).collect::<Vec<i64>>()
        };
        plan.whole = of_days(whole);
        plan.by_hour = ByHour {
            days: of_days(hours),
            hours,
            ends,
        };
        plan
    }
}

/// Whether the range ends after the last row of a day that is not over: then that day counts as
/// a whole.
///
/// To a range that ends now belongs what came since its reader looked at the clock: to tell it
/// apart, all rows of the day would have to be read.
fn ends_open(state: &State, stored: &[i64], range: Range) -> bool {
    let day = day_of(range.until_ms - 1);
    let sums = state.days.get(&day).filter(|_| !stored.contains(&day));
    let is_now = range.until_ms >= state.as_of_ms.saturating_sub(LOOKING_MS);
    let late_ms = if is_now { LOOKING_MS } else { 0 };
    let end_ms = range.until_ms.saturating_add(late_ms);
    sums.is_some_and(|sums| day * DAY_MS + i64::from(sums.last) < end_ms)
}
