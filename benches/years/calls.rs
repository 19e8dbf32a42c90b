//! The calls of the dashboard, alone and beside queries.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use super::elsewhere;
use super::home::{self, Home};
use super::load::{self, Heard, Pace};
use super::names;
use super::process;
use super::server::{self, Server};

/// Times that each call is made.
const TIMES: usize = 40;
const RANGES: [&str; 3] = ["24h", "7d", "90d"];
const RATE: u32 = 5000;
const LOAD_TIME: Duration = Duration::from_secs(30);
/// A rate that leaves a core time, and how long it lasts.
const FAST: u32 = 20_000;
const FAST_TIME: Duration = Duration::from_secs(10);
/// What a page of 90 days asks for.
const LONG: [&str; 3] = [
    "summary?since=90d",
    "exposure?since=90d",
    "devices/d5?since=90d",
];

/// Times all calls, and says how far each looked.
pub async fn all(folder: &Path, home: &Home) {
    let server = Server::start(folder).await;
    println!(
        "memory after the start: {:.1} MB",
        server.process.resident_mb()
    );
    println!("| call | p50, ms | p95, ms | KB | looked back to | rows |");
    println!("| --- | ---: | ---: | ---: | --- | ---: |");
    for range in RANGES {
        for what in ["summary", "exposure", "devices/d5", "devices"] {
            time(&server, &format!("{what}?since={range}")).await;
        }
    }
    for filter in filters(home) {
        time(&server, &format!("queries?since=450d&limit=100&{filter}")).await;
    }
    println!(
        "memory after the calls: {:.1} MB",
        server.process.resident_mb()
    );
}

/// Filters of the log: from what is everywhere to what is nowhere.
fn filters(home: &Home) -> Vec<String> {
    let seldom = (home::NAMES - 900..home::NAMES)
        .find(|rank| !home.is_covered(*rank))
        .unwrap();
    let often = (0..home::NAMES)
        .find(|rank| home.is_covered(*rank))
        .unwrap();
    vec![
        String::new(),
        "device=d20".to_owned(),
        "verdict=block".to_owned(),
        "verdict=failed".to_owned(),
        "verdict=failed&device=d20".to_owned(),
        "type=HTTPS&device=d9".to_owned(),
        "type=TXT".to_owned(),
        format!("name=%3D{}", home.name(often)),
        format!("name=%3D{}", home.name(seldom)),
        format!("name=%3D{}&device=d20", home.name(seldom)),
        "name=click&verdict=block".to_owned(),
        "name=no-such-name".to_owned(),
        "vendor=xiaomi".to_owned(),
        "list=list-2&device=d2".to_owned(),
    ]
}

async fn time(server: &Server, what: &str) {
    let first = server.call(what).await;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        times.push(server.call(what).await.took.as_secs_f64() * 1000.0);
    }
    let (half, most) = half_and_most(&mut times);
    let reached = first.body["reached"]
        .as_str()
        .map_or("", |text| &text[..16]);
    let rows = first.body["items"].as_array().map_or(0, Vec::len);
    println!(
        "| {what} | {half:.1} | {most:.1} | {:.0} | {reached} | {rows} |",
        first.bytes as f64 / 1024.0,
    );
    assert!(
        first.body["complete"] != Value::Null || what.contains("devices"),
        "{what}"
    );
}

/// What half of the times are within, and what 95 of a hundred are.
fn half_and_most(times: &mut [f64]) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[times.len() / 2], times[times.len() * 95 / 100])
}

/// Queries at a high rate with one core for the server and one for what asks: of the bare echo, of the
/// server, and of the server while pages of 90 days are read without a pause.
pub async fn beside_long_reads(folder: &Path, home: &Home) {
    let queries = names::queries(home);
    let ask = |at| {
        let queries = queries.clone();
        elsewhere::run(move || {
            process::stay_on(1);
            load::udp(at, &queries, Pace::Rate(FAST), FAST_TIME)
        })
    };
    let echo = server::free_port();
    let _echo = server::answering(0, ("echo", echo), folder);
    let server = Arc::new(Server::start_on("0", folder).await);
    ask(server.dns).await.unwrap();
    for round in 1..=3 {
        tell(&format!("{round}: echo"), &ask(echo).await.unwrap());
        tell(&format!("{round}: quiet"), &ask(server.dns).await.unwrap());
        let (reading, stop) = read(&server, LONG.map(str::to_owned).to_vec());
        let beside = ask(server.dns).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        tell(&format!("{round}: beside 90 days"), &beside);
        tell_calls(&round.to_string(), reading.join_all().await);
    }
}

/// Queries at a steady rate, first alone, then beside a dashboard that asks without a pause.
pub async fn beside_load(folder: &Path, home: &Home) {
    let server = Arc::new(Server::start(folder).await);
    let queries = names::queries(home);
    let dns = server.dns;
    let ask = move |time| {
        let queries = queries.clone();
        elsewhere::run(move || load::udp(dns, &queries, Pace::Rate(RATE), time))
    };
    ask(Duration::from_secs(5)).await.unwrap();
    for round in 1..=2 {
        let quiet = ask(LOAD_TIME).await.unwrap();
        tell(&format!("{round}: quiet"), &quiet);
        let (reading, stop) = read(&server, everything());
        let beside = ask(LOAD_TIME).await.unwrap();
        stop.store(true, Ordering::Relaxed);
        tell(&format!("{round}: beside the calls"), &beside);
        tell_calls(&round.to_string(), reading.join_all().await);
    }
}

/// What the pages of all ranges ask for.
fn everything() -> Vec<String> {
    let ranges = ["summary", "exposure", "devices/d5"]
        .into_iter()
        .flat_map(|what| RANGES.map(|range| format!("{what}?since={range}")));
    let mut whats: Vec<String> = ranges.collect();
    whats.push("queries?since=450d&name=no-such-name".to_owned());
    whats
}

/// How long each call took, in milliseconds.
type Times = BTreeMap<String, Vec<f64>>;

/// Makes all these calls again and again, until it is stopped.
fn read(server: &Arc<Server>, whats: Vec<String>) -> (JoinSet<Times>, Arc<AtomicBool>) {
    let stop = Arc::new(AtomicBool::new(false));
    let (server, is_over) = (Arc::clone(server), Arc::clone(&stop));
    let mut reading = JoinSet::new();
    reading.spawn(async move {
        let mut calls = Times::new();
        while !is_over.load(Ordering::Relaxed) {
            for what in &whats {
                let took = server.call(what).await.took.as_secs_f64() * 1000.0;
                calls.entry(what.clone()).or_default().push(took);
            }
        }
        calls
    });
    (reading, stop)
}

fn tell_calls(run: &str, calls: Vec<Times>) {
    for (what, mut times) in calls.into_iter().flatten() {
        let (half, most) = half_and_most(&mut times);
        println!(
            "{run}: {what}: {} calls, p50 {half:.1}, p95 {most:.1} ms",
            times.len()
        );
    }
}

fn tell(run: &str, heard: &Heard) {
    println!(
        "{run}: {:.0} q/s, lost {}, failed {}; p50 {:.3}, p99 {:.3}, p99.9 {:.3} ms",
        heard.rate,
        heard.lost,
        heard.failed,
        heard.within(0.5) / 1000.0,
        heard.within(0.99) / 1000.0,
        heard.within(0.999) / 1000.0,
    );
}
