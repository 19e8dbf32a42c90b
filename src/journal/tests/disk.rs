//! What the disk keeps, loses, and what happens when it fails.

use super::*;
use crate::store::StoredDay;

#[tokio::test]
async fn a_killed_process_loses_only_what_was_not_flushed() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 3000, 5);
    home.record(&events[..2000]).await;
    home.writer.flush(events[1999].at_ms).await;
    home.record(&events[2000..]).await;
    assert_reads_are_exact(&home, &events, everything()).await;
    drop(home);
    let mut home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &events[..2000], everything()).await;
    home.record(&events[2000..]).await;
    assert_reads_are_exact(&home, &events, everything()).await;
}

#[tokio::test]
async fn small_blocks_are_merged_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 30_000, 6);
    for part in events.chunks(700) {
        home.record(part).await;
        home.writer.flush(part[part.len() - 1].at_ms).await;
    }
    let mut heads = home.store.read().await.unwrap();
    let mut heads = heads
        .blocks()
        .heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX)
        .await
        .unwrap();
    heads.reverse();
    let sealed: Vec<_> = heads.iter().filter(|head| head.sealed).collect();
    assert!(
        sealed.len() == 3 && sealed.iter().all(|head| head.rows >= 8192),
        "{heads:?}"
    );
    assert!(
        heads
            .windows(2)
            .all(|pair| pair[0].seq + u64::from(pair[0].rows) == pair[1].seq)
    );
    assert_reads_are_exact(&home, &events, everything()).await;
    let ids = home.ids(&Filter::all(everything())).await;
    assert_eq!(ids, (0..30_000).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_that_come_late_are_counted_with_their_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let mut events = three_days(3000);
    home.record(&events).await;
    home.writer.flush(START + 3 * DAY_MS).await;
    // The clock was set back to the first day, and forward again.
    let late = sample::day(START, 500, 9);
    home.record(&late).await;
    home.writer.flush(START + 2 * HOUR_MS).await;
    events.extend(late);
    assert_reads_are_exact(&home, &events, range(START, START + DAY_MS)).await;
    home.writer.flush(START + 3 * DAY_MS).await;
    assert_reads_are_exact(&home, &events, everything()).await;
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &events, everything()).await;
}

#[tokio::test]
async fn what_is_too_old_goes_and_the_sums_agree_with_the_rows_that_are_left() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Journal {
        retention: Duration::from_hours(36),
        ..config::Journal::default()
    };
    let mut home = Home::with(folder.path(), config).await;
    let events = three_days(9000);
    for part in events.chunks(300) {
        home.record(part).await;
        home.writer.flush(part[part.len() - 1].at_ms).await;
    }
    let before = home.journal.summary(everything(), None, usize::MAX).await;
    let now_ms = START + 3 * DAY_MS;
    home.writer.retain(now_ms).await;
    while !home.writer.turn(now_ms).await {}
    assert_eq!(home.journal.problem(), None);
    let rows = home.rows(&Filter::all(everything()), 500).await;
    let oldest_ms = rows.iter().map(|row| row.at_ms).min().unwrap();
    // A block is at most an eighth of the retention long.
    assert!(
        oldest_ms > now_ms - (36 + 5) * HOUR_MS,
        "{}",
        now_ms - oldest_ms
    );
    let left: Vec<Event> = events
        .iter()
        .filter(|event| event.at_ms >= oldest_ms)
        .copied()
        .collect();
    assert_eq!(rows.len(), left.len());
    assert_reads_are_exact(&home, &left, everything()).await;
    let after = home.journal.summary(everything(), None, usize::MAX).await;
    assert!(after.ordinary_names < before.ordinary_names);
    let names: BTreeSet<_> = left.iter().map(|event| event.name.to_string()).collect();
    home.stop(now_ms).await;
    let home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &left, everything()).await;
    let known: BTreeSet<_> = home
        .journal
        .shared
        .state()
        .names
        .iter()
        .map(|(_, n)| n.to_owned())
        .collect();
    assert_eq!(known, names);
}

#[tokio::test]
async fn a_damaged_block_is_skipped_and_said_so() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 10_000, 7);
    home.record(&events).await;
    home.writer.flush(START + DAY_MS).await;
    home.record(&[event(START + DAY_MS, "late.example")]).await;
    home.writer.flush(START + DAY_MS).await;
    home.store
        .meddle("UPDATE block SET data = substr(data, 1, 100) WHERE rows > 1")
        .await;
    let page = home
        .journal
        .queries(&Filter::all(everything()), None, 100)
        .await;
    assert_eq!(page.rows.len(), 1);
    assert!(!page.complete);
    assert!(home.journal.damaged() > 0);
    // The sums of the day do not need the block.
    let (totals, extent) = home.journal.counts(everything(), None).await;
    assert_eq!((totals.queries(), extent.complete), (10_001, true));
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_eq!(
        home.journal
            .queries(&Filter::all(everything()), None, 100)
            .await
            .rows
            .len(),
        1
    );
}

