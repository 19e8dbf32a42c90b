//! Several nodes on one database: real processes, and Debian's PostgreSQL.

#![expect(
    clippy::cast_possible_truncation,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "counts are small; the figures are what is promised; a skipped test says so"
)]

mod access;
mod erase;
pub mod load;
pub mod node;
mod postgres;
mod prune;

use std::time::Duration;

use nix::sys::signal::Signal;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time;

use crate::stub::Stub;
use load::{Figures, LATE};
use node::Node;
use postgres::Postgres;

const BLOCKED: &[&str] = &["0.0.0.0"];
const THERE: &[&str] = &["192.0.2.99"];

/// A change on one node is in force on the others within this time.
const LIVE: Duration = Duration::from_secs(2);

async fn three(postgres: &Postgres) -> (Stub, [Node; 3]) {
    let stub = Stub::with_address("192.0.2.99").await;
    let nodes = [(); 3].map(|()| Node::start(&stub, &postgres.url()));
    for node in &nodes {
        node.until("status", is_there).await;
    }
    (stub, nodes)
}

fn is_there(status: &Value) -> bool {
    let database = &status["database"];
    database["node"].is_u64() && database["away_since"].is_null()
}

/// Whether it has been there, and hears of what others do.
fn is_in_step(status: &Value) -> bool {
    let nodes = status["database"]["nodes"].as_array();
    nodes.is_some_and(|nodes| !nodes.is_empty())
}

fn is_away(status: &Value) -> bool {
    status["database"]["away_since"].is_string()
}

fn total(summary: &Value) -> u64 {
    let totals = summary["totals"].as_object().unwrap();
    ["allow", "watch", "block"]
        .iter()
        .map(|word| totals[*word].as_u64().unwrap())
        .sum()
}

async fn until_total(node: &Node, queries: u64) {
    node.until("summary?since=1h", |summary| {
        let total = total(summary);
        assert!(total <= queries, "rows were doubled: {total} of {queries}");
        total == queries
    })
    .await;
}

async fn block(node: &Node, name: &str) -> (u16, Value) {
    let rule = json!({ "match": format!("||{name}^"), "action": "block" });
    node.send(Method::POST, "rules", rule).await
}

#[tokio::test]
async fn a_change_on_one_node_is_in_force_on_the_others_within_two_seconds() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, [first, second, third]) = three(&postgres).await;
    let name = "ads.example.";
    assert_eq!(second.ask(name).await, THERE);
    let (status, rule) = block(&first, "ads.example").await;
    assert_eq!(status, 201, "{rule}");
    for node in [&second, &third] {
        let took = node.until_told(name, BLOCKED).await;
        println!("a rule is in force on another node after {took:?}");
        assert!(took < LIVE, "{took:?}");
    }
    // Taken back on another node, by the number that it has on all of them.
    let changes = third.get("changes").await;
    let id = changes["items"][0]["id"].as_str().unwrap();
    let undo = format!("changes/{id}/undo");
    let (status, undone) = third.send(Method::POST, &undo, Value::Null).await;
    assert_eq!(status, 200, "{undone}");
    for node in [&first, &second] {
        let took = node.until_told(name, THERE).await;
        assert!(took < LIVE, "{took:?}");
    }
    let pages = [first.get("changes").await, second.get("changes").await];
    assert_eq!(pages[0], pages[1]);
}

#[tokio::test]
async fn a_list_that_is_for_other_groups_is_so_on_all_nodes() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, [first, second, third]) = three(&postgres).await;
    let file = first.data().join("games.txt");
    std::fs::write(&file, "games.example\n").unwrap();
    let send = async |node: &Node, method, path, body| {
        let (status, said) = node.send(method, path, body).await;
        assert!(status < 300, "{said}");
    };
    // All that ask here are in it.
    let kids = json!({ "name": "kids", "for_unknown": true });
    send(&first, Method::POST, "groups", kids).await;
    let games = json!({ "name": "games", "source": file, "groups": ["kids"] });
    send(&first, Method::POST, "lists", games).await;
    let name = "games.example.";
    for node in [&first, &second, &third] {
        node.until_told(name, BLOCKED).await;
    }
    let others = json!({ "groups": ["default"] });
    send(&second, Method::PATCH, "lists/games", others).await;
    for node in [&first, &third] {
        let took = node.until_told(name, THERE).await;
        println!("a list is for other groups on another node after {took:?}");
        assert!(took < LIVE, "{took:?}");
    }
    let renamed = json!({ "name": "Children" });
    send(&third, Method::PATCH, "groups/kids", renamed).await;
    let children = json!({ "groups": ["Children"] });
    send(&third, Method::PATCH, "lists/games", children).await;
    for node in [&first, &second] {
        let took = node.until_told(name, BLOCKED).await;
        assert!(took < LIVE, "{took:?}");
    }
}

