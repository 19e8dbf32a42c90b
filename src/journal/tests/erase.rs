//! What is deleted of a device, here and of what comes from other nodes.

use super::exchange::{arrived, node, record_in_parts, waiting};
use super::*;
use crate::journal::parcel::Parcel;
use crate::store::Erasing;

const DEVICE: DeviceId = DeviceId(2);

fn left(events: &[Event], until_ms: i64) -> Vec<Event> {
    let stays = |event: &&Event| event.device != DEVICE || event.at_ms > until_ms;
    let left: Vec<Event> = events.iter().filter(stays).copied().collect();
    assert!(left.len() < events.len());
    left
}

/// As if some node had asked for it.
fn learn(home: &Home, until_ms: i64) {
    let erasing = Erasing {
        id: until_ms,
        device: DEVICE,
        until_ms,
    };
    home.journal.shared.erasures().learn(&[erasing], i64::MAX);
}

async fn finish(home: &mut Home, now_ms: i64) {
    while !home.writer.turn(now_ms).await {}
    assert_eq!(home.journal.erasures(), []);
    assert_eq!(home.journal.problem(), None);
}

#[tokio::test]
async fn what_came_after_the_moment_of_a_deletion_stays_on_days_that_are_over_or_not() {
    let events = three_days(4000);
    let now_ms = START + 3 * DAY_MS - 1;
    for until_ms in [START + DAY_MS + 40_000_000, START + 2 * DAY_MS + 40_000_000] {
        let folder = tempfile::tempdir().unwrap();
        let mut home = Home::at(folder.path()).await;
        record_in_parts(&mut home, &events, 1000).await;
        home.journal.erase(DEVICE, until_ms).await.unwrap();
        finish(&mut home, now_ms).await;
        let left = left(&events, until_ms);
        for range in [everything(), range(START + 5, START + 2 * DAY_MS + HOUR_MS)] {
            assert_reads_are_exact(&home, &left, range).await;
        }
        home.stop(now_ms).await;
        let home = Home::at(folder.path()).await;
        assert_reads_are_exact(&home, &left, everything()).await;
    }
}

#[tokio::test]
async fn rows_that_come_late_do_not_bring_a_deleted_device_back() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut sender = node(folders[0].path(), 0, config::Journal::default()).await;
    let mut taker = node(folders[1].path(), 1, config::Journal::default()).await;
    let events = sample::day(START, 3000, 1);
    let (early, late) = events.split_at(1000);
    record_in_parts(&mut sender, &events, 250).await;
    let parcels = arrived(0, &waiting(&sender).await);
    assert!(taker.writer.take_in(&parcels[..4]).await);
    let until_ms = late[1000].at_ms;
    learn(&taker, until_ms);
    assert!(taker.writer.take_in(&parcels).await);
    finish(&mut taker, START + DAY_MS - 1).await;
    assert_eq!(left(early, until_ms).len(), left(early, i64::MAX).len());
    assert_reads_are_exact(&taker, &left(&events, until_ms), everything()).await;
}

#[tokio::test]
async fn what_waits_to_be_sent_is_without_what_was_deleted_and_keeps_its_numbers() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut sender = node(folders[0].path(), 0, config::Journal::default()).await;
    let mut taker = node(folders[1].path(), 1, config::Journal::default()).await;
    let events = sample::day(START, 3000, 1);
    record_in_parts(&mut sender, &events, 250).await;
    let before = arrived(0, &waiting(&sender).await);
    assert!(taker.writer.take_in(&before[..1]).await);
    let until_ms = events[2000].at_ms;
    learn(&sender, until_ms);
    // Until it is clean, nothing is sent.
    assert_eq!(sender.journal.clean_erasures(), None);
    finish(&mut sender, START + DAY_MS - 1).await;
    assert_eq!(sender.journal.clean_erasures(), Some(until_ms));
    let after = arrived(0, &waiting(&sender).await);
    let numbers = |all: &[Arrived]| -> Vec<(u64, u32)> {
        all.iter().map(|one| (one.until, one.rows)).collect()
    };
    assert_eq!(numbers(&before), numbers(&after));
    for parcel in &after {
        let lines = Parcel::open(&parcel.data, parcel.rows).unwrap().lines;
        assert!(
            lines
                .iter()
                .all(|line| line.device != DEVICE || line.at_ms > until_ms)
        );
    }
    // Those that came before, put together with those that did not, are left out as far as they came.
    let whole = joined(&after).unwrap();
    assert!(taker.writer.take_in(&[whole]).await);
    let rest = left(&events[250..], until_ms);
    assert_reads_are_exact(&taker, &[&events[..250], &rest].concat(), everything()).await;
}

#[tokio::test]
async fn a_parcel_that_was_sent_before_a_deletion_is_made_without_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = node(folder.path(), 0, config::Journal::default()).await;
    let events = sample::day(START, 1000, 1);
    record_in_parts(&mut home, &events, 1000).await;
    let sent = arrived(0, &waiting(&home).await);
    assert_eq!(home.journal.without_deleted(&sent[0]), None);
    learn(&home, events[500].at_ms);
    let rest = home.journal.without_deleted(&sent[0]).unwrap();
    assert_eq!((rest.until, rest.rows), (sent[0].until, sent[0].rows));
    assert_eq!(home.journal.without_deleted(&rest), None);
}

