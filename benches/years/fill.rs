//! Years pass: what the home asks goes through the journal's own recorder and writer, which flush,
//! merge and close days as they would have, only sooner.

use std::fs;
use std::path::Path;
use std::time::Duration;

use squelch::config;
use squelch::journal::{Journal, Recorder, Words, Writer};
use squelch::query::{DeviceId, Event};
use squelch::store::{DeviceRow, Store};
use tokio::time::Instant;

use super::home::{self, DAY_MS, Home};

/// Between two flushes while years pass. Most of what is written is merged away, so the file comes
/// out as with an hour of flushes each minute, and sooner.
const FLUSH_MS: i64 = 15 * 60_000;
/// Between two flushes in the hour that is measured.
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

struct Scribe {
    journal: Journal,
    writer: Writer,
    recorder: Recorder,
    store: Store,
    flushed_ms: i64,
}

impl Scribe {
    fn new(folder: &Path, home: &Home) -> Self {
        let labels = home.labels();
        let words = Words {
            entry: Box::new(move |matched, _| {
                labels.get(usize::try_from(matched.rule).ok()?).cloned()
            }),
            upstream: Box::new(|id| Some(format!("tls://192.0.2.{}", id.0))),
            device: Box::new(|device| device),
        };
        let config = config::Journal {
            retention: Duration::from_hours(24 * 3650),
            flush: Duration::from_mins(1),
            ..config::Journal::default()
        };
        let store = Store::at(folder);
        let (journal, writer) = Journal::new(&config, store.clone(), words);
        Self {
            recorder: journal.recorder(),
            journal,
            writer,
            store,
            flushed_ms: 0,
        }
    }

    /// Takes what was asked, with a flush each `flush_ms`.
    async fn take(&mut self, events: &[Event], flush_ms: i64) {
        for event in events {
            if event.at_ms - self.flushed_ms >= flush_ms {
                self.write(event.at_ms).await;
            }
            self.recorder.record(event);
        }
    }

    async fn write(&mut self, now_ms: i64) {
        while !self.writer.turn(now_ms).await {}
        self.writer.flush(now_ms).await;
        self.flushed_ms = now_ms;
    }

    async fn stop(mut self, now_ms: i64) {
        self.write(now_ms).await;
        assert_eq!(self.journal.lost(), 0);
        assert_eq!(self.journal.problem(), None);
        self.store.close().await;
    }
}

/// Lets so many days pass, which end at `until_ms`; gives the number of rows.
pub async fn years(folder: &Path, home: &mut Home, days: i64, until_ms: i64) -> u64 {
    let began = Instant::now();
    let mut scribe = Scribe::new(folder, home);
    let first_ms = (until_ms.div_euclid(DAY_MS) - days + 1) * DAY_MS;
    let mut rows = 0;
    for day in 0..days {
        let mut events = home.day(first_ms + day * DAY_MS);
        events.retain(|event| event.at_ms < until_ms);
        rows += events.len() as u64;
        scribe.take(&events, FLUSH_MS).await;
        if (day + 1) % 50 == 0 {
            println!(
                "  {} days, {rows} rows, {:.0} s",
                day + 1,
                began.elapsed().as_secs_f64()
            );
        }
    }
    save_devices(&scribe.store, first_ms, until_ms).await;
    scribe.stop(until_ms).await;
    rows
}

/// The devices as the server will look for them.
async fn save_devices(store: &Store, first_ms: i64, until_ms: i64) {
    let mut store = store.write().await.unwrap();
    for number in 1..=home::DEVICES {
        let address = home::address(number, None);
        let row = DeviceRow {
            id: DeviceId(number),
            key: format!("ip:{address}"),
            name: Some(format!("device-{number}")),
            named_by: Some("dhcp".to_owned()),
            mac: None,
            private_mac: false,
            maker: None,
            addresses: vec![address],
            first_seen_ms: first_ms,
            last_seen_ms: until_ms,
            alias_of: None,
        };
        store.devices().save(&row).await.unwrap();
    }
    store.commit().await.unwrap();
}

/// Bytes that go to the disk for so many queries over an hour, with a flush each minute, and all
/// that has to follow.
pub async fn hour(folder: &Path, home: &mut Home, queries: usize, start_ms: i64) -> u64 {
    let day = home.day(start_ms.div_euclid(DAY_MS) * DAY_MS);
    let mut events: Vec<Event> = day.into_iter().cycle().take(queries).collect();
    for (at, event) in events.iter_mut().enumerate() {
        let within = HOUR_MS * i64::try_from(at).unwrap() / i64::try_from(queries).unwrap();
        event.at_ms = start_ms + within;
    }
    let before = written();
    let mut scribe = Scribe::new(folder, home);
    scribe.take(&events, MINUTE_MS).await;
    scribe.stop(start_ms + HOUR_MS).await;
    written() - before
}

/// What this process has had written to disks.
fn written() -> u64 {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}

/// The size of all files below a folder.
pub fn size(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap());
    files.map(|file| file.metadata().unwrap().len()).sum()
}
