//! `GET packs` and `GET packs/{id}`

use serde_json::{Value, json};

use super::{Desk, ON_THE_DAY, PHONE, START, TABLET, pretty};

#[tokio::test]
async fn packs_are_listed_with_what_they_do_and_did() {
    let desk = Desk::new().await;
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask(START, TABLET, "account.metrics.acme.example.com");
    desk.ask(START, TABLET, "www.home.example");
    let list = desk.json(&format!("packs?{ON_THE_DAY}")).await;
    insta::assert_snapshot!(pretty(list, &[]));
}

#[tokio::test]
async fn a_pack_tells_each_entry_with_evidence_and_queries() {
    let desk = Desk::new().await;
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask(START, PHONE, "eu.metrics.acme.example.com");
    desk.ask(START, TABLET, "single.acme.example.com");
    desk.ask(START, TABLET, "below.single.acme.example.com");
    let pack = desk.json(&format!("packs/acme?{ON_THE_DAY}")).await;
    assert_eq!(pack["queries"], 3);
    assert_eq!(pack["devices"], 2);
    assert_eq!(pack["see_also"], json!(["globex"]));
    let entries = pack["entries"].as_array().unwrap();
    let told: Vec<(&str, &Value, &Value)> = entries
        .iter()
        .map(|entry| {
            let domain = entry["domain"].as_str().unwrap();
            (domain, &entry["effective"], &entry["queries"])
        })
        .collect();
    assert_eq!(
        told,
        [
            (
                "account.metrics.acme.example.com",
                &json!("allow"),
                &json!(0)
            ),
            ("metrics.acme.example.com", &json!("block"), &json!(2)),
            // Its level is above the chosen one.
            ("once.acme.example.com", &json!("off"), &json!(0)),
            ("single.acme.example.com", &json!("block"), &json!(1)),
        ]
    );
    insta::assert_snapshot!(pretty(entries[1].clone(), &["file"]));
}

#[tokio::test]
async fn what_a_pack_does_follows_the_config() {
    let desk = Desk::with(
        "[packs]\ndefault = \"off\"\nacme = { action = \"block\", level = \"strict\" }\n",
        |_| {},
    )
    .await;
    let list = desk.json("packs").await;
    assert_eq!(list["items"][0]["action"], "block");
    assert_eq!(list["items"][0]["level"], "strict");
    assert_eq!(list["items"][1]["action"], "off");
    let acme = desk.json("packs/acme").await;
    assert_eq!(acme["entries"][2]["effective"], "block");
    let globex = desk.json("packs/globex").await;
    assert_eq!(globex["entries"][0]["effective"], "off");
}

#[tokio::test]
async fn a_pack_that_is_not_there_is_not_found_and_the_nearest_is_named() {
    let problem = Desk::new().await.problem("packs/acmee").await;
    assert_eq!(problem["status"], 404);
    assert_eq!(
        problem["detail"],
        "there is no pack `acmee`; did you mean `acme`?"
    );
}
