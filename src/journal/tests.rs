//! The journal as a whole: its parts test themselves.

mod disk;
mod erase;
mod exchange;
#[cfg(target_os = "linux")]
mod hour;
mod live;
mod pages;
mod reads;
mod retain;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::line::{DAY_MS, HOUR_MS, day_of};
use super::sample::{self, Dice};
use super::*;
use crate::config::Privacy;
use crate::query::{Event, Rcode, RecordType, Source, Transport, Verdict, VerdictWord};

/// Some day, as it begins: 2026-11-18.
const START: i64 = 20_775 * DAY_MS;

struct Home {
    journal: Journal,
    writer: Writer,
    recorder: Recorder,
    store: Store,
}

impl Home {
    async fn at(folder: &Path) -> Self {
        Self::with(folder, config::Journal::default()).await
    }

    async fn with(folder: &Path, config: config::Journal) -> Self {
        let store = Store::at(folder);
        let (journal, mut writer) = Journal::new(&config, store.clone(), Words::for_tests());
        let recorder = journal.recorder();
        writer.turn(START).await;
        Self {
            journal,
            writer,
            recorder,
            store,
        }
    }

    /// Records events as they come, with a turn of the writer now and then.
    async fn record(&mut self, events: &[Event]) {
        for part in events.chunks(5000) {
            for event in part {
                self.recorder.record(event);
            }
            let now_ms = part.last().map_or(START, |event| event.at_ms);
            while !self.writer.turn(now_ms).await {}
        }
    }

    async fn stop(mut self, now_ms: i64) {
        self.writer.finish(now_ms).await;
        self.store.close().await;
    }

    async fn ids(&self, filter: &Filter) -> Vec<u64> {
        self.rows(filter, 500)
            .await
            .iter()
            .map(|row| row.id)
            .collect()
    }

    async fn rows(&self, filter: &Filter, limit: usize) -> Vec<Row> {
        let (mut rows, mut cursor) = (Vec::new(), None);
        loop {
            let page = self.journal.queries(filter, cursor, limit).await;
            assert!(page.rows.len() <= limit);
            rows.extend(page.rows);
            cursor = page.next;
            if cursor.is_none() {
                return rows;
            }
        }
    }
}

fn everything() -> Range {
    Range {
        since_ms: 0,
        until_ms: START + 1000 * DAY_MS,
    }
}

fn range(since_ms: i64, until_ms: i64) -> Range {
    Range { since_ms, until_ms }
}

fn event(at_ms: i64, name: &str) -> Event {
    Event {
        at_ms,
        device: DeviceId(1),
        address: "192.0.2.1".parse().unwrap(),
        name: name.parse().unwrap(),
        kind: RecordType::A,
        verdict: Verdict::Allow(None),
        source: Source::Cache,
        rcode: Rcode::NOERROR,
        transport: Transport::Udp,
        took_us: 9,
    }
}

/// Three days of a home.
fn three_days(each: usize) -> Vec<Event> {
    (0..3)
        .flat_map(|day| sample::day(START + day * DAY_MS, each, day.cast_unsigned() + 1))
        .collect()
}

fn is_failed(event: &Event) -> bool {
    row::is_failed(event.source.into(), event.rcode)
}

fn counts<'a>(events: impl Iterator<Item = &'a Event>) -> Counts {
    let mut counts = Counts::default();
    events.for_each(|event| counts.add(event.verdict.word(), 1, u64::from(is_failed(event))));
    counts
}

fn origin(event: &Event) -> Option<String> {
    Some((Words::for_tests().entry)(event.verdict.matched()?, &event.name)?.origin)
}

/// What every read says about a range must be what counting the events by hand says.
async fn assert_reads_are_exact(home: &Home, events: &[Event], range: Range) {
    let inside: Vec<&Event> = events
        .iter()
        .filter(|event| range.contains(event.at_ms))
        .collect();
    let all = || inside.iter().copied();
    let summary = home.journal.summary(range, None, usize::MAX).await;
    assert!(summary.extent.complete);
    assert_eq!(summary.totals, counts(all()), "{range:?}");
    let names: BTreeSet<String> = all().map(|event| event.name.to_string()).collect();
    assert_eq!(summary.covered.len() + summary.ordinary.len(), names.len());
    let mut devices = BTreeMap::<DeviceId, Vec<&Event>>::new();
    all().for_each(|event| devices.entry(event.device).or_default().push(event));
    assert_eq!(summary.devices.len(), devices.len());
    for device in &summary.devices {
        assert_eq!(
            device.counts,
            counts(devices[&device.device].iter().copied())
        );
    }
    assert_cells_are_exact(home, &inside, range).await;
    assert_series_are_exact(home, &inside, range).await;
}

async fn assert_cells_are_exact(home: &Home, inside: &[&Event], range: Range) {
    let exposure = home.journal.exposure(range, None).await;
    let mut cells = BTreeMap::<(DeviceId, String), Vec<&Event>>::new();
    for event in inside.iter().copied() {
        if let Some(origin) = origin(event) {
            cells.entry((event.device, origin)).or_default().push(event);
        }
    }
    assert_eq!(exposure.cells.len(), cells.len());
    for cell in &exposure.cells {
        let events = &cells[&(cell.device, cell.origin.clone())];
        assert_eq!(cell.span.counts, counts(events.iter().copied()));
        assert_eq!(
            Some(cell.span.first_ms),
            events.iter().map(|e| e.at_ms).min()
        );
        assert_eq!(
            Some(cell.span.last_ms),
            events.iter().map(|e| e.at_ms).max()
        );
        let names: BTreeSet<String> = events.iter().map(|event| event.name.to_string()).collect();
        assert_eq!(cell.names, names.len() as u64);
    }
}

async fn assert_series_are_exact(home: &Home, inside: &[&Event], range: Range) {
    let all = || inside.iter().copied();
    for step_ms in [HOUR_MS, 60_000, 15_000_000, 7_777] {
        let series = home.journal.series(range, step_ms, None).await;
        assert!(series.start_ms <= range.since_ms && series.start_ms % series.step_ms == 0);
        let mut points = BTreeMap::<i64, Counts>::new();
        for event in all() {
            let at_ms = event.at_ms.div_euclid(series.step_ms) * series.step_ms;
            *points.entry(at_ms).or_default() += counts([event].into_iter());
        }
        let starts = (series.start_ms..).step_by(usize::try_from(series.step_ms).unwrap());
        for (point, at_ms) in series.points.iter().zip(starts) {
            assert_eq!(
                *point,
                points.get(&at_ms).copied().unwrap_or_default(),
                "step {step_ms}"
            );
        }
        let mut sum = Counts::default();
        series.points.iter().for_each(|point| sum += *point);
        assert_eq!(sum, counts(all()), "step {step_ms}");
    }
    let week = home.journal.week(range, Some(&[DeviceId(3)])).await;
    let mut sum = Counts::default();
    week.hours
        .as_flattened()
        .iter()
        .for_each(|hour| sum += *hour);
    assert_eq!(
        sum,
        counts(all().filter(|event| event.device == DeviceId(3)))
    );
}
