//! `PATCH devices/{id}`, and devices that are made one and taken apart again.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Desk, LAPTOP, PHONE, TABLET, id};

const PHONE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 8];
const LAPTOP_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 9];
/// An address of which no hardware address is known.
const OTHER: &str = "192.0.2.77";

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

/// Takes back the newest change that was not taken back.
async fn undo(desk: &Desk) {
    let changes = desk.json("changes").await;
    let mut all = changes["items"].as_array().unwrap().iter();
    let newest = all.find(|one| one["undone_by"].is_null() && one["undoes"].is_null());
    let path = format!("changes/{}/undo", newest.unwrap()["id"].as_str().unwrap());
    let undone = desk.change("POST", &path, json!({})).await;
    assert_eq!(undone.status, StatusCode::OK, "{}", undone.text);
}

async fn merge(desk: &Desk, into: &str, from: &str) -> Value {
    let wish = json!({ "into": into, "from": from });
    let merged = desk.change("POST", "devices/merge", wish).await;
    assert_eq!(merged.status, StatusCode::OK, "{}", merged.text);
    merged.json()
}

#[tokio::test]
async fn devices_whose_merge_is_taken_back_are_two_again() {
    let (desk, phone, laptop) = two().await;
    merge(&desk, &phone, &laptop).await;
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), phone);
    undo(&desk).await;
    assert_eq!(
        ids(&desk.json("devices").await),
        [phone.clone(), laptop.clone()]
    );
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), laptop);
    assert_eq!(id(desk.ask(now(), PHONE, "a.example")), phone);
    merge(&desk, &phone, &laptop).await;
    set(&desk, &phone, json!({ "name": null })).await;
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), laptop);
}

#[tokio::test]
async fn what_is_set_of_a_device_outlives_its_merge_into_a_new_one() {
    let (desk, new, old) = two().await;
    let kids = desk
        .change("POST", "groups", json!({ "name": "kids" }))
        .await;
    assert!(kids.status.is_success(), "{}", kids.text);
    let wish = json!({ "name": "Kid phone", "group": "kids", "kind": "phone", "comment": "blue" });
    set(&desk, &old, wish).await;
    let is_kids = |device: &Value| {
        assert_eq!(device["name"], "Kid phone");
        assert_eq!(device["group"]["id"], "kids");
        assert_eq!(
            (&device["kind"], &device["comment"]),
            (&json!("phone"), &json!("blue"))
        );
        assert_eq!(device["declared"], false);
    };
    is_kids(&merge(&desk, &new, &old).await);
    assert_eq!(
        ids(&desk.json("devices").await),
        std::slice::from_ref(&new),
        "no ghost of the other is left"
    );
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), new);
    let rows = desk.json(&format!("queries?device={new}")).await;
    assert_eq!(rows["items"].as_array().unwrap().len(), 3);
    // One line takes all of it back.
    undo(&desk).await;
    assert_eq!(id(desk.ask(now(), LAPTOP, "b.example")), old);
    assert_eq!(id(desk.ask(now(), PHONE, "a.example")), new);
    is_kids(&desk.json(&format!("devices/{old}")).await);
    merge(&desk, &new, &old).await;
    let split = json!({ "sign": "02:00:00:00:00:09" });
    let apart = desk
        .change("POST", &format!("devices/{new}/split"), split)
        .await;
    assert_eq!(apart.status, StatusCode::OK, "{}", apart.text);
    let old = desk.json(&format!("devices/{old}")).await;
    assert_eq!(old["group"]["id"], "kids");
    assert_eq!(
        desk.json(&format!("devices/{new}")).await["declared"],
        false
    );
}

#[tokio::test]
async fn a_named_device_keeps_what_is_known_of_it_whatever_else_is_changed() {
    let desk = Desk::new().await;
    let mac = [0x28, 0x6c, 0x07, 1, 2, 3];
    desk.devices.sight(PHONE.parse().unwrap(), mac);
    let phone = id(desk.ask(now(), PHONE, "a.example"));
    let is_known = |device: &Value| {
        assert_eq!(device["addresses"], json!([PHONE]), "{device}");
        assert_eq!(device["mac"], "28:6c:07:01:02:03");
        assert_eq!(device["maker"], "Xiaomi Electronics");
    };
    is_known(&set(&desk, &phone, json!({ "name": "Mum" })).await);
    desk.change("POST", "groups", json!({ "name": "kids" }))
        .await;
    is_known(&desk.json(&format!("devices/{phone}")).await);
    desk.json(&format!("queries?device={PHONE}")).await;
}

#[tokio::test]
async fn a_device_of_the_dashboard_that_the_file_names_later_is_the_same() {
    let (desk, phone, laptop) = two().await;
    set(&desk, &phone, json!({ "name": "Kim" })).await;
    merge(&desk, &phone, &laptop).await;
    let mut declared = squelch::config::Config::default();
    declared.devices.push(squelch::config::Device {
        name: "Phone".to_owned(),
        matches: vec![squelch::config::DeviceMatch::Mac(PHONE_MAC)],
        tags: Vec::new(),
        group: None,
    });
    desk.household.declare(declared.into());
    for address in [PHONE, LAPTOP] {
        assert_eq!(id(desk.ask(now(), address, "a.example")), phone);
    }
    let list = desk.json("devices").await;
    assert_eq!(ids(&list), std::slice::from_ref(&phone));
    assert_eq!(list["items"][0]["name"], "Phone");
    assert_eq!(list["items"][0]["declared"], true);
}

#[tokio::test]
async fn a_device_of_which_only_the_address_is_known_is_taken_apart_again() {
    let (desk, phone, _) = two().await;
    let other = id(desk.ask(now(), OTHER, "c.example"));
    merge(&desk, &phone, &other).await;
    assert_eq!(id(desk.ask(now(), OTHER, "c.example")), phone);
    undo(&desk).await;
    assert_eq!(id(desk.ask(now(), OTHER, "c.example")), other);
    assert!(ids(&desk.json("devices").await).contains(&other));
}

#[tokio::test]
async fn an_address_that_turned_out_to_be_a_device_stays_it_whatever_people_call_it() {
    let desk = Desk::new().await;
    let guess = id(desk.ask(now(), PHONE, "a.example"));
    desk.devices.sight(PHONE.parse().unwrap(), PHONE_MAC);
    let phone = id(desk.ask(now(), PHONE, "a.example"));
    assert_ne!(guess, phone);
    for name in [json!("Phone"), json!("Pocket"), Value::Null] {
        set(&desk, &phone, json!({ "name": name })).await;
        assert_eq!(
            ids(&desk.json("devices").await),
            std::slice::from_ref(&phone),
            "{name}"
        );
    }
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
