//! `GET changes` and `POST changes/{id}/undo`

use axum::http::StatusCode;
use serde_json::{Value, json};
use squelch::store::{Author, Item, PauseRow, RuleRow, Way};

use super::{Answer, Desk, PHONE, id};

async fn changes(desk: &Desk) -> Vec<Value> {
    desk.json("changes").await["items"]
        .as_array()
        .unwrap()
        .clone()
}

async fn newest(desk: &Desk) -> Value {
    changes(desk).await.into_iter().next().unwrap_or_default()
}

async fn undo(desk: &Desk, change: &Value) -> Answer {
    let id = change["id"].as_str().unwrap();
    desk.change("POST", &format!("changes/{id}/undo"), json!({}))
        .await
}

/// Sends a change, and gives the line that it left.
async fn change(desk: &Desk, method: &str, resource: &str, body: Value) -> Value {
    let answer = desk.change(method, resource, body).await;
    assert!(answer.status.is_success(), "{}", answer.text);
    newest(desk).await
}

#[tokio::test]
async fn every_change_leaves_a_line_that_takes_it_back() {
    let desk = Desk::with("", |_| {}).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let phone = id(desk.ask(now, PHONE, "a.example"));
    let device = format!("devices/{phone}");
    let list = json!({ "name": "ads", "source": "/nowhere/ads.txt" });
    let record = json!({ "name": "nas.home.arpa", "value": "192.0.2.10" });
    let cases = [
        (
            "POST",
            "rules",
            json!({ "match": "||ads.example^" }),
            "rule",
            "||ads.example^",
        ),
        ("POST", "lists", list, "list", "ads"),
        ("POST", "records", record, "record", "nas.home.arpa"),
        ("POST", "groups", json!({ "name": "kids" }), "group", "kids"),
        (
            "PUT",
            "packs/acme",
            json!({ "action": "block" }),
            "group",
            "default",
        ),
        (
            "PATCH",
            device.as_str(),
            json!({ "name": "Phone" }),
            "device",
            "Phone",
        ),
        ("PUT", "pause", json!({ "for": "10m" }), "pause", "all"),
    ];
    for (method, resource, body, kind, name) in cases {
        let before = state(&desk).await;
        let line = change(&desk, method, resource, body).await;
        assert_eq!((&line["kind"], &line["name"]), (&json!(kind), &json!(name)));
        assert_eq!(
            (&line["before"], &line["by"]),
            (&Value::Null, &json!("api"))
        );
        assert_eq!(line["can_undo"], true);
        let changed = state(&desk).await;
        assert_ne!(changed, before, "{resource}");
        let undone = undo(&desk, &line).await;
        assert_eq!(undone.status, StatusCode::OK, "{}", undone.text);
        assert_eq!(undone.json()["undoes"], line["id"]);
        assert_eq!(state(&desk).await, before, "{resource}");
        // And that can be taken back, too.
        let again = undo(&desk, &undone.json()).await;
        assert_eq!(again.status, StatusCode::OK, "{}", again.text);
        assert_eq!(state(&desk).await, changed, "{resource}");
    }
}

/// What people set, as the API tells it.
async fn state(desk: &Desk) -> Value {
    let lists = desk.lists.wanted().into_iter();
    let names: Vec<String> = lists.map(|list| list.name).collect();
    let devices = desk.json("devices").await;
    let devices = devices["items"].as_array().unwrap().iter();
    let devices: Vec<Value> = devices.map(|one| one["name"].clone()).collect();
    json!({
        "rules": desk.json("rules").await,
        "lists": names,
        "records": desk.json("records").await,
        "groups": desk.json("groups").await,
        "packs": desk.json("explain?name=x.metrics.acme.example.com").await["verdict"],
        "devices": devices,
        "paused": desk.json("status").await["blocking"]["on"],
    })
}

