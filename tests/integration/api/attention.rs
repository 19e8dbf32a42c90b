//! What the overview points out.

use serde_json::{Value, json};
use squelch::api::{UpstreamMore, UpstreamStatus};

use super::{DAY, Desk, HOUR, LAPTOP, PHONE, TABLET, id};

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn items(desk: &Desk, resource: &str) -> Vec<Value> {
    let summary = desk.json(resource).await;
    summary["attention"].as_array().unwrap().clone()
}

async fn item(desk: &Desk, resource: &str, kind: &str) -> Option<Value> {
    let items = items(desk, resource).await;
    items.into_iter().find(|item| item["kind"] == kind)
}

#[tokio::test]
async fn nothing_is_pointed_out_in_an_empty_home() {
    assert_eq!(
        items(&Desk::new().await, "summary").await,
        Vec::<Value>::new()
    );
}

#[tokio::test]
async fn what_passed_is_pointed_out_with_the_packs_that_only_watch() {
    let desk = Desk::new().await;
    desk.ask(now(), PHONE, "track.globex.example.net");
    desk.ask(now(), PHONE, "metrics.acme.example.com");
    assert_eq!(
        item(&desk, "summary?since=7d", "passed").await.unwrap(),
        json!({
            "id": "passed",
            "kind": "passed",
            "severity": "warn",
            "facts": {
                "queries": 1,
                "packs": [{ "id": "globex", "name": "Globex televisions", "queries": 1 }],
            },
            "href": "/log?verdict=watch&vendor=globex&since=7d",
        })
    );
    assert_eq!(item(&desk, "summary", "all_watching").await, None);
}

#[tokio::test]
async fn that_no_pack_blocks_is_pointed_out_once_somebody_asks() {
    let desk = Desk::with("", |_| {}).await;
    assert_eq!(item(&desk, "summary", "all_watching").await, None);
    desk.ask(now(), PHONE, "metrics.acme.example.com");
    let found = item(&desk, "summary", "all_watching").await.unwrap();
    assert_eq!(found["href"], "/packs");
    let passed = item(&desk, "summary", "passed").await.unwrap();
    assert_eq!(passed["facts"]["queries"], 1);
}

#[tokio::test]
async fn a_device_is_new_a_day_after_the_first_one() {
    let desk = Desk::new().await;
    desk.ask(now() - 3 * DAY, PHONE, "www.home.example");
    desk.ask(now() - 3 * DAY + HOUR, LAPTOP, "www.home.example");
    let tablet = desk.ask(now() - HOUR, TABLET, "www.home.example");
    let items = items(&desk, "summary?since=7d").await;
    let new: Vec<&Value> = items
        .iter()
        .filter(|item| item["kind"] == "new_device")
        .collect();
    assert_eq!(new.len(), 1);
    let expected = json!({ "device": { "id": id(tablet), "name": "Kids' tablet" } });
    assert_eq!(new[0]["facts"], expected);
    assert_eq!(new[0]["href"], format!("/devices/{}?since=7d", id(tablet)));
}

#[tokio::test]
async fn telemetry_names_that_are_new_for_a_device_are_pointed_out() {
    let desk = Desk::new().await;
    desk.ask(now() - 5 * DAY, PHONE, "metrics.acme.example.com");
    desk.ask(now() - 5 * DAY, LAPTOP, "track.globex.example.net");
    // An ordinary name, and one that the device knows, are nothing new.
    desk.ask(now() - HOUR, PHONE, "www.home.example");
    desk.ask(now() - HOUR, PHONE, "metrics.acme.example.com");
    assert_eq!(item(&desk, "summary", "new_names").await, None);
    let phone = desk.ask(now() - HOUR, PHONE, "eu.metrics.acme.example.com");
    desk.ask(now() - HOUR, PHONE, "track.globex.example.net");
    let found = item(&desk, "summary", "new_names").await.unwrap();
    assert_eq!(found["facts"]["names"], 2);
    assert_eq!(found["facts"]["device"]["id"], id(phone));
    // Over the whole time the device is new itself.
    assert_eq!(item(&desk, "summary?since=30d", "new_names").await, None);
}

#[tokio::test]
async fn an_upstream_that_fails_is_pointed_out_only_for_now() {
    let desk = Desk::new().await;
    desk.upstreams.lock().unwrap().push(UpstreamStatus {
        id: 0,
        server: "udp://192.0.2.250".to_owned(),
        asked: 10,
        failed: 9,
        usable: false,
        last_error: None,
        last_latency_us: None,
        more: UpstreamMore::default(),
    });
    let found = item(&desk, "summary", "upstream").await.unwrap();
    assert_eq!(
        found["facts"],
        json!({ "server": "udp://192.0.2.250", "asked": 10, "failed": 9 })
    );
    let yesterday = "summary?since=2d&until=1d";
    assert_eq!(item(&desk, yesterday, "upstream").await, None);
}

#[tokio::test]
async fn an_hour_without_queries_is_pointed_out_if_there_were_any() {
    let long_ago = |parts: &mut squelch::api::Parts| {
        parts.started = "2026-01-01T00:00:00Z".parse().unwrap();
    };
    let desk = Desk::with("", long_ago).await;
    assert_eq!(item(&desk, "summary", "no_queries").await, None);
    desk.ask(now() - 2 * HOUR, PHONE, "www.home.example");
    assert!(item(&desk, "summary", "no_queries").await.is_some());
    desk.ask(now(), PHONE, "www.home.example");
    assert_eq!(item(&desk, "summary", "no_queries").await, None);
}

#[tokio::test]
async fn rows_that_were_lost_are_pointed_out() {
    let desk = Desk::new().await;
    for _ in 0..100_000 {
        desk.ask(now(), PHONE, "www.home.example");
    }
    let lost = desk.journal.lost();
    assert!(lost > 0);
    let found = item(&desk, "summary", "journal").await.unwrap();
    assert_eq!(
        found["facts"]["problem"],
        format!("{lost} queries were not recorded")
    );
    let status = desk.json("status").await;
    assert_eq!(status["problems"][0]["id"], "journal-lost");
    assert_eq!(status["queries"]["lost"], lost);
}
