//! Lists and groups that get other names: whatever refers to them follows.

use std::fs;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, PHONE, id};

async fn change(desk: &Desk, method: &str, resource: &str, body: Value) -> Value {
    let answer = desk.change(method, resource, body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    answer.json()
}

/// A phone in the group `kids`, which has these settings.
async fn phone_of_kids(desk: &Desk, mut wish: Value) -> String {
    wish["name"] = json!("kids");
    change(desk, "POST", "groups", wish).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let phone = id(desk.ask(now, PHONE, "a.example"));
    let path = format!("devices/{phone}");
    change(desk, "PATCH", &path, json!({ "group": "kids" })).await;
    phone
}

async fn verdict(desk: &Desk, name: &str, device: &str) -> Value {
    let path = format!("explain?name={name}&device={device}");
    desk.json(&path).await["verdict"].clone()
}

async fn kids(desk: &Desk) -> Value {
    let groups = desk.json("groups").await;
    let mut all = groups["groups"].as_array().unwrap().iter();
    all.find(|one| one["id"] == "kids").unwrap().clone()
}

/// Takes back the newest change of a kind, and gives it as it was told.
async fn undo(desk: &Desk, kind: &str) -> Value {
    let changes = desk.json("changes").await;
    let mut all = changes["items"].as_array().unwrap().iter();
    let is_it = |one: &&Value| one["kind"] == kind && one["undone_by"].is_null();
    let newest = all.find(|one| is_it(one) && one["undoes"].is_null());
    let newest = newest.unwrap().clone();
    let id = newest["id"].as_str().unwrap();
    change(desk, "POST", &format!("changes/{id}/undo"), json!({})).await;
    newest
}

/// Waits until the lists are compiled.
async fn until_compiled(desk: &Desk) {
    loop {
        let all = desk.json("lists").await;
        let mut lists = all["lists"].as_array().unwrap().iter();
        if lists.all(|list| list["entries"] != 0) && all["update"]["running"] == false {
            return;
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn groups_follow_a_list_that_gets_another_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ads.txt");
    fs::write(&file, "listed.example\n").unwrap();
    let desk = Desk::with("", |_| {}).await;
    let list = json!({ "name": "ads", "source": file.display().to_string() });
    change(&desk, "POST", "lists", list).await;
    let schedule = json!([{ "name": "always", "action": "add", "lists": ["ads"] }]);
    let wish = json!({ "lists": ["ads"], "schedule": schedule });
    let phone = phone_of_kids(&desk, wish).await;
    until_compiled(&desk).await;
    assert_eq!(verdict(&desk, "listed.example", &phone).await, "block");

    change(&desk, "PATCH", "lists/ads", json!({ "name": "Adverts" })).await;
    let now = kids(&desk).await;
    assert_eq!(now["lists"], json!(["Adverts"]));
    assert_eq!(now["schedule"][0]["lists"], json!(["Adverts"]));
    // Also before it is compiled under its new name, and afterwards.
    assert_eq!(verdict(&desk, "listed.example", &phone).await, "block");
    until_compiled(&desk).await;
    assert_eq!(verdict(&desk, "listed.example", &phone).await, "block");

    // What is changed of the group leaves the list, by its name of now.
    change(
        &desk,
        "PATCH",
        "groups/kids",
        json!({ "rules": ["||x.example^"] }),
    )
    .await;
    assert_eq!(kids(&desk).await["lists"], json!(["Adverts"]));
    undo(&desk, "list").await;
    let now = kids(&desk).await;
    assert_eq!(now["lists"], json!(["ads"]));
    assert_eq!(now["schedule"][0]["lists"], json!(["ads"]));
    assert_eq!(verdict(&desk, "listed.example", &phone).await, "block");
}

#[tokio::test]
async fn a_change_of_before_a_list_got_another_name_can_be_taken_back() {
    let desk = Desk::with("", |_| {}).await;
    let list = json!({ "name": "ads", "source": "/nowhere/ads.txt" });
    change(&desk, "POST", "lists", list).await;
    phone_of_kids(&desk, json!({ "lists": ["ads"] })).await;
    change(&desk, "PATCH", "groups/kids", json!({ "lists": [] })).await;
    change(&desk, "PATCH", "lists/ads", json!({ "name": "Adverts" })).await;
    let told = undo(&desk, "group").await;
    assert_eq!(told["before"]["lists"], json!(["Adverts"]));
    assert_eq!(kids(&desk).await["lists"], json!(["Adverts"]));
}

#[tokio::test]
async fn devices_rules_and_pauses_follow_a_group_that_gets_another_name() {
    let desk = Desk::with("", |_| {}).await;
    let schedule = json!([{ "name": "always", "action": "add", "rules": ["||more.example^"] }]);
    let wish = json!({ "rules": ["||game.example^"], "schedule": schedule, "for_unknown": true });
    let phone = phone_of_kids(&desk, wish).await;
    assert_eq!(verdict(&desk, "game.example", &phone).await, "block");
    change(
        &desk,
        "PUT",
        "pause",
        json!({ "for": "1h", "group": "kids" }),
    )
    .await;
    assert_eq!(verdict(&desk, "game.example", &phone).await, "watch");

    change(&desk, "PATCH", "groups/kids", json!({ "name": "Children" })).await;
    let paused = desk.json("status").await["blocking"]["pauses"].clone();
    assert_eq!(paused[0]["group"], "Children");
    for name in ["game.example", "more.example"] {
        assert_eq!(verdict(&desk, name, &phone).await, "watch", "{name}");
    }
    let device = desk.json(&format!("devices/{phone}")).await;
    assert_eq!(device["group"], json!({ "id": "kids", "name": "Children" }));
    assert_eq!(kids(&desk).await["for_unknown"], true);
    // After a restart it is paused under the name of now.
    let kept = squelch::api::recall_pauses(&desk.store, &desk.household).await;
    assert_eq!(kept.unwrap(), *desk.policy.pauses());

    undo(&desk, "group").await;
    let paused = desk.json("status").await["blocking"]["pauses"].clone();
    assert_eq!(paused[0]["group"], "kids");
    assert_eq!(verdict(&desk, "game.example", &phone).await, "watch");
    let told = undo(&desk, "pause").await;
    assert_eq!(told["name"], "kids");
    assert_eq!(verdict(&desk, "game.example", &phone).await, "block");
}

#[tokio::test]
async fn a_name_that_another_has_is_refused() {
    let desk = Desk::with("[[group]]\nname = \"guests\"", |_| {}).await;
    phone_of_kids(&desk, json!({})).await;
    let wish = json!({ "name": "guests" });
    let refused = desk.change("PATCH", "groups/kids", wish).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let problem = refused.json();
    let told = problem["errors"][0]["detail"].as_str().unwrap();
    assert!(told.contains("`guests`"), "{told}");
}