#[tokio::test]
async fn what_was_changed_since_is_not_taken_back() {
    let desk = Desk::with("", |_| {}).await;
    let added = change(&desk, "POST", "rules", json!({ "match": "||ads.example^" })).await;
    let path = format!("rules/{}", added["item"].as_str().unwrap());
    let changed = change(&desk, "PATCH", &path, json!({ "action": "watch" })).await;
    assert_eq!(changed["before"]["action"], "block");
    assert_eq!(changed["after"]["action"], "watch");
    assert_eq!(changes(&desk).await[1]["can_undo"], false);
    let refused = undo(&desk, &added).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("changed since"), "{}", refused.text);
    assert_eq!(undo(&desk, &changed).await.status, StatusCode::OK);
    let twice = undo(&desk, &changed).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.text.contains("already"), "{}", twice.text);
    // It is as it was added again.
    assert_eq!(undo(&desk, &added).await.status, StatusCode::OK);
    assert_eq!(desk.json("rules").await["rules"], json!([]));
}

#[tokio::test]
async fn a_group_does_not_come_back_beside_another_of_its_name() {
    let desk = Desk::with("", |_| {}).await;
    change(&desk, "POST", "groups", json!({ "name": "kids" })).await;
    change(&desk, "PATCH", "groups/kids", json!({ "name": "Children" })).await;
    let renamed = newest(&desk).await;
    change(&desk, "POST", "groups", json!({ "name": "kids" })).await;
    let refused = undo(&desk, &renamed).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("another group"), "{}", refused.text);
}

/// Writes a change of something that ends at this moment, and maybe that it ended.
async fn write(desk: &Desk, item: &Item, ends: bool) {
    let author = Author {
        way: Way::Api,
        session: None,
    };
    let mut writing = desk.store.write_shared().await.unwrap();
    writing.put(&author, item).await.unwrap();
    if ends {
        let key = item.key();
        let taken = writing.take_out(&Author::TIME, item.kind(), &key).await;
        taken.unwrap();
    }
    writing.commit().await.unwrap();
}

#[tokio::test]
async fn what_ended_by_itself_is_not_taken_back() {
    let desk = Desk::with("", |_| {}).await;
    let late_ms = jiff::Timestamp::now().as_millisecond() - 1000;
    let rule = Item::Rule(RuleRow {
        id: 7,
        text: "||ads.example^".to_owned(),
        action: "allow".to_owned(),
        comment: None,
        device: None,
        added_ms: 0,
        until_ms: Some(late_ms),
    });
    let pause = Item::Pause(PauseRow {
        who: "all".to_owned(),
        until_ms: late_ms,
    });
    // Rules leave a line when they end, pauses do not.
    for (item, ends) in [(rule, true), (pause, false)] {
        write(&desk, &item, ends).await;
        let line = newest(&desk).await;
        assert_eq!(line["can_undo"], false, "{line}");
        let refused = undo(&desk, &line).await;
        assert_eq!(refused.status, StatusCode::CONFLICT, "{line}");
        assert!(refused.text.contains("was until 20"), "{}", refused.text);
        assert_eq!(newest(&desk).await["id"], line["id"]);
    }
}

#[tokio::test]
async fn changes_are_told_page_by_page() {
    let desk = Desk::with("", |_| {}).await;
    for number in 0..5 {
        let rule = json!({ "match": format!("||ads{number}.example^") });
        change(&desk, "POST", "rules", rule).await;
    }
    let mut names = Vec::new();
    let mut path = "changes?limit=2".to_owned();
    loop {
        let page = desk.json(&path).await;
        let items = page["items"].as_array().unwrap().clone();
        names.extend(items.into_iter().map(|line| line["name"].clone()));
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("changes?limit=2&cursor={next}");
    }
    let expected: Vec<Value> = (0..5)
        .rev()
        .map(|n| json!(format!("||ads{n}.example^")))
        .collect();
    assert_eq!(names, expected);
    let wrong = desk.problem("changes?cursor=x").await;
    assert_eq!(wrong["status"], 400);
    let gone = desk.change("POST", "changes/999/undo", json!({})).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}
