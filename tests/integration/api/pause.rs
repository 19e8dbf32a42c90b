//! `PUT pause` and `DELETE pause`

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, id};

const RULE: &str = "[[rule]]\nmatch = \"||ads.example^\"\n[[group]]\nname = \"kids\"\n";

async fn verdict(desk: &Desk, device: &str) -> Value {
    let path = format!("explain?name=ads.example{device}");
    desk.json(&path).await["verdict"].clone()
}

#[tokio::test]
async fn in_a_pause_nothing_is_blocked_and_the_status_tells_until_when() {
    let desk = Desk::with(RULE, |_| {}).await;
    assert_eq!(verdict(&desk, "").await, "block");
    let paused = desk.change("PUT", "pause", json!({ "for": "10m" })).await;
    assert_eq!(paused.status, StatusCode::OK, "{}", paused.text);
    assert_eq!(verdict(&desk, "").await, "watch");
    let blocking = desk.json("status").await["blocking"].clone();
    assert_eq!(blocking["on"], false);
    assert_eq!(blocking["until"], paused.json()["pauses"][0]["until"]);
    let resumed = desk.change("DELETE", "pause", json!({})).await;
    assert_eq!(resumed.json()["pauses"], json!([]));
    assert_eq!(verdict(&desk, "").await, "block");
}

#[tokio::test]
async fn the_status_tells_which_groups_a_schedule_goes_on_to_block_in_a_pause_for_all() {
    const SCHEDULES: &str = "[[group]]\nname = \"kids\"\n[[group.schedule]]\nname = \"bedtime\"\n\
        action = \"block_all\"\n[[group]]\nname = \"guests\"\n[[group.schedule]]\naction = \"pause\"\n";
    let desk = Desk::with(SCHEDULES, |_| {}).await;
    desk.household
        .declare(Arc::clone(&desk.household.plan().config));
    let told = async || desk.json("status").await["blocking"]["still_blocked"].clone();
    assert_eq!(told().await, Value::Null);
    desk.change("PUT", "pause", json!({ "for": "10m" })).await;
    let kids = json!([{ "group": "kids", "schedule": "bedtime" }]);
    assert_eq!(told().await, kids);
    let wish = json!({ "for": "10m", "group": "kids" });
    desk.change("PUT", "pause", wish).await;
    assert_eq!(told().await, Value::Null);
}

#[tokio::test]
async fn pauses_that_are_set_at_the_same_time_all_count() {
    let desk = Desk::with(RULE, |_| {}).await;
    let all = json!({ "for": "1h" });
    let kids = json!({ "for": "2h", "group": "kids" });
    let (one, other) = tokio::join!(
        desk.change("PUT", "pause", all),
        desk.change("PUT", "pause", kids)
    );
    assert_eq!((one.status, other.status), (StatusCode::OK, StatusCode::OK));
    let pauses = desk.json("status").await["blocking"]["pauses"].clone();
    assert_eq!(pauses.as_array().map(Vec::len), Some(2), "{pauses}");
}

#[tokio::test]
async fn a_pause_for_one_device_leaves_the_others_as_they_are() {
    let desk = Desk::with(RULE, |_| {}).await;
    let id = desk.ask(jiff::Timestamp::now().as_millisecond(), PHONE, "a.example");
    let device = format!("d{}", id.0);
    let wish = json!({ "for": "1h", "device": device });
    let paused = desk.change("PUT", "pause", wish).await.json();
    assert_eq!(paused["pauses"][0]["device"]["id"], device.as_str());
    assert_eq!(verdict(&desk, &format!("&device={device}")).await, "watch");
    assert_eq!(verdict(&desk, "").await, "block");
    assert_eq!(desk.json("status").await["blocking"]["on"], true);
    let path = format!("pause?device={device}");
    let resumed = desk.change("DELETE", &path, json!({})).await.json();
    assert_eq!(resumed["pauses"], json!([]));
}

