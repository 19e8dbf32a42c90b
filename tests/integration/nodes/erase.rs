//! What is deleted of a device on one node is deleted on all, also where a node was away.

use super::*;

/// Parcels of the shared database that speak of a name; names that are few lie there as they are.
fn parcels_with(postgres: &Postgres, name: &str) -> String {
    let statement =
        format!("SELECT COUNT(*) FROM parcel WHERE POSITION('{name}'::bytea IN data) > 0");
    postgres.sql("squelch", &statement)
}

#[tokio::test]
async fn a_node_that_was_away_does_not_bring_a_deleted_device_back() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    for node in &nodes {
        node.ask("secret.example.").await;
    }
    for node in &nodes {
        until_total(node, 3).await;
    }
    assert_ne!(parcels_with(&postgres, "secret.example"), "0");
    // The second one keeps more in its journal, and the others cannot know of it.
    postgres.kill();
    nodes[1].until("status", is_away).await;
    nodes[1].ask("secret.example.").await;
    until_total(&nodes[1], 4).await;
    let is_waiting = |status: &Value| status["database"]["waiting"] == 1;
    nodes[1].until("status", is_waiting).await;
    nodes[1].end(Signal::SIGKILL);
    let device = nodes[0].get("devices").await["items"][0]["id"].clone();
    let history = format!("devices/{}/history", device.as_str().unwrap());
    let (status, refused) = nodes[0].send(Method::DELETE, &history, Value::Null).await;
    assert_eq!(status, 503, "{refused}");
    postgres.run();
    for node in [&nodes[0], &nodes[2]] {
        node.until("status", is_there).await;
    }
    let (status, said) = nodes[0].send(Method::DELETE, &history, Value::Null).await;
    assert_eq!(status, 202, "{said}");
    for node in [&nodes[0], &nodes[2]] {
        until_total_is(node, 0).await;
    }
    let began = time::Instant::now();
    while parcels_with(&postgres, "secret.example") != "0" {
        assert!(began.elapsed() < Duration::from_secs(20));
        time::sleep(Duration::from_millis(50)).await;
    }
    // What it asks from now on is recorded.
    nodes[2].ask("later.example.").await;
    nodes[1].run();
    for node in &nodes {
        until_total_is(node, 1).await;
        let page = node.get("queries?since=1h").await;
        assert_eq!(page["items"][0]["name"], "later.example", "{page:#}");
    }
    nodes[1].ask("last.example.").await;
    for node in &nodes {
        until_total_is(node, 2).await;
    }
    assert_eq!(parcels_with(&postgres, "secret.example"), "0");
}

/// Waits for a total that may be larger before.
async fn until_total_is(node: &Node, queries: u64) {
    let is_it = |summary: &Value| total(summary) == queries;
    node.until("summary?since=1h", is_it).await;
}
