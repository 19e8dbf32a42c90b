//! `GET summary`

use super::{DAY, Desk, HOUR, LAPTOP, ON_THE_DAY, PHONE, START, TABLET, id, pretty};

/// A day with something of everything, and one query the day before.
fn fill(desk: &Desk) {
    desk.ask(START - HOUR, PHONE, "metrics.acme.example.com");
    for hour in 0..6 {
        desk.ask(START + hour * HOUR, PHONE, "metrics.acme.example.com");
        desk.ask(
            START + hour * HOUR + 1,
            PHONE,
            "eu.metrics.acme.example.com",
        );
        desk.ask(START + hour * HOUR + 2, LAPTOP, "www.home.example");
    }
    desk.ask(START + 7 * HOUR, TABLET, "track.globex.example.net");
    desk.ask(START + 7 * HOUR, TABLET, "account.metrics.acme.example.com");
    desk.fail(START + 8 * HOUR, LAPTOP, "gone.home.example");
    desk.ask(START + DAY, PHONE, "metrics.acme.example.com");
}

#[tokio::test]
async fn a_summary_tells_all_of_a_day() {
    let desk = Desk::new().await;
    fill(&desk);
    let mut summary = desk.json(&format!("summary?{ON_THE_DAY}")).await;
    summary["series"] = summary["series"]["step_s"].clone();
    insta::assert_snapshot!(pretty(summary, &["as_of"]));
}

#[tokio::test]
async fn the_series_adds_up_to_the_totals() {
    let desk = Desk::new().await;
    fill(&desk);
    for range in [
        ON_THE_DAY,
        "since=2026-11-18T00:30:17Z&until=2026-11-18T07:00:00.001Z",
    ] {
        let summary = desk.json(&format!("summary?{range}")).await;
        let series = &summary["series"];
        for verdict in ["allow", "watch", "block"] {
            let column = series[verdict].as_array().unwrap();
            assert!(column.len() <= 288);
            let sum: u64 = column.iter().map(|one| one.as_u64().unwrap()).sum();
            assert_eq!(sum, summary["totals"][verdict], "{verdict} of {range}");
        }
    }
}

#[tokio::test]
async fn the_end_of_a_range_is_not_part_of_it() {
    let desk = Desk::new().await;
    desk.ask(START, PHONE, "one.home.example");
    desk.ask(START + HOUR, PHONE, "two.home.example");
    let hour = "summary?since=2026-11-18T00:00:00Z&until=2026-11-18T01:00:00Z";
    assert_eq!(desk.json(hour).await["totals"]["queries"], 1);
}

#[tokio::test]
async fn a_summary_of_one_device_leaves_the_others_out() {
    let desk = Desk::new().await;
    fill(&desk);
    let phone = id(desk.devices.identify(PHONE.parse().unwrap()));
    for asked in [phone.as_str(), PHONE] {
        let summary = desk
            .json(&format!("summary?{ON_THE_DAY}&device={asked}"))
            .await;
        assert_eq!(summary["totals"]["queries"], 12);
        assert_eq!(summary["totals"]["block"], 12);
        assert_eq!(summary["before"]["queries"], 1);
        assert_eq!(summary["devices"]["seen"], 1);
        assert_eq!(summary["names"].as_array().unwrap().len(), 2);
        assert_eq!(summary["attention"].as_array().unwrap().len(), 0);
    }
}

#[tokio::test]
async fn what_is_asked_now_is_part_of_a_summary_until_now() {
    let desk = Desk::new().await;
    let now = jiff::Timestamp::now().as_millisecond();
    desk.ask(now, TABLET, "track.globex.example.net");
    let summary = desk.json("summary").await;
    assert_eq!(summary["totals"]["watch"], 1);
    assert_eq!(summary["complete"], true);
}

#[tokio::test]
async fn without_devices_in_the_record_the_sums_stay() {
    let desk = Desk::with("[journal]\nprivacy = \"no_devices\"\n", |_| {}).await;
    fill(&desk);
    let summary = desk.json(&format!("summary?{ON_THE_DAY}")).await;
    assert_eq!(summary["totals"]["queries"], 21);
    assert_eq!(summary["devices"]["seen"], 0);
    let devices = summary["device_totals"].as_array().unwrap();
    assert_eq!(devices.len(), 1);
    assert_eq!(devices[0]["device"]["id"], "");
    assert_eq!(devices[0]["queries"], 21);
}
