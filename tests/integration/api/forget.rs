//! `DELETE devices/{id}`: a device is forgotten as a whole.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, TABLET, id};

const PHONE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 8];

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn done(desk: &Desk, method: &str, resource: &str, body: Value) {
    let answer = desk.change(method, resource, body).await;
    assert!(answer.status.is_success(), "{resource}: {}", answer.text);
}

async fn rows(desk: &Desk) -> Value {
    desk.json("queries?since=1h").await["items"].clone()
}

async fn until_rows(desk: &Desk, count: usize) {
    while rows(desk).await.as_array().unwrap().len() != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_device_that_is_forgotten_leaves_nothing_and_is_new_when_it_asks_again() {
    let desk = Desk::new().await;
    // First known by its address alone: those rows are of another number.
    desk.ask(now(), PHONE, "early.example");
    desk.devices.sight(PHONE.parse().unwrap(), PHONE_MAC);
    let phone = id(desk.ask(now(), PHONE, "metrics.acme.example.com"));
    let laptop = id(desk.ask(now(), LAPTOP, "www.home.example"));
    for device in [&phone, &laptop] {
        let name = json!({ "name": format!("Secret {device}") });
        done(&desk, "PATCH", &format!("devices/{device}"), name).await;
        let rule = json!({ "match": "||a.example^", "action": "block", "device": device });
        done(&desk, "POST", "rules", rule).await;
        done(
            &desk,
            "PUT",
            "pause",
            json!({ "for": "1h", "device": device }),
        )
        .await;
    }
    let forgotten = desk.delete(&format!("/api/v1/devices/{phone}")).await;
    assert_eq!(
        forgotten.status,
        StatusCode::NO_CONTENT,
        "{}",
        forgotten.text
    );
    until_rows(&desk, 1).await;
    let gone = desk.get(&format!("/api/v1/devices/{phone}")).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    assert_eq!(
        desk.json("devices").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    let rules = desk.json("rules").await["rules"].clone();
    assert_eq!(rules.as_array().unwrap().len(), 1, "{rules:#}");
    assert_eq!(rules[0]["device"], laptop.as_str());
    let pauses = desk.json("status").await["blocking"]["pauses"].clone();
    assert_eq!(pauses.as_array().unwrap().len(), 1, "{pauses:#}");
    // That it was forgotten is told, and not what it was.
    let changes = desk.json("changes").await["items"].clone();
    assert_eq!(changes[0]["kind"], "forgotten");
    assert_eq!(
        (&changes[0]["name"], &changes[0]["can_undo"]),
        (&json!(phone), &json!(false))
    );
    assert_eq!(changes.as_array().unwrap().len(), 4, "{changes:#}");
    assert!(!changes.to_string().contains(&format!("Secret {phone}")));
    let change = changes[0]["id"].as_str().unwrap();
    let undone = desk
        .change("POST", &format!("changes/{change}/undo"), json!({}))
        .await;
    assert_eq!(undone.status, StatusCode::CONFLICT, "{}", undone.text);
    let again = id(desk.ask(now(), PHONE, "later.example"));
    assert!(![&phone, &laptop].contains(&&again));
    let device = desk.json(&format!("devices/{again}")).await;
    assert_ne!(device["name"], format!("Secret {phone}"));
    until_rows(&desk, 2).await;
}

#[tokio::test]
async fn queries_of_a_forgotten_device_that_end_later_are_not_recorded() {
    let desk = Desk::new().await;
    let asked_ms = now();
    let phone = id(desk.ask(asked_ms, PHONE, "a.example"));
    let late = desk.event(asked_ms, PHONE, "late.example");
    let forgotten = desk.delete(&format!("/api/v1/devices/{phone}")).await;
    assert_eq!(
        forgotten.status,
        StatusCode::NO_CONTENT,
        "{}",
        forgotten.text
    );
    until_rows(&desk, 0).await;
    desk.recorder.record(&late);
    desk.ask(now(), LAPTOP, "b.example");
    assert_eq!(rows(&desk).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_device_of_the_config_file_is_not_forgotten() {
    let desk = Desk::new().await;
    let tablet = id(desk.ask(now(), TABLET, "a.example"));
    let refused = desk.delete(&format!("/api/v1/devices/{tablet}")).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.json()["title"], "set by the config");
    assert_eq!(rows(&desk).await.as_array().unwrap().len(), 1);
    let unknown = desk.delete("/api/v1/devices/d999").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
