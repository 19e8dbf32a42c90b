//! The process among floods and signals: what it is short of, and how it ends.

#![expect(clippy::print_stdout, reason = "the figures are what is promised")]

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::ops::Range;
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use hickory_proto::op::{Message, ResponseCode};
use hickory_proto::rr::RecordType;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UdpSocket};
use tokio::sync::Semaphore;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, timeout};

use crate::house::{question, read_frame, told, write_frame};
use crate::stub::{Reaction, Stub};

/// More than any test should take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The binary, serving over a stub.
struct Server {
    child: Child,
    dns: SocketAddr,
    log: BufReader<ChildStderr>,
    folder: Option<TempDir>,
    web: String,
    said: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts it with these options of `ulimit`, for its open files.
    fn start(stub: &Stub, limit: &str) -> Self {
        Self::start_with(stub, limit, &[])
    }

    /// The same, with these variables for its config.
    fn start_with(stub: &Stub, limit: &str, variables: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), stub, limit, variables)
    }

    /// The same, on what is in this folder.
    fn start_in(folder: TempDir, stub: &Stub, limit: &str, variables: &[(&str, &str)]) -> Self {
        write_config(&folder, stub, "oneplus = \"block\"");
        let mut child = Command::new("sh")
            .args(["-c", "ulimit $0; exec \"$1\" serve", limit])
            .arg(env!("CARGO_BIN_EXE_squelch"))
            .current_dir(folder.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.strip_prefix("DNS on ").unwrap();
        let dns = address.split(' ').next().unwrap().parse().unwrap();
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let web = line
            .trim()
            .strip_prefix("Dashboard on ")
            .unwrap()
            .to_owned();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self {
            child,
            dns,
            web,
            log,
            folder: Some(folder),
            said: Some(said),
        }
    }

    async fn ask(&self, name: &str) -> Message {
        ask(self.dns, name).await
    }

    /// How much memory it has, in bytes; without what the system can read again from the binary,
    /// of which more is in memory the more of its code has run.
    fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).unwrap();
        let line = status.lines().find(|line| line.starts_with("RssAnon:"));
        let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
        kilobytes.parse::<u64>().unwrap() * 1024
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    /// Reads the log until a line has this text, and gives what was read.
    fn read_log_to(&mut self, text: &str) -> String {
        let mut read = String::new();
        while !read.contains(text) {
            assert_ne!(self.log.read_line(&mut read).unwrap(), 0, "{read}");
        }
        read
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write_config(folder: &TempDir, stub: &Stub, packs: &str) {
    let text = format!(
        "[dns]\nlisten = [\"127.0.0.1:0\"]\n[upstream]\nservers = [\"{}\"]\n\
         [packs]\n{packs}\n[web]\nlisten = [\"127.0.0.1:0\"]\n",
        stub.url("udp"),
    );
    std::fs::write(folder.path().join("config.toml"), text).unwrap();
}

async fn ask(dns: SocketAddr, name: &str) -> Message {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    socket.connect(dns).await.unwrap();
    let message = question(name, RecordType::A).to_vec().unwrap();
    socket.send(&message).await.unwrap();
    let mut answer = [0; 4096];
    let received = timeout(PATIENCE, socket.recv(&mut answer)).await;
    Message::from_vec(&answer[..received.unwrap().unwrap()]).unwrap()
}

#[tokio::test]
async fn connections_do_not_take_the_descriptors_that_upstreams_need() {
    let stub = Stub::with_address("192.0.2.99").await;
    let server = Server::start(&stub, "-n 128");
    let mut connections = Vec::new();
    for _ in 0..200 {
        connections.push(TcpStream::connect(server.dns).await.unwrap());
    }
    for number in 0..20 {
        let answer = server.ask(&format!("n{number}.example.")).await;
        assert_eq!(told(&answer).1, ["192.0.2.99"]);
    }
}

#[tokio::test]
async fn a_device_that_forgets_its_connections_is_served_on_new_ones() {
    let stub = Stub::with_address("192.0.2.99").await;
    let server = Server::start(&stub, "-n 256");
    let message = question("home.example.", RecordType::A).to_vec().unwrap();
    let mut forgotten = Vec::new();
    for _ in 0..300 {
        let mut stream = TcpStream::connect(server.dns).await.unwrap();
        write_frame(&mut stream, &message).await;
        let answer = timeout(PATIENCE, read_frame(&mut stream)).await.unwrap();
        assert_eq!(told(&answer).1, ["192.0.2.99"]);
        forgotten.push(stream);
    }
}

#[tokio::test]
async fn hundreds_of_hanging_names_do_not_hold_up_another() {
    let arrived = Arc::new(Semaphore::new(0));
    let hangs = Arc::clone(&arrived);
    let stub = Stub::start(move |asked| {
        if asked.name.starts_with("hangs") {
            hangs.add_permits(1);
            return Reaction::Silence;
        }
        asked.with_address("192.0.2.99")
    })
    .await;
    let server = Server::start(&stub, "-Sn 1024");
    let mut hanging = JoinSet::new();
    let dns = server.dns;
    for number in 0..600 {
        hanging.spawn(async move { ask(dns, &format!("hangs.n{number}.example.")).await });
    }
    let _ = timeout(PATIENCE, arrived.acquire_many(400)).await.unwrap();
    assert_eq!(told(&server.ask("home.example.").await).1, ["192.0.2.99"]);
    while let Some(answer) = hanging.join_next().await {
        let code = answer.unwrap().metadata.response_code;
        assert_eq!(code, ResponseCode::ServFail);
    }
}

#[tokio::test]
async fn it_ends_in_time_although_a_device_does_not_read_its_answers() {
    let stub =
        Stub::start(|asked| Reaction::Records(vec![asked.address("192.0.2.99"); 1000])).await;
    let mut server = Server::start(&stub, "-Sn 1024");
    let mut stream = TcpStream::connect(server.dns).await.unwrap();
    let message = question("long.example.", RecordType::A).to_vec().unwrap();
    let mut frame = u16::try_from(message.len()).unwrap().to_be_bytes().to_vec();
    frame.extend_from_slice(&message);
    let frames = frame.repeat(1000);
    // Until the server takes no more, because nobody reads what it has.
    while let Ok(written) = timeout(Duration::from_millis(500), stream.write_all(&frames)).await {
        written.unwrap();
    }
    let asked = Instant::now();
    server.signal(Signal::SIGTERM);
    let status = spawn_blocking(move || {
        let status = server.child.wait();
        drop(server);
        status
    });
    assert_eq!(status.await.unwrap().unwrap().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(5));
    drop(stream);
}

#[tokio::test]
async fn it_ends_cleanly_although_nobody_reads_what_it_says() {
    let stub = Stub::with_address("192.0.2.99").await;
    let mut server = Server::start(&stub, "-Sn 1024");
    // It is there for as long as the database is open.
    let wal = server
        .folder
        .as_ref()
        .unwrap()
        .path()
        .join("data/squelch.db-wal");
    let opened = async {
        while !wal.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, opened).await.unwrap();
    server.said = None;
    server.signal(Signal::SIGTERM);
    let ended = spawn_blocking(move || (server.child.wait(), server));
    let (status, _server) = ended.await.unwrap();
    assert_eq!(status.unwrap().code(), Some(0));
    assert!(!wal.exists(), "the database was not closed");
}

#[tokio::test]
async fn a_reloaded_config_holds_only_if_it_would_start() {
    let stub = Stub::with_address("192.0.2.99").await;
    let mut server = Server::start(&stub, "-Sn 1024");
    assert_eq!(told(&server.ask("open.oneplus.net.").await).1, ["0.0.0.0"]);
    for wrong in ["onepluss = \"watch\"", "oneplus = 3"] {
        write_config(
            server.folder.as_ref().unwrap(),
            &stub,
            &format!("default = \"off\"\n{wrong}"),
        );
        server.signal(Signal::SIGHUP);
        let told_why = server.read_log_to("the one before stays in force");
        assert!(told_why.contains("config.toml"), "{told_why}");
        assert_eq!(told(&server.ask("open.oneplus.net.").await).1, ["0.0.0.0"]);
    }
    let folder = server.folder.as_ref().unwrap();
    write_config(folder, &stub, "oneplus = \"watch\"");
    server.signal(Signal::SIGHUP);
    let log = server.read_log_to("are in force");
    assert!(!log.contains('\x1b'), "{log}");
    let answer = server.ask("open.oneplus.net.").await;
    assert_eq!(told(&answer).1, ["192.0.2.99"]);
}

#[tokio::test]
async fn lists_come_and_go_with_a_reloaded_config() {
    let stub = Stub::with_address("192.0.2.99").await;
    let mut server = Server::start(&stub, "-Sn 1024");
    let folder = server.folder.as_ref().unwrap().path().to_owned();
    let config = folder.join("config.toml");
    let without = std::fs::read_to_string(&config).unwrap();
    let file = folder.join("list.txt");
    std::fs::write(&file, "listed.example\n").unwrap();
    let list = format!(
        "[[list]]\nname = \"mine\"\nsource = \"{}\"\n",
        file.display()
    );
    for (text, expected) in [
        (format!("{without}{list}"), "0.0.0.0"),
        (without.clone(), "192.0.2.99"),
        (format!("{without}{list}"), "0.0.0.0"),
    ] {
        std::fs::write(&config, text).unwrap();
        server.signal(Signal::SIGHUP);
        server.read_log_to("are in force");
        // Rules of lists come into force a moment later, when they are compiled.
        let is_so = async || {
            while told(&server.ask("listed.example.").await).1 != [expected] {}
        };
        timeout(PATIENCE, is_so()).await.unwrap();
    }
}

#[tokio::test]
async fn a_change_that_was_answered_outlives_a_kill() {
    let stub = Stub::with_address("192.0.2.99").await;
    squelch::app::choose_crypto();
    let client = reqwest::Client::new();
    let mut folder = tempfile::tempdir().unwrap();
    for round in 0..4 {
        let mut server = Server::start_in(folder, &stub, "-Sn 1024", &[]);
        let body = format!("{{\"match\": \"||ads{round}.example^\"}}");
        let added = client
            .post(format!("{}/api/v1/rules", server.web))
            .header("content-type", "application/json")
            .body(body);
        assert_eq!(added.send().await.unwrap().status(), 201);
        server.signal(Signal::SIGKILL);
        server.child.wait().unwrap();
        folder = server.folder.take().unwrap();
    }
    let server = Server::start_in(folder, &stub, "-Sn 1024", &[]);
    for round in 0..4 {
        let answer = server.ask(&format!("ads{round}.example.")).await;
        assert_eq!(told(&answer).1, ["0.0.0.0"], "{round}");
    }
    let changes = client.get(format!("{}/api/v1/changes", server.web));
    let changes = changes.send().await.unwrap().text().await.unwrap();
    let changes: serde_json::Value = serde_json::from_str(&changes).unwrap();
    assert_eq!(changes["items"].as_array().unwrap().len(), 4);
}

/// Names that fill what is bounded: the cache, and what the journal keeps of new names.
const FILLING: usize = 22_000;

/// How many names the flood has: as many as are promised with `FLOOD_NAMES=200000`.
fn flood_size() -> usize {
    let size = std::env::var("FLOOD_NAMES");
    size.map_or(36_000, |size| size.parse().unwrap())
}

/// Asks for these names of a flood, a hundred at a time, and between them for a popular one.
async fn flood(server: &Server, names: Range<usize>) {
    let dns = server.dns;
    let asks = stream::iter(names).map(async |number| {
        ask(dns, &format!("x{number}.flood.example.")).await;
        if number % 100 == 0 {
            ask(dns, "popular.example.").await;
        }
    });
    asks.buffer_unordered(100).collect::<()>().await;
}

#[tokio::test]
async fn a_flood_of_random_names_takes_no_more_memory_than_the_cache_may() {
    let stub = Stub::with_address("192.0.2.99").await;
    let variables = [
        ("SQUELCH_DNS__RATE_LIMIT__QUERIES_PER_SECOND", "0"),
        ("SQUELCH_CACHE__MAX_SIZE", "1MB"),
    ];
    let server = Server::start_with(&stub, "-Sn 1024", &variables);
    server.ask("popular.example.").await;
    let before = server.memory();
    let grown = || server.memory().saturating_sub(before);
    flood(&server, 0..FILLING).await;
    let filled = grown();
    flood(&server, FILLING..flood_size()).await;
    let all = grown();
    println!(
        "{FILLING} names: {filled} bytes, {}: {all} bytes",
        flood_size()
    );
    assert!(all < 21_000_000, "{all}");
    // Once what is bounded is full, more names take no more.
    assert!(all - filled.min(all) < 4_000_000, "{filled} {all}");
    let seen = stub.seen();
    let popular = seen.iter().filter(|asked| asked.name == "popular.example");
    assert_eq!(popular.count(), 1);
}

#[tokio::test]
async fn each_query_is_logged_only_where_that_is_wished() {
    let stub = Stub::with_address("192.0.2.99").await;
    let wish = [("RUST_LOG", "squelch=debug")];
    let mut server = Server::start_with(&stub, "-Sn 1024", &wish);
    for (name, verdict) in [("home.example", "allow"), ("open.oneplus.net", "block")] {
        server.ask(&format!("{name}.")).await;
        let log = server.read_log_to(&format!("name={name}"));
        let line = log.lines().last().unwrap();
        assert!(line.contains(&format!("verdict=\"{verdict}\"")), "{line}");
        assert!(line.contains("device=127.0.0.1"), "{line}");
    }
    let mut server = Server::start(&stub, "-Sn 1024");
    server.ask("home.example.").await;
    server.signal(Signal::SIGHUP);
    let log = server.read_log_to("are in force");
    assert!(!log.contains("home.example"), "{log}");
}
