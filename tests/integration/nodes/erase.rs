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

#[tokio::test]
async fn the_journal_is_emptied_on_all_nodes_also_on_one_that_was_away() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    nodes[0].ask("secret.example.").await;
    nodes[1].ask("secret.example.").await;
    for node in &nodes {
        until_total(node, 2).await;
    }
    assert_ne!(parcels_with(&postgres, "secret.example"), "0");
    nodes[1].end(Signal::SIGKILL);
    let (status, said) = nodes[2].send(Method::DELETE, "journal", Value::Null).await;
    assert_eq!(status, 202, "{said}");
    nodes[1].run();
    for node in &nodes {
        until_total_is(node, 0).await;
        node.until("journal", |state| state["deleting"] == false)
            .await;
    }
    let began = time::Instant::now();
    while parcels_with(&postgres, "secret.example") != "0" {
        assert!(began.elapsed() < Duration::from_secs(20));
        time::sleep(Duration::from_millis(50)).await;
    }
    nodes[1].ask("later.example.").await;
    for node in &nodes {
        until_total_is(node, 1).await;
    }
}

/// Waits for a total that may be larger before.
async fn until_total_is(node: &Node, queries: u64) {
    let is_it = |summary: &Value| total(summary) == queries;
    node.until("summary?since=1h", is_it).await;
}

/// All rows of a table of the shared database, as text.
fn all_of(postgres: &Postgres, table: &str) -> String {
    let statement =
        format!("SELECT COALESCE(STRING_AGG(CAST(one AS TEXT), ' '), '') FROM {table} one");
    postgres.sql("squelch", &statement)
}

#[tokio::test]
async fn a_device_that_is_forgotten_on_one_node_is_so_on_all_also_on_one_that_was_away() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, mut nodes) = three(&postgres).await;
    nodes[0].ask("a.example.").await;
    for node in &nodes {
        until_total(node, 1).await;
    }
    let id_of = |devices: &Value| devices["items"][0]["id"].as_str().unwrap().to_owned();
    let device = format!("devices/{}", id_of(&nodes[0].get("devices").await));
    let name = json!({ "name": "Secret name" });
    let (status, said) = nodes[1].send(Method::PATCH, &device, name).await;
    assert_eq!(status, 200, "{said}");
    let is_named = |devices: &Value| devices["items"][0]["name"] == "Secret name";
    for node in &nodes {
        node.until("devices", is_named).await;
    }
    nodes[1].end(Signal::SIGKILL);
    let (status, said) = nodes[0].send(Method::DELETE, &device, Value::Null).await;
    assert_eq!(status, 204, "{said}");
    let is_empty = |devices: &Value| devices["items"] == json!([]);
    let is_told = |changes: &Value| {
        let changes = changes["items"].as_array().unwrap();
        changes.len() == 1 && changes[0]["kind"] == "forgotten"
    };
    nodes[1].run();
    for node in &nodes {
        node.until("devices", is_empty).await;
        node.until("changes", is_told).await;
        until_total_is(node, 0).await;
    }
    for table in ["device", "change", "item"] {
        let left = all_of(&postgres, table);
        assert!(
            !left.contains("127.0.0.1") && !left.contains("Secret"),
            "{left}"
        );
    }
    // It is new when it asks again, also after restarts.
    nodes[1].end(Signal::SIGTERM);
    nodes[1].run();
    nodes[1].ask("later.example.").await;
    for node in &nodes {
        until_total(node, 1).await;
        let devices = node.get("devices").await;
        assert_eq!(devices["items"][0]["name"], "127.0.0.1", "{devices:#}");
        assert_ne!(format!("devices/{}", id_of(&devices)), device);
    }
}