#[tokio::test]
async fn what_two_nodes_change_at_the_same_time_is_all_changed() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, [first, second, third]) = three(&postgres).await;
    let mut set = json!({});
    for action in ["block", "off", "block", "off", "block"] {
        let wish = || json!({ "action": action });
        let (one, other) = tokio::join!(
            first.send(Method::PUT, "packs/xiaomi", wish()),
            second.send(Method::PUT, "packs/samsung", wish())
        );
        assert_eq!((one.0, other.0), (204, 204), "{one:?} {other:?}");
        set = json!({ "xiaomi": action, "samsung": action });
        for node in [&first, &second] {
            node.until("groups", |groups| {
                let packs = &groups["groups"][0]["packs"];
                packs["xiaomi"] == action && packs["samsung"] == action
            })
            .await;
        }
    }
    third
        .until("groups", |groups| groups["groups"][0]["packs"] == set)
        .await;
}

/// How long the database is away: a minute is what is promised, and takes as long.
fn away() -> Duration {
    let seconds = std::env::var("NODES_AWAY_SECONDS").ok();
    Duration::from_secs(seconds.map_or(3, |seconds| seconds.parse().unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_away_costs_no_answer_and_no_row() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let (_stub, nodes) = three(&postgres).await;
    let (before, after) = (Duration::from_secs(2), Duration::from_secs(3));
    let how_long = before + away() + after;
    let mut asking = JoinSet::new();
    for node in &nodes {
        asking.spawn(load::ask(node.dns, 334, how_long));
    }
    time::sleep(before).await;
    postgres.kill();
    let gone = time::Instant::now();
    nodes[1].until("status", is_away).await;
    let (status, problem) = block(&nodes[1], "ads.example").await;
    assert_eq!(status, 503, "{problem}");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("127.0.0.1") && !detail.contains("secret"),
        "{detail}"
    );
    let health = reqwest::get(nodes[1].api().replace("/api/v1", "/healthz"));
    let health = health.await.unwrap().text().await.unwrap();
    assert_eq!(health, "ok\nthe shared database is away\n");
    let summary = nodes[1].get("summary?since=1h").await;
    let notices = summary["attention"].as_array().unwrap();
    assert!(
        notices.iter().any(|notice| notice["kind"] == "database"),
        "{notices:?}"
    );
    time::sleep_until(gone + away()).await;
    postgres.run();
    let mut figures = Figures::default();
    while let Some(asked) = asking.join_next().await {
        figures = figures.with(asked.unwrap());
    }
    println!("the database was away for {:?}: {figures:?}", away());
    assert_eq!(figures.answered, figures.sent, "{figures:?}");
    let is_quiet = away() >= Duration::from_mins(1);
    let bound = if is_quiet { LATE } else { LATE * 20 };
    assert!(figures.longest <= bound, "{figures:?}");
    for node in &nodes {
        until_total(node, figures.sent).await;
        node.until("status", is_there).await;
    }
    let kept = postgres.sql("squelch", "SELECT SUM(rows) FROM parcel");
    assert_eq!(kept, figures.sent.to_string());
    // What came twice would have come by now.
    assert_eq!(nodes[0].ask("last.example.").await, THERE);
    for node in &nodes {
        until_total(node, figures.sent + 1).await;
    }
}

#[tokio::test]
async fn a_node_starts_without_the_database_on_what_it_knew() {
    let Some(mut postgres) = Postgres::start() else {
        return;
    };
    let (_stub, [first, mut second, third]) = three(&postgres).await;
    block(&first, "ads.example").await;
    second.until_told("ads.example.", BLOCKED).await;
    second.end(Signal::SIGTERM);
    postgres.kill();
    second.run();
    second.until_told("ads.example.", BLOCKED).await;
    second.until("status", is_away).await;
    postgres.run();
    second.until("status", is_there).await;
    // What changes while it is back is in force, and its rows are where the others' are.
    let (status, _) = block(&second, "more.example").await;
    assert_eq!(status, 201);
    let took = third.until_told("more.example.", BLOCKED).await;
    assert!(took < LIVE, "{took:?}");
}

#[tokio::test]
async fn a_node_that_could_not_see_to_the_tables_keeps_no_other_from_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let stub = Stub::with_address("192.0.2.99").await;
    let first = Node::start(&stub, &postgres.url());
    first.until("status", is_in_step).await;
    let held = postgres.hold("squelch", "_sqlx_migrations");
    postgres.sql(
        "squelch",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'squelch'",
    );
    let has_waited = |status: &Value| {
        let problem = status["database"]["problem"].as_str().unwrap_or_default();
        problem.contains("another node was changing something for too long")
    };
    first.until("status", has_waited).await;
    drop(held);
    first.until("status", is_there).await;
    let second = Node::start(&stub, &postgres.url());
    second.until("status", is_there).await;
}

