//! `GET rules` and all that changes them

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, PHONE};

async fn verdict(desk: &Desk, name: &str) -> Value {
    desk.json(&format!("explain?name={name}")).await["verdict"].clone()
}

#[tokio::test]
async fn a_rule_is_in_force_as_soon_as_it_is_added_changed_or_removed() {
    let desk = Desk::new().await;
    let wish = json!({ "match": "||telemetry.example^", "comment": "each minute" });
    let added = desk.change("POST", "rules", wish).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.text);
    let id = added.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(verdict(&desk, "www.telemetry.example").await, "block");

    let change = json!({ "action": "allow", "comment": null });
    let changed = desk
        .change("PATCH", &format!("rules/{id}"), change)
        .await
        .json();
    assert_eq!(
        (&changed["action"], &changed["comment"]),
        (&json!("allow"), &Value::Null)
    );
    assert_eq!(changed["match"], "||telemetry.example^");
    assert_eq!(verdict(&desk, "telemetry.example").await, "allow");

    let removed = desk
        .change("DELETE", &format!("rules/{id}"), json!({}))
        .await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.json("rules").await["rules"], json!([]));
    assert_eq!(
        desk.change("DELETE", &format!("rules/{id}"), json!({}))
            .await
            .status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_member_that_is_wrong_is_told_once() {
    let desk = Desk::new().await;
    let long = "c".repeat(1001);
    for (wish, pointer) in [
        (json!({}), "/match"),
        (json!({ "match": 5 }), "/match"),
        (
            json!({ "match": "||a.example^", "comment": long }),
            "/comment",
        ),
    ] {
        let answer = desk.change("POST", "rules", wish).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        let errors = answer.json()["errors"].clone();
        assert_eq!(errors.as_array().unwrap().len(), 1, "{errors}");
        assert_eq!(errors[0]["pointer"], pointer);
    }
}

#[tokio::test]
async fn rules_tell_how_often_they_decided() {
    let desk = Desk::with(
        "[[rule]]\nmatch = \"|one.example^\"\naction = \"watch\"\n",
        |_| {},
    )
    .await;
    desk.ask(
        jiff::Timestamp::now().as_millisecond(),
        PHONE,
        "one.example",
    );
    desk.change("POST", "rules", json!({ "match": "||two.example^" }))
        .await;
    let rules = desk.json("rules").await;
    assert_eq!(rules["rules"][0]["match"], "||two.example^");
    let declared = &rules["rules"][1];
    assert_eq!(
        (&declared["id"], &declared["declared"]),
        (&json!("c0"), &json!(true))
    );
    assert_eq!(
        (&declared["hits"], &declared["action"]),
        (&json!(1), &json!("watch"))
    );
    let refused = desk
        .change("PATCH", "rules/c0", json!({ "action": "block" }))
        .await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn a_rule_that_is_none_is_refused_with_the_reason() {
    let desk = Desk::new().await;
    let refused = desk
        .change(
            "POST",
            "rules",
            json!({ "match": "||a^$third-party", "device": "d99" }),
        )
        .await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    let errors = refused.json()["errors"].clone();
    assert_eq!(
        errors[0],
        json!({ "pointer": "/device", "detail": "there is no device `d99`" })
    );
    assert_eq!(errors[1]["pointer"], "/match");
    let missing = desk.change("POST", "rules", json!({})).await;
    assert_eq!(missing.json()["errors"][0]["pointer"], "/match");
}

#[tokio::test]
async fn a_rule_with_an_end_goes_by_itself() {
    let desk = Desk::new().await;
    let wish = json!({ "match": "||ads.example^", "for": "1h" });
    let added = desk.change("POST", "rules", wish).await.json();
    let until: jiff::Timestamp = added["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(verdict(&desk, "ads.example").await, "block");
    let early = until - jiff::SignedDuration::from_mins(1);
    let next = desk.lists.end_until(early).await.unwrap();
    // The end is told less finely than it is kept.
    assert_eq!(next.unwrap().as_secs(), 60);
    assert_eq!(verdict(&desk, "ads.example").await, "block");
    let late = until + jiff::SignedDuration::from_secs(1);
    assert_eq!(desk.lists.end_until(late).await.unwrap(), None);
    assert_eq!(verdict(&desk, "ads.example").await, "allow");
    assert_eq!(desk.json("rules").await["rules"], json!([]));
}

#[tokio::test]
async fn a_rule_that_ended_is_out_of_force_although_the_disk_fails() {
    let desk = Desk::new().await;
    let wish = json!({ "match": "||ads.example^", "for": "1h" });
    let added = desk.change("POST", "rules", wish).await.json();
    let until: jiff::Timestamp = added["until"].as_str().unwrap().parse().unwrap();
    assert_eq!(verdict(&desk, "ads.example").await, "block");
    desk.store.close().await;
    let late = until + jiff::SignedDuration::from_secs(1);
    assert!(desk.lists.end_until(late).await.is_err());
    assert_eq!(verdict(&desk, "ads.example").await, "allow");
}

#[tokio::test]
async fn the_end_of_a_rule_can_be_taken_back() {
    let desk = Desk::new().await;
    let wish = json!({ "match": "||ads.example^", "for": "1h" });
    let added = desk.change("POST", "rules", wish).await.json();
    let path = format!("rules/{}", added["id"].as_str().unwrap());
    let changed = desk.change("PATCH", &path, json!({ "until": null })).await;
    assert_eq!(changed.json()["until"], Value::Null);
    let far = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(2);
    assert_eq!(desk.lists.end_until(far).await.unwrap(), None);
    assert_eq!(verdict(&desk, "ads.example").await, "block");
}

#[tokio::test]
async fn rules_are_no_longer_and_no_more_than_a_home_has() {
    let desk = Desk::new().await;
    let long = json!({ "match": "x".repeat(1001), "comment": "y".repeat(501) });
    let refused = desk.change("POST", "rules", long).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    for pointer in ["/match", "/comment"] {
        assert!(refused.text.contains(pointer), "{}", refused.text);
    }
    let mut store = desk.store.write().await.unwrap();
    for number in 1..5000 {
        let row = squelch::store::RuleRow {
            id: number,
            text: format!("||n{number}.example^"),
            action: "block".to_owned(),
            comment: None,
            device: None,
            until_ms: None,
            added_ms: 0,
        };
        store.rules().save(&row).await.unwrap();
    }
    store.commit().await.unwrap();
    let rule = json!({ "match": "||ads.example^" });
    let last = desk.change("POST", "rules", rule.clone()).await;
    assert_eq!(last.status, StatusCode::CREATED, "{}", last.text);
    let refused = desk.change("POST", "rules", rule).await;
    assert_eq!(refused.status, StatusCode::CONFLICT, "{}", refused.text);
}
