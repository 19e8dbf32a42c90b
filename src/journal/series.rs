//! Queries over time: charts, the week's hours, and a small line for each device.
//!
//! Whole days give their hours, whole blocks their minutes; only what is finer, or at the ends of
//! the range, is read row by row.

use std::collections::BTreeMap;

use super::Journal;
use super::block::Seen;
use super::counts::Counts;
use super::day::Hours;
use super::devices::Devices;
use super::line::{DAY_MS, HOUR_MS, Line, MINUTE_MS, day_of};
use super::minutes;
use super::parts;
use super::plan::Plan;
use super::state::State;
use super::view::{Extent, Range, View};
use crate::query::DeviceId;
use crate::store::{DayParts, StoredBlock, StoredDay};

/// The most points of a series; a step that would give more is doubled until it does not.
const MOST_POINTS: i64 = 5000;

/// Queries over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// How far it can be trusted.
    pub extent: Extent,
    /// When the first point begins, in milliseconds since 1970-01-01 UTC: a multiple of the step.
    pub start_ms: i64,
    /// How long each point is, in milliseconds.
    pub step_ms: i64,
    /// The queries of each point; those outside the range do not count.
    pub points: Vec<Counts>,
}

/// Queries by weekday and hour, in UTC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Week {
    /// How far it can be trusted.
    pub extent: Extent,
    /// Monday first; each with its 24 hours.
    pub hours: [[Counts; 24]; 7],
}

/// Days whose hours are read at a time.
const DAYS_AT_ONCE: usize = 64;

/// What does for a reader instead of rows.
#[derive(Clone, Copy, Debug)]
struct Enough {
    /// The hours of whole days, device by device.
    hours: bool,
    /// The minutes of whole blocks, which do not tell devices apart.
    minutes: bool,
}

/// Queries at a time: of one row, or of the minute or hour that begins then.
struct Moment {
    at_ms: i64,
    /// `None` in the minutes of blocks.
    device: Option<DeviceId>,
    counts: Counts,
}

impl Journal {
    /// The queries of a range over time, of all devices or some.
    pub async fn series(&self, range: Range, step_ms: i64, devices: Option<&[DeviceId]>) -> Series {
        let mut series = Series::empty(range, step_ms);
        let enough = Enough {
            hours: series.step_ms % HOUR_MS == 0,
            minutes: series.step_ms % MINUTE_MS == 0 && devices.is_none(),
        };
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_moment(range, enough, |moment| {
                if moment.is_wanted(&mut devices) {
                    series.add(&moment);
                }
            })
            .await;
        Series { extent, ..series }
    }

    /// The queries of a range over time, device by device.
    pub async fn device_series(&self, range: Range, step_ms: i64) -> BTreeMap<DeviceId, Series> {
        let empty = Series::empty(range, step_ms);
        let hours = empty.step_ms % HOUR_MS == 0;
        let enough = Enough {
            hours,
            minutes: false,
        };
        let mut devices = Devices::new(&self.shared.words, None);
        let mut all = BTreeMap::<DeviceId, Series>::new();
        let extent = self
            .each_moment(range, enough, |moment| {
                let device = moment.device.and_then(|device| devices.wanted(device));
                if let Some(device) = device {
                    all.entry(device)
                        .or_insert_with(|| empty.clone())
                        .add(&moment);
                }
            })
            .await;
        all.into_iter()
            .map(|(device, series)| (device, Series { extent, ..series }))
            .collect()
    }

