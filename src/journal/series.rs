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

/// How finely a reader needs the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grain {
    Hour,
    /// Without devices.
    Minute,
    Row,
}

/// Queries at a time: of one row, or of the minute or hour that begins then.
struct Moment {
    at_ms: i64,
    device: DeviceId,
    counts: Counts,
}

impl Journal {
    /// The queries of a range over time, of all devices or some.
    pub async fn series(&self, range: Range, step_ms: i64, devices: Option<&[DeviceId]>) -> Series {
        let mut series = Series::empty(range, step_ms);
        let grain = match series.step_ms {
            step if step % HOUR_MS == 0 => Grain::Hour,
            step if step % MINUTE_MS == 0 && devices.is_none() => Grain::Minute,
            _ => Grain::Row,
        };
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_moment(range, grain, |moment| {
                if grain == Grain::Minute || devices.wanted(moment.device).is_some() {
                    series.add(&moment);
                }
            })
            .await;
        Series { extent, ..series }
    }

    /// The queries of a range over time, device by device.
    pub async fn device_series(&self, range: Range, step_ms: i64) -> BTreeMap<DeviceId, Series> {
        let empty = Series::empty(range, step_ms);
        let grain = if empty.step_ms % HOUR_MS == 0 {
            Grain::Hour
        } else {
            Grain::Row
        };
        let mut devices = Devices::new(&self.shared.words, None);
        let mut all = BTreeMap::<DeviceId, Series>::new();
        let extent = self
            .each_moment(range, grain, |moment| {
                if let Some(device) = devices.wanted(moment.device) {
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
        let mut devices = Devices::new(&self.shared.words, devices);
        let extent = self
            .each_moment(range, Grain::Hour, |moment| {
                // 1970-01-01 was a Thursday.
                let weekday = usize::try_from((day_of(moment.at_ms) + 3).rem_euclid(7));
                let hour = usize::try_from(moment.at_ms.rem_euclid(DAY_MS) / HOUR_MS);
                let (Ok(weekday), Ok(hour)) = (weekday, hour) else {
                    return;
                };
                let counts = hours.get_mut(weekday).and_then(|hours| hours.get_mut(hour));
                if let (Some(counts), Some(_)) = (counts, devices.wanted(moment.device)) {
                    *counts += moment.counts;
                }
            })
            .await;
        Week { extent, hours }
    }

    async fn each_moment(
        &self,
        range: Range,
        grain: Grain,
        mut take: impl FnMut(Moment) + Send,
    ) -> Extent {
        self.catch_up().await;
        let look = |state: &State, plan: &Plan| {
            in_memory(state, plan, (range, grain), &mut take);
        };
        let (mut view, ()) = View::take(&self.shared, range, look).await;
        if grain == Grain::Hour {
            for day in view.plan.whole.clone() {
                if view.may_go_on() {
                    hours_on_disk(&mut view, day, &mut take).await;
                }
            }
        }
        for span in spans(&view.plan, range, grain) {
            for head in view.heads(span).await {
                if view.may_go_on() {
                    block_on_disk(&mut view, &head, (span, grain), &mut take).await;
                }
            }
        }
        view.extent
    }
}

/// What is not read from the hours of days.
fn spans(plan: &Plan, range: Range, grain: Grain) -> Vec<Range> {
    match grain {
        Grain::Hour => plan.ends.clone(),
        Grain::Minute | Grain::Row => vec![range],
    }
}

fn in_memory(
    state: &State,
    plan: &Plan,
    (range, grain): (Range, Grain),
    take: &mut impl FnMut(Moment),
) {
    let spans = spans(plan, range, grain);
    let whole = plan.whole.iter().filter(|_| grain == Grain::Hour);
    for (day, sums) in whole.filter_map(|day| Some((day, state.days.get(day)?))) {
        for (device, hour, counts) in sums.hours() {
            take(Moment {
                at_ms: hour_ms(*day, hour),
                device,
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
    let Some(hours) = view.checked(hours, "day", day) else {
        // The rows say the same, only slower.
        let span = Range::of_day(day);
        for head in view.heads(span).await {
            block_on_disk(view, &head, (span, Grain::Row), take).await;
        }
        return;
    };
    for (device, hours) in hours {
        for (hour, counts) in hours.into_iter().enumerate() {
            let (at_ms, device) = (hour_ms(day, hour), DeviceId(device));
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
    (span, grain): (Range, Grain),
    take: &mut (impl FnMut(Moment) + Send),
) {
    if grain == Grain::Minute && span.covers(head) {
        let blob = view.block_minutes(head).await.unwrap_or_default();
        if let Ok(minutes) = minutes::decode(&blob, &mut view.unpacker) {
            for (at_ms, counts) in minutes {
                take(Moment {
                    at_ms,
                    device: DeviceId(0),
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
    fn of_line(line: &Line) -> Self {
        let mut counts = Counts::default();
        counts.add(line.verdict, 1, u64::from(line.is_failed()));
        Self {
            at_ms: line.at_ms,
            device: line.device,
            counts,
        }
    }

    fn of_seen(seen: &Seen) -> Self {
        let mut counts = Counts::default();
        counts.add(seen.key.verdict, 1, u64::from(seen.is_failed()));
        Self {
            at_ms: seen.at_ms,
            device: seen.key.device,
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
