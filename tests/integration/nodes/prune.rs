//! Rows that are too old leave the shared database in steps.

use std::time::Duration;

use squelch::device::{Devices, Range};
use squelch::query::DeviceId;
use squelch::store::{Clock, Retention, Store};

use super::*;

/// A node's store, connected to a database of its own; nothing without PostgreSQL.
async fn node() -> Option<(Postgres, Store, tempfile::TempDir)> {
    let postgres = Postgres::start()?;
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_node(folder.path(), &postgres.url()).unwrap();
    store.connect().await.unwrap();
    Some((postgres, store, folder))
}

#[tokio::test]
async fn rows_that_are_too_old_go_some_at_a_time_the_oldest_first() {
    let Some((postgres, store, _folder)) = node().await else {
        return;
    };
    let hub = store.hub().unwrap();
    let fill = "INSERT INTO parcel (node, until, rows, last_ms, sealed, data) \
                SELECT n % 3, n, 1, n, TRUE, '' FROM generate_series(1, 200) AS n";
    postgres.sql("squelch", fill);
    let left = || postgres.sql("squelch", "SELECT MIN(last_ms), COUNT(*) FROM parcel");
    for (goes_on, expected) in [(true, "65|136"), (true, "129|72"), (false, "151|50")] {
        assert_eq!(hub.prune_some(151).await.unwrap(), goes_on);
        assert_eq!(left(), expected);
    }
    assert!(!hub.prune_some(151).await.unwrap());
    assert_eq!(left(), "151|50");
    store.close().await;
}

#[tokio::test]
async fn devices_that_are_quiet_for_all_nodes_go_but_for_the_last_number_of_each() {
    let Some((postgres, store, _folder)) = node().await else {
        return;
    };
    let hub = store.hub().unwrap();
    let met = Devices::new(&[], Vec::new());
    for (number, at_ms) in [(1, 100), (2, 300), (3, 100), (4, 100)] {
        met.identify_at([192, 0, 2, number].into(), at_ms);
    }
    let mut devices = met.all();
    // Another node's.
    devices[3].id = DeviceId(Range::ROOM + 1);
    hub.put_devices(&devices).await.unwrap();
    let ids: Vec<DeviceId> = devices.iter().map(|device| device.id).collect();
    let quiet = (200, Range::ROOM);
    hub.remove_quiet(&ids, quiet).await.unwrap();
    let all = "SELECT STRING_AGG(CAST(id AS TEXT), ' ' ORDER BY id) FROM device";
    let left = postgres.sql("squelch", all);
    assert_eq!(left, format!("2 3 {}", Range::ROOM + 1));
    store.close().await;
}

#[tokio::test]
async fn the_clock_of_the_shared_database_tells_what_is_too_old() {
    let Some((postgres, store, _folder)) = node().await else {
        return;
    };
    let hub = store.hub().unwrap();
    let retention = Retention::new(Duration::from_hours(24 * 90));
    let fill = |days_ago: i64| {
        let at_ms = jiff::Timestamp::now().as_millisecond() - days_ago * 24 * 3_600_000;
        let row = format!("INSERT INTO parcel VALUES (0, {at_ms}, 1, {at_ms}, TRUE, '')");
        postgres.sql("squelch", &row);
        at_ms
    };
    let too_old = async || hub.too_old(retention, &mut Clock::default()).await.unwrap();
    // By the clock nothing was recorded for long: it may be ahead.
    fill(100);
    assert_eq!(too_old().await, None);
    fill(2);
    let (before_ms, now_ms) = (too_old().await.unwrap(), fill(90));
    assert!(
        (0..60_000).contains(&(now_ms - before_ms)),
        "{before_ms} {now_ms}"
    );
    store.close().await;
}