    /// The queries of a range by weekday and hour, of all devices or some.
    pub async fn week(&self, range: Range, devices: Option<&[DeviceId]>) -> Week {
        let mut hours = [[Counts::default(); 24]; 7];
        let minutes = devices.is_none();
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_moment(
                range,
                Enough {
                    hours: true,
                    minutes,
                },
                |moment| {
                    // 1970-01-01 was a Thursday.
                    let weekday = usize::try_from((day_of(moment.at_ms) + 3).rem_euclid(7));
                    let hour = usize::try_from(moment.at_ms.rem_euclid(DAY_MS) / HOUR_MS);
                    let (Ok(weekday), Ok(hour)) = (weekday, hour) else {
                        return;
                    };
                    let counts = hours.get_mut(weekday).and_then(|hours| hours.get_mut(hour));
                    if let Some(counts) = counts.filter(|_| moment.is_wanted(&mut devices)) {
                        *counts += moment.counts;
                    }
                },
            )
            .await;
        Week { extent, hours }
    }

    /// All queries of a range, of all devices or some.
    pub async fn counts(&self, range: Range, devices: Option<&[DeviceId]>) -> (Counts, Extent) {
        let mut totals = Counts::default();
        let minutes = devices.is_none();
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_moment(
                range,
                Enough {
                    hours: true,
                    minutes,
                },
                |moment| {
                    if moment.is_wanted(&mut devices) {
                        totals += moment.counts;
                    }
                },
            )
            .await;
        (totals, extent)
    }

    async fn each_moment(
        &self,
        range: Range,
        enough: Enough,
        mut take: impl FnMut(Moment) + Send,
    ) -> Extent {
        self.catch_up().await;
        let look = |state: &State, plan: &Plan| {
            in_memory(state, plan, (range, enough), &mut take);
        };
        let (mut view, ()) = View::take(&self.shared, range, look).await;
        if let Some(hours) = view.plan.by_hour.hours.filter(|_| enough.hours) {
            hours_on_disk(&mut view, hours, &mut take).await;
        }
        for span in spans(&view.plan, range, enough) {
            blocks_on_disk(&mut view, (span, enough), &mut take).await;
        }
        view.extent
    }
}

/// What is not read from the hours of days.
fn spans(plan: &Plan, range: Range, enough: Enough) -> Vec<Range> {
    if enough.hours {
        plan.by_hour.ends.clone()
    } else {
        vec![range]
    }
}

fn in_memory(
    state: &State,
    plan: &Plan,
    (range, enough): (Range, Enough),
    take: &mut impl FnMut(Moment),
) {
    if let Some(span) = plan.by_hour.hours.filter(|_| enough.hours) {
        for (day, sums) in &state.days {
            let hours = sums.hours.iter();
            hours.for_each(|(device, hours)| take_hours((*day, *device), hours, span, take));
        }
    }
    let spans = spans(plan, range, enough);
    for line in &state.tail.lines {
        if spans.iter().any(|span| span.contains(line.at_ms)) {
            take(Moment::of_line(line));
        }
    }
}

async fn hours_on_disk(view: &mut View, span: Range, take: &mut (impl FnMut(Moment) + Send)) {
    let days = view.plan.by_hour.days.clone();
    for days in days.chunks(DAYS_AT_ONCE) {
        if !view.may_go_on() {
            return;
        }
        for stored in view.days(days, DayParts::Hours).await {
            let day = stored.day;
            let Some(hours) = hours_of(view, &stored).await else {
                // The rows say the same, only slower.
                let enough = Enough {
                    hours: false,
                    minutes: false,
                };
                let part = span.within(Range::of_day(day));
                blocks_on_disk(view, (part, enough), take).await;
                continue;
            };
            for (device, hours) in hours {
                take_hours((day, device), &hours, span, take);
            }
        }
    }
}

async fn hours_of(view: &mut View, stored: &StoredDay) -> Option<Vec<(u32, Hours)>> {
    let day = stored.day;
    if !stored.hours.is_empty() {
        let hours = parts::hours(&stored.hours, &mut view.unpacker);
        return view.intact(hours, "day", day);
    }
    let whole = view.whole_day(day).await?;
    let sums = parts::decode(&whole, &mut view.unpacker);
    let sums = view.intact(sums, "day", day)?;
    Some(
        sums.hours
            .iter()
            .map(|(device, hours)| (*device, **hours))
            .collect(),
    )
}