#[tokio::test]
async fn a_number_that_a_flipped_bit_made_high_takes_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 500, 7);
    home.record(&events).await;
    home.writer.flush(START + DAY_MS).await;
    let last = {
        let state = home.journal.shared.state();
        (state.names.last(), state.entries.last())
    };
    home.store
        .meddle(
            "INSERT INTO name (node, id, text) VALUES (0, 67108864, 'far.example'); \
             INSERT INTO entry (node, id, origin, entry) VALUES (0, 67108864, 'far', 'away')",
        )
        .await;
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_eq!(home.journal.damaged(), 2);
    assert_reads_are_exact(&home, &events, everything()).await;
    let state = home.journal.shared.state();
    assert_eq!((state.names.last(), state.entries.last()), last);
}

#[tokio::test]
async fn a_damaged_day_is_read_from_its_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(3000);
    home.record(&events).await;
    home.writer.flush(START + 3 * DAY_MS).await;
    home.store.meddle("UPDATE day SET hours = x'00ff'").await;
    let summary = home.journal.summary(everything(), None, 5).await;
    assert_eq!(summary.totals, counts(events.iter()));
    let series = home
        .journal
        .series(range(START, START + 3 * DAY_MS), HOUR_MS, None)
        .await;
    assert_eq!(series.points.iter().map(Counts::queries).sum::<u64>(), 9000);
    assert_eq!(home.journal.damaged(), 3);
}

#[tokio::test]
async fn what_is_known_of_a_device_is_deleted_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(5000);
    for part in events.chunks(1000) {
        home.record(part).await;
        home.writer.flush(part[part.len() - 1].at_ms).await;
    }
    let only = Event {
        device: DeviceId(2),
        ..event(START + 3 * DAY_MS - 2, "secret.example")
    };
    home.record(&[only]).await;
    home.journal
        .erase(DeviceId(2), START + 3 * DAY_MS)
        .await
        .unwrap();
    assert_eq!(home.journal.erasures().len(), 1);
    while !home.writer.turn(START + 3 * DAY_MS - 1).await {}
    assert_eq!(home.journal.erasures(), []);
    assert_eq!(home.journal.problem(), None);
    let left: Vec<Event> = events
        .iter()
        .filter(|event| event.device != DeviceId(2))
        .copied()
        .collect();
    assert!(left.len() < events.len());
    for range in [everything(), range(START + 5, START + 2 * DAY_MS + HOUR_MS)] {
        assert_reads_are_exact(&home, &left, range).await;
    }
    let rows = home.rows(&Filter::all(everything()), 500).await;
    assert_eq!(rows.len(), left.len());
    assert_eq!(home.journal.shared.state().names.id("secret.example"), None);
    home.stop(START + 3 * DAY_MS).await;
    let home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn a_deletion_goes_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 3000, 3);
    home.record(&events).await;
    home.writer.flush(START + DAY_MS).await;
    home.journal
        .erase(DeviceId(1), START + DAY_MS)
        .await
        .unwrap();
    drop(home);
    let mut home = Home::at(folder.path()).await;
    while !home.writer.turn(START + DAY_MS).await {}
    assert_eq!(home.journal.erasures(), []);
    let (counts, _) = home
        .journal
        .counts(everything(), Some(&[DeviceId(1)]))
        .await;
    assert!(counts.is_empty());
}

#[tokio::test]
async fn days_of_an_earlier_version_are_read_and_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = three_days(3000);
    home.record(&events).await;
    home.stop(START + 3 * DAY_MS).await;
    let store = Store::open(folder.path()).await.unwrap();
    let mut writing = store.write().await.unwrap();
    for day in 0..3 {
        let day = day_of(START) + day;
        let stored = writing.days().whole(day).await.unwrap().unwrap();
        let sums = parts::decode(&stored, &mut blob::Unpacker::new()).unwrap();
        let before = StoredDay {
            day,
            data: old_day::encode(&sums),
            ..StoredDay::default()
        };
        writing.days().save(&before).await.unwrap();
    }
    writing.commit().await.unwrap();
    store.close().await;
    let mut home = Home::at(folder.path()).await;
    let reading = home.store.read().await.unwrap().days().old().await.unwrap();
    assert_eq!(reading.len(), 2, "one is brought up to date at a time");
    let part = range(START + 5 * HOUR_MS, START + 3 * DAY_MS);
    for range in [everything(), part] {
        let (totals, extent) = home.journal.counts(range, None).await;
        let inside = events.iter().filter(|event| range.contains(event.at_ms));
        assert_eq!((totals, extent.complete), (counts(inside), true));
    }
    assert_eq!(
        home.journal.summary(everything(), None, 9).await.totals,
        counts(events.iter())
    );
    while !home.writer.turn(START + 3 * DAY_MS).await {}
    let reading = home.store.read().await.unwrap().days().old().await.unwrap();
    assert!(reading.is_empty());
    assert_eq!(home.journal.problem(), None);
    assert_reads_are_exact(
        &home,
        &events[3000..6000],
        range(START + DAY_MS, START + 2 * DAY_MS),
    )
    .await;
}

