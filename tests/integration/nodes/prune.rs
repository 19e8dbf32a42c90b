//! Rows that are too old leave the shared database in steps.

use squelch::store::Store;

use super::*;

#[tokio::test]
async fn rows_that_are_too_old_go_some_at_a_time_the_oldest_first() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Store::of_node(folder.path(), &postgres.url()).unwrap();
    store.connect().await.unwrap();
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
