//! `DELETE devices/{id}/history`, `GET queries/export`

use axum::http::StatusCode;
use serde_json::Value;

use super::{Desk, PHONE, TABLET, id};

#[tokio::test]
async fn the_history_of_a_device_is_deleted_and_its_name_stays() {
    let desk = Desk::new().await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let phone = id(desk.ask(now_ms, PHONE, "metrics.acme.example.com"));
    desk.ask(now_ms, TABLET, "www.home.example");
    let history = format!("devices/{phone}/history");
    let begun = desk.delete(&format!("/api/v1/{history}")).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text);
    while desk.json(&history).await["deleting"] == true {
        tokio::task::yield_now().await;
    }
    let page = desk.json("queries?since=1h").await;
    let rows = page["items"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["name"], "www.home.example");
    let device = desk.json(&format!("devices/{phone}")).await;
    assert_eq!(device["queries"], 0);
    assert_eq!(device["id"], phone.as_str());
    let unknown = desk.delete("/api/v1/devices/d999/history").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_export_has_every_row_that_passes_in_either_format() {
    let desk = Desk::new().await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for number in 0..9000 {
        let from = if number % 3 == 0 { PHONE } else { TABLET };
        desk.ask(now_ms - 9000 + number, from, "metrics.acme.example.com");
    }
    let phone = id(desk.devices.identify(PHONE.parse().unwrap()));
    let asked = format!("/api/v1/queries/export?since=1h&device={phone}");
    let csv = desk.get(&asked).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let lines: Vec<&str> = csv.text.lines().collect();
    assert_eq!(lines.len(), 3001);
    assert!(lines[0].starts_with("at,device,"), "{}", lines[0]);
    assert!(
        lines[1].contains(",metrics.acme.example.com,A,"),
        "{}",
        lines[1]
    );
    let jsonl = desk.get(&format!("{asked}&format=jsonl")).await;
    let rows: Vec<Value> = jsonl
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rows.len(), 3000);
    let page = desk
        .json(&format!("queries?since=1h&device={phone}&limit=5"))
        .await;
    assert_eq!(&rows[..5], page["items"].as_array().unwrap().as_slice());
    let wrong = desk.problem("queries/export?format=xml").await;
    assert_eq!(wrong["errors"][0]["pointer"], "format");
}
