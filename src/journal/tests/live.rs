//! The writer as a task.

use super::*;

#[tokio::test]
async fn nothing_is_recorded_when_the_config_says_so_but_queries_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Journal {
        privacy: Privacy::Off,
        ..config::Journal::default()
    };
    let (journal, writer) = Journal::new(&config, Store::at(folder.path()), Words::for_tests());
    let recorder = journal.recorder();
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio_util::task::TaskTracker::new();
    running.spawn(writer.run(stop.clone()));
    recorder.record(&event(START, "a.example"));
    assert_eq!(journal.totals().allow, 1);
    assert_eq!(journal.state(), JournalState::Off);
    assert!(
        journal
            .queries(&Filter::all(everything()), None, 10)
            .await
            .rows
            .is_empty()
    );
    stop.cancel();
    running.close();
    running.wait().await;
    let home = Home::at(folder.path()).await;
    assert_eq!(
        home.journal.counts(everything(), None).await.0,
        Counts::default()
    );
}

#[tokio::test]
async fn a_running_writer_shows_rows_at_once_and_keeps_all_over_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Journal::default();
    let (journal, writer) = Journal::new(&config, Store::at(folder.path()), Words::for_tests());
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio_util::task::TaskTracker::new();
    running.spawn(writer.run(stop.clone()));
    let mut live = journal.subscribe();
    let recorders = [journal.recorder(), journal.recorder()];
    let events = sample::day(START, 4000, 11);
    for (event, place) in events.iter().zip([0, 1].into_iter().cycle()) {
        recorders[place].record(event);
    }
    let began = time::Instant::now();
    for _ in &events {
        live.recv().await.unwrap();
    }
    assert!(
        began.elapsed() < Duration::from_secs(1),
        "{:?}",
        began.elapsed()
    );
    recorders[0].record(&event(START + DAY_MS, "last.example"));
    let page = journal.queries(&Filter::all(everything()), None, 1).await;
    assert_eq!(page.rows[0].name, "last.example");
    journal.flush().await;
    recorders[1].record(&event(START + DAY_MS + 1, "at-the-end.example"));
    stop.cancel();
    running.close();
    running.wait().await;
    let home = Home::at(folder.path()).await;
    assert_eq!(home.ids(&Filter::all(everything())).await.len(), 4002);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_see_each_row_once_while_rows_move_from_memory_to_disk() {
    let folder = tempfile::tempdir().unwrap();
    let config = config::Journal {
        flush: Duration::from_millis(1),
        ..config::Journal::default()
    };
    let (journal, writer) = Journal::new(&config, Store::at(folder.path()), Words::for_tests());
    let stop = tokio_util::sync::CancellationToken::new();
    let running = tokio_util::task::TaskTracker::new();
    running.spawn(writer.run(stop.clone()));
    let recorders = [journal.recorder(), journal.recorder()];
    let threads = recorders.map(|recorder| std::thread::spawn(move || record_slowly(&recorder)));
    let mut before = 0;
    while before < 40_000 {
        let is_over = threads.iter().all(std::thread::JoinHandle::is_finished);
        let part = range(START + 1, START + DAY_MS);
        let (by_rows, extent) = journal.counts(part, None).await;
        assert!(extent.complete || before == 0);
        let (by_days, _) = journal.counts(everything(), None).await;
        let rows = by_rows.queries();
        assert!(before <= rows && rows <= by_days.queries() && by_days.queries() <= 40_000);
        before = rows;
        assert!(
            !is_over || rows == 40_000,
            "{rows} of 40,000 rows, {} lost",
            journal.lost()
        );
    }
    let mut ids = Vec::new();
    let mut cursor = None;
    loop {
        let page = journal
            .queries(&Filter::all(everything()), cursor, 500)
            .await;
        ids.extend(page.rows.iter().map(|row| row.id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(ids, (0..40_000).rev().collect::<Vec<_>>());
    stop.cancel();
    running.close();
    running.wait().await;
    assert_eq!((journal.lost(), journal.problem()), (0, None));
}

fn record_slowly(recorder: &Recorder) {
    for (place, event) in sample::day(START, 20_000, 13).iter().enumerate() {
        recorder.record(event);
        if place % 100 == 0 {
            std::thread::yield_now();
        }
    }
}
