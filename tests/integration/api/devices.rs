//! `GET devices` and `GET devices/{id}`

use serde_json::{Value, json};

use super::{DAY, Desk, HOUR, MINUTE, ON_THE_DAY, PHONE, START, TABLET, id};

fn device<'a>(list: &'a Value, name: &str) -> &'a Value {
    let items = list["items"].as_array().unwrap();
    items.iter().find(|one| one["name"] == name).unwrap()
}

#[tokio::test]
async fn all_devices_are_listed_with_what_they_did_in_the_span() {
    let desk = Desk::new().await;
    desk.ask(START - DAY, PHONE, "metrics.acme.example.com");
    desk.ask(START, TABLET, "track.globex.example.net");
    desk.ask(START + 1, TABLET, "metrics.acme.example.com");
    desk.ask(START + 2, TABLET, "metrics.acme.example.com");
    desk.ask(START + 3, TABLET, "www.home.example");
    let list = desk.json(&format!("devices?{ON_THE_DAY}")).await;
    assert_eq!(list["items"][0]["name"], "Kids' tablet");
    let tablet = device(&list, "Kids' tablet");
    assert_eq!(tablet["named_by"], "config");
    assert_eq!(tablet["addresses"], json!([TABLET]));
    assert_eq!(tablet["queries"], 4);
    assert_eq!((&tablet["watch"], &tablet["block"]), (&json!(1), &json!(2)));
    assert_eq!(tablet["first_seen"], "2026-11-18T00:00:00.000Z");
    assert_eq!(
        tablet["packs"],
        json!([
            { "id": "acme", "name": "Acme phones", "queries": 2 },
            { "id": "globex", "name": "Globex televisions", "queries": 1 },
        ])
    );
    let phone = device(&list, PHONE);
    assert_eq!(phone["named_by"], "address");
    assert_eq!(phone["queries"], 0);
    assert_eq!(phone["packs"], json!([]));
}

#[tokio::test]
async fn a_device_with_several_addresses_is_one() {
    let desk = Desk::new().await;
    let mac = [0x02, 0, 0, 1, 2, 3];
    for address in [PHONE, "2001:db8::8"] {
        desk.devices.sight(address.parse().unwrap(), mac);
        desk.ask(START, address, "metrics.acme.example.com");
    }
    let list = desk.json(&format!("devices?{ON_THE_DAY}")).await;
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let phone = &list["items"][0];
    assert_eq!(phone["addresses"], json!([PHONE, "2001:db8::8"]));
    assert_eq!(phone["mac"], "02:00:00:01:02:03");
    assert_eq!(phone["private_mac"], true);
    assert_eq!(phone["queries"], 2);
}

#[tokio::test]
async fn the_spark_has_the_last_24_hours_of_attempts() {
    let desk = Desk::new().await;
    let now = jiff::Timestamp::now().as_millisecond();
    let this_hour = now - now % HOUR;
    desk.ask(this_hour - 24 * HOUR, PHONE, "metrics.acme.example.com");
    desk.ask(this_hour - 23 * HOUR, PHONE, "metrics.acme.example.com");
    desk.ask(this_hour - 1, PHONE, "metrics.acme.example.com");
    desk.ask(this_hour - 1, PHONE, "www.home.example");
    desk.ask(this_hour, PHONE, "track.globex.example.net");
    let list = desk.json("devices?since=1h").await;
    let mut expected = vec![0; 24];
    (expected[0], expected[22], expected[23]) = (1, 1, 1);
    assert_eq!(list["items"][0]["spark"], json!(expected));
}

#[tokio::test]
async fn one_device_is_told_with_purposes_data_names_and_hours() {
    let desk = Desk::new().await;
    let tablet = id(desk.ask(START, TABLET, "metrics.acme.example.com"));
    desk.ask(START + 9 * HOUR, TABLET, "eu.metrics.acme.example.com");
    desk.ask(
        START + 9 * HOUR + MINUTE,
        TABLET,
        "eu.metrics.acme.example.com",
    );
    desk.ask(START + 10 * HOUR, TABLET, "single.acme.example.com");
    desk.ask(START + 10 * HOUR, TABLET, "track.globex.example.net");
    desk.ask(
        START + 11 * HOUR,
        TABLET,
        "account.metrics.acme.example.com",
    );
    desk.ask(START + 11 * HOUR, TABLET, "www.home.example");
    desk.ask(START + 11 * HOUR, PHONE, "metrics.acme.example.com");
    let mut detail = desk.json(&format!("devices/{tablet}?{ON_THE_DAY}")).await;
    let hours: Vec<Vec<u64>> = serde_json::from_value(detail["hours"].take()).unwrap();
    assert_eq!(hours.len(), 7);
    // 2026-11-18 is a Wednesday.
    let wednesday = &hours[2];
    assert_eq!((wednesday[0], wednesday[9], wednesday[10]), (1, 2, 2));
    assert_eq!(hours.iter().flatten().sum::<u64>(), 5);
    insta::assert_snapshot!(super::pretty(detail, &["spark", "hours"]));
}

#[tokio::test]
async fn a_device_that_is_not_there_is_not_found() {
    let desk = Desk::new().await;
    for wrong in ["d99", "99", "d", "d-1", "d99999999999", "x", "%FF"] {
        let problem = desk.problem(&format!("devices/{wrong}")).await;
        assert_eq!(problem["status"], 404, "{wrong}");
    }
}

#[tokio::test]
async fn what_a_device_may_be_is_told_with_what_that_rests_on() {
    let desk = Desk::new().await;
    desk.devices
        .sight(PHONE.parse().unwrap(), [0x28, 0x6c, 0x07, 1, 2, 3]);
    let now = jiff::Timestamp::now().as_millisecond();
    for name in [
        "x.captive.acme.example.com",
        "metrics.acme.example.com",
        "www.home.example",
    ] {
        desk.ask(now - HOUR, PHONE, name);
    }
    desk.ask(now - HOUR, TABLET, "www.home.example");
    let list = desk.json("devices").await;
    let items = list["items"].as_array().unwrap();
    let phone = items
        .iter()
        .find(|one| one["mac"] == "28:6c:07:01:02:03")
        .unwrap();
    let guess = &phone["guess"];
    assert_eq!(
        (&guess["id"], &guess["kind"]),
        (&json!("acme-phone"), &json!("phone"))
    );
    assert_eq!(guess["packs"], json!(["acme", "globex"]));
    let clue = |from: &str, value: &str, weight: f64| json!({ "from": from, "value": value, "weight": weight });
    let mut clues = guess["clues"].as_array().unwrap().clone();
    clues.sort_by_key(ToString::to_string);
    let mut wanted = [
        clue("maker", "Xiaomi Electronics", 0.3),
        clue("asks", "x.captive.acme.example.com", 0.4),
        clue("asks", "metrics.acme.example.com", 0.4),
    ];
    wanted.sort_by_key(ToString::to_string);
    assert_eq!(clues, wanted);
    assert!((guess["sure"].as_f64().unwrap() - 0.748).abs() < 0.001);
    assert!(device(&list, "Kids' tablet").get("guess").is_none());
}
