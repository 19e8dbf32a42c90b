//! The web server under the router: how long it waits, and how it stops.

use std::net::SocketAddr;
use std::time::Duration;

use squelch::api;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::Desk;

/// A served desk.
struct Served {
    desk: Desk,
    address: SocketAddr,
    tasks: JoinSet<std::io::Result<()>>,
}

impl Served {
    async fn new() -> Self {
        let desk = Desk::new().await;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(api::serve(
            listener,
            256,
            desk.router.clone(),
            desk.stop.clone(),
        ));
        Self {
            desk,
            address,
            tasks,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends a head, and reads until there is an empty line.
    async fn begin(&self, path: &str) -> (TcpStream, String) {
        let mut stream = self.connect().await;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut told = String::new();
        while !told.contains("\r\n\r\n") {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "{told}");
            told += std::str::from_utf8(&bytes[..length]).unwrap();
        }
        (stream, told)
    }
}

#[tokio::test]
async fn a_request_is_answered_over_a_socket() {
    let served = Served::new().await;
    let (_, told) = served.begin("/api/v1/status").await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn half_a_request_is_cut_off_within_30_seconds() {
    let served = Served::new().await;
    for half in ["", "GET /api/v1/sta", "GET / HTTP/1.1\r\nHost: 127.0"] {
        let mut stream = served.connect().await;
        stream.write_all(half.as_bytes()).await.unwrap();
        let began = Instant::now();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).await.unwrap();
        assert!(began.elapsed() <= Duration::from_secs(30), "{half}");
    }
}

#[tokio::test]
async fn streams_and_idle_connections_end_with_the_stop() {
    let mut served = Served::new().await;
    let idle = served.connect().await;
    let (mut stream, told) = served.begin("/api/v1/queries/stream").await;
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
    served.desk.stop.cancel();
    let mut rest = Vec::new();
    let end = stream.read_to_end(&mut rest);
    timeout(Duration::from_secs(2), end).await.unwrap().unwrap();
    let ended = timeout(Duration::from_secs(3), served.tasks.join_next()).await;
    ended.unwrap().unwrap().unwrap().unwrap();
    drop(idle);
}

#[tokio::test]
async fn more_connections_than_there_is_room_for_wait_for_their_turn() {
    let served = Served::new().await;
    let mut held = Vec::new();
    for _ in 0..256 {
        held.push(served.connect().await);
    }
    let waiting = served.begin("/api/v1/status");
    let early = timeout(Duration::from_millis(200), waiting).await;
    assert!(early.is_err());
    held.pop();
    let (_, told) = timeout(Duration::from_secs(5), served.begin("/api/v1/status"))
        .await
        .unwrap();
    assert!(told.starts_with("HTTP/1.1 200 OK\r\n"), "{told}");
}