fn take_hours(
    (day, device): (i64, u32),
    hours: &Hours,
    span: Range,
    take: &mut impl FnMut(Moment),
) {
    for (hour, counts) in hours.iter().enumerate() {
        let at_ms = hour_ms(day, hour);
        if span.contains(at_ms) && *counts != [0; 4] {
            take(Moment {
                at_ms,
                device: Some(DeviceId(device)),
                counts: Counts::from(*counts),
            });
        }
    }
}

async fn blocks_on_disk(
    view: &mut View,
    (span, enough): (Range, Enough),
    take: &mut (impl FnMut(Moment) + Send),
) {
    if !enough.minutes {
        let mut below = u64::MAX;
        loop {
            let blocks = view.blocks(below, span).await;
            let Some(oldest) = blocks.last() else { return };
            below = oldest.head.seq;
            for block in &blocks {
                if !view.may_go_on() {
                    return;
                }
                take_rows(view, block, span, take);
            }
        }
    }
    for mut block in view.minutes(span).await {
        if !view.may_go_on() {
            return;
        }
        let minutes = minutes::decode(&block.minutes, &mut view.unpacker);
        let Some(minutes) = minutes.ok().filter(|_| span.covers(&block.head)) else {
            block.data = view.block_data(&block.head).await.unwrap_or_default();
            take_rows(view, &block, span, take);
            continue;
        };
        for (at_ms, counts) in minutes {
            take(Moment {
                at_ms,
                device: None,
                counts,
            });
        }
    }
}

fn take_rows(view: &mut View, block: &StoredBlock, span: Range, take: &mut impl FnMut(Moment)) {
    let rows = if span.covers(&block.head) {
        view.seen(block).into()
    } else {
        view.seen_at_end(block)
    };
    let rows = rows.iter().filter(|seen| span.contains(seen.at_ms));
    rows.map(Moment::of_seen).for_each(take);
}

fn hour_ms(day: i64, hour: usize) -> i64 {
    let hour = i64::try_from(hour).unwrap_or(0);
    day.saturating_mul(DAY_MS).saturating_add(hour * HOUR_MS)
}

impl Moment {
    /// Whether its device is one of those.
    fn is_wanted(&self, devices: &mut Devices<'_>) -> bool {
        self.device
            .is_none_or(|device| devices.wanted(device).is_some())
    }

    fn of_line(line: &Line) -> Self {
        let mut counts = Counts::default();
        counts.add(line.verdict, 1, u64::from(line.is_failed()));
        Self {
            at_ms: line.at_ms,
            device: Some(line.device),
            counts,
        }
    }

    fn of_seen(seen: &Seen) -> Self {
        let mut counts = Counts::default();
        counts.add(seen.key.verdict, 1, u64::from(seen.is_failed()));
        Self {
            at_ms: seen.at_ms,
            device: Some(seen.key.device),
            counts,
        }
    }
}

impl Series {
    fn empty(range: Range, step_ms: i64) -> Self {
        let mut step_ms = step_ms.max(1);
        let length = range.until_ms.saturating_sub(range.since_ms).max(0);
        while length / step_ms >= MOST_POINTS {
            step_ms = step_ms.saturating_mul(2);
        }
        let start_ms = range.since_ms.div_euclid(step_ms).saturating_mul(step_ms);
        let span = range.until_ms.saturating_sub(start_ms).max(0);
        let count = span / step_ms + i64::from(span % step_ms > 0);
        Self {
            extent: Extent {
                as_of_ms: 0,
                complete: true,
            },
            start_ms,
            step_ms,
            points: vec![Counts::default(); usize::try_from(count).unwrap_or(0)],
        }
    }

    fn add(&mut self, moment: &Moment) {
        let place = moment
            .at_ms
            .saturating_sub(self.start_ms)
            .div_euclid(self.step_ms);
        let point = usize::try_from(place)
            .ok()
            .and_then(|place| self.points.get_mut(place));
        if let Some(point) = point {
            *point += moment.counts;
        }
    }
}
