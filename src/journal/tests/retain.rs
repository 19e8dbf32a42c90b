//! What is too old goes in small steps: what comes between them, and what a kill between them leaves.

use super::exchange::record_in_parts;
use super::*;

const DAYS: i64 = 6;
/// The end of those days.
const NOW: i64 = START + DAYS * DAY_MS;

/// Keeps a day and a half, and so the later half of the fifth day.
async fn home_that_keeps_less(folder: &Path) -> Home {
    let config = config::Journal {
        retention: Duration::from_hours(36),
        ..config::Journal::default()
    };
    let mut home = Home::with(folder, config).await;
    home.writer.tread_softly();
    home
}

fn six_days() -> Vec<Event> {
    let day = |day: i64| sample::day(START + day * DAY_MS, 2000, day.cast_unsigned() + 1);
    (0..DAYS).flat_map(day).collect()
}

/// What is left of events, which is the end of them.
async fn left(home: &Home, events: &[Event]) -> Vec<Event> {
    let rows = home.rows(&Filter::all(everything()), 500).await;
    let left = &events[events.len() - rows.len()..];
    let times = rows.iter().rev().map(|row| row.at_ms);
    assert!(times.eq(left.iter().map(|event| event.at_ms)));
    left.to_vec()
}

/// Whether what is left goes back as far as it is to, and a block further.
fn is_from(left: &[Event], since_ms: i64) -> bool {
    (since_ms - 9 * HOUR_MS..since_ms + HOUR_MS).contains(&left[0].at_ms)
}

async fn blocks(home: &Home) -> usize {
    let mut store = home.store.read().await.unwrap();
    let mut blocks = store.blocks();
    let heads = blocks
        .heads(0..u64::MAX, i64::MIN, i64::MAX, u32::MAX)
        .await;
    heads.unwrap().len()
}

fn from(events: &[Event], since_ms: i64) -> Vec<Event> {
    let inside = events.iter().filter(|event| event.at_ms >= since_ms);
    inside.copied().collect()
}

