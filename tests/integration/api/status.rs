//! `GET status`

use serde_json::json;
use squelch::api::{UpstreamMore, UpstreamStatus};

use super::{Desk, ON_THE_DAY, PHONE, START, TABLET, pretty};

fn upstream(id: usize, usable: bool) -> UpstreamStatus {
    UpstreamStatus {
        id,
        server: format!("udp://192.0.2.{}", 250 + id),
        asked: 10,
        failed: 3,
        usable,
        last_error: (!usable).then(|| "no answer in 2 s".to_owned()),
        last_latency_us: Some(1200),
        more: UpstreamMore {
            average_latency_us: Some(1300),
            failed_at_ms: Some(START),
            failures: vec![("timeout", 2), ("certificate", 1)],
            latency: vec![(Some(1_000), 0), (Some(2_000), 7), (None, 0)],
            latency_sum_us: 8_400,
        },
    }
}

#[tokio::test]
async fn each_upstream_is_told_with_its_latencies_and_failures() {
    let desk = Desk::new().await;
    *desk.upstreams.lock().unwrap() = vec![upstream(0, true), upstream(1, false)];
    let upstreams = desk.json("upstreams").await["upstreams"].clone();
    assert_eq!(
        upstreams[1],
        json!({
            "id": 1, "server": "udp://192.0.2.251", "asked": 10, "failed": 3, "usable": false,
            "last_error": "no answer in 2 s", "last_error_at": "2026-11-18T00:00:00.000Z",
            "last_latency_us": 1200, "average_latency_us": 1300,
            "failures": { "timeout": 2, "certificate": 1 },
            "latency": [
                { "up_to_us": 1000, "answers": 0 },
                { "up_to_us": 2000, "answers": 7 },
                { "up_to_us": null, "answers": 0 },
            ],
        })
    );
}

#[tokio::test]
async fn the_status_tells_how_the_server_is() {
    let desk = Desk::new().await;
    *desk.upstreams.lock().unwrap() = vec![upstream(0, true), upstream(1, false)];
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask(START, PHONE, "www.home.example");
    desk.ask(START, TABLET, "track.globex.example.net");
    desk.fail(START, TABLET, "gone.home.example");
    let status = desk.json("status").await;
    assert!(status["uptime_s"].as_u64().unwrap() < 3600);
    assert!(status["started_at"].as_str() <= status["now"].as_str());
    insta::assert_snapshot!(pretty(status, &["started_at", "now", "uptime_s"]));
}

#[tokio::test]
async fn a_disk_that_fails_is_told_and_queries_are_shown_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    // A file stands where the folder should be.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let desk = Desk::with(
        &format!("data_dir = \"{}\"\n", file.join("data").display()),
        |_| {},
    )
    .await;
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.journal.flush().await;
    let status = desk.json("status").await;
    assert_eq!(status["journal"]["state"], "stopped");
    assert_eq!(status["problems"][0]["id"], "journal");
    assert_eq!(status["problems"][0]["severity"], "error");
    let problem = status["journal"]["problem"].as_str().unwrap();
    let detail = status["problems"][0]["detail"].as_str().unwrap();
    assert!(detail.starts_with(problem), "{detail}");
    let page = desk.json(&format!("queries?{ON_THE_DAY}")).await;
    assert_eq!(page["items"][0]["name"], "metrics.acme.example.com");
    assert_eq!(page["complete"], false);
}

#[tokio::test]
async fn a_journal_that_is_off_says_so() {
    let config = "[packs]\nacme = \"block\"\n[journal]\nprivacy = \"off\"\n";
    let desk = Desk::with(config, |_| {}).await;
    desk.ask(START, PHONE, "metrics.acme.example.com");
    let status = desk.json("status").await;
    assert_eq!(status["journal"]["state"], "off");
    assert_eq!(status["journal"]["privacy"], "off");
    assert_eq!(status["queries"]["block"], 1);
    assert_eq!(desk.json("queries?since=9999d").await["items"], json!([]));
}