#[tokio::test]
async fn a_pause_goes_on_and_can_be_ended_when_a_device_turns_out_to_be_another() {
    let desk = Desk::with(RULE, |_| {}).await;
    let now = jiff::Timestamp::now().as_millisecond();
    let [phone, laptop] = [PHONE, LAPTOP].map(|from| id(desk.ask(now, from, "a.example")));
    let wish = json!({ "for": "1h", "device": laptop });
    desk.change("PUT", "pause", wish).await;
    let one = json!({ "into": phone, "from": laptop });
    let merged = desk.change("POST", "devices/merge", one).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text);
    assert_eq!(verdict(&desk, &format!("&device={phone}")).await, "watch");
    let pauses = desk.json("status").await["blocking"]["pauses"].clone();
    assert_eq!(pauses[0]["device"]["id"], phone.as_str());
    let again = json!({ "for": "2h", "device": phone });
    let pauses = desk.change("PUT", "pause", again).await.json()["pauses"].clone();
    assert_eq!(pauses.as_array().map(Vec::len), Some(1), "{pauses}");
    let path = format!("pause?device={laptop}");
    let resumed = desk.change("DELETE", &path, json!({})).await.json();
    assert_eq!(resumed["pauses"], json!([]));
    assert_eq!(verdict(&desk, &format!("&device={phone}")).await, "block");
}

#[tokio::test]
async fn a_pause_outlives_a_restart() {
    let desk = Desk::with(RULE, |_| {}).await;
    desk.change("PUT", "pause", json!({ "for": "1h", "group": "kids" }))
        .await;
    desk.change("PUT", "pause", json!({ "for": "2h" })).await;
    let before = desk.policy.pauses();
    let kept = squelch::api::recall_pauses(&desk.store, &desk.household)
        .await
        .unwrap();
    assert_eq!(before.0.len(), 2);
    for pause in &before.0 {
        assert!(kept.0.contains(pause), "{pause:?}");
    }
}

#[tokio::test]
async fn what_is_wrong_about_a_pause_is_told() {
    let desk = Desk::with(RULE, |_| {}).await;
    for (wish, pointer) in [
        (json!({}), "/for"),
        (json!({ "for": "soon" }), "/for"),
        (json!({ "until": "2020-01-01T00:00:00Z" }), "/until"),
        (json!({ "for": "1h", "device": "d999" }), "/device"),
        (json!({ "for": "1h", "group": "adults" }), "/group"),
    ] {
        let refused = desk.change("PUT", "pause", wish.clone()).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wish}");
        assert!(refused.text.contains(pointer), "{wish}: {}", refused.text);
    }
    assert_eq!(verdict(&desk, "").await, "block");
}

#[tokio::test]
async fn the_pause_for_all_ends_alone_where_that_is_meant() {
    let desk = Desk::with(RULE, |_| {}).await;
    desk.change("PUT", "pause", json!({ "for": "2h", "group": "kids" }))
        .await;
    desk.change("PUT", "pause", json!({ "for": "10m" })).await;
    let resumed = desk.change("DELETE", "pause?only=all", json!({})).await;
    let left = resumed.json()["pauses"].clone();
    assert_eq!(left.as_array().map(Vec::len), Some(1), "{left}");
    assert_eq!(left[0]["group"], "kids");
    for wrong in ["only=kids", "only=all&group=kids"] {
        let path = format!("pause?{wrong}");
        let refused = desk.change("DELETE", &path, json!({})).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    // Without a word they all end, as ever.
    let resumed = desk.change("DELETE", "pause", json!({})).await;
    assert_eq!(resumed.json()["pauses"], json!([]));
}

#[tokio::test]
async fn a_pause_for_all_leaves_bedtime_as_it_is_but_one_for_the_group_does_not() {
    let desk = Desk::with(RULE, |_| {}).await;
    let bedtime = json!([{ "name": "bedtime", "action": "block_all" }]);
    let wish = json!({ "name": "small", "schedule": bedtime });
    desk.change("POST", "groups", wish).await;
    let id = desk.ask(jiff::Timestamp::now().as_millisecond(), PHONE, "a.example");
    let wish = json!({ "group": "small" });
    desk.change("PATCH", &format!("devices/d{}", id.0), wish)
        .await;
    let phone = format!("&device=d{}", id.0);
    desk.change("PUT", "pause", json!({ "for": "1h" })).await;
    assert_eq!(verdict(&desk, "").await, "watch");
    assert_eq!(verdict(&desk, &phone).await, "block");
    let wish = json!({ "for": "1h", "group": "small" });
    desk.change("PUT", "pause", wish).await;
    assert_eq!(verdict(&desk, &phone).await, "watch");
}
