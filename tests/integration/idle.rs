//! TCP connections that nobody uses, or that somebody uses too slowly: closed, and not at once.
//! The clock is paused, so that the seconds pass at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hickory_proto::op::Edns;
use hickory_proto::rr::RecordType;
use hickory_proto::rr::rdata::opt::EdnsOption;
use squelch::cache::Cache;
use squelch::config::{Config, Tls};
use squelch::device::Devices;
use squelch::dns::{self, Certificates, Encryption};
use squelch::journal::{Journal, Words};
use squelch::local::Local;
use squelch::matcher::Live;
use squelch::pipeline::{Pipeline, RateLimiter, Steps};
use squelch::policy::Policy;
use squelch::store::Store;
use squelch::upstream::{Shared, Upstreams};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::house::{question, read_frame, write_frame};

/// What a connection may stay idle for, as edns-tcp-keepalive tells it (RFC 7828 §3.1).
const IDLE: Duration = Duration::from_secs(10);

/// Answers what needs no upstream, on this thread.
async fn with_server(test: impl AsyncFnOnce(SocketAddr)) {
    with_both(async |plain, _| test(plain).await).await;
}

/// The same, over TCP and TLS.
async fn with_both(test: impl AsyncFnOnce(SocketAddr, SocketAddr)) {
    let config = Config::default();
    let folder = tempfile::tempdir().unwrap();
    let words = Words {
        entry: Box::new(|_, _| None),
        upstream: Box::new(|_| None),
        device: Box::new(|device| device),
    };
    let (journal, _writer) = Journal::new(&config.journal, Store::at(folder.path()), words);
    let steps = Steps {
        allow_from: config.dns.allow_from.clone(),
        limiter: RateLimiter::new(config.dns.rate_limit),
        blocking: config.blocking.clone(),
        devices: Arc::new(Devices::new(&[], Vec::new())),
        policy: Policy::new(Arc::new(Live::default())),
        local: Local::new(&config),
        cache: Arc::new(Cache::new(config.cache.clone())),
    };
    let upstreams = Upstreams::new(&config.upstream, Arc::new(Shared::new(&config.upstream)));
    let pipeline = Pipeline::new(Arc::new(steps), upstreams, journal.recorder());
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (mut sockets, addresses) = dns::bind(&[any], 1, 16).unwrap();
    let config = Config {
        data_dir: folder.path().to_owned(),
        ..config
    };
    let tls = Tls {
        certificate: None,
        dot: vec![any],
        doh: vec![any],
        doh3: Vec::new(),
        doq: Vec::new(),
    };
    let certificates = Certificates::open(&tls, &config).unwrap();
    let encryption = Encryption::new(certificates).unwrap();
    let encrypted = dns::bind_encrypted(&mut sockets, &tls, &encryption).unwrap();
    let sockets = sockets.into_iter().next().unwrap();
    let stop = CancellationToken::new();
    let local = LocalSet::new();
    local
        .run_until(async {
            let serve = tokio::task::spawn_local(dns::serve(sockets, pipeline, stop.clone()));
            test(addresses[0], encrypted.dot[0]).await;
            stop.cancel();
            serve.await.unwrap().unwrap();
        })
        .await;
}

/// How long it takes until the other side closes.
async fn until_closed(stream: &mut TcpStream) -> Duration {
    let started = Instant::now();
    assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0);
    started.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_closed_and_not_at_once() {
    with_server(async |address| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let idle = until_closed(&mut stream).await;
        assert!((IDLE..IDLE * 2).contains(&idle), "{idle:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_query_begins_the_idle_time_anew_and_its_answer_tells_it() {
    with_server(async |address| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let mut message = question("localhost.", RecordType::A);
        let mut edns = Edns::new();
        edns.options_mut()
            .insert(EdnsOption::Unknown(11, Vec::new()));
        message.edns = Some(edns);
        for _ in 0..3 {
            sleep(IDLE / 2).await;
            write_frame(&mut stream, &message.to_vec().unwrap()).await;
            let answer = read_frame(&mut stream).await;
            let told = answer.edns.unwrap().options().get(11.into()).cloned();
            assert_eq!(told, Some(EdnsOption::Unknown(11, vec![0, 100])));
        }
        let idle = until_closed(&mut stream).await;
        assert!((IDLE..IDLE * 2).contains(&idle), "{idle:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn one_byte_a_second_does_not_keep_a_connection_open() {
    with_server(async |address| {
        let (mut reader, mut writer) = TcpStream::connect(address).await.unwrap().into_split();
        let started = Instant::now();
        let slow = async {
            while writer.write_all(&[1]).await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let closed = async {
            // Closed with bytes unread, it may also be reset.
            let read = reader.read(&mut [0; 1]).await;
            assert!(!matches!(read, Ok(1..)));
        };
        tokio::select! {
            () = slow => {}
            () = closed => {}
        }
        let lasted = started.elapsed();
        assert!((IDLE..IDLE * 2).contains(&lasted), "{lasted:?}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_read_its_answers_is_cut_off() {
    with_server(async |address| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let message = question("localhost.", RecordType::A).to_vec().unwrap();
        let started = Instant::now();
        let error = loop {
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            let framed = [&length, message.as_slice()].concat().repeat(1000);
            if let Err(error) = stream.write_all(&framed).await {
                break error;
            }
        };
        let lasted = started.elapsed();
        assert!((IDLE..IDLE * 2).contains(&lasted), "{lasted:?}: {error}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_no_place_is_left_the_one_that_is_idle_for_the_longest_gives_way() {
    with_server(async |address| {
        let message = question("localhost.", RecordType::A).to_vec().unwrap();
        let mut connections = Vec::new();
        for _ in 0..17 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            write_frame(&mut stream, &message).await;
            read_frame(&mut stream).await;
            connections.push(stream);
        }
        assert!(until_closed(&mut connections[0]).await < IDLE / 2);
        for stream in &mut connections[1..] {
            write_frame(stream, &message).await;
            read_frame(stream).await;
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn where_no_place_is_left_a_connection_is_closed_at_once() {
    with_server(async |address| {
        let message = question("localhost.", RecordType::A).to_vec().unwrap();
        let mut connections = Vec::new();
        for _ in 0..16 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            let length = u16::try_from(message.len()).unwrap().to_be_bytes();
            // In use: the rest of a second message is to come.
            let framed = [&length, message.as_slice(), &[0]].concat();
            stream.write_all(&framed).await.unwrap();
            read_frame(&mut stream).await;
            connections.push(stream);
        }
        let mut one_more = TcpStream::connect(address).await.unwrap();
        assert!(until_closed(&mut one_more).await < IDLE / 2);
        drop(connections.pop());
        // The place is free once the server has seen the end.
        loop {
            let mut again = TcpStream::connect(address).await.unwrap();
            write_frame(&mut again, &message).await;
            if again.read_u16().await.is_ok() {
                break;
            }
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_is_not_finished_is_given_up() {
    with_both(async |_, dot| {
        let mut silent = TcpStream::connect(dot).await.unwrap();
        let mut stalled = TcpStream::connect(dot).await.unwrap();
        // The head of a handshake's first record, and no more.
        stalled.write_all(&[22, 3, 1, 2, 0]).await.unwrap();
        for stream in [&mut silent, &mut stalled] {
            let lasted = until_closed(stream).await;
            assert!(lasted < IDLE * 2, "{lasted:?}");
        }
    })
    .await;
}
