//! Nodes that share rows, without the database between them.

use super::*;
use crate::store::Waiting;

/// A home that is node number `number`.
pub(super) async fn node(folder: &Path, number: u32, config: config::Journal) -> Home {
    let member = format!(r#"{{"home": 1, "identity": {number}, "number": {number}}}"#);
    std::fs::write(folder.join("node.json"), member).unwrap();
    let url = "postgres://squelch@127.0.0.1:1/squelch";
    let store = Store::of_node(folder, url).unwrap();
    let (journal, mut writer) = Journal::new(&config, store.clone(), Words::for_tests());
    let recorder = journal.recorder();
    writer.turn(START).await;
    Home {
        journal,
        writer,
        recorder,
        store,
    }
}

pub(super) async fn waiting(home: &Home) -> Vec<Waiting> {
    let mut store = home.store.read().await.unwrap();
    store.outbox().first(10_000).await.unwrap()
}

pub(super) fn arrived(node: u32, parcels: &[Waiting]) -> Vec<Arrived> {
    let arrived = parcels.iter().map(|parcel| Arrived {
        node,
        until: parcel.seq + u64::from(parcel.rows),
        rows: parcel.rows,
        last_ms: parcel.last_ms,
        data: parcel.data.clone(),
    });
    arrived.collect()
}

pub(super) async fn record_in_parts(home: &mut Home, events: &[Event], size: usize) {
    for part in events.chunks(size) {
        home.record(part).await;
        home.writer.flush(part[part.len() - 1].at_ms).await;
    }
}

#[tokio::test]
async fn rows_of_another_node_count_once_however_often_they_come() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut sender = node(folders[0].path(), 0, config::Journal::default()).await;
    let mut taker = node(folders[1].path(), 1, config::Journal::default()).await;
    let (theirs, ours) = (sample::day(START, 3000, 1), sample::day(START, 2000, 2));
    record_in_parts(&mut sender, &theirs, 250).await;
    taker.record(&ours).await;
    let parcels = arrived(0, &waiting(&sender).await);
    assert_eq!(parcels.len(), 12);
    assert!(taker.writer.take_in(&parcels[..5]).await);
    assert!(taker.writer.take_in(&parcels[3..7]).await);
    // All of them, put together by the node that sent them.
    let whole = joined(&parcels).unwrap();
    assert_eq!(whole.rows, 3000);
    assert!(taker.writer.take_in(&[whole]).await);
    assert!(taker.writer.take_in(&parcels).await);
    let all = [theirs, ours].concat();
    assert_reads_are_exact(&taker, &all, everything()).await;
    drop(taker);
    let mut taker = node(folders[1].path(), 1, config::Journal::default()).await;
    assert!(taker.writer.take_in(&parcels).await);
    assert_reads_are_exact(&taker, &all, everything()).await;
}

#[tokio::test]
async fn a_killed_node_sends_exactly_the_rows_that_its_journal_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = node(folder.path(), 0, config::Journal::default()).await;
    let events = sample::day(START, 3000, 5);
    record_in_parts(&mut home, &events[..2000], 700).await;
    home.record(&events[2000..]).await;
    drop(home);
    let mut home = node(folder.path(), 0, config::Journal::default()).await;
    assert_reads_are_exact(&home, &events[..2000], everything()).await;
    record_in_parts(&mut home, &events[2000..], 700).await;
    let parcels = waiting(&home).await;
    let rows: u32 = parcels.iter().map(|parcel| parcel.rows).sum();
    assert_eq!(rows, 3000);
    let follows = |pair: &[Waiting]| pair[0].seq + u64::from(pair[0].rows) <= pair[1].seq;
    assert!(parcels.windows(2).all(follows));
}

#[tokio::test]
async fn an_outbox_that_is_full_drops_the_oldest_rows_and_counts_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut home = node(folder.path(), 0, config::Journal::default()).await;
    home.journal.shared.state_mut().exchange.most_bytes = 20_000;
    let events = sample::day(START, 9000, 5);
    record_in_parts(&mut home, &events, 300).await;
    let parcels = waiting(&home).await;
    let bytes: usize = parcels.iter().map(|parcel| parcel.data.len()).sum();
    assert!(bytes <= 20_000, "{bytes}");
    let kept: u64 = parcels.iter().map(|parcel| u64::from(parcel.rows)).sum();
    let dropped = home.journal.progress().unwrap().dropped;
    assert!(kept > 0 && dropped > 0);
    assert_eq!(kept + dropped, 9000);
    // They are missing elsewhere, not here.
    assert_reads_are_exact(&home, &events, everything()).await;
}

#[tokio::test]
async fn a_node_keeps_no_more_of_others_than_of_its_own() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut sender = node(folders[0].path(), 0, config::Journal::default()).await;
    let private = config::Journal {
        privacy: Privacy::NoDevices,
        ..config::Journal::default()
    };
    let mut taker = node(folders[1].path(), 1, private).await;
    record_in_parts(&mut sender, &[event(START, "a.example")], 1).await;
    let parcels = arrived(0, &waiting(&sender).await);
    assert!(taker.writer.take_in(&parcels).await);
    let rows = taker.rows(&Filter::all(everything()), 5).await;
    assert_eq!((rows[0].device, rows[0].address), (DeviceId(0), None));
    assert_eq!(rows[0].name, "a.example");
}

#[tokio::test]
async fn a_damaged_parcel_is_passed_over_and_told() {
    let folders = [(); 2].map(|()| tempfile::tempdir().unwrap());
    let mut sender = node(folders[0].path(), 0, config::Journal::default()).await;
    let mut taker = node(folders[1].path(), 1, config::Journal::default()).await;
    let events = sample::day(START, 300, 5);
    record_in_parts(&mut sender, &events, 100).await;
    let mut parcels = arrived(0, &waiting(&sender).await);
    parcels[1].data[20] ^= 1;
    assert!(taker.writer.take_in(&parcels).await);
    assert_eq!(taker.journal.damaged(), 1);
    let left = [&events[..100], &events[200..]].concat();
    assert_reads_are_exact(&taker, &left, everything()).await;
    assert_eq!(joined(&parcels), None);
}