#[tokio::test]
async fn flushes_and_changes_come_between_the_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = home_that_keeps_less(folder.path()).await;
    let mut events = six_days();
    record_in_parts(&mut home, &events, 500).await;
    let before = blocks(&home).await;
    home.writer.retain(NOW).await;
    let (mut steps, mut held) = (0, before);
    loop {
        // One of today, and one that comes late for the day that is kept in part.
        let new = event(NOW + steps, &format!("new{steps}.example"));
        let late = event(NOW - DAY_MS - 3 * HOUR_MS + steps, "late.example");
        for event in [late, new].into_iter().filter(|_| steps < 40) {
            home.recorder.record(&event);
            events.push(event);
        }
        let is_done = home.writer.turn(NOW + steps).await;
        if steps % 2 == 0 {
            home.writer.flush(NOW + steps).await;
            assert_eq!(home.journal.shared.state().tail.unflushed(), 0);
        }
        let mut change = home.store.write_through().await.unwrap();
        change
            .erasures()
            .add(DeviceId(99), (steps, i64::MAX))
            .await
            .unwrap();
        change.commit().await.unwrap();
        let now = blocks(&home).await;
        // Each takes a block at most, but for the last ones of the day that is kept in part.
        assert!(held.saturating_sub(now) <= 4, "{held} {now}");
        held = now;
        steps += 1;
        if is_done {
            break;
        }
    }
    assert!(steps > 20, "{steps} steps for {before} blocks");
    assert_eq!(home.journal.problem(), None);
    let left = left(&home, &events).await;
    assert!(is_from(&left, NOW - 36 * HOUR_MS));
    assert_reads_are_exact(&home, &left, everything()).await;
    home.stop(NOW + 1000).await;
    let home = home_that_keeps_less(folder.path()).await;
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn what_a_kill_between_two_steps_left_goes_with_the_next_run_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = home_that_keeps_less(folder.path()).await;
    let events = six_days();
    record_in_parts(&mut home, &events, 500).await;
    let kept_days = range(START + 5 * DAY_MS, NOW);
    for steps in 1_u32.. {
        drop(home);
        home = home_that_keeps_less(folder.path()).await;
        assert_reads_are_exact(&home, &from(&events, kept_days.since_ms), kept_days).await;
        // Sums of a day that is to go are there as long as its rows are.
        assert!(home.journal.shared.state().days.len() <= 1);
        home.writer.retain(NOW).await;
        let mut is_done = false;
        for _ in 0..steps {
            is_done = home.writer.turn(NOW).await;
        }
        if is_done {
            assert!(steps > 3, "{steps} runs");
            break;
        }
    }
    let left = left(&home, &events).await;
    assert!(is_from(&left, NOW - 36 * HOUR_MS));
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn of_a_day_that_is_not_over_what_is_too_old_goes_while_more_comes() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Journal {
        retention: Duration::from_hours(8),
        ..config::Journal::default()
    };
    let mut home = Home::with(folder.path(), config).await;
    home.writer.tread_softly();
    let mut events = sample::day(START, 6000, 3);
    record_in_parts(&mut home, &events, 200).await;
    let now_ms = START + DAY_MS - 1000;
    home.writer.retain(now_ms).await;
    for number in 0.. {
        let new = event(now_ms + number, &format!("new{number}.example"));
        home.recorder.record(&new);
        events.push(new);
        if number % 3 == 0 {
            home.writer.flush(now_ms).await;
        }
        if home.writer.turn(now_ms).await {
            assert!(number > 5, "{number} steps");
            break;
        }
    }
    let left = left(&home, &events).await;
    assert!(is_from(&left, now_ms - 8 * HOUR_MS));
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn a_deletion_waits_until_what_is_too_old_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = home_that_keeps_less(folder.path()).await;
    let events = six_days();
    record_in_parts(&mut home, &events, 500).await;
    home.writer.retain(NOW).await;
    home.writer.turn(NOW).await;
    home.journal.erase(DeviceId(2), NOW).await.unwrap();
    while !home.writer.turn(NOW).await {}
    assert_eq!(home.journal.erasures(), []);
    let stay = events.iter().filter(|event| event.device != DeviceId(2));
    let left = left(&home, &stay.copied().collect::<Vec<_>>()).await;
    assert!(is_from(&left, NOW - 36 * HOUR_MS));
    assert_reads_are_exact(&home, &left, everything()).await;
}

#[tokio::test]
async fn the_file_gets_smaller_by_what_went() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = home_that_keeps_less(folder.path()).await;
    record_in_parts(&mut home, &six_days(), 500).await;
    let pages = async |home: &Home| {
        let mut store = home.store.write().await.unwrap();
        store.shrink(1).await.unwrap()
    };
    home.writer.retain(NOW).await;
    while !home.writer.turn(NOW).await {}
    assert_eq!(pages(&home).await, 0);
}

#[tokio::test]
async fn a_clock_that_is_far_ahead_deletes_nothing_for_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    home.record(&three_days(1000)).await;
    home.writer.flush(START + 3 * DAY_MS).await;
    let ahead_ms = START + 4000 * DAY_MS;
    let mut left = Vec::new();
    for later_ms in [0, HOUR_MS, DAY_MS + 2 * HOUR_MS] {
        let now_ms = ahead_ms + later_ms;
        home.record(&[event(now_ms, "late.example")]).await;
        home.writer.retain(now_ms).await;
        while !home.writer.turn(now_ms).await {}
        let all = range(0, now_ms + 1);
        left.push(home.rows(&Filter::all(all), 500).await.len());
    }
    assert_eq!(home.journal.problem(), None);
    assert_eq!(left, [3001, 3002, 3]);
}

#[tokio::test]
async fn what_failed_without_a_row_to_write_does_not_keep_the_writer_busy() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = Home::at(folder.path()).await;
    home.record(&sample::day(START, 100, 1)).await;
    home.writer.flush(START + DAY_MS).await;
    // As a tool for backups that holds the file, or long reads of all that may read.
    let held = [home.store.read().await, home.store.read().await];
    time::pause();
    home.writer.retain(START + DAY_MS).await;
    assert_ne!(home.journal.problem(), None);
    drop(held);
    time::advance(Duration::from_mins(10)).await;
    time::resume();
    while !home.writer.turn(START + DAY_MS).await {}
    assert_eq!(home.journal.problem(), None);
}