#[tokio::test]
async fn the_first_node_brings_what_was_set_before_and_others_set_theirs_aside() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let stub = Stub::with_address("192.0.2.99").await;
    let alone = [Node::start(&stub, "sqlite"), Node::start(&stub, "sqlite")];
    block(&alone[0], "ads.example").await;
    block(&alone[1], "other.example").await;
    let [first, second] = alone.map(Node::into_folder);
    let first = Node::start_in(first, &stub, &postgres.url());
    first.until("status", is_there).await;
    first.until("status", is_in_step).await;
    let second = Node::start_in(second, &stub, &postgres.url());
    second.until_told("ads.example.", BLOCKED).await;
    assert_eq!(second.ask("other.example.").await, THERE);
    assert_eq!(first.ask("ads.example.").await, BLOCKED);
    let files = std::fs::read_dir(second.data().join("data")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(names.into_iter().any(|name| name.contains(".alone-")));
}

#[tokio::test]
async fn a_wrong_password_is_told_and_never_shown() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let stub = Stub::with_address("192.0.2.99").await;
    let wrong = postgres.url().replace("secret", "geheim");
    let mut node = Node::start(&stub, &wrong);
    assert_eq!(node.ask("home.example.").await, THERE);
    node.until("status", is_away).await;
    let status = node.get("status").await;
    let problem = status["database"]["problem"].as_str().unwrap();
    assert!(problem.contains("password"), "{problem}");
    assert!(!status.to_string().contains("geheim"));
    let (code, refused) = block(&node, "ads.example").await;
    assert_eq!(code, 503, "{refused}");
    let log = node.end(Signal::SIGTERM);
    assert!(log.contains("password"), "{log}");
    assert!(!log.contains("geheim"), "{log}");
}

#[tokio::test]
async fn a_device_is_the_same_on_all_nodes() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (_stub, [first, second, third]) = three(&postgres).await;
    assert_eq!(first.ask("home.example.").await, THERE);
    let has_one = |devices: &Value| {
        devices["items"]
            .as_array()
            .is_some_and(|all| all.len() == 1)
    };
    for node in [&first, &second, &third] {
        node.until("devices", has_one).await;
    }
    let id = first.get("devices").await["items"][0]["id"].clone();
    let path = format!("devices/{}", id.as_str().unwrap());
    let named = json!({ "name": "Laptop" });
    let (status, said) = second.send(Method::PATCH, &path, named).await;
    assert_eq!(status, 200, "{said}");
    // It asks all of them, and is one device in everybody's record.
    for node in [&second, &third] {
        assert_eq!(node.ask("home.example.").await, THERE);
    }
    for node in [&first, &second, &third] {
        let is_laptop =
            |devices: &Value| has_one(devices) && devices["items"][0]["name"] == "Laptop";
        node.until("devices", is_laptop).await;
        let rows = |page: &Value| {
            let rows = page["items"].as_array().unwrap();
            rows.len() == 3 && rows.iter().all(|row| row["device"]["name"] == "Laptop")
        };
        node.until("queries?since=1h", rows).await;
    }
}
