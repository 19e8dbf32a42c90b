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
    assert!(!folder.path().join("squelch.db").exists());
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
