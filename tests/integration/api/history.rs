//! `DELETE devices/{id}/history`, `DELETE journal`, `GET queries/export`

use std::collections::BTreeSet;

use axum::body::BodyDataStream;
use axum::http::StatusCode;
use futures_util::StreamExt as _;
use serde_json::Value;

use super::{Desk, LAPTOP, PHONE, TABLET, id, request};

/// Begins to read an export of the last hour.
async fn begin_export(desk: &Desk) -> BodyDataStream {
    let path = "/api/v1/queries/export?since=1h&format=jsonl";
    let answer = desk.send(request(path)).await;
    assert_eq!(answer.status(), StatusCode::OK);
    answer.into_body().into_data_stream()
}

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
async fn the_whole_journal_is_emptied_and_the_devices_stay() {
    let desk = Desk::new().await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let phone = id(desk.ask(now_ms, PHONE, "metrics.acme.example.com"));
    desk.ask(now_ms, TABLET, "www.home.example");
    let path = format!("/api/v1/devices/{phone}");
    let begun = desk.delete("/api/v1/journal").await;
    assert_eq!(begun.status, StatusCode::ACCEPTED, "{}", begun.text);
    while desk.json("journal").await["deleting"] == true {
        tokio::task::yield_now().await;
    }
    let page = desk.json("queries?since=1h").await;
    assert_eq!(page["items"], serde_json::json!([]));
    assert_eq!(desk.json("summary?since=1h").await["totals"]["block"], 0);
    assert_eq!(desk.get(&path).await.json()["queries"], 0);
    let later_ms = jiff::Timestamp::now().as_millisecond();
    desk.ask(later_ms, PHONE, "later.example");
    let page = desk.json("queries?since=1h").await;
    assert_eq!(page["items"].as_array().unwrap().len(), 1);
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

#[tokio::test]
async fn an_export_that_cannot_be_read_to_the_end_breaks_off() {
    let desk = Desk::new().await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for number in 0..12_000 {
        desk.ask(now_ms - 12_000 + number, TABLET, "www.home.example");
    }
    desk.journal.flush().await;
    let mut export = begin_export(&desk).await;
    assert!(export.next().await.unwrap().is_ok());
    desk.store.close().await;
    let rest: Vec<_> = export.collect().await;
    assert!(rest.last().unwrap().is_err());
}

#[tokio::test]
async fn an_export_beside_a_deletion_and_merges_has_each_row_that_stays_once() {
    let desk = Desk::new().await;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    let from = [PHONE, TABLET, LAPTOP];
    for number in 0..21_000 {
        let name = format!("n{}.home.example", number % 500);
        let from = from[usize::try_from(number % 3).unwrap()];
        desk.ask(now_ms - 100_000 + number, from, &name);
        if number % 3000 == 0 {
            desk.journal.flush().await;
        }
    }
    let mut export = begin_export(&desk).await;
    let mut text = String::new();
    let phone = id(desk.devices.identify(PHONE.parse().unwrap()));
    let history = format!("devices/{phone}/history");
    while let Some(part) = export.next().await {
        text.push_str(std::str::from_utf8(&part.unwrap()).unwrap());
        if !text.contains("n499.home.example") {
            continue;
        }
        desk.delete(&format!("/api/v1/{history}")).await;
        desk.ask(now_ms, TABLET, "later.home.example");
        desk.journal.flush().await;
        while desk.json(&history).await["deleting"] == true {
            tokio::task::yield_now().await;
        }
    }
    let rows: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let (gone, stay): (Vec<&Value>, Vec<&Value>) = rows
        .iter()
        .partition(|row| row["device"]["id"] == phone.as_str());
    assert!(!gone.is_empty() && gone.len() < 7000, "{}", gone.len());
    let times: BTreeSet<&str> = stay.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert_eq!((stay.len(), times.len()), (14_000, 14_000));
}
