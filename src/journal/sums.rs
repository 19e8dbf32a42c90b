//! Goes over all that was recorded in a range: by day sums where whole days are in it, row by row
//! at its ends. What it hands out adds up exactly.

use super::Journal;
use super::block::Seen;
use super::day::Tally;
use super::day_blob::DayBlob;
use super::line::{DAY_MS, Key, Line};
use super::state::State;
use super::view::{Extent, Plan, Range, View};

/// Queries of one kind: the same device, name, verdict and entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sum {
    pub key: Key,
    pub count: u64,
    pub failed: u64,
    pub first_ms: i64,
    pub last_ms: i64,
}

impl Sum {
    fn of_line(line: &Line) -> Self {
        Self::of_one(line.key(), line.at_ms, line.is_failed())
    }

    fn of_seen(seen: &Seen) -> Self {
        Self::of_one(seen.key, seen.at_ms, seen.is_failed())
    }

    fn of_one(key: Key, at_ms: i64, is_failed: bool) -> Self {
        Self {
            key,
            count: 1,
            failed: u64::from(is_failed),
            first_ms: at_ms,
            last_ms: at_ms,
        }
    }

    fn of_tally(day: i64, key: Key, tally: Tally) -> Self {
        let day_ms = day.saturating_mul(DAY_MS);
        Self {
            key,
            count: u64::from(tally.count),
            failed: u64::from(tally.failed),
            first_ms: day_ms.saturating_add(i64::from(tally.first)),
            last_ms: day_ms.saturating_add(i64::from(tally.last)),
        }
    }
}

impl Journal {
    /// Hands out sums that together are all queries of a range, in no order.
    pub(super) async fn each_sum(&self, range: Range, mut take: impl FnMut(&Sum) + Send) -> Extent {
        self.catch_up().await;
        let look = |state: &State, plan: &Plan| in_memory(state, plan, &mut take);
        let (mut view, ()) = View::take(&self.shared, range, look).await;
        for day in view.plan.whole.clone() {
            if view.may_go_on() {
                day_on_disk(&mut view, day, &mut take).await;
            }
        }
        for end in view.plan.ends.clone() {
            rows_on_disk(&mut view, end, &mut take).await;
        }
        view.extent
    }
}

fn in_memory(state: &State, plan: &Plan, take: &mut impl FnMut(&Sum)) {
    for day in &plan.whole {
        for (key, tally) in state.days.get(day).into_iter().flat_map(|day| &day.tallies) {
            take(&Sum::of_tally(*day, *key, *tally));
        }
    }
    for line in &state.tail.lines {
        if plan.ends.iter().any(|end| end.contains(line.at_ms)) {
            take(&Sum::of_line(line));
        }
    }
}

async fn day_on_disk(view: &mut View, day: i64, take: &mut (impl FnMut(&Sum) + Send)) {
    let Some(blob) = view.day_data(day).await else {
        return;
    };
    let tallies = DayBlob::open(&blob).and_then(|blob| blob.tallies(&mut view.unpacker));
    match view.intact(tallies, "day", day) {
        Some(tallies) => {
            for (key, tally) in tallies {
                take(&Sum::of_tally(day, key, tally));
            }
        }
        // The rows say the same, only slower.
        None => rows_on_disk(view, Range::of_day(day), take).await,
    }
}

async fn rows_on_disk(view: &mut View, range: Range, take: &mut (impl FnMut(&Sum) + Send)) {
    for head in view.heads(range).await {
        if !view.may_go_on() {
            return;
        }
        for seen in view.seen(&head).await {
            if range.contains(seen.at_ms) {
                take(&Sum::of_seen(&seen));
            }
        }
    }
}
