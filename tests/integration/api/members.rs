//! `PATCH devices/{id}`, and devices that are made one and taken apart again.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, TABLET, id};

const PHONE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 8];
const LAPTOP_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 9];

fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

async fn set(desk: &Desk, device: &str, wish: Value) -> Value {
    let changed = desk
        .change("PATCH", &format!("devices/{device}"), wish)
        .await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.text);
    changed.json()
}

/// Two devices with hardware addresses that asked.
async fn two() -> (Desk, String, String) {
    let desk = Desk::new().await;
    desk.devices.sight(PHONE.parse().unwrap(), PHONE_MAC);
    desk.devices.sight(LAPTOP.parse().unwrap(), LAPTOP_MAC);
    let phone = id(desk.ask(now(), PHONE, "a.example"));
    let laptop = id(desk.ask(now(), LAPTOP, "b.example"));
    (desk, phone, laptop)
}

fn ids(devices: &Value) -> Vec<String> {
    let items = devices["items"].as_array().unwrap().iter();
    let mut ids: Vec<_> = items
        .map(|one| one["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn a_device_keeps_its_number_under_the_name_that_people_give_it() {
    let (desk, phone, _) = two().await;
    let wish = json!({ "name": "Grandma's phone", "kind": "phone", "comment": "on loan" });
    let named = set(&desk, &phone, wish).await;
    assert_eq!(
        (&named["id"], &named["name"]),
        (&json!(phone), &json!("Grandma's phone"))
    );
    assert_eq!(
        (&named["kind"], &named["comment"]),
        (&json!("phone"), &json!("on loan"))
    );
    // Wherever it asks from next.
    desk.devices
        .sight("2001:db8::8".parse().unwrap(), PHONE_MAC);
    assert_eq!(id(desk.ask(now(), "2001:db8::8", "a.example")), phone);
    assert_eq!(id(desk.ask(now(), PHONE, "a.example")), phone);
    let renamed = set(&desk, &phone, json!({ "name": "Phone" })).await;
    assert_eq!(
        (&renamed["id"], &renamed["kind"]),
        (&json!(phone), &json!("phone"))
    );
    let forgotten = set(&desk, &phone, json!({ "name": null })).await;
    assert_eq!(forgotten["id"], json!(phone));
    assert_ne!(forgotten["name"], "Phone");
    assert_eq!(id(desk.ask(now(), PHONE, "a.example")), phone);
}

#[tokio::test]
async fn a_device_says_the_names_that_people_give_it() {
    let (desk, phone, laptop) = two().await;
    let says = |name: &str| desk.devices.identify_named(name, now());
    assert_eq!(says("kids-phone"), None);
    let wish = json!({ "says": ["Kids-Phone", "pocket"] });
    let named = set(&desk, &phone, wish).await;
    assert_eq!(named["says"], json!(["kids-phone", "pocket"]));
    assert_eq!(named["signs"], json!(["02:00:00:00:00:08"]));
    for name in ["kids-phone", "pocket"] {
        assert_eq!(
            says(name).map(|(device, _)| id(device)),
            Some(phone.clone())
        );
    }
    let refused = |device: &str, wish: Value| {
        let path = format!("devices/{device}");
        let desk = &desk;
        async move { desk.change("PATCH", &path, wish).await }
    };
    let taken = refused(&laptop, json!({ "says": ["pocket.home.arpa"] })).await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.text);
    let wrong = refused(&laptop, json!({ "says": ["laptop", "192.0.2.9"] })).await;
    assert_eq!(wrong.json()["errors"][0]["pointer"], "/says/1");
    // What is not given stays, and the names may go to another.
    let renamed = set(&desk, &phone, json!({ "name": "Phone" })).await;
    assert_eq!(renamed["says"], json!(["kids-phone", "pocket"]));
    set(&desk, &phone, json!({ "says": null })).await;
    assert_eq!(says("kids-phone"), None);
    set(&desk, &laptop, json!({ "says": ["pocket"] })).await;
    assert_eq!(says("pocket").map(|(device, _)| id(device)), Some(laptop));
}

#[tokio::test]
async fn two_devices_are_made_one_and_taken_apart_again() {
    let (desk, phone, laptop) = two().await;
    let wish = json!({ "into": phone, "from": laptop });
    let merged = desk.change("POST", "devices/merge", wish).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text);
    let merged = merged.json();
    assert_eq!(merged["id"], json!(phone));
    assert_eq!(
        merged["signs"],
        json!(["02:00:00:00:00:08", "02:00:00:00:00:09"])
    );
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), phone);
    assert!(!ids(&desk.json("devices").await).contains(&laptop));
    // What was recorded before is found there, too.
    let rows = desk.json(&format!("queries?device={phone}")).await;
    let asked: Vec<&Value> = rows["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["name"])
        .collect();
    assert!(asked.contains(&&json!("b.example")), "{asked:?}");
    let split = json!({ "sign": "02:00:00:00:00:09" });
    let path = format!("devices/{phone}/split");
    let apart = desk.change("POST", &path, split.clone()).await;
    assert_eq!(apart.status, StatusCode::OK, "{}", apart.text);
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), laptop);
    assert_eq!(id(desk.ask(now(), PHONE, "a.example")), phone);
    let again = desk.change("POST", &path, split).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn what_cannot_be_of_a_device_is_told() {
    let (desk, phone, laptop) = two().await;
    set(&desk, &laptop, json!({ "name": "Laptop" })).await;
    let taken = desk
        .change(
            "PATCH",
            &format!("devices/{phone}"),
            json!({ "name": "Laptop" }),
        )
        .await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    let wish = json!({ "group": "nobody", "kind": "A Phone!" });
    let wrong = desk
        .change("PATCH", &format!("devices/{phone}"), wish)
        .await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(wrong.json()["errors"].as_array().unwrap().len(), 2);
    // The config names it.
    let tablet = id(desk.ask(now(), TABLET, "a.example"));
    let declared = desk
        .change(
            "PATCH",
            &format!("devices/{tablet}"),
            json!({ "name": "X" }),
        )
        .await;
    assert_eq!(declared.status, StatusCode::CONFLICT);
    let wish = json!({ "into": phone, "from": tablet });
    assert_eq!(
        desk.change("POST", "devices/merge", wish).await.status,
        StatusCode::CONFLICT
    );
    let gone = desk
        .change("PATCH", "devices/d999", json!({ "name": "X" }))
        .await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_stranger_of_whom_something_is_noted_stays_in_the_group_of_strangers() {
    let (desk, phone, laptop) = two().await;
    let wish = json!({ "name": "Strangers", "for_unknown": true });
    desk.change("POST", "groups", wish).await;
    let noted = set(&desk, &phone, json!({ "comment": "whose is this?" })).await;
    assert_eq!(noted["group"]["id"], "strangers");
    let wish = json!({ "into": laptop, "from": phone });
    let merged = desk.change("POST", "devices/merge", wish).await.json();
    assert_eq!(merged["group"]["id"], "strangers");
    let known = set(&desk, &laptop, json!({ "name": "Kim", "group": null })).await;
    assert_eq!(known["group"]["id"], "default");
}