#[tokio::test]
async fn a_file_that_is_no_database_is_moved_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = vec![0x5a; 20_000];
    std::fs::write(folder.path().join("squelch.db"), &garbage).unwrap();
    let mut home = Home::at(folder.path()).await;
    home.record(&[event(START, "a.example")]).await;
    home.writer.flush(START).await;
    assert_eq!(home.journal.state(), JournalState::Ok);
    let aside = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().path());
    let aside: Vec<_> = aside
        .filter(|path| path.to_string_lossy().contains(".broken-"))
        .collect();
    assert_eq!(std::fs::read(&aside[0]).unwrap(), garbage);
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_eq!(home.ids(&Filter::all(everything())).await.len(), 1);
}

#[tokio::test]
async fn a_database_with_broken_pages_is_moved_aside_and_a_new_one_begun() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    home.record(&sample::day(START, 5000, 8)).await;
    home.stop(START + DAY_MS).await;
    let file = folder.path().join("squelch.db");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[4096..].fill(0xff);
    std::fs::write(&file, bytes).unwrap();
    let mut home = Home::at(folder.path()).await;
    home.record(&[event(START, "a.example")]).await;
    home.writer.finish(START).await;
    assert_eq!(home.journal.problem(), None);
    assert_eq!(home.ids(&Filter::all(everything())).await.len(), 1);
    let files = std::fs::read_dir(folder.path()).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(
        names
            .into_iter()
            .any(|name| name.starts_with("squelch.db.broken-"))
    );
}

#[tokio::test]
async fn without_a_disk_the_newest_rows_are_kept_in_memory_and_written_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("squelch.db");
    std::fs::create_dir(&file).unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 80_000, 9);
    home.record(&events).await;
    assert_eq!(home.journal.state(), JournalState::Stopped);
    let problem = home.journal.problem().unwrap();
    assert!(problem.contains(file.to_str().unwrap()), "{problem}");
    assert!(problem.contains("data_dir"), "{problem}");
    let page = home
        .journal
        .queries(&Filter::all(everything()), None, 500)
        .await;
    assert_eq!(page.rows.len(), 500);
    assert!(!page.complete);
    assert_eq!(home.journal.lost(), 80_000 - 65_536);
    std::fs::remove_dir(&file).unwrap();
    home.writer.retry_now();
    home.record(&[event(START + DAY_MS - 1, "back.example")])
        .await;
    home.writer.flush(START + DAY_MS - 1).await;
    assert_eq!(home.journal.state(), JournalState::Ok);
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_eq!(home.ids(&Filter::all(everything())).await.len(), 65_537);
}

#[tokio::test]
async fn a_full_disk_stops_writing_and_nothing_is_lost_when_there_is_room_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    let events = sample::day(START, 12_000, 10);
    home.record(&events[..1000]).await;
    home.writer.flush(events[999].at_ms).await;
    home.store.limit_pages(1).await;
    home.record(&events[1000..]).await;
    home.writer.flush(events[11_999].at_ms).await;
    let problem = home.journal.problem().unwrap();
    assert!(
        problem.contains("Free some space") && problem.contains("squelch.db"),
        "{problem}"
    );
    assert_reads_are_exact(&home, &events, everything()).await;
    home.store.limit_pages(0).await;
    home.writer.flush(events[11_999].at_ms).await;
    assert_eq!(home.journal.state(), JournalState::Ok);
    assert_eq!(home.journal.lost(), 0);
    drop(home);
    let home = Home::at(folder.path()).await;
    assert_reads_are_exact(&home, &events, everything()).await;
}

#[tokio::test]
async fn a_writer_that_is_to_stay_in_memory_leaves_the_disk_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path());
    let reason = store.read().await.err().unwrap();
    let (journal, writer) = Journal::new(&config::Journal::default(), store, Words::for_tests());
    let mut writer = writer.stay_in_memory(&reason);
    journal.recorder().record(&event(START, "a.example"));
    writer.finish(START).await;
    assert_eq!(journal.state(), JournalState::Stopped);
    let problem = journal.problem().unwrap();
    assert!(problem.contains("start squelch again"), "{problem}");
    let page = journal.queries(&Filter::all(everything()), None, 5).await;
    assert_eq!(page.rows.len(), 1);
    assert!(!folder.path().join("squelch.db").exists());
}
