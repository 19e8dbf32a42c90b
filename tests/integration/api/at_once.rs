//! Changes that are made at the same time: what is answered with success is kept, and in force.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use futures_util::future::join_all;
use futures_util::poll;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{Answer, Desk, PHONE, id};

type Wish<'a> = (&'a str, &'a str, Value);

async fn both(desk: &Desk, one: Wish<'_>, other: Wish<'_>) -> (Answer, Answer) {
    tokio::join!(
        desk.change(one.0, one.1, one.2),
        desk.change(other.0, other.1, other.2)
    )
}

fn assert_done(answers: (Answer, Answer)) {
    for answer in [answers.0, answers.1] {
        assert!(answer.status.is_success(), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_change_is_made_as_a_whole_though_whoever_asked_for_it_has_gone() {
    let desk = Desk::with("", |_| {}).await;
    let held = desk.store.write().await.unwrap();
    let rule = json!({ "match": "||ads.example^" });
    let mut asked = Box::pin(desk.change("POST", "rules", rule));
    assert!(poll!(&mut asked).is_pending());
    drop(asked);
    drop(held);
    let began = Instant::now();
    while desk.json("explain?name=ads.example").await["verdict"] != "block" {
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[tokio::test]
async fn packs_that_are_set_at_the_same_time_are_all_set() {
    let desk = Desk::with("", |_| {}).await;
    let block = json!({ "action": "block" });
    let done = both(
        &desk,
        ("PUT", "packs/acme", block.clone()),
        ("PUT", "packs/globex", block),
    );
    assert_done(done.await);
    for name in ["x.metrics.acme.example.com", "track.globex.example.net"] {
        let told = desk.json(&format!("explain?name={name}")).await;
        assert_eq!(told["verdict"], "block", "{name}");
    }
}

#[tokio::test]
async fn groups_that_are_added_at_the_same_time_are_two() {
    let desk = Desk::with("", |_| {}).await;
    let added = both(
        &desk,
        ("POST", "groups", json!({ "name": "Kids" })),
        ("POST", "groups", json!({ "name": "kids" })),
    );
    assert_done(added.await);
    let groups = desk.json("groups").await["groups"].clone();
    let names: Vec<_> = groups
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["name"])
        .collect();
    assert_eq!(names, ["default", "Kids", "kids"]);
    let same = both(
        &desk,
        ("POST", "groups", json!({ "name": "Guests" })),
        ("POST", "groups", json!({ "name": "Guests" })),
    );
    let (one, other) = same.await;
    let mut told = [one.status, other.status];
    told.sort();
    assert_eq!(
        told,
        [StatusCode::CREATED, StatusCode::UNPROCESSABLE_ENTITY]
    );
}

#[tokio::test]
async fn members_that_are_changed_at_the_same_time_are_all_changed() {
    let desk = Desk::with("", |_| {}).await;
    let phone = id(desk.ask(jiff::Timestamp::now().as_millisecond(), PHONE, "a.example"));
    let rule = json!({ "match": "||ads.example^" });
    let rule = desk.change("POST", "rules", rule).await.json();
    let list = json!({ "name": "ads", "source": "/nowhere/ads.txt" });
    desk.change("POST", "lists", list).await;
    desk.change("POST", "groups", json!({ "name": "kids" }))
        .await;
    let record = json!({ "name": "nas.home.arpa", "value": "192.0.2.10" });
    let record = desk.change("POST", "records", record).await.json();
    let text = |item: &Value| item["id"].as_str().unwrap().to_owned();
    for (path, one, other) in [
        (
            format!("rules/{}", text(&rule)),
            json!({ "action": "watch" }),
            json!({ "comment": "why" }),
        ),
        (
            "lists/ads".to_owned(),
            json!({ "refresh": "2d" }),
            json!({ "action": "watch" }),
        ),
        (
            "groups/kids".to_owned(),
            json!({ "rules": ["||a.example^"] }),
            json!({ "lists": ["ads"] }),
        ),
        (
            format!("records/{}", text(&record)),
            json!({ "ttl": "1h" }),
            json!({ "value": "192.0.2.11" }),
        ),
        (
            format!("devices/{phone}"),
            json!({ "kind": "phone" }),
            json!({ "comment": "on loan" }),
        ),
    ] {
        let (first, second) = both(
            &desk,
            ("PATCH", &path, one.clone()),
            ("PATCH", &path, other.clone()),
        )
        .await;
        let told = second.json();
        assert_done((first, second));
        for (member, value) in one
            .as_object()
            .unwrap()
            .iter()
            .chain(other.as_object().unwrap())
        {
            assert_eq!(&told[member], value, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_removed_does_not_come_back_by_a_change_at_the_same_time() {
    let desk = Desk::with("", |_| {}).await;
    for round in 0..10 {
        let rule = json!({ "match": "||ads.example^" });
        let added = desk.change("POST", "rules", rule).await.json();
        let path = format!("rules/{}", added["id"].as_str().unwrap());
        let change = ("PATCH", path.as_str(), json!({ "action": "watch" }));
        let removal = ("DELETE", path.as_str(), json!({}));
        let removed = if round % 2 == 0 {
            both(&desk, change, removal).await.1
        } else {
            both(&desk, removal, change).await.0
        };
        assert_eq!(removed.status, StatusCode::NO_CONTENT);
        assert_eq!(desk.json("rules").await["rules"], json!([]));
        let mut store = desk.store.read().await.unwrap();
        assert_eq!(store.rules().all().await.unwrap(), []);
    }
}

#[tokio::test]
async fn a_change_is_taken_back_once() {
    let desk = Desk::with("", |_| {}).await;
    desk.change("POST", "rules", json!({ "match": "||ads.example^" }))
        .await;
    let change = desk.json("changes").await["items"][0]["id"].clone();
    let path = format!("changes/{}/undo", change.as_str().unwrap());
    let (one, other) = both(
        &desk,
        ("POST", &path, json!({})),
        ("POST", &path, json!({})),
    )
    .await;
    let mut told = [one.status, other.status];
    told.sort();
    assert_eq!(told, [StatusCode::OK, StatusCode::CONFLICT]);
}

/// While rules are put in force all the time, as for devices that get other names.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_rule_is_in_force_when_it_is_answered() {
    let desk = Desk::with("", |_| {}).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let (lists, until) = (Arc::clone(&desk.lists), Arc::clone(&is_over));
    let putting = std::thread::spawn(move || {
        while !until.load(Ordering::Acquire) {
            lists.put_rules();
        }
    });
    for round in 0..10 {
        let names = (0..4).map(|at| format!("ads-{round}-{at}.example"));
        let adding = names.clone().map(|name| {
            let rule = json!({ "match": format!("||{name}^") });
            desk.change("POST", "rules", rule)
        });
        for added in join_all(adding).await {
            assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
        }
        for name in names {
            let told = desk.json(&format!("explain?name={name}")).await;
            assert_eq!(told["verdict"], "block", "{name}");
        }
    }
    is_over.store(true, Ordering::Release);
    putting.join().unwrap();
}
