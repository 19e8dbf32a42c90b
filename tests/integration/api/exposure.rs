//! `GET exposure`

use serde_json::{Value, json};

use super::{Desk, HOUR, LAPTOP, MINUTE, ON_THE_DAY, PHONE, START, TABLET};

fn row<'a>(exposure: &'a Value, name: &str) -> &'a Value {
    let rows = exposure["rows"].as_array().unwrap();
    rows.iter()
        .find(|row| row["device"]["name"] == name)
        .unwrap()
}

fn data(cell: &Value) -> Vec<&str> {
    let data = cell["data"].as_array().unwrap();
    data.iter()
        .map(|kind| kind["id"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn the_matrix_counts_each_device_and_pack() {
    let desk = Desk::new().await;
    for minute in 0..50 {
        let at = START + HOUR + minute * MINUTE;
        desk.ask(at, PHONE, "metrics.acme.example.com");
        desk.ask(
            at,
            PHONE,
            &format!("n{}.metrics.acme.example.com", minute % 5),
        );
        desk.ask(at, TABLET, "a.track.globex.example.net");
        desk.ask(at, LAPTOP, "www.home.example");
    }
    desk.ask(START + 3 * HOUR, TABLET, "single.acme.example.com");
    desk.ask(START + 4 * HOUR, PHONE, "account.metrics.acme.example.com");
    let exposure = desk.json(&format!("exposure?{ON_THE_DAY}")).await;
    assert_eq!(
        exposure["packs"],
        json!([
            { "id": "acme", "name": "Acme phones", "action": "block" },
            { "id": "globex", "name": "Globex televisions", "action": "watch" },
        ])
    );
    let phone = row(&exposure, PHONE);
    assert_eq!(
        (&phone["queries"], &phone["block"]),
        (&json!(101), &json!(100))
    );
    let cell = &phone["cells"]["acme"];
    assert_eq!(cell["queries"], 101);
    assert_eq!(cell["block"], 100);
    assert_eq!(cell["allow"], 1);
    assert_eq!(cell["names"], 7);
    assert_eq!(cell["first_seen"], "2026-11-18T01:00:00.000Z");
    assert_eq!(cell["last_seen"], "2026-11-18T04:00:00.000Z");
    assert_eq!(phone["cells"].as_object().unwrap().len(), 1);
    let tablet = row(&exposure, "Kids' tablet");
    assert_eq!(tablet["cells"]["globex"]["watch"], 50);
    assert_eq!(tablet["cells"]["acme"]["block"], 1);
    let laptop = row(&exposure, LAPTOP);
    assert_eq!(laptop["queries"], 50);
    assert_eq!(laptop["cells"], json!({}));
}

#[tokio::test]
async fn data_is_what_the_tried_entries_collect_the_most_private_first() {
    let desk = Desk::new().await;
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask(START, PHONE, "single.acme.example.com");
    desk.ask(START, TABLET, "single.acme.example.com");
    // An exception was asked for, but nothing was tried there.
    desk.ask(START, TABLET, "account.metrics.acme.example.com");
    let exposure = desk.json(&format!("exposure?{ON_THE_DAY}")).await;
    assert_eq!(
        data(&row(&exposure, PHONE)["cells"]["acme"]),
        ["android-id", "advertising-id"]
    );
    assert_eq!(
        data(&row(&exposure, "Kids' tablet")["cells"]["acme"]),
        ["advertising-id"]
    );
}

#[tokio::test]
async fn the_matrix_adds_up_to_the_summary_and_to_the_journal() {
    let desk = Desk::new().await;
    let names = [
        "metrics.acme.example.com",
        "track.globex.example.net",
        "x.example",
    ];
    for (n, at) in (0..200).zip((START..).step_by(7 * 60_000)) {
        desk.ask(at, [PHONE, TABLET, LAPTOP][n % 3], names[n % 7 % 3]);
    }
    let exposure = desk.json(&format!("exposure?{ON_THE_DAY}")).await;
    let summary = desk.json(&format!("summary?{ON_THE_DAY}")).await;
    let sum = |values: &mut dyn Iterator<Item = &Value>| -> u64 {
        values.map(|value| value.as_u64().unwrap()).sum()
    };
    let rows = exposure["rows"].as_array().unwrap();
    for what in ["queries", "watch", "block"] {
        let of_rows = sum(&mut rows.iter().map(|row| &row[what]));
        assert_eq!(of_rows, summary["totals"][what]);
    }
    for vendor in summary["vendors"].as_array().unwrap() {
        let pack = vendor["id"].as_str().unwrap();
        let cells = || rows.iter().filter_map(|row| row["cells"].get(pack));
        assert_eq!(
            sum(&mut cells().map(|cell| &cell["queries"])),
            vendor["queries"]
        );
        assert_eq!(cells().count() as u64, vendor["devices"]);
        let listed = desk
            .json(&format!("queries?{ON_THE_DAY}&vendor={pack}&limit=500"))
            .await;
        assert_eq!(
            listed["items"].as_array().unwrap().len() as u64,
            vendor["queries"]
        );
    }
}
