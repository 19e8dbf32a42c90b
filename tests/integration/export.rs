//! Clients that leave, or stop to read, in the middle of an export: nothing of it stays, and others
//! do not notice.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::thread;
use std::time::Duration;

use squelch::config::Config;
use squelch::journal::{Journal, Words};
use squelch::query::{DeviceId, Event, Rcode, RecordType, Source, Transport, Verdict};
use squelch::store::Store;
use tokio::time::Instant;

use crate::house::question;
use crate::killed::Server;

/// A multiple of what the sockets' buffers hold.
const ROWS: i64 = 200_000;
const CLIENTS: usize = 6;
/// More than anything here should take.
const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = "[dns]\nlisten = [\"127.0.0.1:0\"]\n[web]\nlisten = [\"127.0.0.1:0\"]\n\
    [[record]]\nname = \"nas.home.arpa\"\nvalue = \"192.0.2.10\"\n";

/// A journal of the last hour.
async fn fill(data: &Path) {
    let words = Words {
        entry: Box::new(|_, _| None),
        upstream: Box::new(|_| None),
        device: Box::new(|device| device),
    };
    let store = Store::at(data);
    let (journal, mut writer) = Journal::new(&Config::default().journal, store.clone(), words);
    let recorder = journal.recorder();
    let now_ms = jiff::Timestamp::now().as_millisecond();
    for number in 0..ROWS {
        recorder.record(&Event {
            at_ms: now_ms - 3_600_000 + number,
            device: DeviceId(1),
            address: "192.0.2.7".parse().unwrap(),
            name: "www.home.example".parse().unwrap(),
            kind: RecordType::A,
            verdict: Verdict::Allow(None),
            source: Source::Cache,
            rcode: Rcode::NOERROR,
            transport: Transport::Udp,
            took_us: 9,
        });
        if number % 5000 == 4999 {
            while !writer.turn(now_ms).await {}
        }
    }
    writer.flush(now_ms).await;
    assert_eq!(journal.lost(), 0);
    store.close().await;
}

/// Asks for everything, and reads the beginning.
fn begin(web: SocketAddr) -> TcpStream {
    let mut client = TcpStream::connect(web).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    let path = "/api/v1/queries/export?since=1d&format=jsonl";
    write!(client, "GET {path} HTTP/1.1\r\nhost: {web}\r\n\r\n").unwrap();
    let mut begun = vec![0; 64 << 10];
    client.read_exact(&mut begun).unwrap();
    let text = String::from_utf8_lossy(&begun);
    assert!(text.starts_with("HTTP/1.1 200 OK"), "{text:.200}");
    assert!(text.contains("www.home.example"));
    client
}

fn is_answered(dns: SocketAddr) -> bool {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let kind = hickory_proto::rr::RecordType::A;
    let query = question("nas.home.arpa.", kind).to_vec().unwrap();
    socket.send_to(&query, dns).unwrap();
    socket.recv(&mut [0; 512]).is_ok()
}

/// How many sockets a process has open.
fn sockets(process: u32) -> usize {
    let files = fs::read_dir(format!("/proc/{process}/fd")).unwrap();
    let targets = files.filter_map(|file| fs::read_link(file.ok()?.path()).ok());
    let is_socket = |path: &std::path::PathBuf| path.to_string_lossy().starts_with("socket:");
    targets.filter(is_socket).count()
}

/// The processor's time that a process took, in hundredths of a second.
fn ticks(process: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = rest.split_whitespace().collect();
    fields[11..13]
        .iter()
        .map(|text| text.parse::<u64>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_leaves_an_export_leaves_no_work_and_no_connection_behind() {
    squelch::app::choose_crypto();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
    fill(&folder.path().join("data")).await;
    let server = Server::start(&folder);
    let web: SocketAddr = server.web.strip_prefix("http://").unwrap().parse().unwrap();
    let page = format!("{}/api/v1/queries?since=1d&limit=1", server.web);
    let http = reqwest::Client::builder()
        .pool_max_idle_per_host(0)
        .timeout(PATIENCE)
        .build()
        .unwrap();
    let read = async || http.get(&page).send().await.unwrap().status();
    assert_eq!(read().await, 200);
    drop(begin(web));
    let before = sockets(server.id());
    // As many as they are, and as slowly as they read, nobody else waits for them.
    let clients: Vec<TcpStream> = (0..CLIENTS).map(|_| begin(web)).collect();
    assert!(sockets(server.id()) >= CLIENTS);
    assert!(is_answered(server.dns));
    assert_eq!(read().await, 200);
    drop(clients);
    assert!(is_answered(server.dns));
    let began = Instant::now();
    loop {
        let worked = ticks(server.id());
        thread::sleep(Duration::from_millis(200));
        let is_idle = ticks(server.id()) - worked <= 2;
        if is_idle && sockets(server.id()) <= before {
            break;
        }
        assert!(
            began.elapsed() < PATIENCE,
            "{} sockets",
            sockets(server.id())
        );
    }
    assert_eq!(read().await, 200);
    assert!(is_answered(server.dns));
    server.kill();
}
