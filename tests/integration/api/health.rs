//! `GET /healthz` and `GET /metrics`

use axum::http::StatusCode;
use squelch::api::{UpstreamMore, UpstreamStatus};
use tokio::net::UdpSocket;

use super::{Desk, PHONE, START, TABLET};

#[tokio::test]
async fn health_is_that_dns_is_answered() {
    let dns = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = dns.local_addr().unwrap();
    let desk = Desk::with("", |parts| parts.dns = vec![address]).await;
    let answer = async {
        let mut query = [0; 512];
        let (length, from) = dns.recv_from(&mut query).await.unwrap();
        assert!(
            query[..length]
                .windows(9)
                .any(|part| part == b"id\x06server")
        );
        query[2] |= 0x80;
        dns.send_to(&query[..length], from).await.unwrap();
    };
    let (told, ()) = tokio::join!(desk.get("/healthz"), answer);
    assert_eq!((told.status, told.text.as_str()), (StatusCode::OK, "ok\n"));
}

#[tokio::test(start_paused = true)]
async fn no_answer_is_unwell() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = silent.local_addr().unwrap();
    let desk = Desk::with("", |parts| parts.dns = vec![address]).await;
    let told = desk.get("/healthz").await;
    assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        told.json()["detail"],
        format!("{address} gave no answer within 2 s")
    );
}

#[tokio::test]
async fn metrics_count_and_name_nobody() {
    let desk = Desk::new().await;
    desk.upstreams.lock().unwrap().push(UpstreamStatus {
        id: 0,
        server: "udp://192.0.2.250".to_owned(),
        asked: 10,
        failed: 3,
        usable: true,
        last_error: None,
        last_latency_us: None,
        more: UpstreamMore {
            failures: vec![("timeout", 2), ("certificate", 1)],
            latency: vec![(Some(1_000), 0), (Some(20_000), 5), (None, 2)],
            latency_sum_us: 1_234_567,
            ..UpstreamMore::default()
        },
    });
    desk.ask(START, PHONE, "metrics.acme.example.com");
    desk.ask(START, TABLET, "www.home.example");
    desk.fail(START, TABLET, "gone.home.example");
    let told = desk.get("/metrics").await;
    assert_eq!(
        told.headers["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text: String = told
        .text
        .lines()
        .filter(|line| !line.starts_with("squelch_uptime_seconds "))
        .flat_map(|line| [line, "\n"])
        .collect();
    insta::assert_snapshot!(text);
}
