//! What the API tells of queries that devices really asked: exact, live, and kept.

use std::io::{BufRead as _, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::StreamExt as _;
use hickory_proto::rr::RecordType;
use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::time::Instant;

use crate::house::{House, question};
use crate::stub::Stub;

const PHONE: &str = "127.0.0.21";
const TELEVISION: &str = "127.0.0.22";
const LAPTOP: &str = "127.0.0.23";

/// Who asks for what, how often.
const ASKED: [(&str, &str, usize); 6] = [
    (PHONE, "tracking.miui.com.", 5),
    (PHONE, "api.account.xiaomi.com.", 3),
    (PHONE, "home.example.", 2),
    (TELEVISION, "open.oneplus.net.", 4),
    (LAPTOP, "www.example.", 7),
    (LAPTOP, "tracking.miui.com.", 1),
];

async fn ask_all(house: &House) {
    for (device, name, times) in ASKED {
        let message = question(name, RecordType::A).to_vec().unwrap();
        for _ in 0..times {
            house.send_bytes(device.parse().unwrap(), &message).await;
        }
    }
}

async fn get(house: &House, path: &str) -> Value {
    get_from(house.app.web()[0], path).await
}

async fn get_from(web: SocketAddr, path: &str) -> Value {
    // The server may be another process, and then nobody has chosen yet.
    squelch::app::choose_crypto();
    let response = reqwest::get(format!("http://{web}/api/v1/{path}"))
        .await
        .unwrap();
    assert!(
        response.status().is_success(),
        "{path}: {}",
        response.text().await.unwrap()
    );
    response.json().await.unwrap()
}

async fn check_totals(house: &House) {
    let totals = get(house, "summary").await["totals"].clone();
    assert_eq!(totals["queries"], 22);
    assert_eq!(totals["block"], 10);
    assert_eq!(totals["watch"], 3);
    assert_eq!(totals["allow"], 9);
}

#[tokio::test]
async fn totals_and_the_exposure_matrix_are_exact() {
    let house = House::start().await;
    ask_all(&house).await;
    check_totals(&house).await;
    let exposure = get(&house, "exposure").await;
    let cell = |address: &str, pack: &str| {
        let rows = exposure["rows"].as_array().unwrap();
        let row = rows
            .iter()
            .find(|row| row["device"]["name"] == address)
            .unwrap();
        let cell = &row["cells"][pack];
        [&cell["queries"], &cell["block"], &cell["watch"]].map(|value| value.as_u64().unwrap_or(0))
    };
    assert_eq!(cell(PHONE, "xiaomi"), [8, 5, 3]);
    assert_eq!(cell(TELEVISION, "oneplus"), [4, 4, 0]);
    assert_eq!(cell(TELEVISION, "xiaomi"), [0, 0, 0]);
    assert_eq!(cell(LAPTOP, "xiaomi"), [1, 1, 0]);
    let summary = get(&house, "summary").await;
    assert_eq!(summary["devices"]["tried"], 3);
}

#[tokio::test]
async fn each_row_says_who_asked_what_and_what_was_done() {
    let house = House::start().await;
    ask_all(&house).await;
    let rows = get(&house, "queries?name=api.account.xiaomi.com&limit=500").await;
    let rows = rows["items"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    for row in rows {
        assert_eq!(row["device"]["name"], PHONE);
        assert_eq!(row["address"], PHONE);
        assert_eq!(row["type"], "A");
        assert_eq!(row["verdict"], "watch");
        assert_eq!(row["pack"], "xiaomi");
        assert_eq!(row["answer"], "NOERROR");
    }
    // Two threads may answer in the same millisecond, so that the order among the rows is open.
    let from = |source: &str| {
        rows.iter()
            .filter(|row| row["source"] == source)
            .collect::<Vec<_>>()
    };
    assert_eq!((from("upstream").len(), from("cache").len()), (1, 2));
    assert!(
        from("upstream")[0]["upstream"]
            .as_str()
            .unwrap()
            .starts_with("udp://127.0.0.1:")
    );
    let blocked = get(&house, "queries?verdict=block&limit=500").await;
    assert_eq!(blocked["items"].as_array().unwrap().len(), 10);
}

#[tokio::test]
async fn a_clean_stop_and_restart_loses_nothing() {
    let house = House::start().await;
    ask_all(&house).await;
    let house = house.restart("").await;
    check_totals(&house).await;
    ask_all(&house).await;
    assert_eq!(get(&house, "summary").await["totals"]["queries"], 44);
    // The devices are the ones they were.
    assert_eq!(
        get(&house, "devices").await["items"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn asking_for_its_health_leaves_no_trace() {
    let house = House::start().await;
    let web = house.app.web()[0];
    let health = reqwest::get(format!("http://{web}/healthz")).await.unwrap();
    assert_eq!(health.text().await.unwrap(), "ok\n");
    assert_eq!(get(&house, "summary").await["totals"]["queries"], 0);
    assert!(
        get(&house, "devices").await["items"]
            .as_array()
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn the_stream_shows_each_query_within_a_second() {
    let house = House::start().await;
    let url = format!("http://{}/api/v1/queries/stream", house.app.web()[0]);
    // On a busy machine it may not be known at once whether there is a password.
    let mut response = reqwest::get(&url).await.unwrap();
    while !response.status().is_success() {
        response = reqwest::get(&url).await.unwrap();
    }
    let mut stream = response.bytes_stream();
    let started = Instant::now();
    ask_all(&house).await;
    let mut told = String::new();
    while told.matches("event: query").count() < 22 {
        let part = tokio::time::timeout(Duration::from_secs(1), stream.next())
            .await
            .unwrap();
        told.push_str(std::str::from_utf8(&part.unwrap().unwrap()).unwrap());
    }
    assert!(started.elapsed() < Duration::from_secs(3));
    assert_eq!(told.matches("\"verdict\":\"block\"").count(), 10);
    assert_eq!(told.matches("\"verdict\":\"watch\"").count(), 3);
}

/// The binary itself, for what cannot be done to a part of this process.
struct Process {
    child: Child,
    dns: SocketAddr,
    web: SocketAddr,
}

impl Process {
    fn start(folder: &std::path::Path, stub: &Stub) -> Self {
        let config = format!(
            "data_dir = \"data\"\n[dns]\nlisten = [\"127.0.0.1:0\"]\nrate_limit.queries_per_second = 0\n[upstream]\nservers = [\"{}\"]\n\
             [packs]\nxiaomi = \"block\"\n[journal]\nflush = \"200ms\"\n[web]\nlisten = [\"127.0.0.1:0\"]\n",
            stub.url("udp")
        );
        let file = folder.join("config.toml");
        std::fs::write(&file, config).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut address = |before: &str| {
            let line = lines
                .find(|line| line.as_ref().unwrap().starts_with(before))
                .unwrap()
                .unwrap();
            let rest = line.strip_prefix(before).unwrap();
            rest.split_whitespace().next().unwrap().parse().unwrap()
        };
        let dns = address("DNS on ");
        let web = address("Dashboard on http://");
        Self { child, dns, web }
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn a_kill_loses_no_more_than_what_was_being_gathered() {
    const FLUSH: Duration = Duration::from_millis(200);
    // Writing takes a moment, too, on a busy machine.
    const SLACK: Duration = Duration::from_millis(800);
    let (folder, stub) = (
        tempfile::tempdir().unwrap(),
        Stub::with_address("192.0.2.99").await,
    );
    let mut process = Process::start(folder.path(), &stub);
    let socket = UdpSocket::bind((IpAddr::from([127, 0, 0, 1]), 0))
        .await
        .unwrap();
    socket.connect(process.dns).await.unwrap();
    let message = question("tracking.miui.com.", RecordType::A)
        .to_vec()
        .unwrap();
    let mut answered = Vec::new();
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(1500) {
        socket.send(&message).await.unwrap();
        socket.recv(&mut [0; 512]).await.unwrap();
        answered.push(started.elapsed());
    }
    process.kill();
    let killed = started.elapsed();
    let process = Process::start(folder.path(), &stub);
    let kept = get_from(process.web, "summary").await["totals"]["block"]
        .as_u64()
        .unwrap();
    let old = answered
        .iter()
        .filter(|at| **at + FLUSH + SLACK < killed)
        .count();
    assert!(old > 0 && kept >= old as u64, "{kept} of {old} are kept");
    assert!(kept <= answered.len() as u64);
}
