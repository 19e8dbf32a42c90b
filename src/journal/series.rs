//! Queries over time: charts, the week's hours, and a small line for each device.
//!
//! Whole days give their hours, whole blocks their minutes; only what is finer, or at the ends of
//! the range, is read row by row.

use std::collections::BTreeMap;

use super::Journal;
use super::block::Seen;
use super::counts::Counts;
use super::day_blob::DayBlob;
use super::devices::Devices;
use super::line::{DAY_MS, HOUR_MS, Line, MINUTE_MS, day_of};
use super::minutes;
use super::state::State;
use super::view::{Extent, Plan, Range, View};
use crate::query::DeviceId;
use crate::store::BlockHead;

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
        if enough.hours {
            for day in view.plan.whole.clone() {
                if view.may_go_on() {
                    hours_on_disk(&mut view, day, &mut take).await;
                }
            }
        }
        for span in spans(&view.plan, range, enough) {
            for head in view.heads(span).await {
                if view.may_go_on() {
                    block_on_disk(&mut view, &head, (span, enough), &mut take).await;
                }
            }
        }
        view.extent
    }
}

/// What is not read from the hours of days.
fn spans(plan: &Plan, range: Range, enough: Enough) -> Vec<Range> {
    if enough.hours {
        plan.ends.clone()
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
    let spans = spans(plan, range, enough);
    let whole = plan.whole.iter().filter(|_| enough.hours);
    for (day, sums) in whole.filter_map(|day| Some((day, state.days.get(day)?))) {
        for (device, hour, counts) in sums.hours() {
            take(Moment {
                at_ms: hour_ms(*day, hour),
                device: Some(device),
                counts,
            });
        }
    }
    for line in &state.tail.lines {
        if spans.iter().any(|span| span.contains(line.at_ms)) {
            take(Moment::of_line(line));
        }
    }
}

async fn hours_on_disk(view: &mut View, day: i64, take: &mut (impl FnMut(Moment) + Send)) {
    let Some(blob) = view.day_data(day).await else {
        return;
    };
    let hours = DayBlob::open(&blob).and_then(|blob| blob.hours(&mut view.unpacker));
    let Some(hours) = view.intact(hours, "day", day) else {
        // The rows say the same, only slower.
        let (span, enough) = (
            Range::of_day(day),
            Enough {
                hours: false,
                minutes: false,
            },
        );
        for head in view.heads(span).await {
            block_on_disk(view, &head, (span, enough), take).await;
        }
        return;
    };
    for (device, hours) in hours {
        for (hour, counts) in hours.into_iter().enumerate() {
            let (at_ms, device) = (hour_ms(day, hour), Some(DeviceId(device)));
            take(Moment {
                at_ms,
                device,
                counts: Counts::from(counts),
            });
        }
    }
}

async fn block_on_disk(
    view: &mut View,
    head: &BlockHead,
    (span, enough): (Range, Enough),
    take: &mut (impl FnMut(Moment) + Send),
) {
    if enough.minutes && span.covers(head) {
        let blob = view.block_minutes(head).await.unwrap_or_default();
        if let Ok(minutes) = minutes::decode(&blob, &mut view.unpacker) {
            for (at_ms, counts) in minutes {
                take(Moment {
                    at_ms,
                    device: None,
                    counts,
                });
            }
            return;
        }
    }
    for seen in view.seen(head).await {
        if span.contains(seen.at_ms) {
            take(Moment::of_seen(&seen));
        }
    }
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
