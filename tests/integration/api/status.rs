//! `GET status`

use serde_json::json;
use squelch::api::UpstreamStatus;

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
    }
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
