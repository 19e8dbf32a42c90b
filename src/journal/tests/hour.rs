//! What an hour costs an SD card.

use std::process::Command;

use super::*;

/// Set where this test runs in a process of its own, for whose writes the system keeps count.
const ALONE: &str = "SQUELCH_TEST_ALONE";

/// For 100,000 queries with a flush each minute; rows one by one take 60 MB.
const MOST_BYTES: u64 = 12_000_000;

#[test]
fn an_hour_of_a_hundred_thousand_queries_writes_at_most_twelve_megabytes() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        return runtime.block_on(an_hour());
    }
    let test = "journal::tests::hour::\
                an_hour_of_a_hundred_thousand_queries_writes_at_most_twelve_megabytes";
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("1 passed"), "{told}");
}

async fn an_hour() {
    // Beside the test itself, which is on a disk; where temporary files are may be memory.
    let here = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir_in(here.parent().unwrap()).unwrap();
    let config = config::Journal {
        flush: Duration::from_mins(1),
        ..config::Journal::default()
    };
    let mut home = Home::with(folder.path(), config).await;
    // A day's queries, in an hour.
    let mut events = sample::day(START, 100_000, 20);
    for event in &mut events {
        event.at_ms = START + (event.at_ms - START) / 24;
    }
    let before = written();
    let minutes = events.chunk_by(|a, b| minute(a) == minute(b));
    let mut flushes = 0;
    for part in minutes {
        home.record(part).await;
        home.writer.flush(part[part.len() - 1].at_ms).await;
        flushes += 1;
    }
    home.stop(START + HOUR_MS).await;
    let bytes = written() - before;
    assert_eq!(flushes, 60);
    assert!(bytes > 500_000, "{bytes} bytes: is this a disk?");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}

fn minute(event: &Event) -> i64 {
    event.at_ms / 60_000
}

/// What this process has had written to disks.
fn written() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io
        .lines()
        .find_map(|line| line.strip_prefix("write_bytes: "));
    line.unwrap().parse().unwrap()
}
