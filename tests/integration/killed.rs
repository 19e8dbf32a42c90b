//! The server killed at any moment under load: the next start finds a whole database, all changes
//! that were answered, and all rows but those of the last moment.

#![expect(clippy::print_stdout, reason = "the figures are what is promised")]

use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use hickory_proto::rr::RecordType;
use serde_json::json;
use squelch::config::Config;
use squelch::journal::{Journal, Range, Words};
use squelch::store::Store;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::house::question;

/// How often it is killed here; `KILLS` asks for more.
const KILLS: u64 = 8;
/// The config's `flush`.
const FLUSH: Duration = Duration::from_secs(1);
/// What a busy machine may add to it.
const SLACK: Duration = Duration::from_secs(1);

/// The binary, serving what is in a folder.
pub struct Server {
    child: Child,
    pub dns: SocketAddr,
    pub web: String,
}

impl Server {
    pub fn start(folder: &TempDir) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_squelch"))
            .arg("serve")
            .current_dir(folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = |head: &str| {
            let line = said.next().unwrap().unwrap();
            let told = line.strip_prefix(head).unwrap();
            told.split(' ').next().unwrap().to_owned()
        };
        let (dns, web) = (told("DNS on ").parse().unwrap(), told("Dashboard on "));
        Self { child, dns, web }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn kill(mut self) {
        // SIGKILL: nothing is written on the way out.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Asks one name after the other until told to stop; gives when each was answered.
fn ask_on(dns: SocketAddr, stop: &AtomicBool) -> Vec<Instant> {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.connect(dns).unwrap();
    let patience = Some(Duration::from_millis(500));
    socket.set_read_timeout(patience).unwrap();
    let mut answered = Vec::new();
    let mut packet = [0; 4096];
    for number in 0_u32.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let name = format!("n{}.telemetry.example.", number % 300);
        let query = question(&name, RecordType::A).to_vec().unwrap();
        // The server may just have been killed.
        if socket.send(&query).is_ok() && socket.recv(&mut packet).is_ok() {
            answered.push(Instant::now());
        }
        if number.is_multiple_of(20) {
            thread::yield_now();
        }
    }
    answered
}

/// Adds rules until the server is gone; gives those that it said it had.
async fn change_on(web: String, round: u64) -> Vec<String> {
    let client = reqwest::Client::new();
    let mut kept = Vec::new();
    for number in 0_u32.. {
        let text = format!("||r{number}.k{round}.example^");
        let wish = json!({ "match": text });
        let sent = client
            .post(format!("{web}/api/v1/rules"))
            .json(&wish)
            .send();
        match sent.await {
            Ok(answer) if answer.status().is_success() => kept.push(text),
            Ok(answer) => panic!("{}", answer.status()),
            Err(_) => break,
        }
    }
    kept
}

/// When the journal goes on from what is on disk: what is asked before waits for that in memory.
async fn when_ready(web: String) -> Option<Instant> {
    let client = reqwest::Client::new();
    loop {
        let sent = client.get(format!("{web}/api/v1/summary?since=1m")).send();
        let body: serde_json::Value = sent.await.ok()?.json().await.ok()?;
        if body["complete"] == true {
            return Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How many rows the journal has, and the rules of the store.
async fn found(data: &Path) -> (u64, Vec<String>) {
    let store = Store::open(data).await.unwrap();
    let mut reading = store.read().await.unwrap();
    let rules = reading.rules().all().await.unwrap();
    drop(reading);
    let words = Words {
        entry: Box::new(|_, _| None),
        upstream: Box::new(|_| None),
        device: Box::new(|device| device),
    };
    let config = Config::default().journal;
    let (journal, mut writer) = Journal::new(&config, store.clone(), words);
    let all = Range {
        since_ms: 0,
        until_ms: i64::MAX / 2,
    };
    writer.turn(jiff::Timestamp::now().as_millisecond()).await;
    let (counts, extent) = journal.counts(all, None).await;
    assert!(extent.complete);
    assert_eq!(journal.damaged(), 0);
    store.close().await;
    (
        counts.queries(),
        rules.into_iter().map(|rule| rule.text).collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_any_moment_it_loses_no_change_and_only_the_rows_of_the_last_moment() {
    squelch::app::choose_crypto();
    let kills = std::env::var("KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let config = "[dns]\nlisten = [\"127.0.0.1:0\"]\nrate_limit = { queries_per_second = 0, burst = 0 }\n\
        [journal]\nflush = \"1s\"\n[web]\nlisten = [\"127.0.0.1:0\"]\n\
        [[rule]]\nmatch = \"||telemetry.example^\"\n";
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let data = folder.path().join("data");
    let (mut rows, mut rules, mut worst) = (0, Vec::new(), 0);
    for round in 0..kills {
        let server = Server::start(&folder);
        let stop = Arc::new(AtomicBool::new(false));
        let (dns, until) = (server.dns, Arc::clone(&stop));
        let asking = thread::spawn(move || ask_on(dns, &until));
        let mut changing = tokio::task::JoinSet::new();
        changing.spawn(change_on(server.web.clone(), round));
        let mut readying = tokio::task::JoinSet::new();
        readying.spawn(when_ready(server.web.clone()));
        // Any moment from the start to the fourth flush, the same in each run.
        let moment = 100 + round.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 4000;
        tokio::time::sleep(Duration::from_millis(moment)).await;
        server.kill();
        let killed = Instant::now();
        stop.store(true, Ordering::Relaxed);
        let answered = asking.join().unwrap();
        rules.extend(changing.join_all().await.into_iter().flatten());
        let ready = readying.join_all().await.into_iter().flatten().next();
        let kept_by = |at: Instant| ready.map(|ready| at.max(ready) + FLUSH + SLACK);
        let promised = answered.iter();
        let promised = promised.filter(|at| kept_by(**at).is_some_and(|by| by < killed));
        let (has, has_rules) = found(&data).await;
        let promised = rows + promised.count() as u64;
        assert!(has >= promised, "round {round}: {has} rows of {promised}");
        let lost: Vec<_> = rules
            .iter()
            .filter(|rule| !has_rules.contains(rule))
            .collect();
        assert!(lost.is_empty(), "round {round}: {lost:?}");
        worst = worst.max((rows + answered.len() as u64).saturating_sub(has));
        rows = has;
    }
    let files = std::fs::read_dir(&data)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let aside = files.filter(|name| name.to_string_lossy().contains(".broken-"));
    assert_eq!(aside.count(), 0, "no database was moved aside");
    println!(
        "{kills} kills: {rows} rows, {} rules; at most {worst} rows lost",
        rules.len()
    );
}

/// Asks once, from this address.
fn ask_from(address: &str, dns: SocketAddr) {
    let socket = UdpSocket::bind((address, 0)).unwrap();
    socket.connect(dns).unwrap();
    let patience = Some(Duration::from_secs(5));
    socket.set_read_timeout(patience).unwrap();
    let query = question("a.telemetry.example.", RecordType::A);
    socket.send(&query.to_vec().unwrap()).unwrap();
    socket.recv(&mut [0; 4096]).unwrap();
}

/// The number of the device that has this address.
async fn device_at(web: &str, address: &str) -> String {
    let path = format!("{web}/api/v1/devices");
    let body: serde_json::Value = reqwest::get(path).await.unwrap().json().await.unwrap();
    let devices = body["items"].as_array().unwrap();
    let has_it = |device: &&serde_json::Value| {
        let addresses = device["addresses"].as_array().unwrap();
        addresses.iter().any(|one| one == address)
    };
    let device = devices.iter().find(has_it).unwrap();
    device["id"].as_str().unwrap().to_owned()
}

/// The numbers that are on disk, and what they belong to.
async fn saved(store: &Store) -> Vec<(u32, String)> {
    let rows = store.read().await.unwrap().devices().all().await.unwrap();
    rows.into_iter().map(|row| (row.id.0, row.key)).collect()
}

async fn on_disk(folder: &TempDir) -> Vec<(u32, String)> {
    let store = Store::open(&folder.path().join("data")).await.unwrap();
    let saved = saved(&store).await;
    store.close().await;
    saved
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_a_change_or_a_row_speaks_of_is_of_no_other_device_after_a_kill() {
    squelch::app::choose_crypto();
    let folder = tempfile::tempdir().unwrap();
    let config = "[dns]\nlisten = [\"127.0.0.1:0\"]\n[journal]\nflush = \"1s\"\n\
        [web]\nlisten = [\"127.0.0.1:0\"]\n[[rule]]\nmatch = \"||telemetry.example^\"\n";
    std::fs::write(folder.path().join("config.toml"), config).unwrap();
    let server = Server::start(&folder);
    when_ready(server.web.clone()).await;
    ask_from("127.0.0.2", server.dns);
    let first = device_at(&server.web, "127.0.0.2").await;
    let rule = json!({ "match": "||games.example^", "device": first });
    let sent = reqwest::Client::new()
        .post(format!("{}/api/v1/rules", server.web))
        .json(&rule)
        .send();
    assert!(sent.await.unwrap().status().is_success());
    server.kill();
    let kept = on_disk(&folder).await;
    assert_eq!(kept, [(1, "ip:127.0.0.2".to_owned())]);

    let server = Server::start(&folder);
    when_ready(server.web.clone()).await;
    ask_from("127.0.0.3", server.dns);
    assert_ne!(device_at(&server.web, "127.0.0.3").await, first);
    // With its row in the journal: devices that nothing speaks of are saved ten seconds after.
    let (data, asked) = (folder.path().join("data"), Instant::now());
    let reader = Store::open(&data).await.unwrap();
    while saved(&reader).await.len() < 2 {
        assert!(asked.elapsed() < FLUSH + SLACK * 5);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    reader.close().await;
    server.kill();
    let kept = on_disk(&folder).await;
    assert_eq!(kept.get(1), Some(&(2, "ip:127.0.0.3".to_owned())));
}