#[tokio::test]
async fn a_deletion_that_comes_while_another_is_under_way_is_done_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(4000);
    record_in_parts(&mut home, &events, 1000).await;
    let now_ms = START + 3 * DAY_MS;
    home.journal.erase(DEVICE, now_ms).await.unwrap();
    home.writer.turn(now_ms).await;
    home.journal.erase(DeviceId(3), now_ms).await.unwrap();
    assert_eq!(home.journal.erasures().len(), 2);
    finish(&mut home, now_ms).await;
    let rest = left(&events, now_ms);
    let rest: Vec<Event> = rest
        .into_iter()
        .filter(|event| event.device != DeviceId(3))
        .collect();
    assert_reads_are_exact(&home, &rest, everything()).await;
}

#[tokio::test]
async fn after_a_deletion_by_a_clock_that_was_ahead_the_next_one_deletes_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let year_ms = 365 * DAY_MS;
    home.journal.erase(DEVICE, START + year_ms).await.unwrap();
    finish(&mut home, START + year_ms).await;
    // The clock is right from here on.
    let events = sample::day(START, 3000, 1);
    let now_ms = START + DAY_MS;
    record_in_parts(&mut home, &events, 1000).await;
    home.journal.erase(DEVICE, now_ms).await.unwrap();
    finish(&mut home, now_ms).await;
    let left = left(&events, now_ms);
    assert_reads_are_exact(&home, &left, everything()).await;
    home.stop(now_ms).await;
    let home = Home::at(folder.path()).await;
    let deleted = home.journal.shared.erasures().deleted.clone();
    assert_eq!(deleted.get(&DEVICE), Some(&now_ms));
}

#[tokio::test]
async fn after_a_deletion_by_a_clock_that_was_ahead_what_comes_from_others_later_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let (ahead_ms, now_ms) = (START + 365 * DAY_MS, START + DAY_MS);
    home.journal.erase(DEVICE, ahead_ms).await.unwrap();
    let of_others = |now_ms| home.journal.shared.erasures().of_others(now_ms)[&DEVICE];
    assert_eq!(of_others(now_ms), ahead_ms, "it is under way");
    finish(&mut home, ahead_ms).await;
    let of_others = |now_ms| home.journal.shared.erasures().of_others(now_ms)[&DEVICE];
    // Once the clock is right, and from then on.
    assert_eq!([now_ms, now_ms + DAY_MS].map(of_others), [now_ms; 2]);
}

#[tokio::test]
async fn what_was_asked_before_a_deletion_and_is_recorded_after_it_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let asked_ms = START + DAY_MS;
    home.journal.erase(DEVICE, asked_ms).await.unwrap();
    finish(&mut home, asked_ms).await;
    let of = |device: u32, at_ms: i64| Event {
        device: DeviceId(device),
        ..event(at_ms, "late.example")
    };
    let events = [
        of(2, asked_ms - 3000),
        of(3, asked_ms - 3000),
        of(2, asked_ms + 1),
    ];
    for event in &events {
        home.recorder.record(event);
    }
    while !home.writer.turn(asked_ms + 500).await {}
    assert_reads_are_exact(&home, &left(&events, asked_ms), everything()).await;
}

#[tokio::test]
async fn an_emptied_journal_has_what_was_asked_later_alone_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(4000);
    record_in_parts(&mut home, &events, 1000).await;
    let (until_ms, now_ms) = (START + 2 * DAY_MS + 40_000_000, START + 3 * DAY_MS - 1);
    home.journal.erase_everything(until_ms).await.unwrap();
    assert!(home.journal.emptying().is_some());
    finish(&mut home, now_ms).await;
    assert_eq!(home.journal.emptying(), None);
    let mut left = events.clone();
    left.retain(|event| event.at_ms > until_ms);
    assert!(!left.is_empty());
    assert_reads_are_exact(&home, &left, everything()).await;
    let later = sample::day(START + 3 * DAY_MS, 500, 9);
    record_in_parts(&mut home, &later, 250).await;
    left.extend(later);
    assert_reads_are_exact(&home, &left, everything()).await;
    home.stop(START + 4 * DAY_MS).await;
    let home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn nothing_is_left_on_disk_of_a_journal_that_was_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    record_in_parts(&mut home, &three_days(4000), 1000).await;
    let now_ms = START + 3 * DAY_MS;
    home.journal.erase_everything(now_ms).await.unwrap();
    finish(&mut home, now_ms).await;
    let mut store = home.journal.shared.store.read().await.unwrap();
    let mut blocks = store.blocks();
    let heads = blocks.heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX);
    assert_eq!(heads.await.unwrap(), []);
    let mut names = Vec::new();
    let mut table = store.names();
    let each = table.each(|_, name| names.push(name.to_owned()));
    each.await.unwrap();
    assert_eq!(names, [""; 0]);
    assert_eq!(store.entries().all().await.unwrap(), []);
    drop(store);
    assert_reads_are_exact(&home, &[], everything()).await;
}

#[tokio::test]
async fn what_waits_to_be_sent_is_without_all_that_was_deleted_and_keeps_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = node(folder.path(), 0, config::Journal::default()).await;
    let events = sample::day(START, 1000, 1);
    record_in_parts(&mut home, &events, 250).await;
    let sent = arrived(0, &waiting(&home).await);
    let everyone = Erasing {
        id: 1,
        device: gone::EVERYONE,
        until_ms: events[500].at_ms,
    };
    home.journal.shared.erasures().learn(&[everyone], i64::MAX);
    let rest = home.journal.without_deleted(&sent[0]).unwrap();
    assert_eq!((rest.until, rest.rows), (sent[0].until, sent[0].rows));
    assert_eq!(home.journal.without_deleted(&rest), None);
    assert_eq!(home.journal.without_deleted(&sent[3]), None);
}
